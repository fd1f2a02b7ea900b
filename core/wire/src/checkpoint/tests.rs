//! Notes have one spelling, and nothing else is one.

use super::{base64, *};
use proptest::prelude::*;

fn sample() -> CheckpointNote {
    CheckpointNote {
        origin: "0a1b/audit/critical".into(),
        size: 1_234,
        root: [7; 32],
        key_id: [1, 2, 3, 4],
        signature: [9; 64],
    }
}

fn check_refused(note: &str) {
    assert_eq!(CheckpointNote::parse(note), Err(BAD), "{note:?}");
}

#[test]
fn base64_is_the_standards() {
    for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
        assert_eq!(base64::encode(bytes.as_bytes()), text);
        assert_eq!(base64::decode(text).as_deref(), Some(bytes.as_bytes()));
    }
    for bad in ["Zg=", "Zg", "Zh==", "Z===", "====", "Zg==Zg==", "Z g=", "Zm9v\n", "-_-_"] {
        assert_eq!(base64::decode(bad), None, "{bad}");
    }
}

#[test]
fn a_note_is_read_back_and_cut_anywhere_is_none() {
    let note = sample().note();
    assert_eq!(CheckpointNote::parse(&note), Ok(sample()));
    for (cut, _) in note.char_indices() {
        check_refused(&note[..cut]);
    }
}

#[test]
fn every_other_spelling_is_refused() {
    let note = sample().note();
    check_refused(&format!("{note}x"));
    check_refused(&format!("{note}\n"));
    check_refused(&note.replace("\n1234\n", "\n01234\n"));
    check_refused(&note.replace("\n1234\n", "\n+1234\n"));
    check_refused(&note.replace("\n1234\n", "\n18446744073709551616\n"));
    check_refused(&note.replace("\u{2014} 0a1b/audit/critical", "\u{2014} other"));
    check_refused(&note.replace('\u{2014}', "-"));
    check_refused(&note.replace("\n\n", "\nmore\n\n"));
    check_refused(&note.replace("0a1b/audit/critical", ""));
    check_refused(&note.replace("0a1b/audit/critical", "a b"));
    check_refused(&note.replace("0a1b/audit/critical", "a+b"));
    check_refused(&note.replace("0a1b/audit/critical", &"a".repeat(201)));
    let long = note.replace("0a1b/audit/critical", &"a".repeat(600));
    assert_eq!(CheckpointNote::parse(&long), Err(WireError::TooLarge("checkpoint")));
}

#[test]
fn the_longest_note_fits_its_limit() {
    let longest = CheckpointNote { origin: "a".repeat(ORIGIN_MAX), size: u64::MAX, ..sample() };
    assert_eq!(CheckpointNote::parse(&longest.note()), Ok(longest));
}

proptest! {
    #[test]
    fn garbage_never_panics_and_what_is_read_is_the_text(text in "\\PC{0,40}(\n\\PC{0,60}){0,6}") {
        if let Ok(note) = CheckpointNote::parse(&text) {
            prop_assert_eq!(note.note(), text);
        }
    }

    #[test]
    fn base64_round_trips(bytes: Vec<u8>) {
        prop_assert_eq!(base64::decode(&base64::encode(&bytes)), Some(bytes));
    }
}
