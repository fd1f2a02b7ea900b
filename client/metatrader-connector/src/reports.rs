//! Reports: built once, signed with the device key, in the ledger before they are sent, and sent again unchanged until the
//! server has them.

use crate::{
    ledger::{Ledger, LedgerError, StoredReport},
    line::{self, Flight, Lines},
    status::{Board, LastSignal},
};
use aitrading_model::{
    AccountId, Deal, DeviceId, Fence, HopTimes, MarketTime, Price, Report, ReportState, Retcode, Signal, TenantId,
    Ticket, Volume,
};
use aitrading_security::signing::SigningKey;
use aitrading_wire::{
    REPORT_DOMAIN, ReportEnvelope, encode_report,
    link::{KIND_DEFAULT, stream},
};
use std::sync::Arc;
use tokio::sync::Notify;

/// Whose reports these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// Tenant.
    pub tenant: TenantId,
    /// Account.
    pub account: AccountId,
    /// Device.
    pub device: DeviceId,
}

/// What became of a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// State.
    pub state: ReportState,
    /// The trade server's code.
    pub retcode: Retcode,
    /// Stable code of the cause.
    pub reason: String,
    /// Order.
    pub order: Ticket,
    /// Deals.
    pub deals: Vec<Deal>,
    /// Lots.
    pub volume: Volume,
    /// Price.
    pub price: Price,
    /// Market time.
    pub market_time: MarketTime,
}

impl Outcome {
    /// An outcome without an order.
    #[must_use]
    pub fn without_order(state: ReportState, reason: &str) -> Self {
        Self {
            state,
            retcode: Retcode::NONE,
            reason: reason.to_owned(),
            order: Ticket(0),
            deals: Vec::new(),
            volume: Volume::ZERO,
            price: Price::ZERO,
            market_time: MarketTime(0),
        }
    }
}

/// Writes and sends reports.
#[derive(Debug)]
pub struct Reports {
    owner: Owner,
    key: SigningKey,
    ledger: Arc<Ledger>,
    board: Arc<Board>,
    /// Report numbers have no holes: a number is taken, and its report made durable, by one writer at a time.
    writing: tokio::sync::Mutex<()>,
    wake: Notify,
    flight: Flight<u64>,
}

impl Reports {
    /// Reports of `owner`, signed with `key`, kept in `ledger`.
    #[must_use]
    pub fn new(owner: Owner, key: SigningKey, ledger: Arc<Ledger>, board: Arc<Board>) -> Self {
        Self {
            owner,
            key,
            ledger,
            board,
            writing: tokio::sync::Mutex::default(),
            wake: Notify::new(),
            flight: Flight::default(),
        }
    }

    /// Whose reports these are.
    #[must_use]
    pub const fn owner(&self) -> Owner {
        self.owner
    }

    /// Makes the outcome of an intended signal durable; it is sent from then on.
    ///
    /// # Errors
    /// [`LedgerError`]: the outcome is not known to the ledger, and will be looked up after the next start.
    pub async fn outcome(&self, signal: &Signal, times: HopTimes, outcome: Outcome) -> Result<(), LedgerError> {
        let writing = self.writing.lock().await;
        let shown = LastSignal::of(signal, &outcome);
        let stored = self.build(signal, signal.fence, times, outcome);
        self.ledger.result(signal.id, stored).await?;
        drop(writing);
        self.board.signal(shown);
        self.wake.notify_one();
        Ok(())
    }

    /// Makes the refusal of a new signal durable. `fence` is this device's own.
    ///
    /// # Errors
    /// [`LedgerError`]: the signal may not be acknowledged.
    pub async fn refusal(
        &self,
        signal: &Signal,
        fence: Fence,
        times: HopTimes,
        outcome: Outcome,
    ) -> Result<(), LedgerError> {
        let writing = self.writing.lock().await;
        let shown = LastSignal::of(signal, &outcome);
        let stored = self.build(signal, fence, times, outcome);
        self.ledger.refused(signal, stored).await?;
        drop(writing);
        self.board.signal(shown);
        self.wake.notify_one();
        Ok(())
    }

    fn build(&self, signal: &Signal, fence: Fence, times: HopTimes, outcome: Outcome) -> StoredReport {
        let seq = self.ledger.next_report_seq();
        let mut reason = outcome.reason;
        reason.truncate(reason.floor_char_boundary(Report::MAX_REASON));
        let report = Report {
            tenant: self.owner.tenant,
            account: self.owner.account,
            device: self.owner.device,
            fence,
            seq,
            signal: signal.id,
            trace: signal.trace,
            state: outcome.state,
            retcode: outcome.retcode,
            reason,
            order: outcome.order,
            deals: outcome.deals.into_iter().take(Report::MAX_DEALS).collect(),
            volume: outcome.volume,
            price: outcome.price,
            market_time: outcome.market_time,
            times,
        };
        let bytes = encode_report(&report);
        let signature = self.key.sign_detached(REPORT_DOMAIN, &bytes);
        let envelope = ReportEnvelope { bytes, signature };
        StoredReport { seq, is_final: report.state.is_final(), confirmed: false, envelope }
    }

    /// Looks again for reports to send.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// A line of another number: all that is unconfirmed is sent on it.
    pub fn restart(&self, line: u64) {
        self.flight.restart(line);
        self.wake();
    }

    /// The server made our frames up to `through` durable.
    ///
    /// # Errors
    /// [`LedgerError`] if that cannot be noted.
    pub fn acked(&self, through: u64) -> Result<(), LedgerError> {
        self.flight.acked(through).into_iter().try_for_each(|seq| self.ledger.confirmed(seq))
    }

    /// Is every report confirmed?
    #[must_use]
    pub fn all_confirmed(&self) -> bool {
        self.ledger.unconfirmed().is_empty()
    }

    /// Sends what is unconfirmed, in order, whenever there is a line. Ends with the connector.
    pub async fn run(self: Arc<Self>, mut lines: Lines) {
        loop {
            let line = match lines.wait_for(Option::is_some).await.map(|line| line.clone()) {
                Ok(Some(line)) => line.number,
                Ok(None) => continue,
                Err(_) => return,
            };
            self.send_all(&mut lines, line).await;
            tokio::select! {
                () = self.wake.notified() => {}
                changed = lines.changed() => if changed.is_err() { return },
            }
        }
    }

    async fn send_all(&self, lines: &mut Lines, line: u64) {
        for (seq, envelope) in self.ledger.unconfirmed() {
            if self.flight.any(|under_way| *under_way == seq) {
                continue;
            }
            let body = envelope.encode().into();
            let Some(frame) = line::put(lines, line, stream::REPORTS, KIND_DEFAULT, &body).await else { return };
            if let Some(seq) = self.flight.sent(line, frame, seq)
                && let Err(error) = self.ledger.confirmed(seq)
            {
                // The report stays unconfirmed and is sent once more after a restart.
                self.board.error(&error);
            }
        }
    }
}

impl LastSignal {
    fn of(signal: &Signal, outcome: &Outcome) -> Self {
        Self { id: signal.id, symbol: signal.symbol, state: outcome.state, reason: outcome.reason.clone() }
    }
}
