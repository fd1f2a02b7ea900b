//! Compressed hours: records, bounds, and damage.

use crate::support::{places, read, tick};
use aitrading_market_files::{
    BI5_FILE_MAX, BI5_TICKS_MAX, Bi5Place, Collected, Format, MarketFileError, Reader, RejectCode, Settings, sniff,
};
use aitrading_model::MarketTime;

const HOUR: i64 = 1_354_543_200_000;

fn settings() -> Settings {
    Settings { points: Some(3), hour: Some(MarketTime(HOUR)), ..Settings::default() }
}

fn record(ms: u32, ask: u32, bid: u32, ask_volume: f32, bid_volume: f32) -> Vec<u8> {
    let words = [ms, ask, bid, ask_volume.to_bits(), bid_volume.to_bits()];
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    lzma_rs::lzma_compress(&mut std::io::Cursor::new(bytes), &mut packed).unwrap();
    packed
}

#[test]
fn an_hour_is_read_and_its_bad_records_are_placed() {
    let records = [
        record(17, 132_158, 132_141, 1.5, 1.13),
        record(17, 132_140, 132_141, 1.5, 1.13),
        record(18, 0, 132_141, 1.5, 1.13),
        record(18, 132_158, 0, 1.5, 1.13),
        record(19, 132_158, 132_141, f32::NAN, 1.13),
        record(19, 132_158, 132_141, 1.5, -1.0),
        record(16, 132_158, 132_141, 1.5, 1.13),
        record(3_600_000, 132_158, 132_141, 1.5, 1.13),
        record(3_599_999, 132_158, 132_140, 0.0, 0.0),
        vec![0; 7],
    ];
    let packed = pack(&records.concat());
    let (got, summary) = read(Format::Bi5, settings(), &packed).unwrap();
    assert_eq!(got.ticks, [tick(HOUR + 17, "132.141", "132.158", 6), tick(HOUR + 3_599_999, "132.140", "132.158", 2)]);
    use RejectCode::*;
    let expected = [
        (2, 5, Crossed),
        (3, 5, BadPrice),
        (4, 9, BadPrice),
        (5, 13, BadVolume),
        (6, 17, BadVolume),
        (7, 1, TimeBackwards),
        (8, 1, TimeImplausible),
        (10, 1, CutOff),
    ];
    assert_eq!((places(&got), summary.rows), (expected.to_vec(), 10));
    assert_eq!(sniff(&packed).unwrap().format, Format::Bi5);
}

#[test]
fn an_hour_without_ticks_is_empty_and_good() {
    for bytes in [Vec::new(), pack(&[])] {
        assert_eq!(read(Format::Bi5, settings(), &bytes).unwrap().1.ticks, 0);
    }
}

#[test]
fn the_path_tells_symbol_and_hour() {
    let place = Bi5Place::from_path("data/EURUSD/2012/11/03/14h_ticks.bi5").unwrap();
    assert_eq!((place.symbol.as_str(), place.hour), ("EURUSD", MarketTime(HOUR)));
    assert_eq!(Bi5Place::from_path(r"D:\data\EURUSD\2012\11\03\14h_ticks.bi5"), Ok(place));
    let bad = [
        "",
        "14h_ticks.bi5",
        "EURUSD/2012/12/03/14h_ticks.bi5",
        "EURUSD/2012/11/31/24h_ticks.bi5",
        "/2012/11/03/14h_ticks.bi5",
    ];
    for path in bad {
        assert_eq!(Bi5Place::from_path(path), Err(MarketFileError::Bi5Path), "{path}");
    }
}

#[test]
fn damage_is_an_error_and_never_a_panic() {
    let good = pack(&record(17, 132_158, 132_141, 1.5, 1.13).repeat(50));
    for len in 1..good.len() - 8 {
        assert_eq!(read(Format::Bi5, settings(), &good[..len]).unwrap_err(), MarketFileError::Damaged, "cut to {len}");
    }
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x55;
        drop(read(Format::Bi5, settings(), &bytes));
    }
}

#[test]
fn neither_the_packed_nor_the_unpacked_hour_may_grow_without_bound() {
    let mut reader = Reader::new(Format::Bi5, settings()).unwrap();
    let mut sink = Collected::default();
    reader.feed(&vec![0; BI5_FILE_MAX], &mut sink).unwrap();
    assert!(matches!(reader.feed(&[0], &mut sink), Err(MarketFileError::TooLarge { max: BI5_FILE_MAX, .. })));
    let mut claims = pack(&[]);
    claims[5..13].copy_from_slice(&(1_u64 << 40).to_le_bytes());
    assert!(matches!(read(Format::Bi5, settings(), &claims), Err(MarketFileError::TooLarge { .. })));
}

#[test]
fn a_bomb_that_hides_its_size_is_stopped() {
    // Nothing but zeros and an end marker instead of a size; the window is small, so that it is written out as it goes.
    let mut bomb = pack(&vec![0; (BI5_TICKS_MAX + 1) * 20]);
    bomb[1..5].copy_from_slice(&4096_u32.to_le_bytes());
    assert_eq!(bomb[5..13], [0xff; 8]);
    assert!(bomb.len() <= BI5_FILE_MAX, "{}", bomb.len());
    assert!(matches!(read(Format::Bi5, settings(), &bomb), Err(MarketFileError::TooLarge { .. })));
}

#[test]
fn an_hour_needs_its_hour_and_its_decimals() {
    for settings in [Settings { hour: None, ..settings() }, Settings { points: None, ..settings() }] {
        let error = Reader::new(Format::Bi5, settings).unwrap_err();
        assert!(matches!(error, MarketFileError::SettingNeeded { format: Format::Bi5, .. }));
    }
    let error = Reader::new(Format::Bi5, Settings { points: Some(9), ..settings() }).unwrap_err();
    assert!(matches!(error, MarketFileError::SettingRange { .. }));
}
