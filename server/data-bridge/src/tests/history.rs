//! What the feed missed, asked for over the real channel: a client that answers from a history of its own.

use super::{
    sessions::{Client, connect, table},
    *,
};
use crate::tick::HistoryRecord;
use aitrading_channel::{Event, Resume, StreamId};
use aitrading_env::sim::SeededRng;
use aitrading_model::{DayCheck, DayHours, Gap, GapKind, GapState, HistoryFault, Timeframe};
use aitrading_wire::{
    limits::TICKS_PER_BATCH_MAX,
    link::{History, Wanted, stream},
};

const HISTORY: StreamId = StreamId(stream::HISTORY);
const TICKS: StreamId = StreamId(stream::TICKS);
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn quote(ms: i64, points: i64) -> Tick {
    let price = |points: i64| Price::from_raw((132_000 + points) * 100_000);
    Tick { time: MarketTime(MONDAY + ms), bid: price(points % 100), ask: price(points % 100 + 10), ..tick(1) }
}

/// A quote every `step` ms for `span` ms.
fn quotes(step: i64, span: i64) -> Vec<Tick> {
    (0..span / step).map(|n| quote(n * step, n)).collect()
}

fn within(tick: &Tick, from: i64, to: i64) -> bool {
    (from..to).contains(&(tick.time.0 - MONDAY))
}

fn without(ticks: &[Tick], from: i64, to: i64) -> Vec<Tick> {
    ticks.iter().filter(|tick| !within(tick, from, to)).copied().collect()
}

fn asking() -> World {
    let mut world = World::new();
    (world.raw.backfill_interval_ms, world.raw.backfill_retry_ms, world.raw.backfill_attempts) = (5, 1, 3);
    world
}

async fn welcomed(world: &World, bridge: &Bridge) -> Client {
    let mut client = connect(world, bridge, &table(), &Resume::new(&world.env)).await;
    client.welcomed().await;
    client
}

/// Streams ticks as a feed does, behind what was streamed before.
async fn stream_all(client: &mut Client, first_seq: u64, ticks: &[Tick]) {
    let (mut next, mut frame) = (first_seq, 0);
    for part in ticks.chunks(TICKS_PER_BATCH_MAX) {
        let batch = TickBatch { first_seq: next, ticks: part.to_vec(), ..batch(1..2) };
        frame = client.send_ticks(&batch).await;
        next += part.len() as u64;
    }
    client.acked(TICKS, frame).await;
}

struct Question {
    id: u64,
    wanted: Wanted,
    from: MarketTime,
    to: MarketTime,
}

async fn question(client: &mut Client) -> Question {
    loop {
        match client.next().await {
            Event::Frame { stream: HISTORY, kind, body, seq } => {
                client.session.sender.ack(HISTORY, seq);
                let History::Ask { id, symbol, wanted, from, to, .. } = History::decode(kind, &body).unwrap() else {
                    panic!("not a question");
                };
                assert_eq!(symbol, source().symbol);
                return Question { id, wanted, from, to };
            }
            Event::Closed { reason } => panic!("closed: {reason}"),
            _ => {}
        }
    }
}

async fn say(client: &Client, message: &History) -> u64 {
    client.session.sender.send(HISTORY, message.kind(), message.encode().into()).await.unwrap()
}

/// Answers as a good client does; returns the last frame's number.
async fn answer(client: &Client, asked: &Question, history: &[Tick]) -> u64 {
    let inside: Vec<Tick> = history.iter().filter(|t| asked.from <= t.time && t.time < asked.to).copied().collect();
    let id = asked.id;
    match asked.wanted {
        Wanted::Ticks => {
            for part in inside.chunks(TICKS_PER_BATCH_MAX) {
                say(client, &History::Ticks { id, ticks: part.to_vec() }).await;
            }
            say(client, &History::End { id, total: inside.len() as u64 }).await
        }
        Wanted::Sums => {
            let mut hours = Box::new(DayHours::default());
            for tick in &inside {
                let hour = usize::try_from(tick.time.since_ms(asked.from) / HOUR).unwrap();
                hours[hour].add(tick);
            }
            say(client, &History::Sums { id, hours }).await
        }
    }
}

/// Answers everything until `done`.
async fn serve(world: &World, client: &mut Client, history: &[Tick], done: impl Fn() -> bool) {
    let limit = std::time::Duration::from_secs(20);
    let serving = async {
        while !done() {
            let pause = world.env.clock.sleep(std::time::Duration::from_millis(20));
            tokio::select! {
                asked = question(client) => drop(answer(client, &asked, history).await),
                () = pause => {}
            }
        }
    };
    world.env.timeout(limit, serving).await.expect("the bridge asked for what it misses");
}

fn settled(bridge: &Bridge, n: u64) -> bool {
    use std::sync::atomic::Ordering;
    bridge.core().gaps.totals.settled.load(Ordering::Relaxed) >= n
}

fn days(bridge: &Bridge) -> u64 {
    use std::sync::atomic::Ordering;
    bridge.core().gaps.totals.days.load(Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_feed_missed_is_asked_for_and_comes_into_its_place() {
    let world = asking();
    let bridge = world.open().await;
    let history = quotes(1_000, 3 * HOUR);
    let live = without(&history, 30 * MINUTE, HOUR + 10 * MINUTE);
    let mut client = welcomed(&world, &bridge).await;
    stream_all(&mut client, 1, &live).await;
    serve(&world, &mut client, &history, || settled(&bridge, 1)).await;
    let cursor = bridge.source(&source()).unwrap().cursor;
    assert_eq!(cursor.time, history.last().unwrap().time, "the cursor stays");
    bridge.flush().await.unwrap();
    assert_eq!(world.stored().await, history);
    let gaps = world.store.gaps(source()).await.unwrap();
    let told: Vec<_> = gaps.iter().map(|record| (record.gap.kind, record.added, record.state)).collect();
    assert_eq!(told, [(GapKind::Silence, 2_400, GapState::Settled)]);
    let (from, to) = (MarketTime(MONDAY), MarketTime(MONDAY + 2 * HOUR));
    let minutes = world.store.bars(source(), Timeframe::M1, from, to, 1_000).await.unwrap();
    assert_eq!(minutes.len(), 120, "bars where there were none");
    assert!(minutes.iter().all(|bar| bar.ticks == 60));
    let hours = world.store.bars(source(), Timeframe::H1, from, to, 10).await.unwrap();
    assert!(hours.iter().all(|bar| bar.ticks == 3_600), "and the bars around the hole are made anew: {hours:?}");
    let fed: Vec<Tick> = world.notes.fed.lock().unwrap().iter().flat_map(|fed| fed.ticks.to_vec()).collect();
    assert_eq!(fed, live, "nobody decides on ticks that came late");
    let shown = bridge.parts().into_iter().find(|part| part.name == "gaps").unwrap();
    assert!(format!("{shown:?}").contains("0 open; since the start 1 settled with 2400 ticks added"), "{shown:?}");
    client.leave().await;
    bridge.shutdown().await.unwrap();
    assert_eq!(world.store.counts(SEAT.tenant).await.unwrap().stored, history.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_that_the_terminal_confirms_is_not_asked_for_again() {
    let world = asking();
    let bridge = world.open().await;
    let quiet = without(&quotes(1_000, 2 * HOUR), 10 * MINUTE, 20 * MINUTE);
    let mut client = welcomed(&world, &bridge).await;
    stream_all(&mut client, 1, &quiet).await;
    serve(&world, &mut client, &quiet, || settled(&bridge, 1)).await;
    client.leave().await;
    bridge.shutdown().await.unwrap();
    let gaps = world.store.gaps(source()).await.unwrap();
    assert_eq!((gaps.len(), gaps[0].added, gaps[0].state), (1, 0, GapState::Settled));
    // The next life reads it from the store, and has nothing to ask.
    let bridge = world.open().await;
    let mut client = welcomed(&world, &bridge).await;
    assert_eq!(client.cursor().await.seq, quiet.len() as u64);
    let asked = world.env.timeout(std::time::Duration::from_millis(200), question(&mut client)).await;
    assert!(asked.is_err(), "it asks again");
    client.leave().await;
    bridge.shutdown().await.unwrap();
}

/// Between the acknowledgement and the tick store the power fails.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_of_an_answer_survives_a_power_cut() {
    let mut world = asking();
    // Nothing goes into the store unless it is asked to.
    world.raw.drain_interval_ms = 3_600_000;
    let history = quotes(1_000, 2 * HOUR);
    let bridge = world.open().await;
    let mut client = welcomed(&world, &bridge).await;
    stream_all(&mut client, 1, &without(&history, 20 * MINUTE, 30 * MINUTE)).await;
    let flushing = async {
        loop {
            bridge.flush().await.unwrap();
            world.env.clock.sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let asked = tokio::select! {
        asked = question(&mut client) => asked,
        () = flushing => unreachable!("it never ends"),
    };
    let frame = answer(&client, &asked, &history).await;
    client.acked(HISTORY, frame).await;
    assert_eq!(world.stored().await.len(), history.len() - 600, "the store has nothing of it yet");
    // Neither good-bye nor hand-over: the process is gone.
    drop((client, bridge));
    world.fs.crash(&SeededRng::new(7));
    world.raw.drain_interval_ms = 1;
    let bridge = world.open().await;
    bridge.flush().await.unwrap();
    assert_eq!(world.stored().await, history);
    let gaps = world.store.gaps(source()).await.unwrap();
    assert_eq!((gaps[0].added, gaps[0].state), (600, GapState::Settled));
    bridge.shutdown().await.unwrap();
}

/// The state of the source's holes once `done` holds.
async fn states(world: &World, done: impl Fn(&[GapState]) -> bool) -> Vec<GapState> {
    let mut states = Vec::new();
    for _ in 0..1_000 {
        states = world.store.gaps(source()).await.unwrap().iter().map(|record| record.state).collect();
        if done(&states) {
            break;
        }
        world.env.clock.sleep(std::time::Duration::from_millis(5)).await;
    }
    states
}

fn damaged(from: i64, to: i64) -> Option<(Source, MarketTime, MarketTime)> {
    Some((source(), MarketTime(MONDAY + from), MarketTime(MONDAY + to)))
}

const DAMAGED: GapState = GapState::GivenUp { attempts: 0, fault: HistoryFault::Damaged };

/// Three hours with a hole over the end of the first one, whose stored ticks are damaged.
#[tokio::test(flavor = "multi_thread")]
async fn damage_around_a_hole_gives_it_up_and_stops_nothing_else() {
    let world = asking();
    let bridge = world.open().await;
    let history = quotes(1_000, 3 * HOUR);
    let live = without(&history, 30 * MINUTE, HOUR + 10 * MINUTE);
    let mut client = welcomed(&world, &bridge).await;
    world.store.set_damaged(damaged(0, HOUR));
    stream_all(&mut client, 1, &live).await;
    serve(&world, &mut client, &history, || settled(&bridge, 1)).await;
    let found = states(&world, |states| states == [DAMAGED]).await;
    assert_eq!(found, [DAMAGED], "a later part that found its place does not make it whole");
    // Another source's ticks, and this one's, are taken as ever.
    let other = Source { symbol: "EURUSD".parse().unwrap(), ..source() };
    bridge.ingest().ingest(TickBatch { source: other, ..batch(1..50) }).await.unwrap();
    bridge.flush().await.unwrap();
    assert_eq!(world.store.range(other, MarketTime(0), MarketTime(i64::MAX), 99).await.unwrap().len(), 49);
    let drain = bridge.parts().into_iter().find(|part| part.name == "drain").unwrap();
    assert!(format!("{drain:?}").contains("0 bytes behind, 0 failed tries"), "{drain:?}");
    client.leave().await;
    bridge.shutdown().await.unwrap();
    world.store.set_damaged(None);
    assert_eq!(world.stored().await, without(&history, 30 * MINUTE, HOUR), "the whole hour beside it is filled");
    let bridge = world.open().await;
    assert_eq!(bridge.source(&source()).unwrap().cursor.time, history.last().unwrap().time);
    bridge.shutdown().await.unwrap();
}

/// What the drain knows of the hole's first part is gone with the process; the store still knows it.
#[tokio::test(flavor = "multi_thread")]
async fn a_hole_that_was_given_up_in_part_stays_so_over_a_restart() {
    let world = asking();
    let history = quotes(1_000, 3 * HOUR);
    let gap = Gap {
        source: source(),
        from: MarketTime(MONDAY + 30 * MINUTE - 1_000),
        to: MarketTime(MONDAY + HOUR + 10 * MINUTE),
        kind: GapKind::Silence,
    };
    let piece = |from: i64, to: i64, state| {
        let span = (MarketTime(MONDAY + from), MarketTime(MONDAY + to));
        let ticks = history.iter().filter(|tick| within(tick, from, to)).take(200).copied().collect();
        let record = HistoryRecord::new(TraceId([1; 16]), source(), Timestamp(7));
        HistoryRecord { span, ticks, change: Some((gap, state)), ..record }.encode()
    };
    let bridge = world.open().await;
    let mut client = welcomed(&world, &bridge).await;
    stream_all(&mut client, 1, &without(&history, 30 * MINUTE, HOUR + 10 * MINUTE)).await;
    client.leave().await;
    world.store.set_damaged(damaged(0, HOUR));
    let (first, last) =
        (piece(30 * MINUTE - 1_000, HOUR, GapState::Open), piece(HOUR, HOUR + 10 * MINUTE, GapState::Settled));
    bridge.core().ingest.journal.append(first.clone()).await.unwrap();
    bridge.flush().await.unwrap();
    bridge.shutdown().await.unwrap();
    assert_eq!(states(&world, |_| true).await, [DAMAGED]);
    world.store.set_damaged(None);

    let bridge = world.open().await;
    bridge.core().ingest.journal.append(last.clone()).await.unwrap();
    bridge.flush().await.unwrap();
    assert_eq!(states(&world, |_| true).await, [DAMAGED]);
    // Told anew from its beginning it is whole.
    for record in [first, last] {
        bridge.core().ingest.journal.append(record).await.unwrap();
    }
    bridge.flush().await.unwrap();
    assert_eq!(states(&world, |_| true).await, [GapState::Settled]);
    bridge.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_whose_stored_ticks_are_damaged_is_not_counted_and_the_next_one_is() {
    let world = asking();
    let bridge = world.open().await;
    let history = quotes(MINUTE, 49 * HOUR);
    world.store.set_damaged(damaged(0, 24 * HOUR));
    let mut client = welcomed(&world, &bridge).await;
    stream_all(&mut client, 1, &history).await;
    serve(&world, &mut client, &history, || days(&bridge) == 1).await;
    client.leave().await;
    bridge.shutdown().await.unwrap();
    let found = world.store.latest_days(source(), 9).await.unwrap();
    let told: Vec<_> = found.iter().map(|day| (*day == DayCheck::not_counted(day.day), day.is_equal())).collect();
    assert_eq!(told, [(true, false), (false, true)], "{found:?}");
}

/// A piece that is told twice, by two sessions or after a crash, is stored once.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_is_asked_for_again_and_adds_nothing_twice() {
    let world = asking();
    let bridge = world.open().await;
    let history = quotes(1_000, 2 * HOUR);
    let mut client = welcomed(&world, &bridge).await;
    stream_all(&mut client, 1, &without(&history, 20 * MINUTE, 40 * MINUTE)).await;
    let asked = question(&mut client).await;
    let inside: Vec<Tick> = history.iter().filter(|t| asked.from <= t.time && t.time < asked.to).copied().collect();
    for part in inside.chunks(TICKS_PER_BATCH_MAX).take(3) {
        say(&client, &History::Ticks { id: asked.id, ticks: part.to_vec() }).await;
    }
    // The first frame is whole with the second piece.
    client.acked(HISTORY, 1).await;
    client.leave().await;
    let mut client = welcomed(&world, &bridge).await;
    client.cursor().await;
    serve(&world, &mut client, &history, || settled(&bridge, 1)).await;
    client.leave().await;
    bridge.shutdown().await.unwrap();
    assert_eq!(world.stored().await, history);
    assert_eq!(world.store.gaps(source()).await.unwrap()[0].added, 1_200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_without_history_is_asked_a_few_times_and_then_no_more() {
    let world = asking();
    let bridge = world.open().await;
    let mut client = welcomed(&world, &bridge).await;
    stream_all(&mut client, 1, &without(&quotes(1_000, 2 * HOUR), 10 * MINUTE, 20 * MINUTE)).await;
    for _ in 0..3 {
        let asked = question(&mut client).await;
        say(&client, &History::Failed { id: asked.id, fault: HistoryFault::Incomplete }).await;
    }
    let given_up = GapState::GivenUp { attempts: 3, fault: HistoryFault::Incomplete };
    for _ in 0..1_000 {
        let gaps = world.store.gaps(source()).await.unwrap();
        if gaps.first().is_some_and(|record| record.state == given_up) {
            break;
        }
        world.env.clock.sleep(std::time::Duration::from_millis(5)).await;
    }
    let gaps = world.store.gaps(source()).await.unwrap();
    assert_eq!(gaps.iter().map(|record| record.state).collect::<Vec<_>>(), [given_up]);
    client.leave().await;
    bridge.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_is_over_is_counted_and_what_it_lacks_is_fetched() {
    let world = asking();
    let bridge = world.open().await;
    // One a minute for a day and an hour; one of two in the same millisecond is missed, which no silence shows.
    let mut history = quotes(MINUTE, 25 * HOUR);
    let place = 5 * 60 + 30;
    history.insert(place + 1, Tick { flags: TickFlags::ASK, ..history[place] });
    let missed = history[place + 1];
    let crossed = Tick { ask: Price::from_raw(1), ..quote(5 * HOUR + 45 * MINUTE + 1, 3) };
    history.insert(history.partition_point(|tick| tick.time < crossed.time), crossed);
    let live: Vec<Tick> = history.iter().filter(|tick| **tick != missed).copied().collect();
    let mut client = welcomed(&world, &bridge).await;
    stream_all(&mut client, 1, &live).await;
    serve(&world, &mut client, &history, || days(&bridge) == 1).await;
    client.leave().await;
    bridge.shutdown().await.unwrap();
    let kept: Vec<Tick> = history.iter().filter(|tick| **tick != crossed).copied().collect();
    assert_eq!(world.stored().await, kept);
    let found = world.store.latest_days(source(), 9).await.unwrap();
    let [day] = found.as_slice() else { panic!("{found:?}") };
    let in_day = kept.iter().filter(|tick| tick.time.day() == day.day).count() as u64;
    assert_eq!(
        (day.terminal, day.stored, day.refused, day.hours),
        (in_day, in_day, 1, 0),
        "no alarm for the refused one"
    );
    let gaps = world.store.gaps(source()).await.unwrap();
    let told: Vec<_> = gaps.iter().map(|record| (record.gap.kind, record.gap.from, record.added)).collect();
    assert_eq!(told, [(GapKind::Difference, MarketTime(MONDAY + 5 * HOUR), 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_stays_different_is_told_and_the_next_one_is_counted() {
    let world = asking();
    let bridge = world.open().await;
    let live = quotes(MINUTE, 49 * HOUR);
    // The terminal's server took a tick back: nothing is missing here, and nothing is ever removed.
    let history = without(&live, 3 * HOUR, 3 * HOUR + 1);
    let mut client = welcomed(&world, &bridge).await;
    stream_all(&mut client, 1, &live).await;
    serve(&world, &mut client, &history, || days(&bridge) == 2).await;
    client.leave().await;
    bridge.shutdown().await.unwrap();
    assert_eq!(world.stored().await, live);
    let found: Vec<_> = world.store.latest_days(source(), 9).await.unwrap();
    assert_eq!(found.iter().map(|day| day.hours).collect::<Vec<_>>(), [1 << 3, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewritten_history_is_a_hole_of_its_hour() {
    let world = asking();
    let bridge = world.open().await;
    let live = quotes(1_000, HOUR + 30 * MINUTE);
    let mut history = live.clone();
    history.insert(4_000, Tick { flags: TickFlags::ASK, ..live[3_999] });
    let mut client = welcomed(&world, &bridge).await;
    stream_all(&mut client, 1, &live).await;
    let time = live.last().unwrap().time;
    say(&client, &History::Rewritten { symbol: source().symbol, time }).await;
    let more: Vec<Tick> = quotes(1_000, 2 * HOUR + MINUTE).split_off(live.len());
    stream_all(&mut client, live.len() as u64 + 1, &more).await;
    history.extend(&more);
    serve(&world, &mut client, &history, || settled(&bridge, 1)).await;
    client.leave().await;
    bridge.shutdown().await.unwrap();
    let gaps = world.store.gaps(source()).await.unwrap();
    let told: Vec<_> = gaps.iter().map(|record| (record.gap.kind, record.gap.from, record.gap.to)).collect();
    assert_eq!(told, [(GapKind::Discontinuity, MarketTime(MONDAY + HOUR), time)]);
    assert_eq!(world.stored().await, history);
}

/// The client is asked for the hole from 10 to 20 past midnight, and misbehaves.
async fn check_liar(lie: impl AsyncFnOnce(&Client, u64)) {
    let world = asking();
    let bridge = world.open().await;
    let live = without(&quotes(1_000, 2 * HOUR), 10 * MINUTE, 20 * MINUTE);
    let mut client = welcomed(&world, &bridge).await;
    stream_all(&mut client, 1, &live).await;
    let asked = question(&mut client).await;
    lie(&client, asked.id).await;
    assert_eq!(client.refused().await, ["BRIDGE_PROTOCOL"]);
    client.server.join().await.unwrap();
    bridge.shutdown().await.unwrap();
    assert_eq!(world.stored().await, live, "nothing of it is stored");
    let gaps = world.store.gaps(source()).await.unwrap();
    assert_eq!(gaps.iter().map(|record| record.state).collect::<Vec<_>>(), [GapState::Open]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_lies_about_its_history_is_sent_away() {
    let ticks = |id, times: &[i64]| {
        let ticks = times.iter().map(|minute| quote(minute * MINUTE, 1)).collect();
        History::Ticks { id, ticks }
    };
    check_liar(async |client: &Client, id| _ = say(client, &ticks(id, &[21])).await).await;
    check_liar(async |client: &Client, id| _ = say(client, &ticks(id, &[3])).await).await;
    check_liar(async |client: &Client, id| _ = say(client, &ticks(id, &[12, 11])).await).await;
    check_liar(async |client: &Client, id| {
        say(client, &ticks(id, &[11, 12])).await;
        say(client, &History::End { id, total: 3 }).await;
    })
    .await;
    check_liar(async |client: &Client, id| _ = say(client, &ticks(id + 1, &[11])).await).await;
    check_liar(async |client: &Client, _| _ = say(client, &ticks(0, &[11])).await).await;
    check_liar(async |client: &Client, id| _ = say(client, &History::Sums { id, hours: Box::default() }).await).await;
    check_liar(async |client: &Client, _| {
        let symbol = source().symbol;
        say(client, &History::Rewritten { symbol, time: MarketTime(MONDAY + 3 * HOUR) }).await;
    })
    .await;
    check_liar(async |client: &Client, id| {
        let (symbol, from, to) = (source().symbol, MarketTime(0), MarketTime(1));
        say(client, &History::Ask { id, symbol, wanted: Wanted::Ticks, from, to, expires_ms: 1 }).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_is_acknowledged_and_forgotten() {
    let mut world = asking();
    world.raw.history_timeout_ms = 50;
    let bridge = world.open().await;
    let history = quotes(1_000, 2 * HOUR);
    let mut client = welcomed(&world, &bridge).await;
    stream_all(&mut client, 1, &without(&history, 10 * MINUTE, 20 * MINUTE)).await;
    let first = question(&mut client).await;
    // The next question says that the first one is over.
    let second = question(&mut client).await;
    assert!(second.id > first.id);
    say(&client, &History::Ticks { id: first.id, ticks: vec![quote(11 * MINUTE, 77)] }).await;
    let frame = answer(&client, &second, &history).await;
    client.acked(HISTORY, frame).await;
    client.leave().await;
    bridge.shutdown().await.unwrap();
    assert_eq!(world.stored().await, history);
}

/// A weekend is quiet for everybody.
#[tokio::test(flavor = "multi_thread")]
async fn a_weekend_is_no_hole() {
    let world = asking();
    let bridge = world.open().await;
    let friday = 4 * 24 * HOUR;
    let live: Vec<Tick> = (0..120)
        .map(|n| quote(friday + 20 * HOUR + n * 30_000, n))
        .chain((0..240).map(|n| quote(friday + 72 * HOUR + n * 30_000, n)))
        .collect();
    let mut client = welcomed(&world, &bridge).await;
    stream_all(&mut client, 1, &live).await;
    serve(&world, &mut client, &live, || days(&bridge) == 3).await;
    client.leave().await;
    bridge.shutdown().await.unwrap();
    assert_eq!(world.store.gaps(source()).await.unwrap(), []);
    let days = world.store.latest_days(source(), 9).await.unwrap();
    assert!(days.iter().all(|day| day.is_equal()), "Friday and two empty days: {days:?}");
}
