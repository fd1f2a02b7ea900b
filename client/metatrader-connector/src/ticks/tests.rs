//! Tick files, the places of their errors, and the market model.

use super::*;
use aitrading_env::{Fs, RealFs, sim::MemFs};
use aitrading_model::{Price, TickFlags, Volume};
use std::path::Path;

fn read(text: &str, format: Option<Format>) -> Result<TickHistory, TickFileError> {
    let fs = MemFs::new();
    fs.create_dir_all(Path::new("/t")).unwrap();
    fs.write_atomic(Path::new("/t/ticks.csv"), text.as_bytes()).unwrap();
    read_file(&fs, Path::new("/t/ticks.csv"), format)
}

fn check_place(text: &str, place: (u64, usize), word: &str) {
    match read(text, None).unwrap_err() {
        TickFileError::Malformed { line, column, what, .. } => {
            assert_eq!((line, column), place, "{text:?}");
            assert!(what.contains(word), "{what:?} says nothing of {word:?}");
        }
        other => panic!("{text:?}: {other}"),
    }
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

#[test]
fn histdata_is_recognised_and_shifted_from_eastern_standard_time() {
    let history =
        read("20240701 000000123,161.001,161.009,0\r\n20240701 000001000,161.001,161.010,0\r\n", None).unwrap();
    // July: daylight saving must not be applied.
    assert_eq!(history.ticks()[0].time.to_string(), "2024-07-01T05:00:00.123Z");
    assert_eq!(history.ticks()[0].flags, TickFlags::BID.with(TickFlags::ASK));
    assert_eq!(history.ticks()[1].flags, TickFlags::ASK);
    assert!(!history.is_synthetic());
}

#[test]
fn time_msc_is_recognised_with_and_without_header() {
    let rows = "1354492801883,132.141,132.158,1.13,x\n1354492801883,132.140,132.158,1,2";
    for text in [format!("\u{feff}time_msc,bid,ask,more\n{rows}\n\n"), rows.to_owned()] {
        let history = read(&text, None).unwrap();
        assert_eq!(history.ticks().len(), 2, "two ticks may share a millisecond");
        assert_eq!(history.ticks()[1].bid, price("132.140"));
        assert_eq!(history.ticks()[1].volume, Volume::ZERO, "further columns are ignored");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let good = "1354492801883,132.141,132.158\n";
    check_place(&format!("{good}135449280188x,1,1"), (2, 1), "time");
    check_place(&format!("{good}1354492801884,132.1x,1"), (2, 15), "number");
    check_place(&format!("{good}1354492801884,132.1,"), (2, 21), "number");
    check_place(&format!("{good}1354492801884,132.1"), (2, 20), "ask");
    check_place(&format!("{good}1354492801882,1,1"), (2, 1), "earlier");
    check_place(&format!("{good}5,1,1"), (2, 1), "time");
    check_place(&format!("{good}\n\n20121203 000000000,1,1"), (4, 1), "time");
    check_place("time_msc,ask,bid\n1,2,3", (1, 10), "header");
    check_place("20240230 000000000,1,1,0", (1, 1), "time");
    check_place("20240229 240000000,1,1,0", (1, 1), "time");
    check_place("20240229 000000000,1,1,x", (1, 24), "number");
    check_place(&format!("{good}{}", "9".repeat(9000)), (2, 1), "time");
}

#[test]
fn files_that_are_no_tick_files_are_refused() {
    assert!(matches!(read("<html>", None), Err(TickFileError::Unrecognised { .. })));
    assert!(matches!(read("", None), Err(TickFileError::Empty { .. })));
    assert!(matches!(read("time_msc,bid,ask\n", None), Err(TickFileError::Empty { .. })));
    let missing = read_file(&MemFs::new(), Path::new("/none"), None).unwrap_err();
    assert!(matches!(missing, TickFileError::Io { .. }));
    let named = read("20240101 000000000,1,1,0", Some(Format::TimeMsc));
    assert!(
        matches!(named, Err(TickFileError::Malformed { line: 1, column: 1, .. })),
        "a named format is not guessed at"
    );
    assert_eq!("histdata".parse(), Ok(Format::HistData));
    assert_eq!("x".parse::<Format>(), Err(UnknownFormat));
}

#[test]
fn impossible_prices_are_left_to_the_server() {
    let history =
        read("1354492801883,0,132.158\n1354492801884,-1,1\n1354492801885,2,1\n1354492801886,0,0", None).unwrap();
    assert_eq!(history.ticks().len(), 4);
}

#[test]
fn the_gbpjpy_day_is_read_whole() {
    let Some(dir) = shared_data() else {
        eprintln!("skipped: the shared data is not there");
        return;
    };
    let history = read_file(&RealFs, &dir.join("ticks/gbpjpy-ticks-2012-12-03.csv"), None).unwrap();
    assert_eq!(history.ticks().len(), 58_953);
    let (first, last) = history.span().unwrap();
    assert_eq!(first.0, 1_354_492_801_883);
    assert_eq!(last.civil_date(), (2012, 12, 3));
    assert!(history.ticks().iter().all(|tick| tick.ask >= tick.bid && tick.bid.is_positive()));
}

#[test]
fn the_market_model_repeats_itself_and_keeps_to_the_grid() {
    let row = crate::specs::find("EURUSD".parse().unwrap()).unwrap();
    let make = |seed| synthetic(&row.spec, SyntheticSettings::new(seed, row.reference_price), 20_000);
    let history = make(7);
    assert!(history.is_synthetic());
    assert_eq!(history.ticks(), make(7).ticks());
    assert_ne!(history.ticks(), make(8).ticks());
    assert!(TickHistory::new("again", history.ticks().to_vec(), true).is_ok(), "times never go back");
    let on_grid = |price: Price| price.is_positive() && price.is_on_grid(row.spec.tick_size);
    assert!(history.ticks().iter().all(|t| on_grid(t.bid) && on_grid(t.ask) && t.ask > t.bid));
}

#[test]
fn the_market_model_rests_while_the_symbol_does_not_trade() {
    let row = crate::specs::find("XAUUSD".parse().unwrap()).unwrap();
    let sessions = row.spec.sessions.unwrap();
    let settings = SyntheticSettings { interval_ms: 120_000, ..SyntheticSettings::new(1, row.reference_price) };
    let history = synthetic(&row.spec, settings, 10_000);
    assert!(history.ticks().iter().all(|tick| sessions.is_open(tick.time)));
    assert_eq!(history.ticks().first().map(|t| t.time), sessions.next_open(settings.start), "gold opens at 01:00");
    let pauses = history.ticks().windows(2).map(|w| w[1].time.since_ms(w[0].time) / 3_600_000);
    let weekend = pauses.filter(|hours| *hours >= 49).count();
    assert!(weekend > 0, "a weekend lies within");
}

#[test]
fn the_market_model_is_lively_but_sane() {
    let row = crate::specs::find("EURUSD".parse().unwrap()).unwrap();
    let history = synthetic(&row.spec, SyntheticSettings::new(3, row.reference_price), 100_000);
    let ticks = history.ticks();
    let spreads: std::collections::BTreeSet<i64> = ticks.iter().map(|t| t.ask.raw() - t.bid.raw()).collect();
    assert!(spreads.len() > 5, "the spread varies");
    let (first, last) = history.span().unwrap();
    let mean = last.since_ms(first) / 100_000;
    assert!((300..6_000).contains(&mean), "mean pause {mean} ms");
    let pauses: std::collections::BTreeSet<i64> = ticks.windows(2).map(|w| w[1].time.since_ms(w[0].time)).collect();
    assert!(pauses.len() > 1_000, "times are irregular");
    let bids = || ticks.iter().map(|t| t.bid);
    let (low, high) = (bids().min().unwrap(), bids().max().unwrap());
    assert!(low > price("0.5") && high < price("2") && high > low.scale(1_002, 1_000).unwrap(), "{low} to {high}");
    // Clustering: the magnitudes of neighbouring stretches go together more than those far apart.
    let moves: Vec<i64> = ticks.windows(2).map(|w| (w[1].bid.raw() - w[0].bid.raw()).abs()).collect();
    let blocks: Vec<i64> = moves.chunks(20).map(|c| c.iter().sum()).collect();
    let mean = blocks.iter().sum::<i64>() / blocks.len() as i64;
    let together = |lag: usize| -> i64 {
        blocks.iter().zip(blocks.iter().skip(lag)).map(|(a, b)| (a - mean) / 1_000 * ((b - mean) / 1_000)).sum()
    };
    assert!(together(1) > 2 * together(500).abs(), "{} {}", together(1), together(500));
}
