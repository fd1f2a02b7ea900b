//! Notes and keys against the published example, and against alteration.

use super::*;
use crate::testing::{ORIGIN, key, vectors};

fn signed() -> (SignedCheckpoint, LogKey) {
    let name = key().verifier(ORIGIN).unwrap();
    (SignedCheckpoint::sign(&key(), &name, TreeHead { size: 300, root: [0xfb; 32] }), name)
}

#[test]
fn the_published_note_verifies_under_the_published_key() {
    let Some(published) = vectors("misc/published.json") else { return };
    let case = &published["c2sp_signed_note"];
    let text = case["vkey"].as_str().unwrap();
    let key = LogKey::parse(text).unwrap();
    assert_eq!(key.to_string(), text);
    assert_eq!(key.open(case["note"].as_str().unwrap()).unwrap(), "This is an example message.\n");
}

#[test]
fn a_checkpoint_is_read_back() {
    let (checkpoint, name) = signed();
    assert!(checkpoint.note().starts_with(&format!("{ORIGIN}\n300\n+/v7")), "{}", checkpoint.note());
    assert_eq!(SignedCheckpoint::open(checkpoint.note(), &name), Ok(checkpoint));
    assert_eq!(LogKey::parse(&name.to_string()), Ok(name));
}

#[test]
fn every_altered_byte_of_a_checkpoint_or_key_is_refused() {
    let (checkpoint, name) = signed();
    let altered = |text: &str, at: usize, mask: u8| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] ^= mask;
        String::from_utf8(bytes)
    };
    for mask in [1, 2, 4, 8, 16, 32, 64] {
        for at in 0..checkpoint.note().len() {
            if let Ok(note) = altered(checkpoint.note(), at, mask) {
                assert!(SignedCheckpoint::open(&note, &name).is_err(), "byte {at}, mask {mask}");
            }
        }
        for at in 0..name.to_string().len() {
            assert!(LogKey::parse(&altered(&name.to_string(), at, mask).unwrap()).is_err(), "byte {at}, mask {mask}");
        }
    }
}

#[test]
fn another_key_and_another_log_are_refused() {
    let (checkpoint, _) = signed();
    let stranger = CheckpointKey::from_seed(&[8; 32]).verifier(ORIGIN).unwrap();
    assert_eq!(SignedCheckpoint::open(checkpoint.note(), &stranger), Err(NoteError::Signature));
    let elsewhere = key().verifier("other.example/log").unwrap();
    assert_eq!(SignedCheckpoint::open(checkpoint.note(), &elsewhere), Err(NoteError::Malformed));
}

#[test]
fn origins_that_would_break_a_line_are_refused() {
    for origin in ["", "a b", "a+b", "a\nb", "é", &"x".repeat(MAX_ORIGIN + 1)] {
        assert_eq!(key().verifier(origin), Err(NoteError::Origin), "{origin:?}");
    }
}

#[test]
fn the_signing_key_is_not_printed() {
    assert_eq!(format!("{:?}", key()), "CheckpointKey { .. }");
}
