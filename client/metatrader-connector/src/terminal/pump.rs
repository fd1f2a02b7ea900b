//! Tick feeds: each replays a history from where the connector asked, and moves the market as it goes.

use super::{SimSettings, desk::Desk, pace::Pace};
use crate::ea_link::framed::{Broken, Outgoing};
use aitrading_env::{Env, Task};
use aitrading_model::{MarketTime, Symbol, Tick, Timeframe};
use aitrading_wire::{
    ea::{FLAG_STANDS, FeedMode, Message, Role, TickEnd, TickRefused, TickRewritten, TickSubscribe, push_tick_frame},
    limits::SYMBOLS_PER_SESSION_MAX,
};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, PoisonError},
};
use tokio::sync::{Notify, mpsc};

/// The feeds of one connection. Dropping it ends them.
#[derive(Default)]
pub(super) struct Pumps(BTreeMap<Symbol, Running>);

struct Running {
    feed: u32,
    task: Task,
    go_on: Arc<Notify>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Pumps {
    /// Starts a feed; one of the same symbol that runs already ends.
    pub(super) fn start(&mut self, env: &Env, pump: Pump) -> Result<(), Broken> {
        if self.0.len() >= SYMBOLS_PER_SESSION_MAX && !self.0.contains_key(&pump.subscribe.symbol) {
            return Err(Broken::Ended);
        }
        let (feed, symbol, go_on) = (pump.subscribe.feed, pump.subscribe.symbol, Arc::clone(&pump.go_on));
        drop(self.0.remove(&symbol));
        let task = env.spawn.task("tick-feed", Box::pin(pump.run()));
        self.0.insert(symbol, Running { feed, task, go_on });
        Ok(())
    }

    pub(super) fn go_on(&self, feed: u32) {
        if let Some(running) = self.0.values().find(|running| running.feed == feed) {
            running.go_on.notify_one();
        }
    }

    pub(super) fn stop(&mut self, feed: u32) {
        self.0.retain(|_, running| running.feed != feed);
    }
}

/// One feed.
pub(super) struct Pump {
    desk: Arc<Desk>,
    subscribe: TickSubscribe,
    outbox: mpsc::Sender<Outgoing>,
    go_on: Arc<Notify>,
}

impl Pump {
    pub(super) fn new(desk: Arc<Desk>, subscribe: TickSubscribe, outbox: mpsc::Sender<Outgoing>) -> Self {
        Self { desk, subscribe, outbox, go_on: Arc::new(Notify::new()) }
    }

    async fn run(self) {
        let Some(feed) = self.desk.settings.feeds.iter().find(|feed| feed.symbol == self.subscribe.symbol) else {
            let text =
                format!("this terminal has no ticks of '{}'; check the symbol's spelling", self.subscribe.symbol);
            self.say(&Message::TickRefused(TickRefused { feed: self.subscribe.feed, text })).await;
            return;
        };
        let ticks = feed.history.ticks();
        let TickSubscribe { symbol, time, skip, .. } = self.subscribe;
        let rewritten = skip > 0 && self.desk.is_rewritten(symbol, time);
        match position(ticks, time, skip).and_then(|start| if rewritten { Err(0) } else { Ok(start) }) {
            Ok(start) => self.replay(ticks, start).await,
            Err(found) => {
                let TickSubscribe { feed, time, skip, .. } = self.subscribe;
                self.say(&Message::TickRewritten(TickRewritten { feed, time, wanted: skip, found })).await;
            }
        }
    }

    async fn replay(&self, ticks: &[Tick], start: usize) {
        let SimSettings { speed, batch, .. } = self.desk.settings;
        let TickSubscribe { symbol, mode, feed, .. } = self.subscribe;
        self.desk.reach(symbol, ticks, start);
        let mut pace = Pace::new(speed, self.base(ticks.get(start)));
        let mut at = start;
        while let Some(rest) = ticks.get(at..).filter(|rest| !rest.is_empty()) {
            let next = rest.get(..batch.min(rest.len())).unwrap_or(rest);
            let due = match pace.due(self.desk.env.clock.mono_ns(), next) {
                Ok(due) => due,
                Err(wait) => {
                    self.desk.env.clock.sleep(wait).await;
                    continue;
                }
            };
            let (end, stands) = match mode {
                FeedMode::Live => (at + due, false),
                FeedMode::LockStep => until_new_minute(ticks, at, at + due),
            };
            // First the market moves, then the ticks leave: whoever acts on a tick finds a market that has seen it.
            if !self.desk.release(symbol, ticks, end).await {
                return;
            }
            let mut frame = Vec::new();
            let flags = if stands { FLAG_STANDS } else { 0 };
            let brought = self.brought(ticks.get(at..end).unwrap_or_default());
            at = end;
            if brought.is_empty() {
                continue;
            }
            push_tick_frame(&mut frame, flags, feed, &brought);
            if self.outbox.send(Outgoing::Frame(frame)).await.is_err() {
                return;
            }
            if stands {
                self.go_on.notified().await;
                pace.rebase();
            }
        }
        self.desk.close_market(symbol);
        let total = u64::try_from(ticks.len()).unwrap_or(u64::MAX);
        self.say(&Message::TickEnd(TickEnd { feed, total })).await;
    }

    /// What the feed brings of these: it may miss some.
    fn brought<'a>(&self, ticks: &'a [Tick]) -> Cow<'a, [Tick]> {
        if self.desk.settings.tick_faults.missed.is_empty() {
            return Cow::Borrowed(ticks);
        }
        let symbol = self.subscribe.symbol;
        Cow::Owned(ticks.iter().filter(|tick| !self.desk.is_missed(symbol, tick.time)).copied().collect())
    }

    /// A live market has one clock for all symbols; a feed that stands still keeps its own.
    fn base(&self, first: Option<&Tick>) -> Option<(u64, i64)> {
        let first = first.filter(|_| self.subscribe.mode == FeedMode::Live)?;
        let mut base = self.desk.market_base.lock().unwrap_or_else(PoisonError::into_inner);
        Some(*base.get_or_insert((self.desk.env.clock.mono_ns(), first.time.0)))
    }

    async fn say(&self, message: &Message) {
        // The connection may be gone: then nobody waits for it.
        self.outbox.send(Outgoing::Frame(message.frame(Role::Ticks as u8))).await.unwrap_or(());
    }
}

/// The index behind the first `skip` ticks with exactly `time`; or how many there are, if fewer.
pub(super) fn position(ticks: &[Tick], time: MarketTime, skip: u32) -> Result<usize, u32> {
    let start = ticks.partition_point(|tick| tick.time < time);
    let same = ticks.iter().skip(start).take_while(|tick| tick.time == time);
    let wanted = usize::try_from(skip).unwrap_or(usize::MAX);
    match same.take(wanted).count() {
        found if found < wanted => Err(u32::try_from(found).unwrap_or(u32::MAX)),
        found => Ok(start + found),
    }
}

/// Where a batch that starts at `at` ends: behind the tick that begins a new minute, which closes a bar, or at `end`. True if
/// it is such a tick.
fn until_new_minute(ticks: &[Tick], at: usize, end: usize) -> (usize, bool) {
    let minute = |index: usize| ticks.get(index).map(|tick| Timeframe::M1.start_of(tick.time));
    let begins = |index: &usize| index.checked_sub(1).is_some_and(|before| minute(before) != minute(*index));
    (at..end).find(begins).map_or((end, false), |index| (index + 1, true))
}
