//! Bad rows are refused one by one and the rest is kept; bad files are refused whole.

use crate::support::{places, read, zoned};
use aitrading_error::Coded;
use aitrading_market_files::{
    Collected, Format, LINE_MAX, MarketFileError, REFUSE_AFTER, Reader, RejectCode, Settings, Zone,
};
use aitrading_model::MarketTime;

const HISTDATA: &str = "20120201 000000000,1.3,1.4,0\n";
const CSV: &str = "1328054400000,1.3,1.4\n";

/// `line` stands between good ones: it is refused there, for this, and the good ones are kept.
fn check_reject(format: Format, good: &str, line: &str, column: u32, code: RejectCode) {
    let text = format!("{good}{line}\n{good}");
    let settings = if matches!(format, Format::Mt5Ticks | Format::Mt5Bars) {
        zoned(Zone::EuDst(120))
    } else {
        Settings::default()
    };
    let (got, summary) = read(format, settings, text.as_bytes()).unwrap_or_else(|error| panic!("{line}: {error}"));
    assert_eq!(places(&got), [(2, column, code)], "{line}");
    assert_eq!((got.ticks.len(), summary.rows, summary.rejects.count(code)), (2, 3, 1), "{line}");
    assert_eq!(summary.rejects.first().map(|reject| reject.line), Some(2));
}

#[test]
fn a_bad_row_is_refused_with_its_place_and_the_others_are_kept() {
    use RejectCode::*;
    let histdata = [
        ("20120201 000000000,1.4,1.3,0", 24, Crossed),
        ("20120201 000000000,0,1.3,0", 20, BadPrice),
        ("20120201 000000000,1.3,-1.3,0", 24, BadPrice),
        ("20120201 000000000,0,0,0", 20, BadPrice),
        ("20120201 000000000,1.3,1.4,-1", 28, BadVolume),
        ("20120201 000000000,1.3", 23, WrongColumns),
        ("20120201 000000000,1.3,1.4,0,5", 30, WrongColumns),
        ("20120131 235959999,1.3,1.4,0", 1, TimeBackwards),
        ("20120231 000000000,1.3,1.4,0", 1, BadTime),
        ("18991231 000000000,1.3,1.4,0", 1, TimeImplausible),
        ("20120201 000000000,1.3x,1.4,0", 20, BadNumber),
        ("20120201 000000000,1.123456789,1.4,0", 20, BadNumber),
        ("20120201 000000000,,1.4,0", 20, BadNumber),
        ("20120201 000000000,99999999999999,1.4,0", 20, BadNumber),
        ("\u{1f4b6}", 1, BadTime),
        ("\0", 1, BadTime),
    ];
    for (line, column, code) in histdata {
        check_reject(Format::HistDataTicks, HISTDATA, line, column, code);
    }
    let csv = [
        ("2012-02-01T00:00:00Z,1.3,1.4", 1, MixedZones),
        ("2012-02-01T00:00:00,1.3,1.4", 1, MixedZones),
        ("1328054400000,1.4,1.3", 19, Crossed),
    ];
    for (line, column, code) in csv {
        check_reject(Format::CsvTicks, CSV, line, column, code);
    }
    let iso = "2012-02-01T01:00:00+01:00,1.3,1.4\n";
    check_reject(Format::CsvTicks, iso, "2012-02-01T00:00:00,1.3,1.4", 1, MixedZones);
    check_reject(Format::CsvTicks, iso, "2012-02-01T03:00:00+03:00,1.3,1.4", 1, MixedZones);
    let long = "1".repeat(LINE_MAX + 1);
    check_reject(Format::CsvTicks, CSV, &long, LINE_MAX as u32 + 1, LineTooLong);
    let mt5 = "2019.03.31\t02:59:59.999\t1.3\t1.4\t\t\t6\n";
    check_reject(Format::Mt5Ticks, mt5, "2019.03.31\t03:30:00.000\t1.3\t1.4\t\t\t6", 1, TimeNonexistent);
    check_reject(Format::Mt5Ticks, mt5, "2019.03.31\t02:59:59.999\t1.3\t1.4\t\t\tx", 35, BadFlags);
}

#[test]
fn summer_time_within_a_file_is_no_mixture_of_zones() {
    let text =
        "Local time,Ask,Bid\n25.03.2012 01:59:59.999 GMT+0100,1.4,1.3\n25.03.2012 03:00:00.000 GMT+0200,1.4,1.3\n";
    let (got, _) = read(Format::DukascopyTicks, Settings::default(), text.as_bytes()).unwrap();
    assert_eq!(got.ticks[1].time.since_ms(got.ticks[0].time), 1);
}

#[test]
fn an_hour_shown_twice_is_read_in_order_and_counted() {
    let line = |time: &str| format!("2019.10.27\t{time}\t1.3\t1.4\t\t\t6\n");
    let times = ["02:59:00.000", "03:00:00.000", "03:59:00.000", "03:00:00.000", "03:59:59.999", "04:00:00.000"];
    let text: String = times.iter().map(|time| line(time)).collect();
    let (got, summary) = read(Format::Mt5Ticks, zoned(Zone::EuDst(120)), text.as_bytes()).unwrap();
    let minutes: Vec<i64> = got.ticks.iter().map(|tick| tick.time.since_ms(got.ticks[0].time) / 60_000).collect();
    assert_eq!((minutes, summary.ambiguous_times), (vec![0, 1, 60, 61, 120, 121], 4));
}

#[test]
fn one_absurd_stamp_does_not_make_the_rest_look_late() {
    let text = "20990101 000000000,1.3,1.4,0\n20120201 000000000,1.3,1.4,0\n20120201 000001000,1.3,1.4,0\n\
        20300101 000000000,1.3,1.4,0\n20120201 000002000,1.3,1.4,0\n20120301 000000000,1.3,1.4,0\n20120301 000001000,1.3,1.4,0\n";
    let (got, _) = read(Format::HistDataTicks, Settings::default(), text.as_bytes()).unwrap();
    assert_eq!(places(&got), [(1, 1, RejectCode::TimeJump), (4, 1, RejectCode::TimeJump)]);
    assert_eq!(got.ticks.len(), 5);
    let latest = Settings { latest: Some(MarketTime(1_400_000_000_000)), ..Settings::default() };
    let (got, _) = read(Format::HistDataTicks, latest, text.as_bytes()).unwrap();
    assert_eq!(places(&got), [(1, 1, RejectCode::TimeImplausible), (4, 1, RejectCode::TimeImplausible)]);
}

#[test]
fn a_side_never_quoted_is_no_quote_and_what_a_bad_row_says_still_counts() {
    let rows = ["\t\t1.4\t\t\t4", "\t1.5\t\t\t\t2", "\t1.3\t\t\t\t2", "\t\t1.2\t\t\t4", "\t1.1\t\t\t\t2"];
    let text: String = rows.iter().map(|row| format!("2012.02.01\t00:00:00.000{row}\n")).collect();
    let (got, _) = read(Format::Mt5Ticks, zoned(Zone::Utc), text.as_bytes()).unwrap();
    use RejectCode::{Crossed, NoQuoteYet};
    assert_eq!(places(&got), [(1, 25, NoQuoteYet), (2, 29, Crossed), (4, 26, Crossed)]);
    let quotes: Vec<String> = got.ticks.iter().map(|tick| format!("{} {}", tick.bid, tick.ask)).collect();
    assert_eq!(quotes, ["1.3 1.4", "1.1 1.2"]);
}

#[test]
fn bars_enclose_their_prices_and_start_once() {
    let text = "time_msc,open,high,low,close\n1328054400000,1.1,1.3,1.0,1.2\n1328054400000,1.1,1.3,1.0,1.2\n\
        1328054460000,1.1,1.0,1.3,1.2\n1328054460000,1.4,1.3,1.0,1.2\n1328054460000,1.1,1.3,0,1.2\n1328054460000,1.1,1.3,1.0,1.2\n";
    let (got, _) = read(Format::CsvBars, Settings::default(), text.as_bytes()).unwrap();
    use RejectCode::{BadBar, BadPrice, Duplicate};
    assert_eq!(places(&got), [(3, 1, Duplicate), (4, 19, BadBar), (5, 19, BadBar), (6, 23, BadPrice)]);
    assert_eq!(got.bars.len(), 2);
}

fn check_refused(format: Format, settings: Settings, text: &str, expected: &MarketFileError) {
    let error = read(format, settings, text.as_bytes()).unwrap_err();
    assert_eq!(&error, expected, "{text:.60}");
    assert!(error.dna().code.starts_with("MARKET_FILE_"));
    assert!(error.to_string().contains(';'), "cause and cure: {error}");
}

#[test]
fn a_file_of_bad_rows_is_refused_after_so_many_and_not_before() {
    let bad = |count: u64| "20120201 000000000,1.4,1.3,0\n".repeat(count as usize);
    let refused = |lines| MarketFileError::WrongFormat {
        format: Format::HistDataTicks,
        lines,
        line: 1,
        column: 24,
        code: RejectCode::Crossed,
    };
    let histdata = Format::HistDataTicks;
    let late = bad(REFUSE_AFTER) + HISTDATA;
    check_refused(histdata, Settings::default(), &late, &refused(REFUSE_AFTER));
    check_refused(histdata, Settings::default(), &bad(3), &refused(3));
    let in_time = bad(REFUSE_AFTER - 1) + HISTDATA + &bad(500);
    let (got, summary) = read(histdata, Settings::default(), in_time.as_bytes()).unwrap();
    assert_eq!((got.ticks.len(), summary.rejects.total()), (1, REFUSE_AFTER - 1 + 500));
}

/// The text without its last bytes: what is read of its last line.
fn check_end(format: Format, text: &str, cut: usize, expected: Option<u32>) {
    let text = &text[..text.len() - cut];
    let (got, summary) = read(format, zoned(Zone::Utc), text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e}"));
    let lines = text.lines().count() as u64;
    let expected: Vec<_> = expected.iter().map(|column| (lines, *column, RejectCode::CutOff)).collect();
    assert_eq!(places(&got), expected, "{text}");
    assert_eq!((got.ticks.len() + got.bars.len()) as u64 + expected.len() as u64, summary.rows, "{text}");
}

#[test]
fn a_last_line_without_its_end_counts_only_if_it_ends_as_those_before() {
    let csv = "1328054400000,1.29561,1.29573\n1328054400001,1.29561,1.29574\n1328054400002,1.29561,1.29575\n";
    check_end(Format::CsvTicks, csv, 0, None);
    check_end(Format::CsvTicks, csv, 1, None);
    for cut in 2..9 {
        check_end(Format::CsvTicks, csv, cut, Some(23));
    }
    // Within the bid, and within the time.
    check_end(Format::CsvTicks, csv, 10, Some(15));
    check_end(Format::CsvTicks, csv, 20, Some(1));
    check_end(Format::CsvTicks, &csv.replace('\n', "\r\n"), 1, None);
    check_end(Format::CsvTicks, &csv.replace('\n', "\r\n"), 3, Some(23));
    // A flag of several digits, and one that may have had more.
    let mt5 = "2012.02.01\t00:00:00.000\t1.3\t1.4\t\t\t6\n2012.02.01\t00:00:00.001\t1.3\t\t\t\t134\n\
        2012.02.01\t00:00:00.002\t1.3\t\t\t\t134\n";
    check_end(Format::Mt5Ticks, mt5, 1, None);
    check_end(Format::Mt5Ticks, mt5, 2, Some(32));
    check_end(Format::Mt5Ticks, mt5, 4, Some(32));
    // Where the volume is optional, it is a column less.
    let bars = "20120201 000000;1.3;1.4;1.2;1.3;10\n20120201 000100;1.3;1.4;1.2;1.3;11\n";
    check_end(Format::HistDataBars, bars, 1, None);
    check_end(Format::HistDataBars, bars, 2, Some(33));
    check_end(Format::HistDataBars, bars, 4, Some(29));
    // What is not read may end anywhere.
    let skipped = "1328054400000,1.3,1.4,abcd\n1328054400001,1.3,1.4,abcd\n";
    check_end(Format::CsvTicks, skipped, 3, None);
}

#[test]
fn a_single_line_without_its_end_is_not_trusted() {
    let refused = MarketFileError::WrongFormat {
        format: Format::HistDataTicks,
        lines: 1,
        line: 1,
        column: 28,
        code: RejectCode::CutOff,
    };
    check_refused(Format::HistDataTicks, Settings::default(), HISTDATA.trim_end(), &refused);
}

#[test]
fn a_refused_file_stays_refused() {
    let mut reader = Reader::new(Format::HistDataTicks, Settings::default()).unwrap();
    let mut sink = Collected::default();
    let error = reader.feed("nonsense\n".repeat(100).as_bytes(), &mut sink).unwrap_err();
    assert_eq!(reader.feed(HISTDATA.as_bytes(), &mut sink), Err(error.clone()));
    assert_eq!(reader.finish(&mut sink), Err(error));
    assert_eq!(sink.ticks, []);
}

#[test]
fn whole_files_are_refused_for_what_no_row_can_mend() {
    use MarketFileError as E;
    let newest_first: String = (0..120).rev().map(|n| format!("{},1.3,1.4\n", 1_328_054_400_000_i64 + n)).collect();
    let header = |format, column, what| E::Header { format, line: 1, column, what };
    let cases = [
        (Format::HistDataTicks, "", E::Empty),
        (Format::CsvTicks, "time_msc,bid,ask\n", E::Empty),
        (Format::CsvTicks, newest_first.as_str(), E::NotAscending { line: 2 }),
        (Format::CsvTicks, "timestamp,bid,ask\n2012-02-01 00:00:00,1,2\n", E::ZoneNeeded { format: Format::CsvTicks }),
        (
            Format::DukascopyTicks,
            "Local time,Ask,Bid\n01.02.2012 00:00:00.000,2,1\n",
            E::ZoneNeeded { format: Format::DukascopyTicks },
        ),
        (Format::CsvTicks, "time_msc,bid\n", header(Format::CsvTicks, 1, "lacks a column")),
        (Format::CsvTicks, "when,bid,ask\n", header(Format::CsvTicks, 1, "lacks the time")),
        (Format::CsvTicks, "time_msc,bid,ask,bid\n", header(Format::CsvTicks, 18, "names a column twice")),
        (Format::DukascopyTicks, "Time,Bid,Ask,Mood\n", header(Format::DukascopyTicks, 14, "names an unknown column")),
    ];
    for (format, text, error) in cases {
        check_refused(format, Settings::default(), text, &error);
    }
    let needed = Reader::new(Format::Mt5Ticks, Settings::default()).unwrap_err();
    assert_eq!(needed, E::ZoneNeeded { format: Format::Mt5Ticks });
    let range = Reader::new(Format::CsvTicks, Settings { points: Some(9), ..Settings::default() }).unwrap_err();
    assert!(matches!(range, E::SettingRange { max: 8, .. }));
}
