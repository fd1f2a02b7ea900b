//! Questions about the terminal's past, from the server over the channel to the terminal and back.

use crate::{
    bridge::eventually,
    world::{World, history},
};
use aitrading_metatrader_connector::terminal::{Stretch, TickFaults};
use aitrading_model::*;
use aitrading_wire::link::{History, Wanted};

const HOUR: i64 = 3_600_000;

fn symbol() -> Symbol {
    "EURUSD".parse().unwrap()
}

fn ask(id: u64, wanted: Wanted, from: MarketTime, span: i64) -> History {
    let to = MarketTime(from.0 + span);
    History::Ask { id, symbol: symbol(), wanted, from, to, expires_ms: 20_000 }
}

/// The ticks of an answer and its count, or the fault.
fn told(said: &[History], of: u64) -> Option<Result<(Vec<Tick>, u64), HistoryFault>> {
    let mut ticks = Vec::new();
    for message in said {
        match message {
            History::Ticks { id, ticks: part } if *id == of => ticks.extend(part),
            History::End { id, total } if *id == of => return Some(Ok((ticks, *total))),
            History::Failed { id, fault } if *id == of => return Some(Err(*fault)),
            _ => {}
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_gets_every_tick_of_an_hour_and_the_sums_of_a_day() {
    let world = World::new().await;
    let whole = history("EURUSD", 6, 5_000);
    let start = Timeframe::H1.start_of(whole.ticks()[0].time);
    let missed = Stretch { symbol: symbol(), from: MarketTime(start.0 + HOUR / 4), to: MarketTime(start.0 + HOUR / 2) };
    let connector = world.connector().await;
    let tick_faults = TickFaults { missed: vec![missed], loading: 1, ..TickFaults::default() };
    let terminal = world.faulty_terminal(&connector, &[("EURUSD", whole.clone())], tick_faults).await;
    eventually(&world.env, "the feed's end", || connector.status().feed_end).await;
    let streamed = world.bridge.books.lock().unwrap().stored[&symbol()].len();
    let inside = |tick: &&Tick| start <= tick.time && tick.time.since_ms(start) < HOUR;
    let hour: Vec<Tick> = whole.ticks().iter().filter(inside).copied().collect();
    assert!(streamed < whole.ticks().len() && hour.len() > 256);
    for id in 1..=2 {
        world.bridge.ask(&ask(id, Wanted::Ticks, start, HOUR)).await;
        world.bridge.until("an answer", |books| told(&books.history, id).is_some()).await;
    }
    let said = world.bridge.books.lock().unwrap().history.clone();
    assert_eq!(told(&said, 1), Some(Err(HistoryFault::Incomplete)), "a terminal that is loading");
    assert_eq!(told(&said, 2), Some(Ok((hour.clone(), hour.len() as u64))));
    let day = MarketTime(start.day() * 24 * HOUR);
    world.bridge.ask(&ask(3, Wanted::Sums, day, 24 * HOUR)).await;
    let is_sums = |said: &History| matches!(said, History::Sums { id: 3, .. });
    world.bridge.until("the sums", |books| books.history.iter().any(is_sums)).await;
    let said = world.bridge.books.lock().unwrap().history.clone();
    let Some(History::Sums { hours, .. }) = said.into_iter().find(is_sums) else { unreachable!() };
    let place = usize::try_from(start.since_ms(day) / HOUR).unwrap();
    assert_eq!(hours[place], TickSum::of(&hour));
    connector.stop().await;
    terminal.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_are_too_large_or_about_nothing_are_refused() {
    let world = World::new().await;
    let connector = world.connector().await;
    let terminal = world.terminal(&connector, &[("EURUSD", history("EURUSD", 7, 500))]).await;
    eventually(&world.env, "the feed's end", || connector.status().feed_end).await;
    let start = MarketTime(1_704_146_400_000);
    let strange = History::Ask {
        id: 5,
        symbol: "GBPUSD".parse().unwrap(),
        wanted: Wanted::Ticks,
        from: start,
        to: MarketTime(start.0 + 1),
        expires_ms: 20_000,
    };
    let questions = [
        (ask(1, Wanted::Ticks, start, HOUR + 1), HistoryFault::TooLong),
        (ask(2, Wanted::Ticks, start, 0), HistoryFault::TooLong),
        (ask(3, Wanted::Sums, start, HOUR), HistoryFault::TooLong),
        (ask(4, Wanted::Ticks, start, -HOUR), HistoryFault::TooLong),
        (strange, HistoryFault::Refused),
    ];
    for ((question, expected), id) in questions.into_iter().zip(1..) {
        world.bridge.ask(&question).await;
        world.bridge.until("a refusal", |books| told(&books.history, id).is_some()).await;
        assert_eq!(told(&world.bridge.books.lock().unwrap().history, id), Some(Err(expected)));
    }
    connector.stop().await;
    terminal.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_told_of_a_rewritten_history() {
    let world = World::new().await;
    let whole = history("EURUSD", 8, 2_000);
    let last = whole.ticks()[1_999].time;
    let rewritten = Stretch { symbol: symbol(), from: last, to: MarketTime(last.0 + 1) };
    let tick_faults = TickFaults { rewritten: vec![rewritten], ..TickFaults::default() };
    let connector = world.connector().await;
    let terminal = world.terminal(&connector, &[("EURUSD", whole.clone())]).await;
    eventually(&world.env, "the feed's end", || connector.status().feed_end).await;
    connector.stop().await;
    terminal.stop().await;
    // The next run subscribes behind a tick that the history no longer has.
    let connector = world.connector().await;
    let terminal = world.faulty_terminal(&connector, &[("EURUSD", whole)], tick_faults).await;
    let news = History::Rewritten { symbol: symbol(), time: last };
    world.bridge.until("the news", |books| books.history.contains(&news)).await;
    connector.stop().await;
    terminal.stop().await;
}
