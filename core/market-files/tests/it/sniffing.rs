//! Recognition by content, and refusal where content cannot tell.

use crate::support::{places, read};
use aitrading_market_files::{Format, MarketFileError, RejectCode, Settings, Sniffed, sniff, stated};

fn check_known(text: &str, format: Format, needs_zone: bool) {
    assert_eq!(sniff(text.as_bytes()), Ok(Sniffed { format, needs_zone }), "{text}");
}

#[test]
fn each_format_is_known_by_its_content() {
    let cases = [
        (
            "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\r\n2012.02.01\t00:00:00.000\t1.1\t1.2\t\t\t6\r\n",
            Format::Mt5Ticks,
            true,
        ),
        ("<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\r\n", Format::Mt5Ticks, false),
        ("2012.02.01\t00:00:00.000\t1.1\t1.2\t\t\t6\r\n", Format::Mt5Ticks, true),
        (
            "<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n2012.02.01\t1\t2\t1\t2\t9\t0\t1\n",
            Format::Mt5Bars,
            true,
        ),
        ("20120201 000000123,1.3,1.4,0\n", Format::HistDataTicks, false),
        ("20120201 000000123,1.3,1.4,0", Format::HistDataTicks, false),
        ("20120201 000000;1.3;1.4;1.2;1.3;0\n", Format::HistDataBars, false),
        ("Gmt time,Ask,Bid,AskVolume,BidVolume\n01.02.2012 00:00:00.123,1.4,1.3,1,1\n", Format::DukascopyTicks, false),
        ("Local time,Ask,Bid\n01.02.2012 00:00:00.123,1.4,1.3\n", Format::DukascopyTicks, true),
        ("01.02.2012 00:00:00.123,1.4,1.3,1.5,1.13\n", Format::DukascopyTicks, false),
        ("Gmt time,Open,High,Low,Close,Volume\n01.02.2012 00:00:00.000,1,2,1,2,3\n", Format::DukascopyBars, false),
        ("EUR/USD,20120103 00:00:00.123,1.29,1.30\n", Format::TrueFx, false),
        ("time_msc,bid,ask,bid_volume,ask_volume\n1354492801883,132.141,132.158,1.13,1.50\n", Format::CsvTicks, false),
        ("1354492801883,132.141,132.158\n", Format::CsvTicks, false),
        ("timestamp,bid,ask\n2013-01-01 22:00:00.295000+00:00,86.655,86.728\n", Format::CsvTicks, false),
        ("Date,open,high,low,close,tick_volume\r\n2012-05-17 08:00:00,1.1,1.3,1.0,1.2,4418\r\n", Format::CsvBars, true),
        // Some bad rows do not hide what the others say.
        ("20120201 000000123,1.3,1.4,0\nx\n20120201 000000124,1.3,1.4,0\n20120201 00", Format::HistDataTicks, false),
    ];
    for (text, format, needs_zone) in cases {
        check_known(text, format, needs_zone);
    }
}

#[test]
fn a_mark_and_utf16_do_not_hide_the_format() {
    let text = "\u{feff}2012.02.01\t00:00:00.000\t1.1\t1.2\t\t\t6\r\n";
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(sniff(&units), Ok(Sniffed { format: Format::Mt5Ticks, needs_zone: true }));
    assert_eq!(sniff(text.as_bytes()), Ok(Sniffed { format: Format::Mt5Ticks, needs_zone: true }));
}

#[test]
fn content_that_fits_two_formats_names_both() {
    // Bid and ask with two volumes, or open, high, low and close?
    let text = "1354492801883,132.141,132.158,1.13,1.50\n";
    let error = sniff(text.as_bytes()).unwrap_err();
    assert_eq!(error, MarketFileError::Ambiguous { candidates: vec![Format::CsvTicks, Format::CsvBars] });
    let shown = error.to_string();
    assert!(shown.contains("csv-ticks") && shown.contains("csv-bars"), "{shown}");
}

/// Lines a second apart; `odd` says which of them state `+05:00`, the others state nothing but UTC.
fn mixed(odd: impl Fn(u64) -> bool) -> String {
    let line = |n: u64| match odd(n) {
        true => format!("2012-12-03T05:00:{n:02}+05:00,1.3,1.4\n"),
        false => format!("2012-12-03T00:00:{n:02}Z,1.3,1.4\n"),
    };
    "time,bid,ask\n".to_owned() + &(0..60).map(line).collect::<String>()
}

/// The file is known, and what states another zone than most is refused with its line.
fn check_mixed(text: &str, lines: &[u64]) {
    let found = sniff(text.as_bytes()).unwrap();
    assert_eq!(found, Sniffed { format: Format::CsvTicks, needs_zone: false }, "{text}");
    let settings = Settings { stated: stated(found.format, text.as_bytes()), ..Settings::default() };
    let (got, summary) = read(found.format, settings, text.as_bytes()).unwrap();
    let expected: Vec<_> = lines.iter().map(|line| (*line, 1, RejectCode::MixedZones)).collect();
    assert_eq!(places(&got), expected, "{text}");
    assert_eq!(summary.ticks + lines.len() as u64, summary.rows);
}

#[test]
fn lines_of_another_zone_are_refused_and_the_majority_is_kept() {
    let every_third: Vec<u64> = (0..60).filter(|n| n % 3 == 0).map(|n| n + 2).collect();
    check_mixed(&mixed(|n| n % 3 == 0), &every_third);
    check_mixed(&mixed(|n| n == 0), &[2]);
    check_mixed(&mixed(|n| n < 29), &(2..31).collect::<Vec<_>>());
    check_mixed(&mixed(|n| n == 59), &[61]);
    // Three zones, none of them half of the file.
    let three = mixed(|n| n % 3 == 0).replacen("00:00:01Z", "00:00:01", 1).replacen("00:00:02Z", "00:00:02", 1);
    let named = stated(Format::CsvTicks, three.as_bytes());
    assert_eq!(named, stated(Format::CsvTicks, mixed(|_| false).as_bytes()));
    assert_eq!(sniff(three.as_bytes()), Ok(Sniffed { format: Format::CsvTicks, needs_zone: false }));
    // Summer time within a file is no mixture.
    let summer = "time,bid,ask\n2012-03-25T01:59:59+01:00,1.3,1.4\n2012-03-25T03:00:00+02:00,1.3,1.4\n";
    check_mixed(summer, &[]);
}

#[test]
fn other_files_are_not_recognised() {
    let json = "{\"time\": 1354492801883, \"bid\": 132.141}\n";
    let cases =
        ["hello, world\n", json, "a,b,c\n1,2,3\n", "\n\n\n", "1354492801,1.1,1.2\n", "2012-02-01\n", "\0\0\0\0"];
    for text in cases {
        assert_eq!(sniff(text.as_bytes()), Err(MarketFileError::Unrecognised), "{text:?}");
    }
    assert_eq!(sniff(b""), Err(MarketFileError::Empty));
}

#[test]
fn names_of_formats_are_read_back() {
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(format));
    }
    assert_eq!("excel".parse::<Format>(), Err(MarketFileError::UnknownFormat));
}
