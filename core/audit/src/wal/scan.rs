//! Reading the write-ahead log from its oldest batch to its end, and judging what lies after the end (spec section 4.4).

use super::{ALIGN, Batch, HEADER_BYTES, Link, Segment, header_number, list, parse};
use crate::{AuditError, layout};
use aitrading_env::{Fs, OpenMode};
use std::path::Path;

/// What lies after the last sound batch although it should be zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dirty {
    /// Bytes that are not zero.
    pub(crate) bytes: u64,
    /// A later batch, or a sound one in the wrong place: proof that the batch missing here had been acknowledged.
    pub(crate) lost: bool,
}

/// Where the log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tail {
    /// Segment of the end.
    pub(crate) segment: u64,
    /// Where the next batch goes.
    pub(crate) offset: u64,
    /// Its place in the chain.
    pub(crate) link: Link,
    /// What should not be there.
    pub(crate) dirty: Option<Dirty>,
}

/// Result of a walk.
#[derive(Debug)]
pub(crate) struct Scan {
    /// Segments, ascending; the numbers follow each other.
    pub(crate) segments: Vec<u64>,
    /// The end; `None` without any segment.
    pub(crate) tail: Option<Tail>,
}

/// Shows every sound batch in order, with its segment's number, then says where the log ends.
///
/// The oldest segment may be any (older ones are retired); if it is the first ever, its chain must begin at the beginning.
///
/// # Errors
/// If files cannot be read, a segment's header is damaged, a segment is missing in between, or `visit` fails.
pub(crate) fn walk(
    fs: &dyn Fs,
    dir: &Path,
    mut visit: impl FnMut(u64, &Batch<'_>) -> Result<(), AuditError>,
) -> Result<Scan, AuditError> {
    let wal = layout::wal(dir);
    let segments = list(fs, &wal)?;
    if segments.windows(2).any(|pair| matches!(pair, [a, b] if a + 1 != *b)) {
        return Err(AuditError::corrupt("a missing segment", wal));
    }
    let mut link = (segments.first() == Some(&0)).then_some(Link::FIRST);
    let mut tail: Option<Tail> = None;
    for no in &segments {
        let segment = Segment::open(fs, &wal, *no, OpenMode::Read)?;
        let bytes = segment.read()?;
        let start = HEADER_BYTES as usize;
        let mut at = start;
        // After a dirty end nothing is taken for a batch any more; it can only be evidence.
        if tail.is_none_or(|t| t.dirty.is_none()) {
            while let Some(batch) = bytes.get(at..).and_then(|b| parse(b, &segment.id)) {
                if link.is_some_and(|expected| expected != batch.link) {
                    break;
                }
                link = Some(batch.link.after(batch.bytes));
                visit(*no, &batch)?;
                at = (at + batch.bytes.len()).next_multiple_of(ALIGN);
            }
        }
        let next = link.unwrap_or(Link::FIRST);
        let dirty = judge(bytes.get(at..).unwrap_or_default(), &segment, next);
        if at > start || tail.is_none() {
            tail = Some(Tail { segment: *no, offset: at as u64, link: next, dirty });
        } else if let (Some(tail), Some(dirty)) = (&mut tail, dirty) {
            let before = tail.dirty.unwrap_or(Dirty { bytes: 0, lost: false });
            tail.dirty = Some(Dirty { bytes: before.bytes + dirty.bytes, lost: before.lost || dirty.lost });
        }
    }
    Ok(Scan { segments, tail })
}

/// Looks at what follows the last sound batch of a segment.
fn judge(rest: &[u8], segment: &Segment, next: Link) -> Option<Dirty> {
    let bytes = rest.iter().filter(|b| **b != 0).count() as u64;
    if bytes == 0 {
        return None;
    }
    let later = |chunk: &[u8]| header_number(chunk, &segment.id).is_some_and(|number| number > next.batch_no);
    // A whole batch cannot be the torn one: it was complete and does not fit the chain.
    let misplaced = parse(rest, &segment.id).is_some();
    Some(Dirty { bytes, lost: misplaced || rest.chunks(ALIGN).any(later) })
}
