//! Checkpoints as C2SP signed notes (spec section 5): the three lines that a log signs, and the key that signs them.

#[cfg(test)]
mod tests;

use crate::{
    base64,
    merkle::{Hash, empty_root},
};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use std::fmt;

/// Signature type Ed25519 of C2SP signed-note.
const ED25519: u8 = 1;
/// Longest origin.
const MAX_ORIGIN: usize = 200;

/// Why a note or key text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Empty, too long, or with a space, a plus sign or anything but printable ASCII.
    #[error("the log's origin must be 1 to {MAX_ORIGIN} printable ASCII characters without space and '+'")]
    Origin,
    /// Not `name+hash+key` with a key hash that fits.
    #[error("the verifier key is malformed or its hash does not fit: copy it again from its source")]
    Key,
    /// Not a checkpoint in its one spelling.
    #[error("the checkpoint is malformed: it was altered or is from another program")]
    Malformed,
    /// Another log's checkpoint.
    #[error("the checkpoint names another log than the key does: give the key of this log")]
    WrongOrigin,
    /// The signature does not verify.
    #[error(
        "the checkpoint's signature does not verify under this key: the checkpoint was altered, or the key is another's"
    )]
    Signature,
}

/// The key that signs a log's checkpoints.
#[derive(Clone)]
pub struct CheckpointKey(SigningKey);

impl fmt::Debug for CheckpointKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckpointKey").finish_non_exhaustive()
    }
}

impl From<SigningKey> for CheckpointKey {
    fn from(key: SigningKey) -> Self {
        Self(key)
    }
}

impl CheckpointKey {
    /// The key of a 32-byte seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public half, for the log named `origin`.
    ///
    /// # Errors
    /// [`NoteError::Origin`].
    pub fn verifier(&self, origin: &str) -> Result<LogKey, NoteError> {
        LogKey::new(origin, self.0.verifying_key())
    }
}

/// A log's name and public key: what an auditor pins. Text form: C2SP vkey `name+hash+key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKey {
    origin: String,
    key: VerifyingKey,
}

impl LogKey {
    /// Binds a name to a key.
    ///
    /// # Errors
    /// [`NoteError::Origin`].
    pub fn new(origin: &str, key: VerifyingKey) -> Result<Self, NoteError> {
        let sound =
            (1..=MAX_ORIGIN).contains(&origin.len()) && origin.bytes().all(|b| b.is_ascii_graphic() && b != b'+');
        if sound { Ok(Self { origin: origin.to_owned(), key }) } else { Err(NoteError::Origin) }
    }

    /// Reads `name+hash+key`.
    ///
    /// # Errors
    /// [`NoteError::Key`], [`NoteError::Origin`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key);
        };
        let bytes: [u8; 33] = base64::decode(encoded).and_then(|b| b.try_into().ok()).ok_or(NoteError::Key)?;
        let [ED25519, raw @ ..] = bytes else { return Err(NoteError::Key) };
        let key = Self::new(name, VerifyingKey::from_bytes(&raw).map_err(|_| NoteError::Key)?)?;
        if key.to_string() == text { Ok(key) } else { Err(NoteError::Key) }
    }

    /// The log's name.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// First four bytes of `SHA-256(name || 0x0A || 0x01 || key)`.
    fn id(&self) -> [u8; 4] {
        let hash =
            Sha256::new().chain_update(&self.origin).chain_update([b'\n', ED25519]).chain_update(self.key.as_bytes());
        let [a, b, c, d, ..]: Hash = hash.finalize().into();
        [a, b, c, d]
    }

    /// The text of a note that carries exactly one signature, by this key.
    fn open<'a>(&self, note: &'a str) -> Result<&'a str, NoteError> {
        let split = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
        let (text, line) = note.split_at_checked(split + 1).ok_or(NoteError::Malformed)?;
        let encoded = line
            .strip_prefix("\n\u{2014} ")
            .and_then(|l| l.strip_prefix(self.origin.as_str()))
            .and_then(|l| l.strip_prefix(' '))
            .and_then(|l| l.strip_suffix('\n'))
            .ok_or(NoteError::Malformed)?;
        let blob = base64::decode(encoded).ok_or(NoteError::Malformed)?;
        let (id, signature) = blob.split_first_chunk::<4>().ok_or(NoteError::Malformed)?;
        let signature = Signature::from_slice(signature).map_err(|_| NoteError::Malformed)?;
        if *id != self.id() || self.key.verify_strict(text.as_bytes(), &signature).is_err() {
            return Err(NoteError::Signature);
        }
        Ok(text)
    }
}

impl fmt::Display for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut raw = vec![ED25519];
        raw.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.origin, crate::hex(&self.id()), base64::encode(&raw))
    }
}

/// Size and root of a tree: what a checkpoint asserts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeHead {
    /// Leaves.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
}

impl TreeHead {
    /// The tree without leaves.
    #[must_use]
    pub fn empty() -> Self {
        Self { size: 0, root: empty_root() }
    }
}

/// A tree head under the log's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    head: TreeHead,
    note: String,
}

impl SignedCheckpoint {
    /// Signs `head`. Only the signer, which remembers what it signed, may call this.
    pub(crate) fn sign(key: &CheckpointKey, name: &LogKey, head: TreeHead) -> Self {
        let text = format!("{}\n{}\n{}\n", name.origin, head.size, base64::encode(&head.root));
        let mut blob = name.id().to_vec();
        blob.extend_from_slice(&key.0.sign(text.as_bytes()).to_bytes());
        let note = format!("{text}\n\u{2014} {} {}\n", name.origin, base64::encode(&blob));
        Self { head, note }
    }

    /// Reads and verifies a checkpoint. Only the one spelling that signing gives is accepted.
    ///
    /// # Errors
    /// [`NoteError`] naming what is wrong.
    pub fn open(note: &str, key: &LogKey) -> Result<Self, NoteError> {
        let text = key.open(note)?;
        let mut lines = text.split('\n');
        let parts = (lines.next(), lines.next(), lines.next(), lines.next(), lines.next());
        let (Some(origin), Some(size), Some(root), Some(""), None) = parts else { return Err(NoteError::Malformed) };
        if origin != key.origin {
            return Err(NoteError::WrongOrigin);
        }
        let number: u64 = size.parse().map_err(|_| NoteError::Malformed)?;
        let root = base64::decode(root).and_then(|r| r.try_into().ok()).ok_or(NoteError::Malformed)?;
        if number.to_string() != size {
            return Err(NoteError::Malformed);
        }
        Ok(Self { head: TreeHead { size: number, root }, note: note.to_owned() })
    }

    /// Size and root.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        self.head
    }

    /// Leaves that it covers.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.head.size
    }

    /// Root over them.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.head.root
    }

    /// The signed note, as published.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }
}
