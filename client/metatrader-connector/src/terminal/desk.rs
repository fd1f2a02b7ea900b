//! What a terminal's connections share: the broker behind one lock, its books, and what is told to whoever listens.

use super::{
    SimSettings, TerminalError,
    broker::{Broker, Execution, Record, Terms},
    store::Store,
};
use aitrading_env::Env;
use aitrading_error::chain;
use aitrading_journal::JournalError;
use aitrading_model::{AccountState, ExecutionMode, MarketTime, Permissions, Symbol, Tick};
use aitrading_wire::{
    ea::{Lookup, LookupResult, OrderResult, Refuse, TerminalInfo, Transaction},
    limits::TICKS_PER_BATCH_MAX,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU32},
};
use tokio::sync::{Notify, Semaphore, broadcast, oneshot, watch};

/// Batches of transactions that an event connection may be behind: a terminal's queue loses the oldest beyond it.
const EVENT_QUEUE: usize = 1024;
/// Answers that may be late at the same time.
const LATE_MAX: usize = 256;
/// The build that the terminal claims to be.
const BUILD: u32 = 5000;

pub(super) struct Desk {
    pub(super) env: Env,
    pub(super) settings: SimSettings,
    pub(super) instance: [u8; 16],
    pub(super) stop: watch::Sender<bool>,
    pub(super) refusal: watch::Sender<Option<Refuse>>,
    pub(super) emitted: broadcast::Sender<Arc<[Transaction]>>,
    pub(super) info_changed: Notify,
    pub(super) late: Arc<Semaphore>,
    /// Answers from the history that are still cut short.
    pub(super) loading: AtomicU32,
    /// When the live market began: monotonic nanoseconds, market milliseconds.
    pub(super) market_base: Mutex<Option<(u64, i64)>>,
    floor: Mutex<Floor>,
    store: Store,
}

struct Floor {
    broker: Broker,
    /// Ticks of each history that the market has seen.
    released: BTreeMap<Symbol, usize>,
}

impl Desk {
    pub(super) async fn open(env: Env, settings: SimSettings, instance: [u8; 16]) -> Result<Self, TerminalError> {
        check(&settings)?;
        let (opened, opening) = oneshot::channel();
        let (world, dir, account) = (env.clone(), settings.books.clone(), settings.account);
        let open = move || drop(opened.send(Store::open(&world, &dir, account)));
        let io = |source| TerminalError::Io { path: settings.books.clone(), source };
        drop(env.spawn.thread("books", Box::new(open)).map_err(io)?);
        let (store, books) = opening.await.map_err(|_| io(io::ErrorKind::Interrupted.into()))??;
        let terms = Terms {
            account: settings.account,
            server: settings.server.clone(),
            currency: settings.currency,
            leverage: settings.leverage,
            stop_out_percent: settings.stop_out_percent,
            seed: settings.seed,
            slippage_ticks: settings.slippage_ticks,
        };
        let mut broker = Broker::new(terms, &settings.specs, books);
        broker.set_permissions(settings.permissions);
        if let Some(record) = broker.open_account(settings.deposit) {
            store.append(&[record])?.await.unwrap_or(Err(JournalError::Closed))?;
        }
        let loading = AtomicU32::new(settings.tick_faults.loading);
        Ok(Self {
            env,
            settings,
            instance,
            stop: watch::Sender::new(false),
            refusal: watch::Sender::new(None),
            emitted: broadcast::Sender::new(EVENT_QUEUE),
            info_changed: Notify::new(),
            late: Arc::new(Semaphore::new(LATE_MAX)),
            loading,
            market_base: Mutex::new(None),
            floor: Mutex::new(Floor { broker, released: BTreeMap::new() }),
            store,
        })
    }

    pub(super) async fn close(&self) {
        self.store.close().await;
    }

    fn floor(&self) -> MutexGuard<'_, Floor> {
        self.floor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn account(&self) -> AccountState {
        self.floor().broker.account()
    }

    pub(super) fn info(&self) -> TerminalInfo {
        let permissions = self.floor().broker.permissions();
        let ping_us = u32::try_from(self.settings.latency.as_micros()).unwrap_or(u32::MAX);
        TerminalInfo { permissions, build: BUILD, ping_us }
    }

    pub(super) fn lookup(&self, lookup: Lookup) -> LookupResult {
        self.floor().broker.lookup(lookup)
    }

    pub(super) fn answered(&self, request_id: u64) -> Option<OrderResult> {
        self.floor().broker.answered(request_id)
    }

    pub(super) fn set_permissions(&self, permissions: Permissions) {
        self.floor().broker.set_permissions(permissions);
        self.info_changed.notify_waiters();
    }

    /// Lets the broker do something and waits until its books hold it. `None`: the books failed, and the terminal ends.
    pub(super) async fn act(&self, act: impl FnOnce(&mut Broker) -> Vec<Execution>) -> Option<Vec<Execution>> {
        self.act_on_floor(|floor| act(&mut floor.broker)).await
    }

    async fn act_on_floor(&self, act: impl FnOnce(&mut Floor) -> Vec<Execution>) -> Option<Vec<Execution>> {
        let (done, appended) = {
            let mut floor = self.floor();
            let done = act(&mut floor);
            let records: Vec<Record> = done.iter().filter_map(|execution| execution.record.clone()).collect();
            // Under the lock, so that the books have the order in which things happened.
            let appended = (!records.is_empty()).then(|| self.store.append(&records));
            (done, appended)
        };
        let durable = match appended {
            None => return Some(done),
            Some(Ok(durable)) => durable.await.unwrap_or(Err(JournalError::Closed)),
            Some(Err(error)) => Err(error),
        };
        match durable {
            Ok(_) => Some(done),
            Err(error) => {
                tracing::error!(error = %chain(&error), "the simulated broker lost its books and ends");
                self.stop.send_replace(true);
                None
            }
        }
    }

    /// The market is at least here: a cursor that is ahead of it, or a deal that was made at a later time, moves it without
    /// looking at what lies between.
    pub(super) fn reach(&self, symbol: Symbol, ticks: &[Tick], index: usize) {
        let mut floor = self.floor();
        let deal = floor.broker.books().last_deal(symbol);
        let seen = deal.map_or(0, |time| ticks.partition_point(|tick| tick.time <= time));
        let released = floor.released.get(&symbol).copied().unwrap_or_default();
        let index = index.max(seen);
        if index > released {
            floor.released.insert(symbol, index);
            // Some before it as well: the very last tick may be one that no broker trades on.
            let before = ticks.get(index.saturating_sub(TICKS_PER_BATCH_MAX)..index).unwrap_or_default();
            floor.broker.set_quote(symbol, before);
        }
    }

    /// The market moves on to `end`. False: the terminal ends.
    pub(super) async fn release(&self, symbol: Symbol, ticks: &[Tick], end: usize) -> bool {
        let act = |floor: &mut Floor| {
            let released = floor.released.entry(symbol).or_default();
            let fresh = ticks.get(*released..end).unwrap_or_default();
            *released = end.max(*released);
            if fresh.is_empty() { Vec::new() } else { floor.broker.release(symbol, fresh) }
        };
        let Some(done) = self.act_on_floor(act).await else { return false };
        for execution in done {
            self.emit(execution.transactions);
        }
        true
    }

    /// How many ticks of a symbol's history the market has seen.
    pub(super) fn released(&self, symbol: Symbol) -> usize {
        self.floor().released.get(&symbol).copied().unwrap_or_default()
    }

    /// Does the feed miss a tick of this time?
    pub(super) fn is_missed(&self, symbol: Symbol, time: MarketTime) -> bool {
        self.settings.tick_faults.missed.iter().any(|stretch| stretch.holds(symbol, time))
    }

    /// Has the history no tick of this time any more?
    pub(super) fn is_rewritten(&self, symbol: Symbol, time: MarketTime) -> bool {
        self.settings.tick_faults.rewritten.iter().any(|stretch| stretch.holds(symbol, time))
    }

    pub(super) fn close_market(&self, symbol: Symbol) {
        self.floor().broker.close_market(symbol);
    }

    /// Nobody may be listening: what happens then is never repeated.
    pub(super) fn emit(&self, transactions: Vec<Transaction>) {
        if !transactions.is_empty() {
            drop(self.emitted.send(transactions.into()));
        }
    }
}

fn check(settings: &SimSettings) -> Result<(), TerminalError> {
    if !(1..=TICKS_PER_BATCH_MAX).contains(&settings.batch) {
        return Err(TerminalError::Settings("a batch has 1 to 256 ticks"));
    }
    if settings.leverage == 0 || !settings.deposit.is_positive() {
        return Err(TerminalError::Settings("leverage and deposit must be above 0"));
    }
    let mut specs = BTreeSet::new();
    for spec in &settings.specs {
        if spec.execution != ExecutionMode::Market {
            return Err(TerminalError::Execution(spec.symbol));
        }
        if !specs.insert(spec.symbol) {
            return Err(TerminalError::Twice(spec.symbol));
        }
    }
    let mut feeds = BTreeSet::new();
    for feed in &settings.feeds {
        if !specs.contains(&feed.symbol) {
            return Err(TerminalError::NoSpec(feed.symbol));
        }
        if !feeds.insert(feed.symbol) {
            return Err(TerminalError::Twice(feed.symbol));
        }
    }
    Ok(())
}
