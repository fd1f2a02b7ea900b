//! The desk: takes signals in, and sends the orders of those that pass.

use super::{Execution, Sight};
use crate::{
    ea_link::OrderLinkError,
    ledger::{Admission, Entry, Ledger, LedgerError},
    port::Terminal,
    reports::{Outcome, Reports},
    server_time::ServerClock,
    status::Board,
    validator::{self, Context, OwnLimits, Refusal},
};
use aitrading_env::Env;
use aitrading_model::{
    Fence, HopTimes, PolicyHash, Price, ReportState, Retcode, RetcodeClass, Signal, SignalKind, Symbol, Timestamp,
};
use aitrading_security::signing::KeyRing;
use aitrading_wire::{
    SignalEnvelope,
    ea::{Filling, OrderRequest, OrderResult, TradeAction},
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How often an order that met a new price is sent once more. A refusal with proof behind it is the only reason to.
const FRESH_RETRIES: u64 = 1;
/// Request numbers per signal: each try has its own.
const REQUESTS_PER_SIGNAL: u64 = FRESH_RETRIES + 1;
const MINUTE_NS: u64 = 60_000_000_000;
/// How long a lookup's answer is waited for.
pub(super) const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// What the server said at the session's start.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// This device's fencing number.
    pub fence: Fence,
    /// The policy under which signals are decided.
    pub policy: PolicyHash,
    /// Who may sign signals.
    pub keys: KeyRing,
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// An order's answer; after it the outcome is unknown.
    pub order: Duration,
    /// How long after a signal's expiry the broker may still execute it.
    pub broker_latency: Duration,
    /// Pause between looks.
    pub lookup_pause: Duration,
}

/// The last bid and ask of each symbol.
#[derive(Debug, Default)]
pub struct Quotes(Mutex<BTreeMap<Symbol, (Price, Price)>>);

impl Quotes {
    /// A new quote.
    pub fn set(&self, symbol: Symbol, bid: Price, ask: Price) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(symbol, (bid, ask));
    }

    /// The last one.
    #[must_use]
    pub fn get(&self, symbol: Symbol) -> Option<(Price, Price)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&symbol).copied()
    }
}

/// A signal that passed all checks and whose intent is durable. Only the desk makes one: there is no other way to an order.
#[derive(Debug, Clone)]
pub struct Intended {
    pub(super) signal: Signal,
    pub(super) times: HopTimes,
}

/// What the session does with a signal's frame.
#[derive(Debug)]
pub enum Received {
    /// Acknowledge it; there is nothing more to do.
    Done,
    /// Acknowledge it, then have it executed.
    Execute(Box<Intended>),
    /// It does not come from the server's signing key: acknowledge nothing and end the session.
    Hostile(Refusal),
}

/// What the desk works with.
#[derive(Debug)]
pub struct DeskParts {
    /// World.
    pub env: Env,
    /// Terminal.
    pub terminal: Arc<dyn Terminal>,
    /// Ledger.
    pub ledger: Arc<Ledger>,
    /// Reports, which know who we are.
    pub reports: Arc<Reports>,
    /// Server time.
    pub clock: Arc<ServerClock>,
    /// Quotes.
    pub quotes: Arc<Quotes>,
    /// Status.
    pub board: Arc<Board>,
    /// Own limits.
    pub limits: OwnLimits,
    /// Times.
    pub patience: Patience,
}

/// Executes signals for one account.
#[derive(Debug)]
pub struct Desk {
    pub(super) parts: DeskParts,
    recent: Mutex<VecDeque<u64>>,
}

/// How a try to execute ended.
enum Tried {
    Settled(Outcome),
    /// Nobody knows; so many orders may be in the terminal's lists.
    Unclear {
        orders: usize,
    },
}

impl Desk {
    /// A desk that has sent nothing within the last minute.
    #[must_use]
    pub fn new(parts: DeskParts) -> Self {
        Self { parts, recent: Mutex::default() }
    }

    /// Takes a signal's frame. When this returns, what has to be durable is.
    ///
    /// # Errors
    /// [`LedgerError`]: nothing was sent, and the frame may not be acknowledged.
    pub async fn receive(&self, body: &[u8], terms: &Terms) -> Result<Received, LedgerError> {
        let received = self.parts.clock.now().now;
        let envelope = SignalEnvelope::decode(body).map_err(|_| Refusal::Malformed);
        let signal = match envelope.and_then(|envelope| validator::authenticate(&envelope, &terms.keys)) {
            Ok(signal) => signal,
            Err(refusal) => {
                self.parts.board.hostile();
                return Ok(Received::Hostile(refusal));
            }
        };
        match self.parts.ledger.admit(&signal) {
            Admission::New => {}
            // Its report is in the ledger, or was confirmed; if the server lost it, it is sent again.
            Admission::Known | Admission::Passed => {
                self.parts.reports.wake();
                return Ok(Received::Done);
            }
        }
        self.parts.board.signal_received();
        match self.check(&signal, terms) {
            Ok(()) => self.intend(signal, received).await,
            Err(refusal) => {
                let outcome = Outcome::without_order(refusal.state(), refusal.code());
                let times = HopTimes { received, ..self.times() };
                self.parts.reports.refusal(&signal, terms.fence, times, outcome).await?;
                Ok(Received::Done)
            }
        }
    }

    async fn intend(&self, signal: Signal, received: Timestamp) -> Result<Received, LedgerError> {
        let validated = self.parts.clock.now().now;
        self.parts.ledger.intent(&signal, received, validated).await?;
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.parts.env.clock.mono_ns());
        let intent = self.parts.clock.now().now;
        let times = HopTimes { received, validated, intent, ..self.times() };
        Ok(Received::Execute(Box::new(Intended { signal, times })))
    }

    fn times(&self) -> HopTimes {
        HopTimes { clock_error_ns: self.parts.clock.now().error_ns, ..HopTimes::default() }
    }

    fn check(&self, signal: &Signal, terms: &Terms) -> Result<(), Refusal> {
        let p = &self.parts;
        let (owner, state, spec) = (p.reports.owner(), p.terminal.account(), p.terminal.spec(signal.symbol));
        let context = Context {
            tenant: owner.tenant,
            account: owner.account,
            device: owner.device,
            fence: terms.fence,
            policy: terms.policy,
            clock: p.clock.now(),
            spec: spec.as_ref(),
            quote: p.quotes.get(signal.symbol),
            state: state.as_ref(),
            limits: &p.limits,
            recent_orders: self.recent_orders(),
        };
        validator::validate(signal, &context)
    }

    fn recent_orders(&self) -> u32 {
        let since = self.parts.env.clock.mono_ns().saturating_sub(MINUTE_NS);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        while recent.front().is_some_and(|at| *at < since) {
            recent.pop_front();
        }
        u32::try_from(recent.len()).unwrap_or(u32::MAX)
    }

    /// Executes a signal and settles its outcome, however long that takes.
    ///
    /// # Errors
    /// [`LedgerError`]: the outcome could not be written; it is looked up after the next start.
    pub async fn execute(&self, intended: Intended) -> Result<(), LedgerError> {
        let Intended { signal, mut times } = intended;
        match self.send(&signal, &mut times).await? {
            Tried::Settled(outcome) => {
                times.result = self.parts.clock.now().now;
                self.parts.reports.outcome(&signal, times, outcome).await
            }
            Tried::Unclear { orders } => self.resolve(&signal, times, orders, false).await,
        }
    }

    /// Settles a signal that an earlier run of the program left open. It is looked up, never sent.
    ///
    /// # Errors
    /// As [`Desk::execute`].
    pub async fn settle_after_restart(&self, entry: &Entry) -> Result<(), LedgerError> {
        let (received, validated) = (entry.received, entry.validated);
        // When it was sent, if it was, went down with that run: not before its checks had passed.
        let times = HopTimes { received, validated, intent: validated, order_send: validated, ..self.times() };
        let told = entry.stage == crate::ledger::Stage::Unknown;
        self.resolve(&entry.signal, times, REQUESTS_PER_SIGNAL as usize, told).await
    }

    async fn send(&self, signal: &Signal, times: &mut HopTimes) -> Result<Tried, LedgerError> {
        for attempt in 0..=FRESH_RETRIES {
            if let Err(refusal) = self.check_again(signal, attempt) {
                return Ok(Tried::Settled(Outcome::without_order(refusal.state(), refusal.code())));
            }
            let Some(request) = self.request(signal, attempt) else {
                return Ok(Tried::Settled(refused(Refusal::UnknownSymbol)));
            };
            if attempt == 0 {
                self.parts.ledger.submitted(signal.id)?;
            }
            // Our own word for it, until the terminal's answer says when it called `OrderSend`. An answer may never come.
            times.order_send = self.parts.clock.now().now;
            let result = match self.parts.terminal.order(request, self.parts.patience.order).await {
                Ok(result) => result,
                Err(OrderLinkError::NotSent(_)) => {
                    times.order_send = Timestamp(0);
                    return Ok(Tried::Settled(refused(Refusal::NoTerminal)));
                }
                Err(OrderLinkError::Unknown(_)) => return Ok(Tried::Unclear { orders: attempt as usize + 1 }),
            };
            self.note_sent(times, &result);
            if let Some(tried) = self.judge(signal, attempt, &result).await {
                return Ok(tried);
            }
        }
        Ok(Tried::Unclear { orders: REQUESTS_PER_SIGNAL as usize })
    }

    /// Time passed since the first check: what expires or moves is looked at once more, just before sending.
    fn check_again(&self, signal: &Signal, attempt: u64) -> Result<(), Refusal> {
        validator::check_time(signal, self.parts.clock.now())?;
        if attempt > 0 {
            validator::check_price(signal, self.parts.quotes.get(signal.symbol))?;
        }
        Ok(())
    }

    fn request(&self, signal: &Signal, attempt: u64) -> Option<OrderRequest> {
        let spec = self.parts.terminal.spec(signal.symbol)?;
        let opens = signal.kind == SignalKind::Open;
        Some(OrderRequest {
            request_id: signal.seq.checked_mul(REQUESTS_PER_SIGNAL)?.checked_add(attempt)?,
            action: TradeAction::Deal,
            magic: signal.id.magic(),
            symbol: signal.symbol,
            side: signal.side,
            volume: signal.lots_max,
            price: Price::ZERO,
            stop_loss: if opens { signal.stop_loss } else { Price::ZERO },
            take_profit: if opens { signal.take_profit } else { Price::ZERO },
            deviation: signal.deviation,
            filling: Filling::choose(&spec)?,
            position: signal.position,
            comment: signal.id.comment(),
        })
    }

    fn note_sent(&self, times: &mut HopTimes, result: &OrderResult) {
        if result.order_send_ns != 0 {
            times.order_send = self.parts.clock.from_local(result.order_send_ns);
            let took = times.order_send.since(times.received);
            self.parts.board.order_sent(u64::try_from(took).unwrap_or(0));
        }
    }

    /// What an answer means, with the lists beside it. `None`: nothing was executed, and it may be tried once more.
    async fn judge(&self, signal: &Signal, attempt: u64, result: &OrderResult) -> Option<Tried> {
        let orders = attempt as usize + 1;
        let unclear = Some(Tried::Unclear { orders });
        let class = result.retcode.class();
        match (class, self.look(signal).await) {
            (_, Some(Sight::Executed(found))) => Some(Tried::Settled(executed(found, signal, result.retcode))),
            // It says yes, and the lists do not show it yet; or it does not know; or the lists cannot be seen.
            (RetcodeClass::Ok | RetcodeClass::Part | RetcodeClass::Verify, _) => unclear,
            (_, None | Some(Sight::Pending)) => unclear,
            (RetcodeClass::Fresh, Some(_)) if attempt < FRESH_RETRIES => {
                if result.bid.is_positive() && result.ask >= result.bid {
                    self.parts.quotes.set(signal.symbol, result.bid, result.ask);
                }
                None
            }
            (_, Some(Sight::Refused { .. } | Sight::Nothing)) => Some(Tried::Settled(rejected(result))),
        }
    }

    pub(super) async fn look(&self, signal: &Signal) -> Option<Sight> {
        let found = self.parts.terminal.lookup(signal.id.magic(), LOOKUP_TIMEOUT).await.ok()?;
        (found.magic == signal.id.magic()).then(|| Sight::of(&found))
    }
}

fn refused(refusal: Refusal) -> Outcome {
    Outcome::without_order(refusal.state(), refusal.code())
}

pub(super) fn executed(found: Execution, signal: &Signal, said: Retcode) -> Outcome {
    Outcome {
        state: ReportState::Executed,
        retcode: if found.volume < signal.lots_min { Retcode::DONE_PARTIAL } else { said },
        reason: String::new(),
        order: found.order,
        volume: found.volume,
        price: found.price,
        market_time: found.time,
        deals: found.deals,
    }
}

fn rejected(result: &OrderResult) -> Outcome {
    Outcome {
        retcode: result.retcode,
        order: result.order,
        market_time: result.market_time,
        ..Outcome::without_order(ReportState::Rejected, &reason(result.retcode))
    }
}

/// The stable code of a refusal by the trade server.
pub(super) fn reason(retcode: Retcode) -> String {
    retcode.row().map_or_else(|| format!("RETCODE_{}", retcode.0), |row| row.name.to_owned())
}
