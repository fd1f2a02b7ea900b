//! Ticks survive both forms of storage exactly.

use super::{
    format::{decode, encode, rows_in_footer},
    rows::Rows,
};
use aitrading_model::{AccountId, MarketTime, Price, Source, TenantId, Tick, TickFlags, Volume};
use aitrading_store::conformance::sample::{source, ticks};
use bytes::Bytes;

fn rows(ticks: Vec<Tick>) -> Rows {
    let mut rows = Rows::default();
    for (seq, tick) in (1..).zip(ticks) {
        rows.push(tick, 3, seq);
    }
    rows
}

fn check_round_trip(hint: u8, rows: &Rows) {
    let owner = source(1, "GBPJPY");
    let bytes = encode(&owner, hint, rows).unwrap();
    assert_eq!(&decode(&owner, bytes.clone().into()).unwrap(), rows);
    assert_eq!(rows_in_footer(&bytes).unwrap(), Some(rows.len() as u64));
    let mut again = Rows::default();
    again.push_tail(&rows.to_tail()).unwrap();
    assert_eq!(&again, rows, "the waiting form is as exact");
}

#[test]
fn ticks_survive_both_forms_exactly() {
    let plain = ticks(0, 1)[0];
    let extremes = vec![
        Tick { time: MarketTime(i64::MIN), bid: Price::from_raw(i64::MIN), ask: Price::from_raw(i64::MAX), ..plain },
        Tick { time: MarketTime(i64::MAX), last: Price::from_raw(-1), volume: Volume::from_raw(i64::MIN), ..plain },
        Tick { flags: TickFlags::from_bits(0x7e), bid: Price::ZERO, ask: Price::ZERO, ..plain },
    ];
    for hint in [0, 3, 5, 8] {
        check_round_trip(hint, &rows(ticks(0, 1000)));
        check_round_trip(hint, &rows(ticks(0, 1)));
        check_round_trip(hint, &rows(extremes.clone()));
    }
    let mut jumps = rows(ticks(0, 4));
    jumps.epochs = vec![0, u64::MAX, 1, 1];
    jumps.seqs = vec![u64::MAX, 0, 1 << 63, 7];
    check_round_trip(3, &jumps);
}

#[test]
fn a_file_of_another_source_is_refused() {
    let bytes = Bytes::from(encode(&source(1, "GBPJPY"), 3, &rows(ticks(0, 9))).unwrap());
    let others = [
        source(2, "GBPJPY"),
        source(1, "GBPJPY.x"),
        Source { account: AccountId(8), ..source(1, "GBPJPY") },
        Source { tenant: TenantId(0), ..source(1, "GBPJPY") },
    ];
    for other in others {
        assert!(decode(&other, bytes.clone()).is_err(), "{other:?}");
    }
}

#[test]
fn garbage_is_refused() {
    let bytes = encode(&source(1, "GBPJPY"), 3, &rows(ticks(0, 500))).unwrap();
    assert!(decode(&source(1, "GBPJPY"), Bytes::new()).is_err());
    assert!(decode(&source(1, "GBPJPY"), Bytes::from_static(b"PAR1 no, not at all PAR1")).is_err());
    for cut in [1, 8, bytes.len() / 2] {
        assert!(decode(&source(1, "GBPJPY"), bytes[..bytes.len() - cut].to_vec().into()).is_err(), "{cut}");
    }
    assert!(rows_in_footer(b"PAR1").is_err());
    assert_eq!(rows_in_footer(&bytes[bytes.len() - 12..]).unwrap(), None, "the footer begins earlier");
    assert!(Rows::default().push_tail(&[0; 58]).is_err());
}
