//! Asks one session's client about holes and days, one question at a time, and journals what it answers.
//!
//! It lives as long as its session and may be aborted anywhere: a piece that is durable is not asked for again in vain, since
//! the store adds only what it misses, and everything else is asked anew by the next session.

use super::{
    Borrowed,
    answer::{Answer, Piece},
    plan::{Job, OPEN_MAX, Patience, Plan},
    trouble::Trouble,
};
use crate::{BridgeError, bridge::Core, meters, sources::Slot, tick::HistoryRecord};
use aitrading_channel::{Sender, StreamId};
use aitrading_error::chain;
use aitrading_model::{
    Cursor, DayCheck, DayHours, Gap, GapKind, GapState, HOURS, HistoryFault, MarketTime, Source, Symbol, TickSum,
    Timeframe, Timestamp, TraceId,
};
use aitrading_store::StoreError;
use aitrading_wire::{
    limits::{HISTORY_TICKS_MAX, SYMBOLS_PER_SESSION_MAX},
    link::{History, Wanted, stream},
    services::Seat,
};
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::mpsc;

const HISTORY: StreamId = StreamId(stream::HISTORY);
/// Words on the open question that may wait to be journalled.
const HEARD_MAX: usize = 64;
/// Longest wait for the tick store. Without it nothing is asked: the next look tries again.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);
const DAY_MS: i64 = 86_400_000;
/// What is done for one source before the next one's turn.
const JOBS_PER_TURN: usize = 32;
/// Rewritten histories that a session may tell of.
const REWRITTEN_MAX: u32 = 256;
/// How far behind the cursor one may lie, in milliseconds.
const REWRITTEN_MS_MAX: i64 = 31 * DAY_MS;

/// What a client said on the history stream, with its frame's number.
type Heard = (u64, History);

/// What the session and its asker share.
#[derive(Debug, Default)]
struct Shared {
    /// Symbols that the session has opened.
    symbols: Mutex<BTreeSet<Symbol>>,
    /// The question that is open; 0 if there is none.
    question: AtomicU64,
}

/// The session's end: hands on what its client says of the past.
pub(crate) struct Hearing {
    core: Arc<Core>,
    sender: Sender,
    shared: Arc<Shared>,
    heard: mpsc::Sender<Heard>,
}

impl Hearing {
    /// The client has this source: it can be asked about it. Beyond the limit nobody asks.
    pub(crate) fn opened(&self, source: Source, cursor: Cursor) {
        let mut symbols = self.shared.symbols.lock().unwrap_or_else(PoisonError::into_inner);
        if symbols.len() < SYMBOLS_PER_SESSION_MAX && symbols.insert(source.symbol) {
            self.core.gaps.opened(source, cursor);
        }
    }

    /// Hands an answer to whoever asked. One that nobody can have asked for ends the session; one that comes too late is
    /// acknowledged and forgotten, without waiting for anybody.
    pub(crate) async fn hear(&self, frame: u64, said: History) -> Result<(), BridgeError> {
        let wanted = match said.answers() {
            Some(id) if !self.core.gaps.was_asked(id) => {
                return Err(BridgeError::Protocol { what: "an answer to a question that was never asked" });
            }
            Some(id) => id == self.shared.question.load(Ordering::Acquire),
            None if matches!(said, History::Rewritten { .. }) => {
                // News that find no room are lost: the day's count finds what they are about.
                if self.heard.try_send((frame, said)).is_err() {
                    self.sender.ack(HISTORY, frame);
                }
                return Ok(());
            }
            None => return Err(BridgeError::Protocol { what: "a question that only the bridge asks" }),
        };
        if wanted {
            // The asker ends before this only with the session.
            return self.heard.send((frame, said)).await.map_err(|_| BridgeError::Background);
        }
        self.sender.ack(HISTORY, frame);
        Ok(())
    }
}

/// One session's questions.
pub(crate) struct Asker {
    core: Arc<Core>,
    seat: Seat,
    trace: TraceId,
    sender: Sender,
    failures: mpsc::Sender<BridgeError>,
    shared: Arc<Shared>,
    heard: mpsc::Receiver<Heard>,
    /// Histories that were told to be rewritten.
    rewritten: u32,
    /// Holes that were journalled and wait for their source's turn.
    found: Vec<Gap>,
}

impl Asker {
    /// For one session; with the session's end.
    pub(crate) fn new(
        core: &Arc<Core>,
        (seat, trace): (Seat, TraceId),
        sender: &Sender,
        failures: &mpsc::Sender<BridgeError>,
    ) -> (Self, Hearing) {
        let (shared, (tell, heard)) = (Arc::new(Shared::default()), mpsc::channel(HEARD_MAX));
        let (core, sender) = (Arc::clone(core), sender.clone());
        let hearing =
            Hearing { core: Arc::clone(&core), sender: sender.clone(), shared: Arc::clone(&shared), heard: tell };
        let (failures, rewritten, found) = (failures.clone(), 0, Vec::new());
        (Self { core, seat, trace, sender, failures, shared, heard, rewritten, found }, hearing)
    }

    /// Works until the session drops its end of the queue, or aborts it.
    pub(crate) async fn run(mut self) {
        let interval = self.core.settings.backfill.interval;
        loop {
            let pause = self.core.env.clock.sleep(interval);
            let ended = tokio::select! {
                biased;
                heard = self.heard.recv() => match heard {
                    Some(heard) => self.unasked(heard).await,
                    None => return,
                },
                () = pause, if !interval.is_zero() => self.round().await,
            };
            let error = match ended {
                Ok(()) | Err(Trouble::Fault(_)) => continue,
                Err(Trouble::Broken(what)) => BridgeError::Protocol { what },
                Err(Trouble::Own(error @ BridgeError::Unreadable(_))) => {
                    // Ticks go on without: the drain says so, too, and the next round asks the store again.
                    let error = chain(&error);
                    tracing::warn!(trace = %self.trace, %error, "holes cannot be looked up in the tick store");
                    continue;
                }
                Err(Trouble::Own(error)) => error,
            };
            // The first failure ends the session; later ones say nothing new.
            self.failures.try_send(error).unwrap_or(());
        }
    }

    async fn round(&mut self) -> Result<(), Trouble> {
        let symbols: Vec<Symbol> = {
            let symbols = self.shared.symbols.lock().unwrap_or_else(PoisonError::into_inner);
            symbols.iter().copied().collect()
        };
        let core = Arc::clone(&self.core);
        for symbol in symbols {
            let source = self.source(symbol);
            let Some(slot) = core.ingest.sources.find(&source) else { continue };
            let Some(mut borrowed) = core.gaps.take(source) else { continue };
            self.turn(&slot, &mut borrowed).await?;
        }
        Ok(())
    }

    fn source(&self, symbol: Symbol) -> Source {
        Source { tenant: self.seat.tenant, account: self.seat.account, symbol }
    }

    async fn turn(&mut self, slot: &Slot, borrowed: &mut Borrowed<'_>) -> Result<(), Trouble> {
        self.refresh(slot, &mut borrowed.plan).await?;
        self.found.extract_if(.., |gap| gap.source == slot.source).for_each(|gap| borrowed.plan.add(gap));
        for _ in 0..JOBS_PER_TURN {
            let cursor = slot.state().cursor.time;
            let Some(job) = borrowed.plan.next(cursor, self.core.env.clock.mono_ns()) else { return Ok(()) };
            match job {
                Job::Fill { gap, from, to, last } => self.fill(&mut borrowed.plan, gap, (from, to), last).await?,
                Job::GiveUp { gap, state } => self.give_up(&mut borrowed.plan, gap, state).await?,
                Job::Count { day, round } => self.count(&mut borrowed.plan, slot.source, day, round).await?,
            }
        }
        Ok(())
    }

    /// Brings the plan up to what the store says, once that has all that is durable.
    async fn refresh(&self, slot: &Slot, plan: &mut Plan) -> Result<(), Trouble> {
        let state = slot.state();
        let ticks = &self.core.ports.ticks;
        if plan.is_stale(state.counters.gaps) {
            self.caught_up().await?;
            let open = ticks.open_gaps(slot.source, OPEN_MAX).await?;
            plan.load(state.counters.gaps, open);
        }
        if !plan.knows_day() && state.counters.accepted > 0 {
            self.caught_up().await?;
            let last = ticks.latest_days(slot.source, 1).await?.pop();
            plan.count_from(last, self.first_tick(slot.source, state.cursor).await?);
        }
        Ok(())
    }

    /// When the source's first tick came. Where that cannot be read, its first bar began, or else where the source stands.
    async fn first_tick(&self, source: Source, cursor: Cursor) -> Result<Option<MarketTime>, Trouble> {
        let (ticks, (from, to)) = (&self.core.ports.ticks, (MarketTime(i64::MIN), MarketTime(i64::MAX)));
        match ticks.range(source, from, to, 1).await {
            Err(StoreError::Corrupt { .. }) => {
                let bars = ticks.bars(source, Timeframe::M1, from, to, 1).await?;
                Ok(Some(bars.first().map_or(cursor.time, |bar| bar.start)))
            }
            first => Ok(first?.first().map(|tick| tick.time)),
        }
    }

    async fn fill(
        &mut self,
        plan: &mut Plan,
        gap: Gap,
        (from, to): (MarketTime, MarketTime),
        last: bool,
    ) -> Result<(), Trouble> {
        let asked = self.ask_ticks(gap, (from, to), last).await;
        self.shared.question.store(0, Ordering::Release);
        match asked {
            Ok(()) if last => {
                plan.done(gap);
                self.core.gaps.totals.settled.fetch_add(1, Ordering::Relaxed);
                meters::gaps_settled().increment(1);
                Ok(())
            }
            Ok(()) => {
                plan.filled(gap, to);
                Ok(())
            }
            Err(trouble) => {
                let fault = match &trouble {
                    Trouble::Fault(fault) => *fault,
                    Trouble::Broken(_) => HistoryFault::Invalid,
                    Trouble::Own(_) => return Err(trouble),
                };
                tracing::warn!(
                    trace = %self.trace, code = fault.code(), symbol = %gap.source.symbol, from = %gap.from,
                    "a hole's ticks could not be had from the terminal"
                );
                if let Some(state) = plan.failed(gap, fault, self.core.env.clock.mono_ns(), self.patience()) {
                    self.give_up(plan, gap, state).await?;
                }
                if matches!(trouble, Trouble::Broken(_)) { Err(trouble) } else { Ok(()) }
            }
        }
    }

    async fn give_up(&self, plan: &mut Plan, gap: Gap, state: GapState) -> Result<(), Trouble> {
        let record = HistoryRecord { change: Some((gap, state)), ..self.record(gap.source) };
        self.journal(&record, &[]).await?;
        plan.done(gap);
        self.core.gaps.totals.given_up.fetch_add(1, Ordering::Relaxed);
        meters::gaps_given_up().increment(1);
        tracing::warn!(symbol = %gap.source.symbol, from = %gap.from, to = %gap.to, ?state, "a hole is given up");
        Ok(())
    }

    /// Asks for the ticks of a span and journals them as they come. Each frame is acknowledged when its ticks are durable.
    async fn ask_ticks(&mut self, gap: Gap, (from, to): (MarketTime, MarketTime), last: bool) -> Result<(), Trouble> {
        let (id, deadline) = self.ask(gap.source.symbol, Wanted::Ticks, (from, to)).await?;
        let mut answer = Answer::new(from, to);
        loop {
            let (frame, said) = self.answer(id, deadline).await?;
            match said {
                History::Ticks { ticks, .. } => {
                    for piece in answer.push(frame, ticks)? {
                        self.take(gap, piece, GapState::Open).await?;
                    }
                }
                History::End { total, .. } => {
                    let state = if last { GapState::Settled } else { GapState::Open };
                    return self.take(gap, answer.end(frame, total)?, state).await;
                }
                _ => return Err(Trouble::Broken("an answer of another kind than the question")),
            }
        }
    }

    async fn take(&self, gap: Gap, piece: Piece, state: GapState) -> Result<(), Trouble> {
        let Piece { span, mut ticks, frames } = piece;
        // What would be refused as it came is not taken because it comes late.
        ticks.retain(|tick| tick.check().is_ok());
        let record = HistoryRecord { span, ticks, change: Some((gap, state)), ..self.record(gap.source) };
        self.journal(&record, &frames).await
    }

    async fn count(&mut self, plan: &mut Plan, source: Source, day: i64, round: u8) -> Result<(), Trouble> {
        let start = day.saturating_mul(DAY_MS);
        let span = (MarketTime(start), MarketTime(start.saturating_add(DAY_MS)));
        let asked = self.ask_sums(source.symbol, span).await;
        self.shared.question.store(0, Ordering::Release);
        let (frame, there) = match asked {
            Ok(answer) => answer,
            Err(Trouble::Fault(fault)) => return self.not_counted(plan, source, day, fault).await,
            Err(trouble) => return Err(trouble),
        };
        self.caught_up().await?;
        let here = match self.stored_sums(source, start).await {
            // Without our own side there is nothing to compare, and the other days wait for their turn.
            Err(Trouble::Own(error)) if error.is_damage() => {
                self.sender.ack(HISTORY, frame);
                return self.not_counted(plan, source, day, HistoryFault::Damaged).await;
            }
            here => here?,
        };
        let check = DayCheck::compare(day, &there, &here, self.now());
        let found = Plan::found(source, &check, round);
        let record = HistoryRecord { found: found.clone(), day: Some(check), ..self.record(source) };
        self.journal(&record, &[frame]).await?;
        plan.counted(day, &found);
        if found.is_empty() {
            self.note(source, &check);
        }
        Ok(())
    }

    fn note(&self, source: Source, check: &DayCheck) {
        let totals = &self.core.gaps.totals;
        totals.days.fetch_add(1, Ordering::Relaxed);
        meters::days_counted().increment(1);
        if !check.is_equal() {
            totals.days_differ.fetch_add(1, Ordering::Relaxed);
            meters::days_differ().increment(1);
            tracing::warn!(
                symbol = %source.symbol, day = check.day, terminal = check.terminal, stored = check.stored,
                "a day's ticks are not those that the terminal has"
            );
        }
    }

    /// After the last try the day is marked as not counted, and the next one's turn comes.
    async fn not_counted(&self, plan: &mut Plan, source: Source, day: i64, fault: HistoryFault) -> Result<(), Trouble> {
        tracing::warn!(code = fault.code(), symbol = %source.symbol, day, "a day could not be counted");
        if !plan.count_failed(self.core.env.clock.mono_ns(), self.patience()) {
            return Ok(());
        }
        let record = HistoryRecord { day: Some(DayCheck::not_counted(day)), ..self.record(source) };
        self.journal(&record, &[]).await?;
        plan.counted(day, &[]);
        meters::days_not_counted().increment(1);
        Ok(())
    }

    async fn ask_sums(
        &mut self,
        symbol: Symbol,
        span: (MarketTime, MarketTime),
    ) -> Result<(u64, Box<DayHours>), Trouble> {
        let (id, deadline) = self.ask(symbol, Wanted::Sums, span).await?;
        match self.answer(id, deadline).await? {
            (frame, History::Sums { hours, .. }) => Ok((frame, hours)),
            _ => Err(Trouble::Broken("an answer of another kind than the question")),
        }
    }

    /// Our own side of a day. An hour with more ticks than an answer may hold counts as far as that.
    async fn stored_sums(&self, source: Source, start: i64) -> Result<DayHours, Trouble> {
        let mut hours = DayHours::default();
        let hour_ms = Timeframe::H1.millis();
        for (hour, sum) in (0_i64..).take(HOURS).zip(&mut hours) {
            let from = start.saturating_add(hour.saturating_mul(hour_ms));
            let to = MarketTime(from.saturating_add(hour_ms));
            let most = HISTORY_TICKS_MAX.saturating_add(1);
            *sum = TickSum::of(&self.core.ports.ticks.range(source, MarketTime(from), to, most).await?);
        }
        Ok(hours)
    }

    /// Waits until the tick store has everything that is durable now, but not for a store that is down.
    async fn caught_up(&self) -> Result<(), Trouble> {
        let waiting = self.core.env.timeout(STORE_TIMEOUT, self.core.caught_up()).await;
        waiting.map_err(|_| Trouble::Fault(HistoryFault::Busy))
    }

    /// Sends a question; returns its number and the monotonic time at which its answer comes too late.
    async fn ask(
        &self,
        symbol: Symbol,
        wanted: Wanted,
        (from, to): (MarketTime, MarketTime),
    ) -> Result<(u64, u64), Trouble> {
        let limit = self.core.settings.backfill.answer_timeout;
        let id = self.core.gaps.number();
        self.shared.question.store(id, Ordering::Release);
        let expires_ms = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
        let question = History::Ask { id, symbol, wanted, from, to, expires_ms };
        let sent = self.sender.send(HISTORY, question.kind(), question.encode().into()).await;
        // A session that is gone is about to end this task.
        sent.map_err(|_| Trouble::Fault(HistoryFault::Unavailable))?;
        meters::history_asked().increment(1);
        let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        Ok((id, self.core.env.clock.mono_ns().saturating_add(limit)))
    }

    /// The next word on question `id`. Words on questions that are over are acknowledged and forgotten.
    async fn answer(&mut self, id: u64, deadline: u64) -> Result<Heard, Trouble> {
        let env = self.core.env.clone();
        loop {
            let left = Duration::from_nanos(deadline.saturating_sub(env.clock.mono_ns()));
            let heard = env.timeout(left, self.heard.recv()).await;
            let heard = heard.map_err(|_| Trouble::Fault(HistoryFault::Expired))?;
            let (frame, said) = heard.ok_or(Trouble::Fault(HistoryFault::Unavailable))?;
            match said {
                History::Failed { id: of, fault } if of == id => {
                    self.sender.ack(HISTORY, frame);
                    return Err(Trouble::Fault(fault));
                }
                said if said.answers() == Some(id) => return Ok((frame, said)),
                other => self.unasked((frame, other)).await?,
            }
        }
    }

    /// A late word, or news that nobody asked for.
    async fn unasked(&mut self, (frame, said): Heard) -> Result<(), Trouble> {
        if let History::Rewritten { symbol, time } = said {
            self.rewritten(symbol, time).await?;
        }
        self.sender.ack(HISTORY, frame);
        Ok(())
    }

    /// The terminal's history is not what the feed was: the hour before is asked for anew.
    async fn rewritten(&mut self, symbol: Symbol, time: MarketTime) -> Result<(), Trouble> {
        self.rewritten = self.rewritten.saturating_add(1);
        if self.rewritten > REWRITTEN_MAX {
            return Err(Trouble::Broken("a history that is rewritten again and again"));
        }
        let source = self.source(symbol);
        let Some(slot) = self.core.ingest.sources.find(&source) else { return Ok(()) };
        let cursor = slot.state().cursor.time;
        if time > cursor || cursor.since_ms(time) > REWRITTEN_MS_MAX {
            return Err(Trouble::Broken("a history that is rewritten where it was not read"));
        }
        let gap = Gap { source, from: Timeframe::H1.start_of(time), to: time, kind: GapKind::Discontinuity };
        self.journal(&HistoryRecord { found: vec![gap], ..self.record(source) }, &[]).await?;
        self.found.push(gap);
        Ok(())
    }

    fn now(&self) -> Timestamp {
        self.core.ingest.now()
    }

    fn patience(&self) -> Patience {
        let backfill = &self.core.settings.backfill;
        let retry_ns = u64::try_from(backfill.retry.as_nanos()).unwrap_or(u64::MAX);
        Patience { attempts: backfill.attempts, retry_ns }
    }

    fn record(&self, source: Source) -> HistoryRecord {
        HistoryRecord::new(self.trace, source, self.now())
    }

    /// Makes a record durable, and only then acknowledges the frames that it came in.
    async fn journal(&self, record: &HistoryRecord, frames: &[u64]) -> Result<(), Trouble> {
        let written = self.core.ingest.journal.append(record.encode()).await;
        written.map_err(|error| Trouble::Own(BridgeError::Journal(error)))?;
        frames.iter().for_each(|frame| self.sender.ack(HISTORY, *frame));
        Ok(())
    }
}
