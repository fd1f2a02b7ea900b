//! The signer remembers durably what it signed last, and signs nothing that does not follow from it (spec section 5.3).

use crate::{
    AuditError, CheckpointKey, LogKey, SignedCheckpoint, TreeHead, layout,
    merkle::{Hash, verify_consistency},
};
use aitrading_env::Fs;
use std::{path::Path, sync::Arc};

/// First bytes of a stored tree head.
const MAGIC: [u8; 4] = *b"ATH1";

/// 48 bytes: magic, size, root, checksum.
pub(crate) fn encode_head(head: &TreeHead) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&head.size.to_be_bytes());
    bytes.extend_from_slice(&head.root);
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_be_bytes());
    bytes
}

/// Reads what [`encode_head`] wrote; `None` if a byte is out of place.
pub(crate) fn decode_head(bytes: &[u8]) -> Option<TreeHead> {
    let rest = bytes.strip_prefix(&MAGIC)?;
    let (size, rest) = rest.split_first_chunk()?;
    let root = *rest.first_chunk()?;
    let head = TreeHead { size: u64::from_be_bytes(*size), root };
    (encode_head(&head) == bytes).then_some(head)
}

/// Holds the key.
#[derive(Debug)]
pub(crate) struct Signer {
    fs: Arc<dyn Fs>,
    path: std::path::PathBuf,
    key: CheckpointKey,
    name: LogKey,
    last: TreeHead,
}

impl Signer {
    /// `last` is what recovery found in the file; the empty tree for a new log.
    pub(crate) fn new(fs: Arc<dyn Fs>, dir: &Path, key: CheckpointKey, name: LogKey, last: TreeHead) -> Self {
        Self { fs, path: layout::last_signed(dir), key, name, last }
    }

    pub(crate) fn last(&self) -> TreeHead {
        self.last
    }

    /// Signs `head` if `proof` shows it to grow from the last signed one. The memory is durable before the signature exists.
    pub(crate) fn sign(&mut self, head: TreeHead, proof: &[Hash]) -> Result<SignedCheckpoint, AuditError> {
        if verify_consistency(self.last.size, head.size, &self.last.root, &head.root, proof).is_err() {
            return Err(AuditError::SignRefused { size: head.size, signed: self.last.size });
        }
        self.fs.write_atomic(&self.path, &encode_head(&head)).map_err(AuditError::io("write", &self.path))?;
        self.last = head;
        Ok(SignedCheckpoint::sign(&self.key, &self.name, head))
    }
}
