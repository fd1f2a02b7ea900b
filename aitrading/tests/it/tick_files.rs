//! Tick files that a test writes: a market that swings, so that averages cross, with a few rows that no server may store.

use std::fmt::Write;

pub(crate) const SYMBOL: &str = "GBPJPY";
/// Rows of the usual file: about six hours.
pub(crate) const ROWS: u64 = 3_000;
/// 2012-12-03 00:00 UTC, a Monday.
const START_MS: u64 = 1_354_492_800_000;
const STEP_MS: u64 = 7_000;
/// Each so many rows one is crossed, and another one has no bid.
const CROSSED_EVERY: u64 = 1_000;

/// Milliseconds since the day began, bid and ask in thousandths.
fn row(n: u64) -> (u64, u64, u64) {
    // A wave of 70 minutes with a smaller one of 22 on top: slow enough for averages of minutes to follow.
    let wave = |rows: u64, height: u64| {
        let at = n % (2 * rows);
        height * if at < rows { at } else { 2 * rows - at } / rows
    };
    let noise = n.wrapping_mul(2_654_435_761) >> 7 & 7;
    let bid = 132_000 + wave(300, 400) + wave(94, 150) + noise;
    let ask = bid + 10 + noise;
    let time = n * STEP_MS + noise * 100;
    match n % CROSSED_EVERY {
        500 => (time, bid, bid - 5),
        700 => (time, 0, ask),
        _ => (time, bid, ask),
    }
}

/// Rows of [`time_msc`] that are refused as crossed, and as many for their prices.
pub(crate) fn refused(rows: u64) -> (u64, u64) {
    let of = |place| (0..rows).filter(|n| n % CROSSED_EVERY == place).count() as u64;
    (of(500), of(700))
}

fn decimal(thousandths: u64) -> String {
    format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000)
}

/// `time_msc,bid,ask` in UTC.
pub(crate) fn time_msc(rows: u64) -> String {
    let mut text = "time_msc,bid,ask\n".to_owned();
    for (time, bid, ask) in (0..rows).map(row) {
        writeln!(text, "{},{},{}", START_MS + time, decimal(bid), decimal(ask)).unwrap();
    }
    text
}

/// `YYYYMMDD HHMMSSmmm,bid,ask,volume` in EST.
pub(crate) fn histdata(rows: u64) -> String {
    let mut text = String::new();
    for (time, bid, ask) in (0..rows).map(row) {
        let (h, m, s, ms) = (time / 3_600_000, time / 60_000 % 60, time / 1_000 % 60, time % 1_000);
        let (bid, ask) = (decimal(bid), decimal(ask));
        writeln!(text, "20121203 {h:02}{m:02}{s:02}{ms:03},{bid},{ask},0").unwrap();
    }
    text
}
