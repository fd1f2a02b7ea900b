//! The real files, where they are at hand: counts that were measured by other means.

use crate::support::{places, read, real_file, zoned};
use aitrading_market_files::{
    BarRow, BarWriter, Collected, Format, Inference, Reader, RejectCode, Settings, TickWriter, Verdict, WeeklyCloses,
    Zone, sniff,
};
use aitrading_model::{MarketTime, Price};
use std::fmt::Write;

#[test]
fn the_whole_monday_of_gbpjpy_is_read_and_written_again() {
    let Some(bytes) = real_file("gbpjpy-ticks-2012-12-03.csv") else { return };
    assert_eq!(sniff(&bytes).map(|sniffed| (sniffed.format, sniffed.needs_zone)), Ok((Format::CsvTicks, false)));
    let (got, summary) = read(Format::CsvTicks, Settings::default(), &bytes).unwrap();
    assert_eq!((got.ticks.len(), got.rejects.len(), summary.rows), (58_953, 0, 58_953));
    assert_eq!((got.ticks[0].time, got.ticks[0].bid.raw()), (MarketTime(1_354_492_801_883), 13_214_100_000));
    for zone in [Zone::Utc, Zone::UsDst(120), Zone::Est] {
        let (mut writer, mut out) = (TickWriter::mt5(zone, 3), Vec::new());
        got.ticks.iter().for_each(|tick| writer.write(tick, &mut out).unwrap());
        let (again, _) = read(Format::Mt5Ticks, zoned(zone), &out).unwrap();
        assert!(again.ticks == got.ticks && again.rejects.is_empty(), "{zone}");
    }
}

#[test]
fn the_thousand_quotes_of_usdjpy_state_their_zone() {
    let Some(bytes) = real_file("usdjpy-ticks-2013-01-01.csv") else { return };
    assert_eq!(sniff(&bytes).map(|sniffed| (sniffed.format, sniffed.needs_zone)), Ok((Format::CsvTicks, false)));
    // 2013-01-01 22:00:00.295 UTC, whatever zone the caller thinks of.
    for settings in [Settings::default(), zoned(Zone::Fixed(180))] {
        let (got, summary) = read(Format::CsvTicks, settings, &bytes).unwrap();
        assert_eq!((got.ticks.len(), summary.rejects.total()), (1_000, 0));
        assert_eq!(got.ticks[0].time, MarketTime(1_357_077_600_295));
    }
}

fn bars(name: &str) -> Option<Vec<BarRow>> {
    let bytes = real_file(name)?;
    let (got, _) = read(Format::CsvBars, Settings::default(), &bytes).unwrap();
    assert_eq!((got.bars.len(), places(&got)), (30_117, vec![]));
    Some(got.bars)
}

#[test]
fn the_crossed_filter_flags_347_minutes_of_gbpusd() {
    let Some(bids) = bars("gbpusd-m1-bid-2012-02.csv") else { return };
    let Some(asks) = bars("gbpusd-m1-ask-2012-02.csv") else { return };
    let mut joined = "time_msc,bid,ask\n".to_owned();
    for (bid, ask) in bids.iter().zip(&asks) {
        assert_eq!(bid.start, ask.start);
        writeln!(joined, "{},{},{}", bid.start.0, bid.close, ask.close).unwrap();
    }
    let (got, summary) = read(Format::CsvTicks, Settings::default(), joined.as_bytes()).unwrap();
    assert_eq!((summary.rejects.count(RejectCode::Crossed), summary.rejects.total()), (347, 347));
    assert_eq!(got.ticks.len(), 30_117 - 347);
    let (mut writer, mut out) = (BarWriter::mt5(Zone::EuDst(120), 5), Vec::new());
    bids.iter().for_each(|bar| writer.write(bar, &mut out).unwrap());
    assert!(read(Format::Mt5Bars, zoned(Zone::EuDst(120)), &out).unwrap().0.bars == bids);
}

const GOLD: Settings = Settings { zone: Some(Zone::Utc), points: Some(2), hour: None, latest: None, stated: None };

fn gold_zone(bytes: &[u8], keep: impl Fn(&[u8]) -> bool) -> Inference {
    let mut closes = WeeklyCloses::bars(3_600_000);
    let mut reader = Reader::new(Format::CsvBars, GOLD).unwrap();
    for line in bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.starts_with(b"Date") || keep(line)) {
        reader.feed(line, &mut closes).unwrap();
    }
    reader.finish(&mut closes).unwrap();
    closes.infer()
}

#[test]
fn gold_follows_european_dates() {
    let Some(bytes) = real_file("xauusd-h1-2012-2022.csv") else { return };
    assert_eq!(sniff(&bytes).map(|sniffed| (sniffed.format, sniffed.needs_zone)), Ok((Format::CsvBars, true)));
    let inference = gold_zone(&bytes, |_| true);
    assert_eq!(inference.verdict, Verdict::Certain(Zone::EuDst(120)), "{inference:?}");
    assert_eq!((inference.fits[0].weeks, inference.weeks), (480, 497));
    let runner_up = inference.runner_up.unwrap();
    assert_eq!(runner_up.other.zone, Zone::UsDst(120));
}

#[test]
fn gold_of_one_summer_fits_four_rules() {
    let Some(bytes) = real_file("xauusd-h1-2012-2022.csv") else { return };
    let summer = |line: &[u8]| (b"2019-05".as_slice()..b"2019-09".as_slice()).contains(&line);
    let inference = gold_zone(&bytes, summer);
    let four = vec![Zone::EuDst(120), Zone::UsDst(120), Zone::AuDst(180), Zone::Fixed(180)];
    assert_eq!(inference.verdict, Verdict::Ambiguous(four), "{inference:?}");
}

#[test]
fn gold_is_read_in_dollars_once_its_zone_is_known() {
    let Some(bytes) = real_file("xauusd-h1-2012-2022.csv") else { return };
    let settings = Settings { zone: Some(Zone::EuDst(120)), ..GOLD };
    let (got, _) = read(Format::CsvBars, settings, &bytes).unwrap();
    assert_eq!((got.bars.len(), places(&got)), (57_600, vec![]));
    // 2012-05-17 08:00 by the broker's clock.
    assert_eq!(
        (got.bars[0].start, got.bars[0].open),
        (MarketTime(1_337_230_800_000), Price::from_raw(154_759_000_000))
    );
    let mut sink = Collected::default();
    let unnamed = Reader::new(Format::CsvBars, Settings { zone: None, ..GOLD }).unwrap().finish(&mut sink);
    assert!(unnamed.is_err());
}
