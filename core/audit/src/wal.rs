//! The write-ahead log (spec section 4): preallocated segments of batches, each chained to the one before.

mod scan;
mod segment;
#[cfg(test)]
mod tests;

pub(crate) use scan::{Dirty, Scan, Tail, walk};
pub(crate) use segment::{HEADER_BYTES, Segment, list, prepare, segment_path, zero};

use crate::{MAX_LEAF_BYTES, merkle::Hash};
use sha2::{Digest, Sha256};

/// Most leaves in one batch.
pub(crate) const MAX_BATCH_LEAVES: usize = 512;
/// Most bytes of frames in one batch.
pub(crate) const MAX_BATCH_BYTES: usize = 1 << 20;
/// Batches begin at multiples of this, so that writing one never touches a sector of an acknowledged other.
pub(crate) const ALIGN: usize = 512;
/// Bytes of a batch header.
pub(crate) const BATCH_HEADER: usize = 72;
/// First bytes of a batch.
const BATCH_MAGIC: [u8; 4] = *b"ATB1";
/// Offset of the checksum, the last field of the header.
const CRC_AT: usize = BATCH_HEADER - 4;

/// Name of a segment: random, so that bytes of another file are never taken for batches of this one.
pub(crate) type SegmentId = [u8; 16];

/// Place in the chain of batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    /// Number of the next batch.
    pub(crate) batch_no: u64,
    /// SHA-256 of the batch before, zeros before the first.
    pub(crate) previous: Hash,
}

impl Link {
    pub(crate) const FIRST: Self = Self { batch_no: 0, previous: [0; 32] };

    /// The place after a batch with these bytes (without padding).
    pub(crate) fn after(self, batch: &[u8]) -> Self {
        Self { batch_no: self.batch_no + 1, previous: Sha256::digest(batch).into() }
    }
}

/// Builds batches in a buffer that is kept.
#[derive(Debug, Default)]
pub(crate) struct BatchBuffer {
    bytes: Vec<u8>,
    leaves: u32,
    unpadded: usize,
}

impl BatchBuffer {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.resize(BATCH_HEADER, 0);
        self.leaves = 0;
    }

    /// Appends a leaf that `write` puts at the end of the buffer, and shows it.
    pub(crate) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> &[u8] {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        write(&mut self.bytes);
        let length = (self.bytes.len() - at - 4) as u32;
        put(&mut self.bytes, at, &length.to_be_bytes());
        self.leaves += 1;
        self.bytes.get(at + 4..).unwrap_or_default()
    }

    /// Completes the header and pads to the next sector. Returns what to write.
    pub(crate) fn seal(&mut self, segment: &SegmentId, link: Link) -> &[u8] {
        let frames = (self.bytes.len() - BATCH_HEADER) as u32;
        let parts: [&[u8]; 6] = [
            &BATCH_MAGIC,
            segment,
            &link.batch_no.to_be_bytes(),
            &link.previous,
            &self.leaves.to_be_bytes(),
            &frames.to_be_bytes(),
        ];
        let mut at = 0;
        for part in parts {
            put(&mut self.bytes, at, part);
            at += part.len();
        }
        let crc = checksum(&self.bytes);
        put(&mut self.bytes, CRC_AT, &crc.to_be_bytes());
        self.unpadded = self.bytes.len();
        self.bytes.resize(self.unpadded.next_multiple_of(ALIGN), 0);
        &self.bytes
    }

    /// The sealed batch without padding.
    pub(crate) fn sealed(&self) -> &[u8] {
        self.bytes.get(..self.unpadded).unwrap_or_default()
    }

    /// Bytes that the batch will take in the segment.
    pub(crate) fn padded_len(&self) -> u64 {
        self.bytes.len().next_multiple_of(ALIGN) as u64
    }
}

/// Copies `part` to `at`.
fn put(bytes: &mut [u8], at: usize, part: &[u8]) {
    if let Some(to) = bytes.get_mut(at..at + part.len()) {
        to.copy_from_slice(part);
    }
}

/// CRC-32C over everything but the checksum itself.
fn checksum(batch: &[u8]) -> u32 {
    let head = batch.get(..CRC_AT).unwrap_or_default();
    crc32c::crc32c_append(crc32c::crc32c(head), batch.get(BATCH_HEADER..).unwrap_or_default())
}

/// A batch that was read and whose header, checksum, frames and padding are sound.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) link: Link,
    /// Without padding.
    pub(crate) bytes: &'a [u8],
    pub(crate) leaves: Vec<&'a [u8]>,
}

/// Number of the batch whose header of this segment stands at the beginning of `bytes`, sound or not.
fn header_number(bytes: &[u8], segment: &SegmentId) -> Option<u64> {
    let rest = bytes.strip_prefix(&BATCH_MAGIC)?.strip_prefix(segment)?;
    rest.first_chunk().map(|number| u64::from_be_bytes(*number))
}

/// Reads the batch at the beginning of `bytes`.
fn parse<'a>(bytes: &'a [u8], segment: &SegmentId) -> Option<Batch<'a>> {
    let batch_no = header_number(bytes, segment)?;
    let previous = *bytes.get(28..)?.first_chunk()?;
    let count = u32::from_be_bytes(*bytes.get(60..)?.first_chunk()?) as usize;
    let length = u32::from_be_bytes(*bytes.get(64..)?.first_chunk()?) as usize;
    if count == 0 || count > MAX_BATCH_LEAVES || length > MAX_BATCH_BYTES {
        return None;
    }
    let end = BATCH_HEADER + length;
    let batch = bytes.get(..end)?;
    let padding = bytes.get(end..end.next_multiple_of(ALIGN))?;
    if u32::from_be_bytes(*batch.get(CRC_AT..)?.first_chunk()?) != checksum(batch) || padding.iter().any(|b| *b != 0) {
        return None;
    }
    let mut rest = batch.get(BATCH_HEADER..)?;
    let mut leaves = Vec::with_capacity(count);
    while let Some((length, after)) = rest.split_first_chunk() {
        let (leaf, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        if leaf.len() > MAX_LEAF_BYTES {
            return None;
        }
        leaves.push(leaf);
        rest = after;
    }
    (rest.is_empty() && leaves.len() == count).then_some(Batch {
        link: Link { batch_no, previous },
        bytes: batch,
        leaves,
    })
}
