//! One real GBPJPY day through gate and bars.
#![expect(clippy::disallowed_methods, reason = "the environment names the shared data")]

use super::*;
use std::{collections::BTreeMap, path::PathBuf};

fn shared(name: &str) -> Option<String> {
    let given = std::env::var_os("AITRADING_SHARED_DATA").map(PathBuf::from);
    let found = || {
        let up = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let mut places = up.ancestors().map(|dir| dir.join("shared/data"));
        places.find(|dir| dir.is_dir())
    };
    let path = given.or_else(found)?.join(name);
    let bytes = aitrading_env::Env::real().fs.read(&path, 64 << 20).ok()?;
    String::from_utf8(bytes).ok()
}

fn thousandths(text: &str) -> i64 {
    let price: Price = text.parse().unwrap();
    price.raw() / 100_000
}

#[test]
fn a_real_day_gives_its_bars_and_its_hole() {
    let Some(text) = shared("ticks/gbpjpy-ticks-2012-12-03.csv") else {
        println!("skipped: the shared tick files are not there (AITRADING_SHARED_DATA)");
        return;
    };
    let ticks: Vec<Tick> = text
        .lines()
        .skip(1)
        .map(|line| {
            let mut fields = line.split(',');
            let time: i64 = fields.next().unwrap().parse().unwrap();
            let (bid, ask) = (fields.next().unwrap(), fields.next().unwrap());
            quote(time - MONDAY, thousandths(bid), thousandths(ask))
        })
        .collect();
    let (mut gate, mut state) = (Gate::default(), SourceState::default());
    let (mut bars, mut gaps, mut journalled) = (Vec::new(), Vec::new(), 0);
    for (index, part) in ticks.chunks(256).enumerate() {
        let record = take(&mut gate, 1, index as u64 * 256 + 1, part.to_vec()).unwrap();
        journalled += record.encode().len();
        gaps.extend(record.gaps.iter().map(|gap| (gap.from.to_string(), gap.to.to_string())));
        bars.extend(state.apply(&record).unwrap());
    }
    assert_eq!((state.counters.accepted, state.counters.rejected_total()), (58_953, 0));
    let hole = ("2012-12-03T15:14:56.070Z".to_owned(), "2012-12-03T15:32:57.478Z".to_owned());
    assert!(gaps.contains(&hole), "{gaps:?}");
    assert_eq!(gaps.len(), 12, "silences of more than a minute");
    for (timeframe, count) in [(Timeframe::M1, 1421), (Timeframe::M5, 285), (Timeframe::H1, 24)] {
        let mine: Vec<_> = bars.iter().filter(|bar| bar.timeframe == timeframe).collect();
        // The day's last bar stays open.
        assert_eq!(mine.len() + 1, count, "{timeframe:?}");
        check_against_grouping(&mine, &ticks, timeframe);
    }
    let in_hole = |bar: &&aitrading_model::Bar| bar.start.0 > MONDAY + 54_900_000 && bar.start.0 < MONDAY + 55_920_000;
    assert_eq!(bars.iter().filter(|b| b.timeframe == Timeframe::M1).filter(in_hole).count(), 0);
    assert!(journalled / 58_953 < 8, "{journalled} bytes of journal");
}

/// Bars computed the plain way: group by period, then first, max, min, last.
fn check_against_grouping(bars: &[&aitrading_model::Bar], ticks: &[Tick], timeframe: Timeframe) {
    let mut groups: BTreeMap<i64, Vec<Price>> = BTreeMap::new();
    for tick in ticks {
        groups.entry(tick.time.0 / timeframe.millis()).or_default().push(tick.bid);
    }
    for (bar, (period, bids)) in bars.iter().zip(&groups) {
        assert_eq!(bar.start.0, period * timeframe.millis());
        let expected = (bids[0], *bids.iter().max().unwrap(), *bids.iter().min().unwrap(), *bids.last().unwrap());
        assert_eq!((bar.open, bar.high, bar.low, bar.close, bar.ticks as usize), {
            let (o, h, l, c) = expected;
            (o, h, l, c, bids.len())
        });
    }
}

#[test]
fn an_empty_book_makes_no_bar() {
    let mut bars = OpenBars::default();
    let mut closed = Vec::new();
    bars.push(&quote(0, 0, 0), &mut closed);
    assert_eq!((bars, closed.len()), (OpenBars::default(), 0));
}
