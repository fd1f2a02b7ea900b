//! Reading durable records while the writer goes on.

use crate::{
    JournalError, Position,
    format::{RecordHeader, SEGMENT_HEADER},
    segment::{Segment, Step, list},
};
use aitrading_env::Fs;
use std::{path::Path, sync::Arc};
use tokio::sync::watch;

/// Reads records in order, as far as they are durable. All calls block on files.
#[derive(Debug)]
pub struct Reader {
    fs: Arc<dyn Fs>,
    dir: Arc<Path>,
    purpose: [u8; 4],
    durable: watch::Receiver<Position>,
    segment: Segment,
    offset: u64,
    /// Sequence number of the next record, once one was read.
    expected: Option<u64>,
}

impl Reader {
    pub(crate) fn open(
        fs: Arc<dyn Fs>,
        dir: Arc<Path>,
        purpose: [u8; 4],
        durable: watch::Receiver<Position>,
        from: Position,
    ) -> Result<Self, JournalError> {
        let numbers = list(fs.as_ref(), &dir)?;
        let first = numbers.first().copied().unwrap_or_default();
        let at = if from == Position::START { Position { segment: first, offset: SEGMENT_HEADER } } else { from };
        if !numbers.contains(&at.segment) || at > *durable.borrow() {
            return Err(JournalError::Gone(from));
        }
        let segment = Segment::open(fs.as_ref(), &dir, at.segment, purpose)?;
        let offset = at.offset.max(SEGMENT_HEADER);
        let expected = (offset == SEGMENT_HEADER).then_some(segment.header.first_seq);
        Ok(Self { fs, dir, purpose, durable, segment, offset, expected })
    }

    /// The end of the last record that was read.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { segment: self.segment.header.number, offset: self.offset }
    }

    /// The next record with the position behind it; `None` at the durable end, where a later call may find more.
    ///
    /// # Errors
    /// Damage, or failed file operations.
    pub fn read(&mut self) -> Result<Option<(Position, &[u8])>, JournalError> {
        let Some((at, header, next)) = self.find()? else { return Ok(None) };
        self.expected = Some(header.seq + 1);
        self.offset = next;
        let position = self.position();
        Ok(Some((position, self.segment.body(at, &header)?)))
    }

    /// Where the next durable record stands, going on to the next segment if needed.
    fn find(&mut self) -> Result<Option<(u64, RecordHeader, u64)>, JournalError> {
        loop {
            let durable = *self.durable.borrow();
            let last = durable.segment == self.segment.header.number;
            if last && self.offset >= durable.offset {
                return Ok(None);
            }
            self.segment.set_limit(if last { durable.offset } else { u64::MAX });
            match self.segment.step(self.offset)? {
                Step::Record { header, next } if self.expected.is_none_or(|seq| seq == header.seq) => {
                    return Ok(Some((self.offset, header, next)));
                }
                Step::Blank if !last => self.next_segment()?,
                _ => return Err(self.damaged("a durable record is not intact")),
            }
        }
    }

    fn next_segment(&mut self) -> Result<(), JournalError> {
        let next = Segment::open(self.fs.as_ref(), &self.dir, self.segment.header.number + 1, self.purpose)?;
        if self.expected.is_some_and(|seq| seq != next.header.first_seq) {
            return Err(self.damaged("records at the end of the segment are missing"));
        }
        self.expected = Some(next.header.first_seq);
        self.offset = SEGMENT_HEADER;
        self.segment = next;
        Ok(())
    }

    fn damaged(&self, what: &'static str) -> JournalError {
        JournalError::Damaged { segment: self.segment.header.number, offset: self.offset, what }
    }
}
