//! The simulated terminal over its real link: feeds, orders, faults, restarts.

use super::*;
use crate::{
    ea_link::{EaAccount, EaLink, EaListener, EaServer, FeedEvent, LinkEvent, LinkPhase, OrderLinkError, TickFrom},
    specs,
    ticks::{SyntheticSettings, TickHistory, synthetic},
};
use aitrading_env::sim::{MemFs, SeededRng};
use aitrading_model::{
    HistoryFault, MarketTime, PositionTicket, Price, Retcode, Side, Tick, TickFlags, Timeframe, Volume,
};
use aitrading_wire::ea::{FeedMode, Filling, OrderRequest, OrderResult, TradeAction, TransactionKind};
use std::path::Path;

const LIMIT: Duration = Duration::from_secs(20);
const SECRET: &[u8] = b"a secret";
const BOOKS: &str = "/broker";

/// A connector with a file system in memory on which terminals come and go.
struct World {
    env: Env,
    fs: MemFs,
    addr: SocketAddr,
    link: EaLink,
    _server: EaServer,
}

async fn world() -> World {
    let fs = MemFs::new();
    let env = Env { fs: Arc::new(fs.clone()), ..Env::real() };
    let account = EaAccount { account: AccountId(7), secret: Secret::new(SECRET.to_vec()) };
    let any = "127.0.0.1:0".parse().unwrap();
    let listener = EaListener::bind(env.clone(), any, vec![account], LinkTimes::default()).await.unwrap();
    let (addr, link) = (listener.local_addr().unwrap(), listener.link(AccountId(7)).unwrap());
    World { env, fs, addr, link, _server: listener.serve() }
}

impl World {
    fn settings(&self, feeds: Vec<Feed>) -> SimSettings {
        let demo = SimSettings::demo(
            self.addr,
            Secret::new(SECRET.to_vec()),
            AccountId(7),
            "USD".parse().unwrap(),
            BOOKS.into(),
        );
        SimSettings { specs: vec![eurusd()], feeds, ..demo }
    }

    async fn start(&self, settings: SimSettings) -> SimTerminal {
        let terminal = SimTerminal::start(self.env.clone(), settings).await.unwrap();
        self.ready().await;
        terminal
    }

    async fn ready(&self) {
        let mut status = self.link.status();
        let ready = status.wait_for(|status| status.phase == LinkPhase::Ready);
        self.env.timeout(LIMIT, ready).await.unwrap().unwrap();
    }

    /// Takes the feed to its end; standing feeds are told to go on.
    async fn ticks(&self, from: TickFrom, mode: FeedMode) -> (Vec<Tick>, u64) {
        let mut feed = self.link.subscribe(symbol(), from, mode).await.unwrap();
        let mut all = Vec::new();
        loop {
            match self.env.timeout(LIMIT, feed.recv()).await.unwrap() {
                Some(FeedEvent::Ticks { ticks, stands }) => {
                    all.extend(ticks);
                    if stands {
                        feed.go_on().await;
                    }
                }
                Some(FeedEvent::End { total }) => return (all, total),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Takes the first batch, so that there is a market, and leaves the feed standing.
    async fn standing(&self) -> crate::ea_link::TickFeed {
        let mut feed = self.link.subscribe(symbol(), TickFrom::default(), FeedMode::LockStep).await.unwrap();
        while !matches!(feed.recv().await, Some(FeedEvent::Ticks { stands: true, .. })) {}
        feed
    }

    async fn order(&self, request: OrderRequest) -> Result<OrderResult, OrderLinkError> {
        self.link.order(request, LIMIT).await
    }
}

fn symbol() -> Symbol {
    "EURUSD".parse().unwrap()
}

fn eurusd() -> SymbolSpec {
    specs::find(symbol()).unwrap().spec
}

fn feed(count: usize) -> Vec<Feed> {
    let row = specs::find(symbol()).unwrap();
    let settings = SyntheticSettings::new(1, row.reference_price);
    vec![Feed { symbol: symbol(), history: synthetic(&row.spec, settings, count) }]
}

/// Ticks at these times, all with the same price.
fn feed_at(times: &[i64]) -> Vec<Feed> {
    let tick = |time: &i64| Tick {
        time: MarketTime(*time),
        bid: "1.08500".parse().unwrap(),
        ask: "1.08510".parse().unwrap(),
        last: Price::ZERO,
        volume: Volume::ZERO,
        flags: TickFlags::BID,
    };
    let history = TickHistory::new("by hand", times.iter().map(tick).collect(), true).unwrap();
    vec![Feed { symbol: symbol(), history }]
}

fn buy(request_id: u64) -> OrderRequest {
    OrderRequest {
        request_id,
        action: TradeAction::Deal,
        magic: request_id + 1_000,
        symbol: symbol(),
        side: Side::Buy,
        volume: "0.10".parse().unwrap(),
        price: Price::ZERO,
        stop_loss: Price::ZERO,
        take_profit: Price::ZERO,
        deviation: 0,
        filling: Filling::Ioc,
        position: PositionTicket(0),
        comment: "0000000000001".into(),
    }
}

#[tokio::test]
async fn the_terminal_introduces_itself() {
    let world = world().await;
    let terminal = world.start(world.settings(feed(10))).await;
    assert_eq!(**world.link.specs().borrow(), [eurusd()]);
    assert_eq!(world.link.permissions(), Permissions::ALL);
    let account = world.link.account().borrow().clone().unwrap();
    assert_eq!(*account, terminal.account());
    assert_eq!((account.balance.to_string().as_str(), account.server.as_str()), ("10000", "Simulation-Demo"));
    terminal.stop().await;
    world.link.status().wait_for(|status| status.phase == LinkPhase::Lost).await.unwrap();
    assert_eq!(world.link.permissions(), Permissions::default(), "absence denies");
}

#[tokio::test]
async fn a_wrong_secret_is_told_to_the_terminal() {
    let world = world().await;
    let settings = SimSettings { secret: Secret::new(b"wrong".to_vec()), ..world.settings(Vec::new()) };
    let terminal = SimTerminal::start(world.env.clone(), settings).await.unwrap();
    let mut refusal = terminal.refusal();
    let refused = refusal.wait_for(Option::is_some).await.unwrap().clone().unwrap();
    assert_eq!(refused.code, "BAD_PROOF");
    assert_eq!(world.link.status().borrow().phase, LinkPhase::NeverConnected);
}

#[tokio::test]
async fn all_ticks_arrive_in_order_whatever_the_batch() {
    let world = world().await;
    for batch in [1, 100, 256] {
        let feeds = feed(3_000);
        let sent = feeds[0].history.clone();
        let terminal = world.start(SimSettings { batch, ..world.settings(feeds) }).await;
        for mode in [FeedMode::Live, FeedMode::LockStep] {
            let (ticks, total) = world.ticks(TickFrom::default(), mode).await;
            assert!(ticks == sent.ticks(), "batch {batch}, {mode:?}");
            assert_eq!(total, 3_000);
        }
        terminal.stop().await;
        world.link.status().wait_for(|status| status.phase == LinkPhase::Lost).await.unwrap();
    }
}

#[tokio::test]
async fn a_feed_begins_behind_the_cursor() {
    let world = world().await;
    let _terminal = world.start(world.settings(feed_at(&[1_000, 2_000, 2_000, 2_000, 3_000]))).await;
    for (time, count, left) in
        [(0, 0, 5), (1_000, 0, 5), (1_000, 1, 4), (1_500, 0, 4), (2_000, 2, 2), (3_000, 1, 0), (9_000, 0, 0)]
    {
        let (ticks, total) = world.ticks(TickFrom { time: MarketTime(time), count }, FeedMode::Live).await;
        assert_eq!((ticks.len(), total), (left, 5), "behind {time}, {count}");
    }
}

#[tokio::test]
async fn a_rewritten_history_and_an_unknown_symbol_end_the_feed() {
    let world = world().await;
    let _terminal = world.start(world.settings(feed_at(&[1_000, 2_000]))).await;
    for (time, wanted, found) in [(2_000, 2, 1), (1_500, 1, 0)] {
        let from = TickFrom { time: MarketTime(time), count: wanted };
        let mut feed = world.link.subscribe(symbol(), from, FeedMode::Live).await.unwrap();
        assert_eq!(feed.recv().await, Some(FeedEvent::Rewritten { time: MarketTime(time), wanted, found }));
        assert_eq!(feed.recv().await, None);
    }
    let mut feed = world.link.subscribe("eurusd".parse().unwrap(), TickFrom::default(), FeedMode::Live).await.unwrap();
    let Some(FeedEvent::Refused { text }) = feed.recv().await else { panic!() };
    assert!(text.contains("'eurusd'"), "{text}");
}

#[tokio::test]
async fn in_lock_step_the_market_stands_still_behind_the_first_tick_of_a_minute() {
    let world = world().await;
    let feeds = feed(2_000);
    let ticks = feeds[0].history.clone();
    let _terminal = world.start(world.settings(feeds)).await;
    let mut feed = world.link.subscribe(symbol(), TickFrom::default(), FeedMode::LockStep).await.unwrap();
    let mut seen = 0;
    let mut stops = 0;
    while let Some(FeedEvent::Ticks { ticks: batch, stands }) = feed.recv().await {
        let minute = |index: usize| Timeframe::M1.start_of(ticks.ticks()[index].time);
        let begins: Vec<usize> = (seen.max(1)..seen + batch.len()).filter(|i| minute(*i) != minute(*i - 1)).collect();
        seen += batch.len();
        assert_eq!(begins, if stands { vec![seen - 1] } else { Vec::new() });
        if stands {
            stops += 1;
            if stops <= 3 {
                let result = world.order(buy(stops)).await.unwrap();
                let last = ticks.ticks()[seen - 1];
                assert_eq!((result.market_time, result.ask, result.price), (last.time, last.ask, last.ask));
            }
            world.link.continue_feed(symbol()).await;
        }
    }
    assert_eq!(seen, 2_000);
    assert!(stops > 20);
    let result = world.order(buy(99)).await.unwrap();
    assert_eq!(result.retcode, Retcode::MARKET_CLOSED, "the feed has ended");
}

#[tokio::test]
async fn a_live_market_keeps_its_pace() {
    let world = world().await;
    let times: Vec<i64> = (0..40).map(|n| n * 1_000).collect();
    let _terminal = world.start(SimSettings { speed: Speed::Times(100), ..world.settings(feed_at(&times)) }).await;
    let began = world.env.clock.mono_ns();
    let (ticks, _) = world.ticks(TickFrom::default(), FeedMode::Live).await;
    let took = Duration::from_nanos(world.env.clock.mono_ns() - began);
    assert_eq!(ticks.len(), 40);
    assert!(took >= Duration::from_millis(380), "39 s of market at 100 times its speed took {took:?}");
}

#[tokio::test]
async fn an_order_is_answered_and_told_as_events() {
    let world = world().await;
    let _terminal = world.start(world.settings(feed(500))).await;
    let _feed = world.standing().await;
    let mut events = world.link.events();
    let before = world.env.clock.wall_ns();
    let result = world.order(buy(1)).await.unwrap();
    assert_eq!((result.retcode, result.request_id), (Retcode::DONE, 1));
    assert!((before..=world.env.clock.wall_ns()).contains(&result.order_send_ns));
    let mut kinds = Vec::new();
    let account = loop {
        match events.recv().await.unwrap() {
            LinkEvent::Transaction(transaction) => kinds.push(transaction.kind),
            LinkEvent::Account(account) if kinds.len() == 5 => break account,
            _ => {}
        }
    };
    assert_eq!(kinds[1..4], [TransactionKind::DealAdd, TransactionKind::OrderDelete, TransactionKind::HistoryAdd]);
    assert_eq!((kinds[0], kinds[4]), (TransactionKind::OrderAdd, TransactionKind::Request));
    assert_eq!(account.positions[0].ticket.0, result.order.0);
    let found = world.link.lookup(1_001, LIMIT).await.unwrap();
    assert_eq!(found.own_deals().map(|deal| deal.ticket).collect::<Vec<_>>(), [result.deal]);
    assert_eq!(found.orders[0].comment, "0000000000001");
    assert!(world.link.lookup(9, LIMIT).await.unwrap().orders.is_empty());
}

#[tokio::test]
async fn a_request_that_comes_twice_is_executed_once() {
    let world = world().await;
    let terminal = world.start(world.settings(feed(500))).await;
    let _feed = world.standing().await;
    let first = world.order(buy(1)).await.unwrap();
    assert_eq!(world.order(buy(1)).await.unwrap(), first);
    assert_eq!(terminal.account().positions.len(), 1);
}

#[tokio::test]
async fn a_switched_off_button_closes_the_gate_at_once() {
    let world = world().await;
    let terminal = world.start(world.settings(feed(500))).await;
    let _feed = world.standing().await;
    let off = Permissions { terminal_trade_allowed: false, ..Permissions::ALL };
    terminal.set_permissions(off);
    let mut info = world.link.terminal_info();
    info.wait_for(|info| info.is_some_and(|info| info.permissions == off)).await.unwrap();
    assert_eq!(world.order(buy(1)).await.unwrap().retcode, Retcode::CLIENT_DISABLES_AT);
}

/// Every order has this fate: what the caller hears, and how many deals there are in the end.
async fn check_fault(faults: FaultPlan, deals: usize) {
    let world = world().await;
    let _terminal = world.start(SimSettings { faults, ..world.settings(feed(500)) }).await;
    let _feed = world.standing().await;
    let mut events = world.link.events();
    let sent = world.link.order(buy(1), Duration::from_millis(300)).await;
    assert!(matches!(sent, Err(OrderLinkError::Unknown(_))), "{faults:?}: {sent:?}");
    if faults.late_reply > 0 {
        loop {
            if let LinkEvent::LateResult(result) = events.recv().await.unwrap() {
                assert_eq!((result.request_id, result.retcode), (1, Retcode::DONE));
                break;
            }
        }
    }
    world.ready().await;
    let found = world.link.lookup(1_001, LIMIT).await.unwrap();
    assert_eq!(found.own_deals().count(), deals, "{faults:?}");
}

#[tokio::test]
async fn an_unclear_outcome_is_cleared_by_looking() {
    let none = FaultPlan { late_by: Duration::from_millis(500), ..FaultPlan::default() };
    check_fault(FaultPlan { lost_reply: 1_000, ..none }, 1).await;
    check_fault(FaultPlan { late_reply: 1_000, ..none }, 1).await;
    check_fault(FaultPlan { drop_before_send: 1_000, ..none }, 0).await;
    check_fault(FaultPlan { drop_after_send: 1_000, ..none }, 1).await;
}

#[test]
fn faults_depend_on_seed_and_request_alone() {
    let plan =
        FaultPlan { lost_reply: 100, late_reply: 100, drop_before_send: 50, drop_after_send: 50, ..Default::default() };
    let fates = |seed| (1..2_000).map(|id| plan.draw(seed, id)).collect::<Vec<_>>();
    assert_eq!(fates(1), fates(1));
    assert_ne!(fates(1), fates(2));
    let struck = fates(1).iter().filter(|fault| **fault != faults::Fault::None).count();
    assert!((500..700).contains(&struck), "{struck} of 2,000 at 300 in 1,000");
    assert!((1..2_000).all(|id| FaultPlan::default().draw(1, id) == faults::Fault::None));
}

#[tokio::test]
async fn a_restarted_client_finds_its_orders_by_magic() {
    let world = world().await;
    let terminal = world.start(world.settings(feed(500))).await;
    let _feed = world.standing().await;
    let result = world.order(buy(1)).await.unwrap();
    drop(terminal);
    world.link.status().wait_for(|status| status.phase == LinkPhase::Lost).await.unwrap();
    world.fs.crash(&SeededRng::new(3));
    let terminal = world.start(world.settings(feed(500))).await;
    assert_eq!(terminal.account().positions.len(), 1, "answered means: survives a power cut");
    let found = world.link.lookup(1_001, LIMIT).await.unwrap();
    assert_eq!(found.deals[0].ticket, result.deal);
    assert_eq!(world.order(buy(1)).await.unwrap(), result, "the first answer, not a second execution");
    terminal.stop().await;
    let rows = read_history(&world.env, Path::new(BOOKS)).unwrap();
    assert_eq!(executions_per_magic(&rows).into_iter().collect::<Vec<_>>(), [(1_001, 1)]);
}

#[tokio::test]
async fn the_market_does_not_go_back_behind_a_deal() {
    let world = world().await;
    let feeds = feed(2_000);
    let terminal = world.start(world.settings(feeds.clone())).await;
    let feed = world.standing().await;
    let result = world.order(buy(1)).await.unwrap();
    drop(feed);
    terminal.stop().await;
    world.link.status().wait_for(|status| status.phase == LinkPhase::Lost).await.unwrap();
    let _terminal = world.start(world.settings(feeds)).await;
    let mut feed = world.link.subscribe(symbol(), TickFrom::default(), FeedMode::LockStep).await.unwrap();
    assert!(
        matches!(feed.recv().await, Some(FeedEvent::Ticks { .. })),
        "history is sent again from where it was asked for"
    );
    let again = world.order(buy(2)).await.unwrap();
    assert!(again.market_time >= result.market_time);
}

#[tokio::test]
async fn books_have_one_user_and_one_owner() {
    let world = world().await;
    let terminal = world.start(world.settings(Vec::new())).await;
    let second = SimTerminal::start(world.env.clone(), world.settings(Vec::new())).await;
    assert!(matches!(second, Err(TerminalError::Locked(_))));
    assert!(matches!(read_history(&world.env, Path::new(BOOKS)), Err(TerminalError::Locked(_))));
    terminal.stop().await;
    let other = SimSettings { account: AccountId(8), ..world.settings(Vec::new()) };
    let refused = SimTerminal::start(world.env.clone(), other).await;
    assert!(matches!(refused, Err(TerminalError::OtherAccount { found: 7, .. })));
    assert!(read_history(&world.env, Path::new("/nowhere")).unwrap().is_empty());
}

#[tokio::test]
async fn contradictory_settings_are_refused_before_anything_is_opened() {
    let world = world().await;
    let instant = SymbolSpec { execution: aitrading_model::ExecutionMode::Instant, ..eurusd() };
    let base = || world.settings(feed(1));
    for (settings, code) in [
        (SimSettings { specs: Vec::new(), ..base() }, "TERMINAL_NO_SPEC"),
        (SimSettings { specs: vec![instant], ..base() }, "TERMINAL_EXECUTION"),
        (SimSettings { specs: vec![eurusd(), eurusd()], ..base() }, "TERMINAL_SYMBOL_TWICE"),
        (SimSettings { feeds: [feed(1), feed(1)].concat(), ..base() }, "TERMINAL_SYMBOL_TWICE"),
        (SimSettings { batch: 257, ..base() }, "TERMINAL_SETTINGS"),
        (SimSettings { leverage: 0, ..base() }, "TERMINAL_SETTINGS"),
    ] {
        let error = SimTerminal::start(world.env.clone(), settings).await.unwrap_err();
        assert_eq!(aitrading_error::Coded::dna(&error).code, code);
    }
    assert!(world.fs.metadata_exists(BOOKS).is_none());
}

/// Asks whether a path exists.
trait Exists {
    fn metadata_exists(&self, path: &str) -> Option<aitrading_env::Meta>;
}

impl Exists for MemFs {
    fn metadata_exists(&self, path: &str) -> Option<aitrading_env::Meta> {
        aitrading_env::Fs::metadata(self, Path::new(path)).unwrap()
    }
}

fn stretch(from: i64, to: i64) -> Stretch {
    Stretch { symbol: symbol(), from: MarketTime(from), to: MarketTime(to) }
}

async fn past(world: &World, from: i64, to: i64) -> Result<Vec<i64>, HistoryFault> {
    let ticks = world.link.history(symbol(), (MarketTime(from), MarketTime(to)), LIMIT).await?;
    Ok(ticks.iter().map(|tick| tick.time.0).collect())
}

#[tokio::test]
async fn the_history_has_what_the_feed_missed_with_both_ends() {
    let world = world().await;
    let times = [10, 20, 20, 30, 40, 50];
    let tick_faults = TickFaults { missed: vec![stretch(20, 40)], ..TickFaults::default() };
    let terminal = world.start(SimSettings { tick_faults, ..world.settings(feed_at(&times)) }).await;
    assert_eq!(past(&world, 0, 100).await, Ok(vec![]), "nothing before the market has seen it");
    let (brought, total) = world.ticks(TickFrom::default(), FeedMode::Live).await;
    assert_eq!(brought.iter().map(|tick| tick.time.0).collect::<Vec<_>>(), [10, 40, 50]);
    assert_eq!(total, 6);
    assert_eq!(past(&world, 20, 40).await, Ok(vec![20, 20, 30, 40]), "both ends, and every tick of a millisecond");
    assert_eq!(past(&world, 21, 29).await, Ok(vec![]));
    terminal.stop().await;
}

#[tokio::test]
async fn a_rewritten_history_has_less_than_the_feed_brought() {
    let world = world().await;
    let tick_faults = TickFaults { rewritten: vec![stretch(30, 41)], ..TickFaults::default() };
    let terminal = world.start(SimSettings { tick_faults, ..world.settings(feed_at(&[10, 20, 30, 40])) }).await;
    assert_eq!(world.ticks(TickFrom::default(), FeedMode::Live).await.0.len(), 4);
    assert_eq!(past(&world, 0, 100).await, Ok(vec![10, 20]));
    let from = TickFrom { time: MarketTime(40), count: 1 };
    let mut feed = world.link.subscribe(symbol(), from, FeedMode::Live).await.unwrap();
    let rewritten = FeedEvent::Rewritten { time: MarketTime(40), wanted: 1, found: 0 };
    assert_eq!(feed.recv().await, Some(rewritten));
    terminal.stop().await;
}

#[tokio::test]
async fn a_terminal_that_is_loading_says_so_and_a_strange_symbol_is_refused() {
    let world = world().await;
    let tick_faults = TickFaults { loading: 2, ..TickFaults::default() };
    let terminal = world.start(SimSettings { tick_faults, ..world.settings(feed_at(&[10, 20, 30, 40])) }).await;
    world.ticks(TickFrom::default(), FeedMode::Live).await;
    for _ in 0..2 {
        assert_eq!(past(&world, 0, 100).await, Err(HistoryFault::Incomplete));
    }
    assert_eq!(past(&world, 0, 100).await, Ok(vec![10, 20, 30, 40]));
    let strange = world.link.history("NOSUCH".parse().unwrap(), (MarketTime(0), MarketTime(9)), LIMIT).await;
    assert_eq!(strange, Err(HistoryFault::Refused));
    terminal.stop().await;
    assert_eq!(past(&world, 0, 100).await, Err(HistoryFault::Unavailable));
}

#[tokio::test]
async fn a_whole_hour_of_history_comes_in_order_beside_lookups() {
    let world = world().await;
    let terminal = world.start(world.settings(feed(2_000))).await;
    let (brought, _) = world.ticks(TickFrom::default(), FeedMode::Live).await;
    let (first, last) = (brought[0].time, brought[1_999].time);
    let asked = world.link.history(symbol(), (first, last), LIMIT);
    let (asked, again, looked) = tokio::join!(asked, past(&world, 0, 1), world.link.lookup(9, LIMIT));
    assert_eq!(asked.unwrap(), brought);
    assert_eq!(again, Err(HistoryFault::Busy), "one at a time");
    looked.unwrap();
    terminal.stop().await;
}
