//! Ticks all the way, signals all the way, and both over restarts and cut connections.

use crate::{
    bridge::{Books, eventually},
    world::{ACCOUNT, DEVICE, TENANT, World, history},
};
use aitrading_metatrader_connector::ticks::TickHistory;
use aitrading_model::*;
use std::time::Duration;

fn symbol(name: &str) -> Symbol {
    name.parse().unwrap()
}

fn check_stored(books: &Books, name: &str, history: &TickHistory) {
    let stored: Vec<Tick> = books.stored[&symbol(name)].iter().map(|(_, _, tick)| *tick).collect();
    assert_eq!(stored.len(), history.ticks().len());
    assert!(stored == history.ticks(), "{name}: the same ticks in the same order");
}

async fn check_whole_way(lock_step: bool, single: bool, count: usize) {
    let mut world = World::new().await;
    world.settings.ticks.single = single;
    world.bridge.books.lock().unwrap().lock_step = lock_step;
    let histories = [("EURUSD", history("EURUSD", 1, count)), ("GBPJPY", history("GBPJPY", 2, count))];
    let connector = world.connector().await;
    let terminal = world.terminal(&connector, &histories).await;
    eventually(&world.env, "the feeds' end", || connector.status().feed_end).await;
    let status = connector.stop().await;
    terminal.stop().await;
    let books = world.bridge.books.lock().unwrap();
    for (name, history) in &histories {
        check_stored(&books, name, history);
        assert_eq!(books.feed_ends[&symbol(name)], count as u64);
    }
    let all = 2 * count as u64;
    assert_eq!((status.sent, status.acknowledged, status.last_error), (all, all, None));
    assert_eq!(status.latency_us.tick_to_ack.count, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tick_of_two_symbols_arrives_once_and_in_order() {
    check_whole_way(false, false, 30_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn single_tick_frames_carry_the_same() {
    check_whole_way(false, true, 3_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_lock_step_every_minute_waits_for_the_server_and_nothing_hangs() {
    check_whole_way(true, false, 5_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_is_resumed_and_costs_nothing() {
    let world = World::new().await;
    let histories = [("EURUSD", history("EURUSD", 3, 60_000))];
    world.bridge.books.lock().unwrap().cut_after = Some(40);
    let connector = world.connector().await;
    let terminal = world.terminal(&connector, &histories).await;
    eventually(&world.env, "the feed's end", || connector.status().feed_end).await;
    assert_eq!(connector.stop().await.acknowledged, 60_000);
    terminal.stop().await;
    let books = world.bridge.books.lock().unwrap();
    check_stored(&books, "EURUSD", &histories[0].1);
    assert_eq!((books.resumed, books.hellos), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_client_goes_on_at_the_servers_cursor_in_a_new_epoch() {
    let world = World::new().await;
    let whole = history("EURUSD", 4, 40_000);
    let first = TickHistory::new("part", whole.ticks()[..25_000].to_vec(), true).unwrap();
    let connector = world.connector().await;
    let terminal = world.terminal(&connector, &[("EURUSD", first)]).await;
    world.bridge.until("some ticks", |books| !books.stored.is_empty()).await;
    // In the middle, at no particular place.
    connector.stop().await;
    terminal.stop().await;
    let connector = world.connector().await;
    let terminal = world.terminal(&connector, &[("EURUSD", whole.clone())]).await;
    eventually(&world.env, "the feed's end", || connector.status().feed_end).await;
    assert_eq!(connector.stop().await.acknowledged, 40_000, "positions count the directory's whole life");
    terminal.stop().await;
    let books = world.bridge.books.lock().unwrap();
    check_stored(&books, "EURUSD", &whole);
    assert_eq!(books.stored[&symbol("EURUSD")].last().unwrap().0, Epoch(2));
}

fn open_signal(world: &World, seq: u64, market: Price) -> Signal {
    let now = Timestamp(world.env.clock.wall_ns());
    let mut id = [3; 16];
    id[..8].copy_from_slice(&(seq << 8).to_be_bytes());
    Signal {
        tenant: TENANT,
        account: ACCOUNT,
        device: DEVICE,
        fence: Fence(3),
        seq,
        id: SignalId(id),
        previous: SignalId([0; 16]),
        trace: TraceId([4; 16]),
        kind: SignalKind::Open,
        order_type: OrderType::Market,
        symbol: symbol("EURUSD"),
        side: Side::Buy,
        position: PositionTicket(0),
        lots_min: "0.10".parse().unwrap(),
        lots_max: "0.10".parse().unwrap(),
        price_min: Price::from_raw(market.raw() / 2),
        price_max: Price::from_raw(market.raw() * 2),
        deviation: 0,
        stop_loss: Price::ZERO,
        take_profit: Price::ZERO,
        issued_at: now,
        not_before: Timestamp(now.0 - 1_000_000_000),
        expires_at: now.plus(Duration::from_secs(60)),
        policy: PolicyHash([9; 32]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_is_executed_once_and_reported_whatever_is_sent_again() {
    let world = World::new().await;
    {
        // The feed stands at the first minute, so the market is open all the time.
        let mut books = world.bridge.books.lock().unwrap();
        (books.lock_step, books.hold) = (true, true);
    }
    let histories = [("EURUSD", history("EURUSD", 5, 2_000))];
    let connector = world.connector().await;
    let terminal = world.terminal(&connector, &histories).await;
    eventually(&world.env, "the session", || connector.status().sent > 0).await;
    let signal = open_signal(&world, 1, histories[0].1.ticks()[0].bid);
    world.bridge.signal(&signal, &world.bridge.signing).await;
    world.bridge.signal(&signal, &world.bridge.signing).await;
    world.bridge.until("a final report", |books| books.reports.iter().any(|r| r.state.is_final())).await;
    let report = world.bridge.books.lock().unwrap().reports[0].clone();
    assert_eq!((report.signal, report.trace, report.fence), (signal.id, signal.trace, Fence(3)));
    assert_eq!(report.state, ReportState::Executed, "{}", report.reason);
    assert_eq!((report.deals.len(), report.volume), (1, signal.lots_max));
    let t = report.times;
    assert!(t.received <= t.intent && t.intent <= t.order_send && t.order_send <= t.result, "{t:?}");
    assert_eq!(terminal.account().positions.len(), 1);
    connector.stop().await;
    // The next run is sent the signal again: its report is confirmed, so there is nothing to do and nothing to say.
    world.bridge.books.lock().unwrap().last_report_seq = 1;
    let connector = world.connector().await;
    terminal.stop().await;
    let terminal = world.terminal(&connector, &histories).await;
    eventually(&world.env, "the session", || connector.status().connected).await;
    world.bridge.signal(&signal, &world.bridge.signing).await;
    let next = Signal { lots_max: "5".parse().unwrap(), ..open_signal(&world, 2, Price::ONE) };
    world.bridge.signal(&next, &world.bridge.signing).await;
    world.bridge.until("the second report", |books| books.reports.len() >= 2).await;
    let reports = world.bridge.books.lock().unwrap().reports.clone();
    assert_eq!((reports.len(), reports[1].seq, reports[1].signal), (2, 2, next.id));
    assert_eq!((reports[1].state, reports[1].reason.as_str()), (ReportState::Refused, "OWN_LOT_LIMIT"));
    assert_eq!(terminal.account().positions.len(), 1);
    connector.stop().await;
    terminal.stop().await;
}
