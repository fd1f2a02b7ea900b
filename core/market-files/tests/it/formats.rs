//! A small sample of each format, and exactly what it holds.

use crate::support::{bar, places, price, read, tick, zoned};
use aitrading_market_files::{BarRow, Format, RejectCode, Settings, Zone};
use aitrading_model::{MarketTime, Tick, TickFlags};

/// 2012-02-01 00:00:00 UTC.
const DAY: i64 = 1_328_054_400_000;
const HOUR: i64 = 3_600_000;

fn check_ticks(format: Format, settings: Settings, text: &str, expected: &[Tick]) {
    let (got, summary) = read(format, settings, text.as_bytes()).unwrap_or_else(|error| panic!("{format}: {error}"));
    assert_eq!(got.rejects, [], "{format}");
    assert_eq!(got.ticks, expected, "{format}");
    assert_eq!(summary.ticks, expected.len() as u64);
    assert_eq!(summary.span, Some((expected[0].time, expected[expected.len() - 1].time)));
}

fn check_bars(format: Format, settings: Settings, text: &str, expected: &[BarRow]) {
    let (got, summary) = read(format, settings, text.as_bytes()).unwrap_or_else(|error| panic!("{format}: {error}"));
    assert_eq!(got.rejects, [], "{format}");
    assert_eq!(got.bars, expected, "{format}");
    assert_eq!(summary.bars, expected.len() as u64);
}

const MT5_TICKS: &str = "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\r\n\
    2012.02.01\t02:00:00.017\t1.00123\t1.00125\t\t\t6\r\n\
    2012.02.01\t02:00:00.017\t\t1.00126\t\t\t4\r\n\
    2012.02.01\t02:00:01.000\t1.00124\t\t\t\t1026\r\n\
    2012.02.01\t02:00:02.000\t\t\t1.00125\t0.5\t56\r\n\
    2012.02.01\t02:00:03.000\t0\t0\t\t\t6\r\n";

fn mt5_ticks() -> Vec<Tick> {
    let (last, volume) = (price("1.00125"), "0.5".parse().unwrap());
    vec![
        tick(DAY + 17, "1.00123", "1.00125", 6),
        tick(DAY + 17, "1.00123", "1.00126", 4),
        tick(DAY + 1_000, "1.00124", "1.00126", 2),
        Tick { last, volume, ..tick(DAY + 2_000, "1.00124", "1.00126", 56) },
        Tick { last, volume, ..tick(DAY + 3_000, "0", "0", 6) },
    ]
}

#[test]
fn mt5_ticks_carry_what_did_not_change() {
    check_ticks(Format::Mt5Ticks, zoned(Zone::EuDst(120)), MT5_TICKS, &mt5_ticks());
}

#[test]
fn mt5_exports_may_be_utf16() {
    let units = |big: bool| {
        let bytes = move |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        std::iter::once(0xfeff).chain(MT5_TICKS.encode_utf16()).flat_map(bytes).collect::<Vec<u8>>()
    };
    let marked = ["\u{feff}", MT5_TICKS].concat().into_bytes();
    for bytes in [units(false), units(true), marked] {
        let (got, _) = read(Format::Mt5Ticks, zoned(Zone::Fixed(120)), &bytes).unwrap();
        assert_eq!((got.ticks, got.rejects), (mt5_ticks(), vec![]));
    }
}

#[test]
fn mt5_ticks_without_flags_have_those_of_their_fields() {
    let text = "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\n\
        2012.02.01\t00:00:00.000\t1.1\t1.2\t\t\n2012.02.01\t00:00:01.000\t\t1.3\t\t\n";
    let expected = [tick(DAY, "1.1", "1.2", 6), tick(DAY + 1_000, "1.1", "1.3", 4)];
    check_ticks(Format::Mt5Ticks, zoned(Zone::Utc), text, &expected);
}

#[test]
fn mt5_bars_have_a_time_or_only_a_date() {
    let minutes = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\r\n\
        2012.02.01\t00:00:00\t1.1\t1.3\t1.0\t1.2\t57\t0\t12\r\n\
        2012.02.01\t00:01:00\t1.2\t1.2\t1.2\t1.2\t1\t2.5\t13\r\n";
    let expected = [
        bar(DAY - 3 * HOUR, ["1.1", "1.3", "1.0", "1.2"], 57, "0", 12),
        bar(DAY - 3 * HOUR + 60_000, ["1.2", "1.2", "1.2", "1.2"], 1, "2.5", 13),
    ];
    check_bars(Format::Mt5Bars, zoned(Zone::Fixed(180)), minutes, &expected);
    let days = "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<TICKVOL>,<VOL>,<SPREAD>\n2012.02.01,1.1,1.3,1.0,1.2,57,0,12\n";
    check_bars(Format::Mt5Bars, zoned(Zone::Utc), days, &[bar(DAY, ["1.1", "1.3", "1.0", "1.2"], 57, "0", 12)]);
}

#[test]
fn histdata_is_in_eastern_standard_time_summer_and_winter() {
    let text = "20120201 000000123,1.306600,1.306700,0\n20120201 000000123,1.306500,1.306700,0\n20120201 000001000,1.3,1.4,7\n";
    let volume = Tick { volume: "7".parse().unwrap(), ..tick(DAY + 5 * HOUR + 1_000, "1.3", "1.4", 6 | 16) };
    let expected =
        [tick(DAY + 5 * HOUR + 123, "1.3066", "1.3067", 6), tick(DAY + 5 * HOUR + 123, "1.3065", "1.3067", 2), volume];
    check_ticks(Format::HistDataTicks, Settings::default(), text, &expected);
    let summer = [tick(1_342_396_800_000 + 5 * HOUR, "1.3", "1.4", 6)];
    check_ticks(Format::HistDataTicks, Settings::default(), "20120716 000000000,1.3,1.4,0\n", &summer);
    let bars = "20120201 000000;1.306600;1.306700;1.306500;1.306650;0\n";
    let expected = [bar(DAY + 5 * HOUR, ["1.3066", "1.3067", "1.3065", "1.30665"], 0, "0", 0)];
    check_bars(Format::HistDataBars, Settings::default(), bars, &expected);
}

#[test]
fn dukascopy_has_the_ask_first_and_says_its_zone_in_header_or_stamp() {
    let expected = [tick(DAY + 123, "132.141", "132.158", 6)];
    let cases = [
        "01.02.2012 00:00:00.123,132.158,132.141,1.5,1.13\n",
        "Gmt time,Ask,Bid,AskVolume,BidVolume\n01.02.2012 00:00:00.123,132.158,132.141,1.5,1.13\n",
        "Local time,Ask,Bid,AskVolume,BidVolume\n01.02.2012 01:00:00.123 GMT+0100,132.158,132.141,1.5,1.13\n",
        "Time (EET),Ask,Bid,AskVolume,BidVolume \n2012.02.01 02:00:00.123,132.158,132.141,1.5,1.13\n",
    ];
    for text in cases {
        check_ticks(Format::DukascopyTicks, Settings::default(), text, &expected);
    }
    let local = "Local time,Ask,Bid\n01.02.2012 01:00:00.123,132.158,132.141\n";
    check_ticks(Format::DukascopyTicks, zoned(Zone::EuDst(60)), local, &expected);
    let bars = "Gmt time,Open,High,Low,Close,Volume\n01.02.2012 00:00:00.000,1.1,1.3,1.0,1.2,1234.56\n";
    check_bars(
        Format::DukascopyBars,
        Settings::default(),
        bars,
        &[bar(DAY, ["1.1", "1.3", "1.0", "1.2"], 0, "1234.56", 0)],
    );
}

#[test]
fn truefx_names_its_symbol_in_each_line() {
    let text = "EUR/USD,20120103 00:00:00.123,1.29,1.30\nEUR/USD,20120103 00:00:01.000,1.29,1.31\n\
        GBP/USD,20120103 00:00:02.000,1.5,1.6\n";
    let (got, summary) = read(Format::TrueFx, Settings::default(), text.as_bytes()).unwrap();
    let start = 1_325_548_800_000;
    assert_eq!(got.ticks, [tick(start + 123, "1.29", "1.30", 6), tick(start + 1_000, "1.29", "1.31", 4)]);
    assert_eq!(summary.symbol.unwrap().as_str(), "EUR/USD");
    assert_eq!(places(&got), [(3, 1, RejectCode::OtherSymbol)]);
}

#[test]
fn csv_is_read_by_its_header_or_in_the_standard_order() {
    let one = [tick(DAY + 123, "132.141", "132.158", 6)];
    let cases = [
        "time_msc,bid,ask,bid_volume,ask_volume\n1328054400123,132.141,132.158,1.13,1.50\n",
        "1328054400123,132.141,132.158\n",
        "1328054400123,132.141,132.158,9,9,9\n",
        "ask;timestamp;bid\n132.158;2012-02-01T00:00:00.123Z;132.141\n",
        "timestamp,bid,ask\n2012-02-01 01:00:00.123000+01:00,132.141,132.158\n",
    ];
    for text in cases {
        check_ticks(Format::CsvTicks, Settings::default(), text, &one);
    }
    check_ticks(
        Format::CsvTicks,
        zoned(Zone::Fixed(60)),
        "time,bid,ask\n2012-02-01 01:00:00.123,132.141,132.158\n",
        &one,
    );
    // Terminals' milliseconds count from 1970 by the broker's clock: whoever names the zone is believed.
    check_ticks(Format::CsvTicks, zoned(Zone::Fixed(60)), "1328058000123,132.141,132.158\n", &one);
}

#[test]
fn prices_in_points_are_divided_and_never_rounded() {
    let settings = Settings { points: Some(2), ..zoned(Zone::Utc) };
    let text =
        "Date,open,high,low,close,tick_volume\r\n2012-02-01 00:00:00,154759.0,155384.0,154740.0,155295.0,4418.0\r\n";
    check_bars(
        Format::CsvBars,
        settings,
        text,
        &[bar(DAY, ["1547.59", "1553.84", "1547.40", "1552.95"], 4418, "0", 0)],
    );
    let (got, _) = read(
        Format::CsvTicks,
        Settings { points: Some(8), ..Settings::default() },
        b"time_msc,bid,ask\n1328054400000,1.5,2\n1328054400000,1,2\n",
    )
    .unwrap();
    assert_eq!((places(&got), got.ticks[0].bid), (vec![(2, 15, RejectCode::BadNumber)], price("0.00000001")));
}

#[test]
fn records_convert_to_the_products_bars() {
    let row = bar(DAY, ["1.1", "1.3", "1.0", "1.2"], 57, "0", 12);
    let bar = row.to_bar(aitrading_model::Timeframe::M1, price("0.0001")).unwrap();
    assert_eq!((bar.start, bar.ticks, bar.spread_min), (MarketTime(DAY), 57, price("0.0012")));
    assert_eq!(TickFlags::from_bits(6), TickFlags::BID.with(TickFlags::ASK));
}
