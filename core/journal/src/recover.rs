//! Opening: replay of every intact record, and the verdict on what stands behind the last one.
//!
//! A group is only written after the sync of the group before it. So an intact record of a *later* group behind a bad spot
//! proves that the bad spot was acknowledged and the medium lost it: refused. Without one, the spot was never acknowledged
//! and is cut. Single records would be the wrong measure: inside one write, later sectors can survive earlier ones.

use crate::{
    JournalError, Position, Recovery, Settings,
    format::{ALIGN, RECORD_HEADER, RecordHeader, SEGMENT_HEADER},
    segment::{BLOCK, SPARE, Segment, Step, list},
};
use aitrading_env::{File, Fs};
use std::path::Path;

/// What replay hands each record to.
pub(crate) type Visit<'a> = dyn FnMut(Position, &[u8]) -> Result<(), JournalError> + 'a;

/// Where the writer goes on.
pub(crate) struct Tail {
    pub(crate) file: Box<dyn File>,
    pub(crate) seed: u32,
    pub(crate) recovery: Recovery,
}

/// Replays the journal in `dir`. `None` if there is none yet.
pub(crate) fn recover(
    fs: &dyn Fs,
    dir: &Path,
    settings: &Settings,
    visit: &mut Visit<'_>,
) -> Result<Option<Tail>, JournalError> {
    let spare = dir.join(SPARE);
    if fs.metadata(&spare).map_err(JournalError::io("look at", &spare))?.is_some() {
        // Half built: never part of the journal.
        fs.remove_file(&spare).map_err(JournalError::io("remove", &spare))?;
    }
    let numbers = list(fs, dir)?;
    let mut expected = None;
    let mut records = 0;
    for (index, number) in numbers.iter().copied().enumerate() {
        let mut segment = Segment::open(fs, dir, number, settings.magic)?;
        let first = segment.header.first_seq;
        if expected.is_some_and(|(n, seq)| (n, seq) != (number, first)) {
            let what = "records or a whole segment before it are missing";
            return Err(JournalError::Damaged { segment: number, offset: 0, what });
        }
        let (end, next_seq) = replay(&mut segment, visit)?;
        records += next_seq - first;
        expected = Some((number + 1, next_seq));
        if index + 1 < numbers.len() {
            refuse_rest(&mut segment, end)?;
            continue;
        }
        let torn_bytes = cut_tail(&mut segment, end, next_seq)?;
        let end = Position { segment: number, offset: end };
        let recovery = Recovery { records, segments: numbers.len() as u64, next_seq, end, torn_bytes };
        return Ok(Some(Tail { seed: segment.header.seed(), file: segment.into_file(), recovery }));
    }
    Ok(None)
}

/// Visits the records of one segment; returns where they end and the next sequence number.
fn replay(segment: &mut Segment, visit: &mut Visit<'_>) -> Result<(u64, u64), JournalError> {
    let (mut offset, mut seq) = (SEGMENT_HEADER, segment.header.first_seq);
    while let Step::Record { header, next } = segment.step(offset)? {
        if header.seq != seq {
            break;
        }
        let position = Position { segment: segment.header.number, offset: next };
        visit(position, segment.body(offset, &header)?)?;
        (offset, seq) = (next, seq + 1);
    }
    Ok((offset, seq))
}

/// A segment that has a successor was synced to its end: behind the last record there must be nothing.
fn refuse_rest(segment: &mut Segment, end: u64) -> Result<(), JournalError> {
    if segment.step(end)? == Step::Blank {
        return Ok(());
    }
    let what = "a record is not intact, and a later segment proves that it was";
    Err(JournalError::Damaged { segment: segment.header.number, offset: end, what })
}

/// Judges and blanks what stands behind the last intact record; returns how many bytes that was.
fn cut_tail(segment: &mut Segment, end: u64, next_seq: u64) -> Result<u64, JournalError> {
    let file_len = segment.len()?;
    let mut last = end;
    let mut at = end;
    while at < file_len {
        let block = segment.view(at, BLOCK)?;
        let Some(used) = block.iter().rposition(|b| *b != 0) else {
            at += BLOCK as u64;
            continue;
        };
        last = at + used as u64 + 1;
        let candidates = candidates(block, at, next_seq);
        for offset in candidates {
            if matches!(segment.step(offset)?, Step::Record { header, .. } if header.group() > next_seq) {
                let what = "a record is not intact, and a later group proves that it was";
                return Err(JournalError::Damaged { segment: segment.header.number, offset: end, what });
            }
        }
        // Blocks overlap by less than a record header, so that none is missed at a seam.
        at += BLOCK as u64 - RECORD_HEADER.next_multiple_of(ALIGN);
    }
    if last > end {
        segment.blank(end, last)?;
        segment.sync()?;
    }
    Ok(last - end)
}

/// Places in a block where a record of a later group might start. Cheap and generous: the checksum decides.
fn candidates(block: &[u8], at: u64, next_seq: u64) -> Vec<u64> {
    let plausible = |bytes: &[u8]| {
        RecordHeader::decode(bytes)
            .is_some_and(|h| h.group() > next_seq && h.seq - next_seq < u64::from(u32::MAX) && h.back < 1 << 24)
    };
    let offsets = (at..).step_by(ALIGN as usize);
    let starts = (0..block.len()).step_by(ALIGN as usize);
    offsets.zip(starts).filter(|(_, i)| block.get(*i..).is_some_and(plausible)).map(|(offset, _)| offset).collect()
}
