//! Leaf format: one value, one encoding; everything else is refused.

use super::*;
use proptest::prelude::*;

fn leaf(entry: Entry) -> Leaf {
    Leaf { log_seq: 5, wall_ns: -1, boot_id: [9; 16], mono_ns: 77, entry, bodies: Vec::new() }
}

fn decided() -> Entry {
    Entry::new(Level::Critical, EventKind::SignalDecided)
        .actor([1; 16])
        .subject([2; 16])
        .trace([3; 16])
        .with(Field::Symbol("EURUSD".into()))
        .with(Field::SignalId([4; 16]))
        .with(Field::Price(-108_123_000))
        .with(Field::Side(Side::Sell))
}

fn check_refused(entry: Entry, expected: LeafError) {
    assert_eq!(Prepared::new(&entry), Err(expected));
    assert_eq!(leaf(entry).encode(), Err(expected));
}

#[test]
fn a_leaf_has_the_bytes_of_section_3_1() {
    let bytes = leaf(decided()).encode().unwrap();
    let head = "a101000400140001 0000000000000005 ffffffffffffffff 09090909090909090909090909090909 000000000000004d \
                01010101010101010101010101010101 02020202020202020202020202020202 03030303030303030303030303030303 0023";
    let public = "a4 01 50 04040404040404040404040404040404 02 66 455552555344 03 02 05 3a 0671d377 00";
    assert_eq!(crate::hex(&bytes), (head.to_owned() + public).replace(' ', ""));
}

#[test]
fn what_was_encoded_is_read_back_with_its_fields_in_key_order() {
    let mut original = leaf(decided());
    let back = Leaf::decode(&original.encode().unwrap()).unwrap();
    original.entry.public.sort_by_key(Field::key);
    assert_eq!(back, original);
}

#[test]
fn body_descriptors_of_section_3_3_are_read_back() {
    let body = BodyRef { personal: true, dek_id: [1; 16], ct_len: 9, ct_hash: [2; 32], key_commit: [3; 32] };
    let mut original = leaf(Entry::new(Level::Info, EventKind::SystemStarted));
    original.bodies = vec![body.clone(), BodyRef { personal: false, ..body }];
    let bytes = original.encode().unwrap();
    assert_eq!(Leaf::decode(&bytes).unwrap(), original);
    let mut wrong = bytes;
    wrong[HEAD + 2] = b'X';
    assert_eq!(Leaf::decode(&wrong), Err(LeafError::Malformed("body class")));
}

#[test]
fn fields_outside_the_allow_list_are_refused() {
    let entry = Entry::new(Level::Info, EventKind::ClockStep).with(Field::Symbol("EURUSD".into()));
    check_refused(entry, LeafError::FieldNotAllowed(FieldKey::Symbol, EventKind::ClockStep));
}

#[test]
fn a_field_given_twice_is_refused() {
    let entry = decided().with(Field::Symbol("USDJPY".into()));
    check_refused(entry, LeafError::FieldTwice(FieldKey::Symbol));
}

#[test]
fn text_that_could_forge_a_log_line_is_refused() {
    for text in ["", "a\nb", "\u{202e}abc", "\u{1b}[31m", "é", &"x".repeat(MAX_LEAF_BYTES)] {
        let entry = Entry::new(Level::Info, EventKind::SystemStopped).with(Field::Code(text.to_owned()));
        check_refused(entry, LeafError::Text(FieldKey::Code));
    }
}

#[test]
fn numbers_of_events_and_fields_are_unique_and_found_again() {
    for event in EventKind::ALL {
        assert_eq!(EventKind::from_number(event.number()), Some(*event));
        assert!(event.allows(FieldKey::Tenant));
    }
    assert_eq!(EventKind::from_number(0), None);
}

#[test]
fn other_spellings_of_the_same_public_fields_are_refused() {
    // Section 3.2: shortest integers, definite lengths, ascending keys, nothing after the map.
    let event = EventKind::SystemStopped;
    let cases: [&[u8]; 6] = [
        &[0xbf, 0xff],
        &[0xa1, 0x18, 0x07, 0x61, b'x'],
        &[0xa1, 0x07, 0x78, 0x01, b'x'],
        &[0xa2, 0x07, 0x61, b'x', 0x00, 0x01],
        &[0xa1, 0x07, 0x61, b'x', 0x00],
        &[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ];
    for bytes in cases {
        assert!(field::decode(event, bytes).is_err(), "{bytes:x?}");
    }
    assert!(field::decode(event, &[0xa2, 0x00, 0x01, 0x07, 0x61, b'x']).is_ok());
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_are_the_encoding_of_what_was_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(leaf) = Leaf::decode(&bytes) {
            prop_assert_eq!(leaf.encode().unwrap(), bytes);
        }
    }

    #[test]
    fn an_altered_leaf_is_refused_or_says_something_else(at in 0_usize..134, mask in 1_u8..) {
        let original = leaf(decided());
        let mut bytes = original.encode().unwrap();
        let at = at % bytes.len();
        bytes[at] ^= mask;
        if let Ok(read) = Leaf::decode(&bytes) {
            prop_assert_ne!(read.encode().unwrap(), original.encode().unwrap());
        }
        bytes.truncate(at);
        prop_assert!(Leaf::decode(&bytes).is_err());
    }
}
