//! A heartbeat has one encoding, and what is not one is refused.

use super::*;
use proptest::prelude::*;

fn all() -> Vec<Heartbeat> {
    use SubscriptionState as S;
    let until = Timestamp(1_767_225_600_000_000_000);
    let states = [S::Unknown, S::None, S::Active { until }, S::Active { until: Timestamp(0) }, S::Lapsed, S::Suspended];
    let notes = [None, Some("note \u{2014}\n".to_owned()), Some("n".repeat(CHECKPOINT_BYTES_MAX))];
    states
        .iter()
        .flat_map(|state| notes.iter().map(|note| Heartbeat { subscription: *state, checkpoint: note.clone() }))
        .collect()
}

#[test]
fn what_is_written_is_read_back_and_fits_a_pong() {
    for heartbeat in all() {
        let bytes = heartbeat.encode();
        assert_eq!(Heartbeat::decode(&bytes), Ok(heartbeat));
        assert!(bytes.len() <= 4_096);
    }
}

#[test]
fn the_bytes_are_those_of_the_specification() {
    let active = Heartbeat {
        subscription: SubscriptionState::Active { until: Timestamp(0x0102) },
        checkpoint: Some("ab".into()),
    };
    assert_eq!(active.encode(), [1, 2, 0, 0, 0, 0, 0, 0, 1, 2, 0, 2, b'a', b'b']);
    assert_eq!(Heartbeat::default().encode(), [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_cut_or_longer_one_is_refused() {
    for heartbeat in all() {
        let bytes = heartbeat.encode();
        for cut in 0..bytes.len().min(64) {
            assert_eq!(Heartbeat::decode(&bytes[..cut]), Err(WireError::Truncated), "cut at {cut}");
        }
        assert_eq!(Heartbeat::decode(&[bytes.as_slice(), &[0]].concat()), Err(WireError::Trailing));
    }
}

#[test]
fn unknown_values_are_refused() {
    let good = Heartbeat { subscription: SubscriptionState::Lapsed, checkpoint: None }.encode();
    let with = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        Heartbeat::decode(&bytes)
    };
    assert_eq!(with(0, 2), Err(WireError::Version(2)));
    assert_eq!(with(1, 5), Err(WireError::BadValue("subscription")));
    assert_eq!(with(9, 1), Err(WireError::BadValue("until")), "only what is in force has an end");
    assert_eq!(with(10, 5), Err(WireError::TooLarge("checkpoint")), "refused before it is read");
    let not_text = [good[..10].to_vec(), vec![0, 1, 0xff]].concat();
    assert_eq!(Heartbeat::decode(&not_text), Err(WireError::BadValue("checkpoint")));
}

#[test]
fn a_note_beyond_the_limit_is_left_out() {
    let long = Heartbeat { checkpoint: Some("n".repeat(CHECKPOINT_BYTES_MAX + 1)), ..Heartbeat::default() };
    assert_eq!(Heartbeat::decode(&long.encode()), Ok(Heartbeat::default()));
}

proptest! {
    #[test]
    fn garbage_never_panics_and_what_is_read_is_the_bytes(mut bytes in prop::collection::vec(any::<u8>(), 0..64), shaped: bool) {
        if shaped && bytes.len() >= 12 {
            let len = u16::try_from(bytes.len() - 12).unwrap();
            bytes[0] = 1;
            bytes[1] %= 5;
            bytes[10..12].copy_from_slice(&len.to_be_bytes());
        }
        if let Ok(heartbeat) = Heartbeat::decode(&bytes) {
            prop_assert_eq!(heartbeat.encode(), bytes);
        }
    }
}
