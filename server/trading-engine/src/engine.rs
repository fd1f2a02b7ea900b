//! The decision maker: a deterministic state machine. Inputs, time and randomness go in, effects come out; the same inputs give
//! the same effects. It asks nothing and waits for nothing.

mod codec;
mod decide;
mod event;
mod feed;
mod io;
mod judge;
mod keys;
mod lag;
mod leaves;
mod reports;
mod session;
mod state;
#[cfg(test)]
mod tests;
mod timers;
mod verify;

pub(crate) use codec::{Header, decode, encode};
pub(crate) use event::{AccountKey, End, Event};
pub use io::{AccountKeyPublic, ManualOrder};
pub(crate) use io::{Alert, Answer, Effect, Input, StoredTicks, Token};
pub use leaves::Pseudonyms;

use crate::{
    error::Refusal,
    settings::Config,
    strategy::{Intent, StopDistance},
};
use aitrading_audit::{Entry, EventKind, Field, Level};
use aitrading_env::Rng;
use aitrading_model::{MarketTime, Side, SignalId, Source, StrategyId, Symbol, Timestamp, TraceId};
use aitrading_risk::{MarketLag, StateScope, TradingState};
use aitrading_security::signing::SigningKey;
use aitrading_wire::{SIGNAL_DOMAIN, SignalEnvelope, services::FeedBatch};
use feed::Feed;
use io::After;
use session::Desk;
use state::{Stage, State};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Most sources that one engine follows.
const FEEDS_MAX: usize = 4_096;
/// Most callers that wait for a source to settle.
const WAITERS_MAX: usize = 4_096;
/// Most levels that an operator may hold below active at the same time.
const STATES_MAX: usize = 65_536;

/// Where a strategy's wish belongs: one decision at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WishKey {
    account: AccountKey,
    strategy: StrategyId,
    symbol: Symbol,
}

/// A wish that may need several signals: close what is open, then open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    side: Side,
    stop: StopDistance,
    feed: Source,
    decided_at: Timestamp,
    trace: TraceId,
}

/// Keys that the engine signs with.
#[derive(Debug, Clone)]
pub struct EngineKeys {
    /// Signs signals.
    pub signal: SigningKey,
    /// Public half of the key that follows, if one is published already.
    pub next: Option<[u8; 32]>,
    /// Names accounts and devices in the audit log.
    pub pseudonyms: Pseudonyms,
}

/// The state machine.
#[derive(Debug)]
pub(crate) struct Engine {
    config: Arc<Config>,
    keys: EngineKeys,
    state: State,
    desks: BTreeMap<AccountKey, Desk>,
    feeds: BTreeMap<Source, Feed>,
    /// The usual lag of each account that has a feed or a desk.
    lags: BTreeMap<AccountKey, lag::UsualLag>,
    wishes: BTreeMap<WishKey, Wish>,
    waiters: Vec<(Token, Source, aitrading_model::Epoch, u64)>,
    lookups: BTreeMap<Token, reports::Stashed>,
    judge_lookups: BTreeMap<Token, state::ReportKey>,
    /// Reports that the store could not decide yet; the timer asks again.
    judge_again: BTreeSet<state::ReportKey>,
    next_lookup: u64,
    reports_in_flight: BTreeMap<state::ReportKey, u64>,
    /// Idempotency keys whose outcome is not durable yet, with its commit.
    keys_in_flight: BTreeMap<(AccountKey, keys::Key), u64>,
    undelivered: BTreeMap<AccountKey, BTreeSet<SignalId>>,
    rounds: BTreeMap<AccountKey, u64>,
    /// Open signals that a session may have taken although nobody said so.
    maybe_left: BTreeSet<SignalId>,
    pending: BTreeMap<u64, Vec<After>>,
    next_ticket: u64,
    failed: bool,
    latest: Timestamp,
    clock_alerted: bool,
    out: Out,
}

/// What the current step has produced.
#[derive(Debug, Default)]
struct Out {
    events: Vec<Event>,
    leaves: Vec<Entry>,
    after: Vec<After>,
    effects: Vec<Effect>,
}

impl Engine {
    pub(crate) fn new(config: Arc<Config>, keys: EngineKeys) -> Self {
        Self {
            config,
            keys,
            state: State::default(),
            desks: BTreeMap::new(),
            feeds: BTreeMap::new(),
            lags: BTreeMap::new(),
            wishes: BTreeMap::new(),
            waiters: Vec::new(),
            lookups: BTreeMap::new(),
            judge_lookups: BTreeMap::new(),
            judge_again: BTreeSet::new(),
            next_lookup: 1,
            reports_in_flight: BTreeMap::new(),
            keys_in_flight: BTreeMap::new(),
            undelivered: BTreeMap::new(),
            rounds: BTreeMap::new(),
            maybe_left: BTreeSet::new(),
            pending: BTreeMap::new(),
            next_ticket: 1,
            failed: false,
            latest: Timestamp(i64::MIN),
            clock_alerted: false,
            out: Out::default(),
        }
    }

    /// Takes what an earlier life wrote. Decisions may have left before the restart: they count as sent.
    pub(crate) fn replay(&mut self, ticket: u64, events: &[Event]) {
        self.next_ticket = self.next_ticket.max(ticket.saturating_add(1));
        for event in events {
            self.state.apply(event);
            // What was received under a later clock binds this life's clock too.
            if let Event::Delivered { at, .. } = event {
                self.latest = self.latest.max(*at);
            } else if let Event::Reported(reported) = event {
                self.latest = self.latest.max(reported.at);
            }
            if let Event::Decided(decided) = event
                && let Some(open) = self.state.open.get_mut(&decided.signal.id)
            {
                open.stage = Stage::Sent;
            }
        }
    }

    /// The leaf of an event, as it stands in the audit log.
    pub(crate) fn leaf(&self, event: &Event) -> Option<Entry> {
        leaves::leaf(event, &self.keys.pseudonyms, &|id| self.strategy_name(id))
    }

    fn strategy_name(&self, id: u32) -> String {
        let known = self.config.strategies.iter().find(|s| s.id == id);
        known.map_or_else(|| format!("strategy-{id}"), |s| s.name.clone())
    }

    /// One step. `now` is receive time; `rng` gives ids.
    pub(crate) fn step(&mut self, now: Timestamp, input: Input, rng: &dyn Rng) -> Vec<Effect> {
        self.watch_clock(now);
        self.dispatch(now, input, rng);
        self.settle();
        self.finish_step()
    }

    fn dispatch(&mut self, now: Timestamp, input: Input, rng: &dyn Rng) {
        match input {
            Input::Feed(batch) => self.on_feed(now, &batch, rng),
            Input::Settled { token, source, epoch, seq } => self.on_settled(token, source, epoch, seq),
            Input::SessionOpened { token, session } => self.on_session_opened(token, *session),
            Input::SessionReady { seat, fence } => self.on_session_ready(now, seat, fence),
            Input::SessionClosed { seat, fence } => self.on_session_closed(seat, fence),
            Input::Account { seat, state, at } => self.on_account(seat, *state, at),
            Input::Specs { seat, specs, at } => self.on_specs(seat, specs, at),
            Input::Entitlement { account, answer } => self.on_entitlement(now, account, answer),
            Input::NotDelivered { seat, signal, kept } => self.on_not_delivered(&seat, signal, kept),
            Input::Delivered { token, seat, signal, at } => self.on_delivered(token, seat, signal, at),
            Input::Report { token, seat, envelope, at } => self.on_report(now, token, seat, envelope, at, rng),
            Input::Ticks { token, stored } => self.on_ticks(now, token, stored.as_ref(), rng),
            Input::Manual { token, order } => self.on_manual(now, token, &order, rng),
            Input::SetState { token, scope, state, code, trace } => {
                let answer = self.set_state(scope, state, &code, trace).map_or_else(Answer::Refused, |()| Answer::Done);
                self.out.after.push(After::Reply { token, answer });
            }
            Input::Committed { through } => self.on_committed(now, through),
            Input::CommitFailed { code } => self.on_commit_failed(code),
            Input::Void { signals } => self.void(&signals),
            Input::Timer => self.on_timer(now, rng),
        }
    }

    /// Closes the step: everything that must be durable becomes one commit.
    fn finish_step(&mut self) -> Vec<Effect> {
        let Out { events, leaves, after, mut effects } = std::mem::take(&mut self.out);
        if self.failed {
            // Nothing can be made durable: nobody is told that something was done.
            let refused = Answer::Refused(Refusal::Halted);
            effects.extend(after.into_iter().filter_map(|after| match after {
                After::Reply { token, .. } => Some(Effect::Reply { token, answer: refused.clone() }),
                After::Deliver(_) => None,
            }));
            return effects;
        }
        if events.is_empty() && leaves.is_empty() {
            // Nothing to wait for.
            for after in after {
                self.release(after, &mut effects);
            }
            return effects;
        }
        let ticket = self.next_ticket;
        self.next_ticket = ticket.saturating_add(1);
        self.pending.insert(ticket, after);
        effects.push(Effect::Commit { ticket, events, leaves });
        effects
    }

    /// The number that this step's commit will have.
    const fn ticket(&self) -> u64 {
        self.next_ticket
    }

    /// Records a fact: applied now, made durable by this step's commit.
    fn record(&mut self, event: Event) {
        self.out.leaves.extend(self.leaf(&event));
        self.state.apply(&event);
        self.out.events.push(event);
    }

    fn release(&mut self, after: After, effects: &mut Vec<Effect>) {
        match after {
            After::Deliver(signal) => {
                if let Some(open) = self.state.open.get_mut(&signal)
                    && open.stage == Stage::Committing
                {
                    open.stage = Stage::Outbox;
                }
                effects.extend(self.send(signal));
            }
            After::Reply { token, answer } => effects.push(Effect::Reply { token, answer }),
        }
    }

    fn on_committed(&mut self, now: Timestamp, through: u64) {
        let later = self.pending.split_off(&through.saturating_add(1));
        let done = std::mem::replace(&mut self.pending, later);
        self.reports_in_flight.retain(|_, ticket| *ticket > through);
        self.keys_in_flight.retain(|_, ticket| *ticket > through);
        let mut effects = Vec::new();
        for after in done.into_values().flatten() {
            self.release(after, &mut effects);
        }
        self.out.effects.append(&mut effects);
        self.expire(now);
    }

    /// Nothing leaves any more. What was decided stays reserved: its fate is on the medium, and judged at the next start.
    fn on_commit_failed(&mut self, code: &'static str) {
        if !std::mem::replace(&mut self.failed, true) {
            self.out.effects.push(Effect::Alert(Alert { code, account: None, trace: TraceId::default() }));
        }
        self.wishes.clear();
        for after in std::mem::take(&mut self.pending).into_values().flatten() {
            if let After::Reply { token, .. } = after {
                self.refuse(token, Refusal::Halted);
            }
        }
    }

    fn refuse(&mut self, token: Token, refusal: Refusal) {
        self.out.effects.push(Effect::Reply { token, answer: Answer::Refused(refusal) });
    }

    /// Strictest state of all levels that apply to an order.
    fn trading_state(&self, (tenant, account): AccountKey, strategy: StrategyId, symbol: Symbol) -> TradingState {
        if self.failed {
            return TradingState::Halted;
        }
        self.state.trading.strictest(tenant, account, strategy, symbol)
    }

    /// Is the account itself halted, whatever the other levels say?
    fn is_halted(&self, (tenant, account): AccountKey) -> bool {
        self.state.trading.at(StateScope::Account(tenant, account)) == TradingState::Halted
    }

    fn set_state(&mut self, scope: StateScope, state: TradingState, code: &str, trace: TraceId) -> Result<(), Refusal> {
        if self.failed {
            return Err(Refusal::Halted);
        }
        let levels = &self.state.trading;
        if levels.len() >= STATES_MAX && levels.at(scope) == TradingState::Active && state != TradingState::Active {
            return Err(Refusal::TooMany);
        }
        let fact = event::StateFact { scope, state, code: leaves::printable(code), trace };
        self.record(Event::State(fact));
        Ok(())
    }

    fn watch_clock(&mut self, now: Timestamp) {
        let step = self.latest.max(self.state.last_issued).since(now);
        self.latest = self.latest.max(now);
        if step <= self.config.clock_step_ns {
            self.clock_alerted &= step > 0;
            return;
        }
        if !std::mem::replace(&mut self.clock_alerted, true) {
            let leaf = Entry::new(Level::Warning, EventKind::ClockStep).with(Field::OffsetNs(step.saturating_neg()));
            self.out.leaves.push(leaf);
            let alert = Alert { code: "CLOCK_SET_BACK", account: None, trace: TraceId::default() };
            self.out.effects.push(Effect::Alert(alert));
        }
    }

    fn on_feed(&mut self, now: Timestamp, batch: &FeedBatch, rng: &dyn Rng) {
        let source = batch.source;
        if !self.feeds.contains_key(&source) {
            if self.feeds.len() >= FEEDS_MAX {
                self.out.effects.push(Effect::Count("engine_feeds_refused_total"));
                return;
            }
            let machines = self.config.strategies.iter().filter(|s| s.listens_to(&source));
            let machines = machines.map(|s| (s.strategy_id(), s.build())).collect();
            self.feeds.insert(source, Feed::new(machines));
        }
        let wishes = self.feeds.get_mut(&source).map(|feed| feed.take(batch)).unwrap_or_default();
        if let Some(tick) = batch.ticks.last() {
            self.hear_lag((source.tenant, source.account), tick.time, batch.received);
        }
        self.judge_source(&source);
        for (strategy, Intent::Turn { side, stop }) in wishes {
            for account in self.audience(strategy, &source) {
                let key = WishKey { account, strategy, symbol: source.symbol };
                self.wishes.insert(key, Wish { side, stop, feed: source, decided_at: now, trace: batch.trace });
                self.advance(now, key, rng);
            }
        }
    }

    fn hear_lag(&mut self, account: AccountKey, market: MarketTime, received: Timestamp) {
        self.lags.entry(account).or_default().hear(lag::lag_ns(market, received), received);
    }

    /// How far the latest quote of a source lagged behind its market; `None` if the source is unknown.
    fn market_lag(&self, source: &Source) -> Option<MarketLag> {
        if self.config.replayed_feeds {
            return Some(MarketLag::Replayed);
        }
        let usual = self.lags.get(&(source.tenant, source.account))?;
        Some(MarketLag::Millis(usual.behind_ms(self.feeds.get(source)?.lag_ns)))
    }

    /// The accounts that a strategy decides for on this feed.
    fn audience(&self, strategy: StrategyId, source: &Source) -> Vec<AccountKey> {
        let leads = self.config.strategies.iter().any(|s| s.strategy_id() == strategy && s.feed.is_some());
        let own = (source.tenant, source.account);
        if !leads {
            return vec![own];
        }
        let fits = |(key, desk): &(&AccountKey, &Desk)| key.0 == source.tenant && desk.knows(source.symbol);
        self.desks.iter().filter(fits).map(|(key, _)| *key).collect()
    }

    fn on_settled(&mut self, token: Token, source: Source, epoch: aitrading_model::Epoch, seq: u64) {
        if self.waiters.len() >= WAITERS_MAX {
            return self.refuse(token, Refusal::TooMany);
        }
        self.waiters.push((token, source, epoch, seq));
    }

    /// Tells those whose source is through.
    fn settle(&mut self) {
        if self.waiters.is_empty() {
            return;
        }
        let waiters = std::mem::take(&mut self.waiters);
        for (token, source, epoch, seq) in waiters {
            let reached = self.feeds.get(&source).is_some_and(|f| feed::has_reached(f.reached, epoch, seq));
            if self.failed {
                self.refuse(token, Refusal::Halted);
            } else if reached && !self.is_deciding(&source) {
                self.out.effects.push(Effect::Reply { token, answer: Answer::Done });
            } else {
                self.waiters.push((token, source, epoch, seq));
            }
        }
    }

    /// Is a decision on this source open? Unknown and disputed outcomes are not: the order was sent, waiting changes nothing.
    fn is_deciding(&self, source: &Source) -> bool {
        let open = self.state.open.values().filter(|s| s.decided.feed == *source || s.decided.priced == *source);
        let mut deciding = open.filter(|s| {
            let moving = matches!(s.stage, Stage::Committing | Stage::Outbox | Stage::Sent | Stage::Delivered);
            let own = s.decided.account() == (source.tenant, source.account);
            moving && (own || self.desks.get(&s.decided.account()).is_some_and(Desk::is_ready))
        });
        let waiting = |(key, wish): (&WishKey, &Wish)| {
            let own = key.account == (source.tenant, source.account);
            wish.feed == *source && (own || self.desks.get(&key.account).is_some_and(Desk::is_ready))
        };
        deciding.next().is_some() || self.wishes.iter().any(waiting)
    }

    fn seal(&self, bytes: Vec<u8>) -> SignalEnvelope {
        let signature = self.keys.signal.sign_detached(SIGNAL_DOMAIN, &bytes);
        SignalEnvelope { key_id: self.keys.signal.verifying_key().id().0, bytes, signature }
    }

    /// Accounts whose trading is halted.
    pub(crate) const fn halted(&self) -> usize {
        self.state.trading.halted_accounts()
    }

    /// Levels below the global one that may not trade freely.
    pub(crate) fn restricted(&self) -> usize {
        let global = self.state.trading.at(StateScope::Global) != TradingState::Active;
        self.state.trading.len().saturating_sub(usize::from(global))
    }

    /// Was the clock set back, so that nothing is decided until it has caught up?
    pub(crate) const fn is_clock_behind(&self) -> bool {
        self.clock_alerted
    }

    /// Counts for health reports: open signals, sessions that are ready, strictest global state.
    pub(crate) fn summary(&self) -> (usize, usize, TradingState) {
        let global = self.state.trading.at(StateScope::Global);
        let failed = if self.failed { TradingState::Halted } else { global };
        (self.state.open.len(), self.desks.values().filter(|d| d.is_ready()).count(), failed)
    }
}
