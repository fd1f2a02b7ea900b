//! The engine's memory: what the journal's events add up to. Live and replay go through the same [`State::apply`].

use super::{
    event::{AccountKey, Decided, DeniedFact, End, Event, Judged, Reported, SessionFact},
    keys::{Kept, KeyBook},
};
use aitrading_model::{
    DealEntry, DeviceId, Fence, MarketTime, PositionTicket, Price, Report, ReportState, Retcode, RetcodeClass, Side,
    SignalId, SignalKind, Source, StrategyId, Symbol, Timestamp, Volume,
};
use aitrading_risk::{Recent, Reservation, TradingStates};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Orders remembered per account for the duplicate check.
const RECENT_MAX: usize = 64;
/// Finished signals remembered for late and repeated reports.
const FINISHED_MAX: usize = 8_192;

/// Where a signal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Journal and audit log are being written.
    Committing,
    /// Durable; no session has taken it.
    Outbox,
    /// Handed to a session, or perhaps so before a restart.
    Sent,
    /// In the client's ledger.
    Delivered,
    /// Sent to the broker, and nobody knows.
    Unknown,
    /// No report in time.
    Unconfirmed,
    /// The report contradicts the signal or the ticks.
    Disputed,
}

/// A signal whose outcome is not settled. It holds its reservation.
#[derive(Debug, Clone)]
pub(crate) struct OpenSignal {
    pub(crate) decided: Decided,
    pub(crate) stage: Stage,
}

/// A report by who numbered it.
pub(crate) type ReportKey = (AccountKey, DeviceId, u64);

/// A report whose price is judged when the ticks are there.
#[derive(Debug, Clone)]
pub(crate) struct Judging {
    pub(crate) report: Report,
    pub(crate) hash: [u8; 32],
    /// Where its price must have been quoted.
    pub(crate) source: Source,
    pub(crate) at: Timestamp,
}

/// A settled signal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finished {
    /// `None` if it ended without a report.
    pub(crate) report: Option<ReportState>,
    pub(crate) account: AccountKey,
}

/// A position that one of our signals opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) strategy: StrategyId,
    pub(crate) symbol: Symbol,
    pub(crate) side: Side,
    pub(crate) volume: Volume,
    pub(crate) price: Price,
    pub(crate) stop_loss: Price,
    pub(crate) take_profit: Price,
    pub(crate) magic: u64,
    pub(crate) opened: MarketTime,
    /// When its report came.
    pub(crate) heard: Timestamp,
}

/// What is known of a device's ledger.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DeviceBook {
    pub(crate) generation: u64,
    pub(crate) delivered_seq: u64,
    pub(crate) report_seq: u64,
    pub(crate) report_hash: [u8; 32],
}

/// An order for the duplicate check, and the signal that it became.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecentSignal {
    signal: SignalId,
    pub(crate) order: Recent,
}

/// What is known of an account.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) fence: Fence,
    pub(crate) devices: BTreeMap<DeviceId, DeviceBook>,
    pub(crate) last_seq: u64,
    pub(crate) previous: SignalId,
    pub(crate) open: BTreeSet<SignalId>,
    pub(crate) recent: VecDeque<RecentSignal>,
    pub(crate) keys: KeyBook,
    pub(crate) held: BTreeMap<PositionTicket, Held>,
}

/// Everything that survives a restart.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) books: BTreeMap<AccountKey, Book>,
    pub(crate) open: BTreeMap<SignalId, OpenSignal>,
    pub(crate) finished: BTreeMap<SignalId, Finished>,
    finished_order: VecDeque<SignalId>,
    pub(crate) judging: BTreeMap<ReportKey, Judging>,
    pub(crate) trading: TradingStates,
    pub(crate) last_issued: Timestamp,
}

impl State {
    pub(crate) fn book(&mut self, key: AccountKey) -> &mut Book {
        self.books.entry(key).or_default()
    }

    /// What is in flight for an account.
    pub(crate) fn reserved(&self, key: AccountKey) -> Vec<Reservation> {
        let open = self.books.get(&key).into_iter().flat_map(|book| &book.open);
        open.filter_map(|id| self.open.get(id)).map(|s| s.decided.reservation()).collect()
    }

    /// The open signals of an account, in the order of their numbers.
    pub(crate) fn open_of(&self, key: AccountKey) -> Vec<SignalId> {
        let open = self.books.get(&key).into_iter().flat_map(|book| &book.open);
        let mut ids: Vec<_> = open.filter_map(|id| Some((self.open.get(id)?.decided.signal.seq, *id))).collect();
        ids.sort_unstable();
        ids.into_iter().map(|(_, id)| id).collect()
    }

    pub(crate) fn apply(&mut self, event: &Event) {
        match event {
            Event::Decided(decided) => self.decided(decided),
            Event::Denied(denied) => self.denied(denied),
            Event::Session(session) => self.session(session),
            Event::Delivered { tenant, account, signal, .. } => self.delivered((*tenant, *account), *signal),
            Event::Reported(reported) => self.reported(reported),
            Event::Judged(judged) => self.judged(judged),
            Event::Ended { signal, end, .. } => self.ended(*signal, *end),
            Event::State(fact) => self.trading.set(fact.scope, fact.state),
        }
    }

    fn decided(&mut self, decided: &Decided) {
        let s = &decided.signal;
        self.last_issued = self.last_issued.max(s.issued_at);
        let book = self.book(decided.account());
        book.last_seq = book.last_seq.max(s.seq);
        book.previous = s.id;
        book.open.insert(s.id);
        let order = Recent {
            strategy: decided.strategy,
            symbol: s.symbol,
            side: s.side,
            lots: s.lots_max,
            position: s.position,
            market: decided.market,
        };
        if let Some(request) = &decided.request {
            book.keys.keep(request, Kept::Issued(s.id), s.issued_at);
        }
        book.recent.push_back(RecentSignal { signal: s.id, order });
        while book.recent.len() > RECENT_MAX {
            book.recent.pop_front();
        }
        self.open.insert(s.id, OpenSignal { decided: decided.clone(), stage: Stage::Committing });
    }

    fn denied(&mut self, denied: &DeniedFact) {
        if let (Some(request), Some(verdict)) = (&denied.request, denied.verdict()) {
            self.book((denied.tenant, denied.account)).keys.keep(request, Kept::Denied(verdict), denied.at);
        }
    }

    fn session(&mut self, session: &SessionFact) {
        let book = self.book((session.tenant, session.account));
        book.fence = book.fence.max(session.fence);
        let device = book.devices.entry(session.device).or_default();
        device.generation = device.generation.max(session.generation);
    }

    fn delivered(&mut self, key: AccountKey, signal: SignalId) {
        let Some(open) = self.open.get_mut(&signal) else { return };
        if matches!(open.stage, Stage::Committing | Stage::Outbox | Stage::Sent) {
            open.stage = Stage::Delivered;
        }
        let (device, seq) = (open.decided.signal.device, open.decided.signal.seq);
        let device = self.book(key).devices.entry(device).or_default();
        device.delivered_seq = device.delivered_seq.max(seq);
    }

    fn reported(&mut self, reported: &Reported) {
        let report = &reported.report;
        let key = (report.tenant, report.account);
        let device = self.book(key).devices.entry(report.device).or_default();
        if report.seq >= device.report_seq {
            device.report_seq = report.seq;
            device.report_hash = aitrading_security::sha256(&reported.envelope.bytes);
        }
        let Some(open) = self.open.get_mut(&report.signal).filter(|open| open.decided.account() == key) else { return };
        if !reported.finding.is_empty() {
            open.stage = Stage::Disputed;
            return;
        }
        if report.state == ReportState::Unknown {
            open.stage = Stage::Unknown;
            return;
        }
        let decided = open.decided.clone();
        if reported.provisional {
            let hash = aitrading_security::sha256(&reported.envelope.bytes);
            let judging = Judging { report: report.clone(), hash, source: decided.priced, at: reported.at };
            self.judging.insert((key, report.device, report.seq), judging);
        }
        self.book_deals(&decided, report, reported.at);
        self.finish(report.signal, Some(report.state));
    }

    fn judged(&mut self, judged: &Judged) {
        self.judging.remove(&((judged.tenant, judged.account), judged.device, judged.seq));
    }

    fn ended(&mut self, signal: SignalId, end: End) {
        match (end, self.open.get_mut(&signal)) {
            (End::Unconfirmed, Some(open)) => open.stage = Stage::Unconfirmed,
            _ => self.finish(signal, None),
        }
    }

    fn finish(&mut self, signal: SignalId, report: Option<ReportState>) {
        let Some(open) = self.open.remove(&signal) else { return };
        let account = open.decided.account();
        let book = self.book(account);
        book.open.remove(&signal);
        if report.is_none() {
            // It was never executed and never will be: the same order is not a duplicate of it.
            book.recent.retain(|recent| recent.signal != signal);
        }
        self.finished.insert(signal, Finished { report, account });
        self.finished_order.push_back(signal);
        while self.finished_order.len() > FINISHED_MAX {
            if let Some(old) = self.finished_order.pop_front() {
                self.finished.remove(&old);
            }
        }
    }

    /// Positions that an accepted report opened or closed.
    fn book_deals(&mut self, decided: &Decided, report: &Report, at: Timestamp) {
        let signal = &decided.signal;
        let book = self.book(decided.account());
        if signal.kind == SignalKind::Close && already_closed(report.retcode) {
            book.held.remove(&signal.position);
        }
        for deal in &report.deals {
            match deal.entry {
                DealEntry::In => {
                    let held = book.held.entry(deal.position).or_insert(Held {
                        strategy: decided.strategy,
                        symbol: signal.symbol,
                        side: deal.side,
                        volume: Volume::ZERO,
                        price: deal.price,
                        stop_loss: signal.stop_loss,
                        take_profit: signal.take_profit,
                        magic: deal.magic,
                        opened: deal.time,
                        heard: at,
                    });
                    held.volume = held.volume.checked_add(deal.volume).unwrap_or(held.volume);
                }
                DealEntry::Out => {
                    let left = book.held.get(&deal.position).and_then(|held| held.volume.checked_sub(deal.volume));
                    match (left.filter(|left| left.is_positive()), book.held.get_mut(&deal.position)) {
                        (Some(left), Some(held)) => held.volume = left,
                        _ => drop(book.held.remove(&deal.position)),
                    }
                }
            }
        }
    }
}

/// The broker says that the position was closed already: nothing is left to do.
fn already_closed(retcode: Retcode) -> bool {
    retcode == Retcode::POSITION_CLOSED && retcode.class() == RetcodeClass::Noop
}
