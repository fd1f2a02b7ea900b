//! Feeds out of a history in memory: order, epochs, positions, pace, ends and losses.

use super::*;
use crate::{
    ea_link::{EaLinkError, FeedEvent, LinkPhase, LinkStatus, OrderLinkError, TickFrom},
    line::{Line, Outlet},
    port::Feed,
};
use aitrading_channel::{ChannelError, CloseReason};
use aitrading_env::sim::{ManualClock, MemFs, SeededRng};
use aitrading_model::{
    AccountId, AccountState, DeviceId, MarketTime, Permissions, Price, SymbolSpec, TenantId, Tick, TickFlags, Volume,
};
use aitrading_wire::{
    ea::{LookupResult, OrderRequest, OrderResult},
    link::decode_ticks,
};
use bytes::Bytes;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// Ticks per minute of the history: two share each millisecond.
const PER_MINUTE: u64 = 40;

fn tick(n: u64) -> Tick {
    let time = MarketTime(((n / PER_MINUTE) * 60_000 + n % PER_MINUTE / 2).cast_signed());
    let bid = Price::from_raw(1_000 + n.cast_signed());
    Tick { time, bid, ask: bid, last: Price::ZERO, volume: Volume::ZERO, flags: TickFlags::BID }
}

fn symbol() -> Symbol {
    "GBPJPY".parse().unwrap()
}

/// A terminal with one symbol's history.
#[derive(Debug)]
struct History {
    len: u64,
    /// The feed breaks off after so many batches.
    breaks_after: Mutex<Option<usize>>,
    go_on: Arc<Notify>,
    subscribed: Mutex<Vec<TickFrom>>,
}

struct Replay(mpsc::Receiver<FeedEvent>);

#[async_trait::async_trait]
impl Feed for Replay {
    async fn next(&mut self) -> Option<FeedEvent> {
        self.0.recv().await
    }
}

#[async_trait::async_trait]
impl Terminal for History {
    fn status(&self) -> watch::Receiver<LinkStatus> {
        watch::channel(LinkStatus { phase: LinkPhase::Ready, roles: 0 }).1
    }
    fn accounts(&self) -> watch::Receiver<Option<Arc<AccountState>>> {
        watch::channel(None).1
    }
    fn specs(&self) -> watch::Receiver<Arc<[SymbolSpec]>> {
        watch::channel(Arc::from([])).1
    }
    fn permissions(&self) -> Permissions {
        Permissions::ALL
    }
    async fn order(&self, _: OrderRequest, _: Duration) -> Result<OrderResult, OrderLinkError> {
        Err(OrderLinkError::NotSent("no orders here"))
    }
    async fn lookup(&self, _: u64, _: Duration) -> Result<LookupResult, EaLinkError> {
        Err(EaLinkError::NotConnected)
    }

    async fn subscribe(&self, _: Symbol, from: TickFrom, mode: FeedMode) -> Result<Box<dyn Feed>, EaLinkError> {
        self.subscribed.lock().unwrap().push(from);
        let at_time = (0..self.len).filter(|n| tick(*n).time == from.time).count() as u64;
        assert!(u64::from(from.count) <= at_time || from == TickFrom::default());
        let first = (0..self.len).find(|n| tick(*n).time >= from.time).unwrap_or(self.len) + u64::from(from.count);
        let (out, events) = mpsc::channel(2);
        let (len, go_on) = (self.len, Arc::clone(&self.go_on));
        let breaks = self.breaks_after.lock().unwrap().take();
        let replay = async move {
            let mut at = first;
            for batch in 0.. {
                if breaks == Some(batch) {
                    return;
                }
                // In lock step a batch ends with the tick that begins a minute.
                let minute = (at..len).find(|n| *n > at && n % PER_MINUTE == 0).map_or(len, |n| n + 1);
                let end = if mode == FeedMode::LockStep { minute } else { len }.min(at + 50);
                let stands = mode == FeedMode::LockStep && end == minute && end < len;
                if at == end {
                    drop(out.send(FeedEvent::End { total: len }).await);
                    return;
                }
                let ticks = (at..end).map(tick).collect();
                if out.send(FeedEvent::Ticks { ticks, stands }).await.is_err() {
                    return;
                }
                if stands {
                    go_on.notified().await;
                }
                at = end;
            }
        };
        drop(Env::real().spawn.task("replay", Box::pin(replay)));
        Ok(Box::new(Replay(events)))
    }

    async fn continue_feed(&self, _: Symbol) {
        self.go_on.notify_one();
    }

    async fn history(
        &self,
        _: Symbol,
        _: (aitrading_model::MarketTime, aitrading_model::MarketTime),
        _: Duration,
    ) -> Result<Vec<aitrading_model::Tick>, aitrading_model::HistoryFault> {
        Err(aitrading_model::HistoryFault::Unavailable)
    }
}

/// A server that takes frames and acknowledges when the test says so.
#[derive(Debug, Default)]
struct Server {
    frames: Mutex<Vec<(u16, u8, Bytes)>>,
    ticks: Mutex<u64>,
    closed: Mutex<bool>,
}

#[async_trait::async_trait]
impl Outlet for Server {
    async fn put(&self, stream: u16, kind: u8, body: Bytes) -> Result<u64, ChannelError> {
        if *self.closed.lock().unwrap() {
            return Err(ChannelError::Closed { reason: CloseReason::GoingAway });
        }
        self.frames.lock().unwrap().push((stream, kind, body));
        let mut ticks = self.ticks.lock().unwrap();
        *ticks += u64::from(stream == aitrading_wire::link::stream::TICKS);
        Ok(*ticks)
    }
}

impl Server {
    fn batches(&self) -> Vec<aitrading_model::TickBatch> {
        let frames = self.frames.lock().unwrap();
        frames.iter().filter(|f| f.0 == stream::TICKS).map(|f| decode_ticks(&f.2).unwrap()).collect()
    }
    fn controls(&self) -> Vec<Control> {
        let frames = self.frames.lock().unwrap();
        frames.iter().filter(|f| f.0 == stream::CONTROL).map(|f| Control::decode(f.1, &f.2).unwrap()).collect()
    }
    /// Every tick, with its number, in the order of arrival.
    fn ticks(&self) -> Vec<(u64, Tick)> {
        let number = |b: aitrading_model::TickBatch| (b.first_seq..).zip(b.ticks).collect::<Vec<_>>();
        self.batches().into_iter().flat_map(number).collect()
    }
}

struct World {
    pump: Arc<Pump>,
    history: Arc<History>,
    server: Arc<Server>,
    lines: watch::Sender<Option<Line>>,
    time: ManualClock,
}

fn pump(fs: &MemFs, len: u64, batch: usize) -> World {
    let history =
        Arc::new(History { len, breaks_after: Mutex::default(), go_on: Arc::default(), subscribed: Mutex::default() });
    let server = Arc::new(Server::default());
    let outlet: Arc<dyn Outlet> = server.clone();
    let (lines, receiver) = watch::channel(Some(Line { number: 1, outlet }));
    let time = ManualClock::new(0);
    let clock = Arc::new(time.clone());
    let env = Env { fs: Arc::new(fs.clone()), rng: Arc::new(SeededRng::new(1)), clock, ..Env::real() };
    env.fs.create_dir_all(Path::new("/p")).unwrap();
    let parts = PumpParts {
        env,
        owner: Owner { tenant: TenantId(1), account: AccountId(2), device: DeviceId([3; 16]) },
        terminal: history.clone(),
        quotes: Arc::default(),
        board: Arc::default(),
        batch,
        lines: receiver,
    };
    let pump = Arc::new(Pump::open(parts, Path::new("/p")).unwrap());
    pump.flight.restart(1);
    World { pump, history, server, lines, time }
}

impl World {
    async fn start(&self, line: u64, cursor: Cursor, pacing: Pacing) {
        self.pump.start(line, &[(symbol(), cursor)], pacing).await.unwrap();
    }
    fn status(&self) -> SymbolStatus {
        self.pump.status()["GBPJPY"]
    }
    async fn until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        for _ in 0..200_000 {
            if done(self) {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("never came: {what}; {:?}", self.status());
    }
}

/// What the server would name after taking all ticks so far of this epoch.
fn cursor_at(epoch: u64, seq: u64, position: u64) -> Cursor {
    let last = tick(position - 1);
    let count_at_time = (0..position).filter(|n| tick(*n).time == last.time).count() as u32;
    Cursor { epoch: Epoch(epoch), seq, time: last.time, count_at_time }
}

#[tokio::test]
async fn a_history_goes_out_whole_in_order_and_its_end_after_the_last_acknowledgement() {
    for batch in [1, 7, 256] {
        let world = pump(&MemFs::new(), 500, batch);
        world.start(1, Cursor::default(), Pacing::Live).await;
        world.until("all sent", |w| w.status().sent == 500).await;
        let expected: Vec<_> = (0..500).map(|n| (n + 1, tick(n))).collect();
        assert_eq!(world.server.ticks(), expected);
        let start = Control::EpochStart { symbol: symbol(), epoch: Epoch(1), from: Cursor::default() };
        assert_eq!(world.server.controls(), std::slice::from_ref(&start), "the end waits");
        assert_eq!(world.status().acknowledged, 0);
        let frames = world.server.batches().len() as u64;
        assert!(frames >= 500_u64.div_ceil(batch as u64));
        world.pump.acked(frames);
        world.until("the end", |w| w.status().ended).await;
        assert_eq!(world.server.controls(), [start, Control::FeedEnd { symbol: symbol(), total: 500 }]);
        assert_eq!(world.status(), SymbolStatus { sent: 500, acknowledged: 500, total: Some(500), ended: true });
        assert!(world.pump.is_drained());
    }
}

#[tokio::test]
async fn a_new_run_starts_a_higher_epoch_behind_the_cursor_and_counts_on() {
    let fs = MemFs::new();
    let first = pump(&fs, 500, 256);
    first.start(1, Cursor::default(), Pacing::Live).await;
    first.until("all sent", |w| w.status().sent == 500).await;
    first.pump.stop_all().await;
    // The server took 301 ticks; the last shares its time with one before it.
    let second = pump(&fs, 500, 256);
    let cursor = cursor_at(1, 301, 301);
    second.start(1, cursor, Pacing::Live).await;
    second.until("the rest", |w| w.status().sent == 500).await;
    let expected: Vec<_> = (301..500).map(|n| (n - 300, tick(n))).collect();
    assert_eq!(second.server.ticks(), expected);
    let start = Control::EpochStart { symbol: symbol(), epoch: Epoch(2), from: cursor };
    assert_eq!(second.server.controls(), [start]);
    assert_eq!(second.status().acknowledged, 301, "positions count the history, not the run");
    // A third run, before anything more was taken: positions come from the second one's record.
    let third = pump(&fs, 500, 256);
    third.start(1, cursor_at(2, 10, 311), Pacing::Live).await;
    assert_eq!(third.status().acknowledged, 311);
    assert_eq!(third.pump.with(symbol(), |track| track.epoch), Epoch(3));
}

#[tokio::test]
async fn within_a_run_the_epoch_goes_on_at_the_cursor() {
    let world = pump(&MemFs::new(), 500, 256);
    world.start(1, Cursor::default(), Pacing::Live).await;
    world.until("all sent", |w| w.status().sent == 500).await;
    world.lines.send_replace(None);
    world.pump.restart(2).await;
    let outlet: Arc<dyn Outlet> = world.server.clone();
    world.lines.send_replace(Some(Line { number: 2, outlet }));
    world.server.frames.lock().unwrap().clear();
    world.start(2, cursor_at(1, 120, 120), Pacing::Live).await;
    world.until("the rest", |w| w.status().sent == 500).await;
    let expected: Vec<_> = (120..500).map(|n| (n + 1, tick(n))).collect();
    assert_eq!(world.server.ticks(), expected, "the same numbers for the same ticks");
    assert!(world.server.controls().is_empty(), "no new epoch");
}

#[tokio::test]
async fn a_resumed_line_is_waited_for_and_nothing_is_sent_twice() {
    let world = pump(&MemFs::new(), 500, 10);
    *world.server.closed.lock().unwrap() = true;
    world.start(1, Cursor::default(), Pacing::Live).await;
    let outlet: Arc<dyn Outlet> = world.server.clone();
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    *world.server.closed.lock().unwrap() = false;
    world.lines.send_replace(None);
    world.lines.send_replace(Some(Line { number: 1, outlet }));
    world.until("all sent", |w| w.status().sent == 500).await;
    let expected: Vec<_> = (0..500).map(|n| (n + 1, tick(n))).collect();
    assert_eq!(world.server.ticks(), expected);
}

#[tokio::test]
async fn a_feed_that_breaks_off_goes_on_behind_the_last_tick_sent() {
    let world = pump(&MemFs::new(), 500, 256);
    *world.history.breaks_after.lock().unwrap() = Some(3);
    world.start(1, Cursor::default(), Pacing::Live).await;
    world.until("the break", |w| w.status().sent == 150).await;
    world
        .until("the rest", |w| {
            w.time.advance(Duration::from_millis(10));
            w.status().sent == 500
        })
        .await;
    let expected: Vec<_> = (0..500).map(|n| (n + 1, tick(n))).collect();
    assert_eq!(world.server.ticks(), expected);
    assert_eq!(world.history.subscribed.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn in_lock_step_the_feed_stands_until_its_last_tick_is_settled() {
    let world = pump(&MemFs::new(), 100, 256);
    world.start(1, Cursor::default(), Pacing::LockStep).await;
    world.until("the first minute", |w| w.status().sent == 41).await;
    for (epoch, seq) in [(1, 40), (2, 41)] {
        world.pump.settled(symbol(), Epoch(epoch), seq).await;
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        assert_eq!(world.status().sent, 41, "epoch {epoch}, tick {seq} does not settle it");
    }
    world.pump.settled(symbol(), Epoch(1), 41).await;
    world.until("the second minute", |w| w.status().sent == 81).await;
    world.pump.settled(symbol(), Epoch(1), 81).await;
    world.until("the rest", |w| w.status().sent == 100).await;
}

#[tokio::test]
async fn the_last_quote_is_what_signals_are_checked_against() {
    let world = pump(&MemFs::new(), 60, 256);
    world.start(1, Cursor::default(), Pacing::Live).await;
    world.until("all sent", |w| w.status().sent == 60).await;
    assert_eq!(world.pump.parts.quotes.get(symbol()), Some((tick(59).bid, tick(59).ask)));
}

#[tokio::test]
async fn without_a_record_the_end_of_the_history_corrects_the_position() {
    let world = pump(&MemFs::new(), 500, 256);
    world.start(1, cursor_at(7, 20, 301), Pacing::Live).await;
    world.until("all sent", |w| w.status().total.is_some()).await;
    assert_eq!(world.status().sent, 500);
}

#[test]
fn a_progress_file_that_is_none_is_refused_with_its_line() {
    let fs = MemFs::new();
    let env = Env { fs: Arc::new(fs.clone()), ..Env::real() };
    env.fs.create_dir_all(Path::new("/p")).unwrap();
    for (text, line) in [("nonsense", 1), ("aitrading progress 1\n1 2 1 EURUSD\n1 2 EURUSD\n", 3)] {
        env.fs.write_atomic(Path::new("/p/progress"), text.as_bytes()).unwrap();
        let error = Progress::open(&env, Path::new("/p")).unwrap_err();
        assert!(error.to_string().contains(&format!("line {line} ")), "{error}");
    }
}
