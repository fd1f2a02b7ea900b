//! What is written is read again, equal; what would not be is refused.

use crate::support::{bar, price, read, tick, zoned};
use aitrading_market_files::{BarRow, BarWriter, Format, MarketFileError, RejectCode, Settings, TickWriter, Zone};
use aitrading_model::{MarketTime, Price, Tick, TickFlags, Timeframe, Volume};
use proptest::prelude::*;

const START: i64 = 1_328_054_400_000;

fn write_ticks(mut writer: TickWriter, ticks: &[Tick]) -> Vec<u8> {
    let mut out = Vec::new();
    for tick in ticks {
        writer.write(tick, &mut out).unwrap();
    }
    out
}

fn write_bars(mut writer: BarWriter, bars: &[BarRow]) -> Vec<u8> {
    let mut out = Vec::new();
    for bar in bars {
        writer.write(bar, &mut out).unwrap();
    }
    out
}

#[test]
fn exports_look_as_the_terminal_writes_them() {
    let ticks =
        [tick(START + 17, "1.5", "1.6", 6), tick(START + 17, "1.5", "1.60001", 4), tick(START + 18, "0", "0", 6)];
    let text = String::from_utf8(write_ticks(TickWriter::mt5(Zone::EuDst(120), 3), &ticks)).unwrap();
    let expected = "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\r\n\
        2012.02.01\t02:00:00.017\t1.500\t1.600\t\t\t6\r\n\
        2012.02.01\t02:00:00.017\t\t1.60001\t\t\t4\r\n\
        2012.02.01\t02:00:00.018\t0.000\t0.000\t\t\t6\r\n";
    assert_eq!(text, expected);
    let bars = [bar(START, ["1.1", "1.3", "1.0", "1.2"], 57, "2.5", 12)];
    let text = String::from_utf8(write_bars(BarWriter::mt5(Zone::Utc, 1), &bars)).unwrap();
    let expected = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\r\n\
        2012.02.01\t00:00:00\t1.1\t1.3\t1.0\t1.2\t57\t2.5\t12\r\n";
    assert_eq!(text, expected);
}

/// The second hour of 27 October 2019 that EU clocks show twice, alone: a reader would take it for the first.
#[test]
fn what_would_be_read_otherwise_is_not_written() {
    let refused = |zone, ticks: &[Tick]| {
        let mut writer = TickWriter::mt5(zone, 5);
        let mut out = Vec::new();
        let (last, before) = ticks.split_last().unwrap();
        before.iter().for_each(|tick| writer.write(tick, &mut out).unwrap());
        let len = out.len();
        let error = writer.write(last, &mut out).unwrap_err();
        assert_eq!(out.len(), len, "nothing of it is written");
        match error {
            MarketFileError::NotWritable { code, .. } => code,
            other => panic!("{other}"),
        }
    };
    let twice = 1_572_139_800_000;
    assert_eq!(refused(Zone::EuDst(120), &[tick(twice, "1", "2", 6)]), RejectCode::TimeBackwards);
    let late = [tick(START, "1", "2", 6), tick(START - 1, "1", "2", 6)];
    assert_eq!(refused(Zone::Utc, &late), RejectCode::TimeBackwards);
    assert_eq!(refused(Zone::Utc, &[tick(START, "2", "1", 6)]), RejectCode::Crossed);
    assert_eq!(refused(Zone::Utc, &[tick(START, "0", "1", 6)]), RejectCode::BadPrice);
    assert_eq!(refused(Zone::Utc, &[tick(0, "1", "2", 6)]), RejectCode::TimeImplausible);
}

fn any_tick() -> impl Strategy<Value = (i64, i64, i64, i64, i64, u32)> {
    // Sparse differences, so that "unchanged" and shared times occur.
    let some = |max: i64| prop_oneof![Just(0_i64), 0..max];
    (some(3_000), 1_i64..4, some(3), some(900_000_000), some(100_000_000), 0_u32..128)
}

fn ticks(rows: &[(i64, i64, i64, i64, i64, u32)]) -> Vec<Tick> {
    let mut time = START;
    let each = |&(step, bid, spread, last, volume, flags): &(i64, i64, i64, i64, i64, u32)| {
        time += step;
        let empty = flags == 6;
        Tick {
            time: MarketTime(time),
            bid: Price::from_raw(if empty { 0 } else { bid }),
            ask: Price::from_raw(if empty { 0 } else { bid + spread }),
            last: Price::from_raw(last),
            volume: Volume::from_raw(volume),
            flags: TickFlags::from_bits(flags),
        }
    };
    rows.iter().map(each).collect()
}

proptest! {
    #[test]
    fn ticks_survive_writing_and_reading(rows in prop::collection::vec(any_tick(), 1..60), digits in 0_u8..9) {
        let ticks = ticks(&rows);
        let zone = Zone::UsDst(120);
        let (mt5, _) = read(Format::Mt5Ticks, zoned(zone), &write_ticks(TickWriter::mt5(zone, digits), &ticks)).unwrap();
        prop_assert_eq!((&mt5.ticks, &mt5.rejects), (&ticks, &vec![]));
        let (csv, _) = read(Format::CsvTicks, Settings::default(), &write_ticks(TickWriter::csv(digits), &ticks)).unwrap();
        prop_assert_eq!((&csv.ticks, &csv.rejects), (&ticks, &vec![]));
    }

    #[test]
    fn bars_survive_writing_and_reading(
        rows in prop::collection::vec((1_i64..90_000_000, [1_i64..1_000_000_000, 1..1_000_000_000, 1..1_000_000_000],
                                       any::<u32>(), 0..i64::MAX / 2, any::<u32>()), 1..40),
    ) {
        let mut start = START;
        let bars: Vec<BarRow> = rows.iter().map(|(step, prices, ticks, volume, spread)| {
            start += step;
            let [a, b, c] = prices.map(Price::from_raw);
            let (high, low) = (a.max(b).max(c), a.min(b).min(c));
            BarRow { start: MarketTime(start), open: a, high, low, close: b, ticks: u64::from(*ticks),
                     volume: Volume::from_raw(*volume), spread: *spread }
        }).collect();
        let zone = Zone::Fixed(-210);
        let (mt5, _) = read(Format::Mt5Bars, zoned(zone), &write_bars(BarWriter::mt5(zone, 5), &bars)).unwrap();
        prop_assert_eq!((&mt5.bars, &mt5.rejects), (&bars, &vec![]));
        let (csv, _) = read(Format::CsvBars, Settings::default(), &write_bars(BarWriter::csv(5), &bars)).unwrap();
        prop_assert_eq!((&csv.bars, &csv.rejects), (&bars, &vec![]));
    }
}

#[test]
fn a_bar_of_the_product_comes_back_unless_its_spread_is_no_whole_number_of_points() {
    let row = bar(START, ["1.1", "1.3", "1.0", "1.2"], 57, "0", 12);
    let point = price("0.00001");
    let made = row.to_bar(Timeframe::M1, point).unwrap();
    assert_eq!((made.spread_min, made.timeframe), (price("0.00012"), Timeframe::M1));
    assert_eq!(BarRow::from_bar(&made, point), Some(row));
    assert_eq!(BarRow::from_bar(&made, price("0.0001")), None);
    assert_eq!(BarRow::from_bar(&made, Price::ZERO), None);
}
