//! A checkpoint of the audit log as it is published: a C2SP signed note with one Ed25519 signature (docs/specs/audit-log.md,
//! section 5). It is read here, and verified by whoever holds the key.

mod base64;
#[cfg(test)]
mod tests;

use crate::{WireError, limits::CHECKPOINT_BYTES_MAX};

/// Signature type Ed25519 of C2SP signed-note.
const ED25519: u8 = 1;
/// Longest origin.
const ORIGIN_MAX: usize = 200;
const BAD: WireError = WireError::BadValue("checkpoint");

/// The parts of a signed note. That the parts are well formed says nothing about the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointNote {
    /// The log's name.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    /// Root over them.
    pub root: [u8; 32],
    /// Names the key that signed.
    pub key_id: [u8; 4],
    /// Over [`CheckpointNote::signed_text`].
    pub signature: [u8; 64],
}

impl CheckpointNote {
    /// Takes a note apart. Only the one spelling that [`CheckpointNote::note`] gives is accepted.
    ///
    /// # Errors
    /// [`WireError::TooLarge`]; [`WireError::BadValue`] for everything that is not that spelling.
    pub fn parse(note: &str) -> Result<Self, WireError> {
        if note.len() > CHECKPOINT_BYTES_MAX {
            return Err(WireError::TooLarge("checkpoint"));
        }
        let mut lines = note.split('\n');
        let head = (lines.next(), lines.next(), lines.next(), lines.next());
        let (Some(origin), Some(size), Some(root), Some("")) = head else { return Err(BAD) };
        let sound = |name: &str| name.bytes().all(|b| b.is_ascii_graphic() && b != b'+');
        if !((1..=ORIGIN_MAX).contains(&origin.len()) && sound(origin)) {
            return Err(BAD);
        }
        let encoded = lines.next().and_then(|line| line.rsplit_once(' ')).ok_or(BAD)?.1;
        let blob = base64::decode(encoded).ok_or(BAD)?;
        let (key_id, signature) = blob.split_first_chunk::<4>().ok_or(BAD)?;
        let parsed = Self {
            origin: origin.to_owned(),
            size: size.parse().map_err(|_| BAD)?,
            root: base64::decode(root).and_then(|root| root.try_into().ok()).ok_or(BAD)?,
            key_id: *key_id,
            signature: signature.try_into().map_err(|_| BAD)?,
        };
        // Zeros before the number, other names before the signature, lines after it: whatever is said twice or otherwise.
        if parsed.note() == note { Ok(parsed) } else { Err(BAD) }
    }

    /// The three lines that are signed.
    #[must_use]
    pub fn signed_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, base64::encode(&self.root))
    }

    /// The whole note.
    #[must_use]
    pub fn note(&self) -> String {
        let blob = [self.key_id.as_slice(), &self.signature].concat();
        format!("{}\n\u{2014} {} {}\n", self.signed_text(), self.origin, base64::encode(&blob))
    }

    /// The bytes whose SHA-256 begins with the id of `key` under this log's name.
    #[must_use]
    pub fn key_id_input(&self, key: &[u8; 32]) -> Vec<u8> {
        [self.origin.as_bytes(), &[b'\n', ED25519], key].concat()
    }
}
