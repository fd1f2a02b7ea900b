//! Reading one segment file: a window over its bytes, and the step from record to record.

use crate::{
    JournalError,
    format::{HeaderFault, RECORD_HEADER, RecordHeader, SEGMENT_HEADER, SegmentHeader, framed_len},
};
use aitrading_env::{File, Fs, OpenMode};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Bytes read at once.
pub(crate) const BLOCK: usize = 64 << 10;
/// A new segment is built under this name, and gets its own by rename when it is whole.
pub(crate) const SPARE: &str = "spare.tmp";
const SUFFIX: &str = ".seg";
const DIGITS: usize = 20;

/// File name of a segment: decimal, so that a sorted listing is in order.
pub(crate) fn file_name(number: u64) -> String {
    format!("{number:0DIGITS$}{SUFFIX}")
}

/// Numbers of the segments in `dir`, ascending. Other names are none of ours.
pub(crate) fn list(fs: &dyn Fs, dir: &Path) -> Result<Vec<u64>, JournalError> {
    let names = fs.list(dir).map_err(JournalError::io("list", dir))?;
    let number = |name: &str| name.strip_suffix(SUFFIX).filter(|n| n.len() == DIGITS)?.parse().ok();
    let mut numbers: Vec<u64> = names.iter().filter(|e| !e.is_dir).filter_map(|e| number(&e.name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// What stands at an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// An intact record; the next one starts at `next`.
    Record { header: RecordHeader, next: u64 },
    /// Nothing was ever written here, or the file ends.
    Blank,
    /// Bytes that are no intact record.
    Bad,
}

/// A buffered view of a file.
#[derive(Debug)]
struct Window {
    file: Box<dyn File>,
    /// Bytes at and beyond this offset are not looked at: they may still be written.
    limit: u64,
    buffer: Vec<u8>,
    start: u64,
}

impl Window {
    fn holds(&self, offset: u64, len: u64) -> bool {
        offset >= self.start && offset + len <= self.start + self.buffer.len() as u64
    }

    /// Up to `len` bytes at `offset`; fewer where the file or the limit ends.
    fn view(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        let allowed = usize::try_from(self.limit.saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = len.min(allowed);
        if !self.holds(offset, len as u64) {
            self.buffer.resize(len.max(BLOCK).min(allowed), 0);
            let read = self.file.read_at(&mut self.buffer, offset)?;
            self.buffer.truncate(read);
            self.start = offset;
        }
        let from = usize::try_from(offset - self.start).map_err(io::Error::other)?;
        let bytes = self.buffer.get(from..).unwrap_or_default();
        Ok(bytes.get(..len).unwrap_or(bytes))
    }
}

/// A segment opened for reading.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) header: SegmentHeader,
    seed: u32,
    window: Window,
}

impl Segment {
    pub(crate) fn open(fs: &dyn Fs, dir: &Path, number: u64, purpose: [u8; 4]) -> Result<Self, JournalError> {
        let path = dir.join(file_name(number));
        let file = fs.open(&path, OpenMode::ReadWrite).map_err(JournalError::io("open", &path))?;
        let mut bytes = [0; SEGMENT_HEADER as usize];
        file.read_at(&mut bytes, 0).map_err(JournalError::io("read", &path))?;
        let header = match SegmentHeader::decode(&bytes) {
            Ok(header) => header,
            Err(HeaderFault::Version) => return Err(JournalError::Foreign { path, what: "another format version" }),
            Err(HeaderFault::Damaged) => {
                return Err(JournalError::Damaged { segment: number, offset: 0, what: "its header is not intact" });
            }
        };
        if header.purpose != purpose {
            return Err(JournalError::Foreign { path, what: "it serves another purpose" });
        }
        if header.number != number {
            return Err(JournalError::Foreign { path, what: "its number is not the one of its name" });
        }
        let window = Window { file, limit: u64::MAX, buffer: Vec::new(), start: 0 };
        Ok(Self { path, seed: header.seed(), header, window })
    }

    /// Nothing at or beyond `limit` is read from now on.
    pub(crate) fn set_limit(&mut self, limit: u64) {
        self.window.limit = limit;
    }

    pub(crate) fn len(&self) -> Result<u64, JournalError> {
        self.window.file.len().map_err(JournalError::io("read", &self.path))
    }

    /// The file itself, for the one who goes on writing it.
    pub(crate) fn into_file(self) -> Box<dyn File> {
        self.window.file
    }

    /// Overwrites with zeros; not synced.
    pub(crate) fn blank(&self, from: u64, to: u64) -> Result<(), JournalError> {
        write_zeros(self.window.file.as_ref(), from, to).map_err(JournalError::io("write", &self.path))
    }

    pub(crate) fn sync(&self) -> Result<(), JournalError> {
        self.window.file.sync_data().map_err(JournalError::io("sync", &self.path))
    }

    /// Judges what stands at `offset`.
    pub(crate) fn step(&mut self, offset: u64) -> Result<Step, JournalError> {
        let bytes = self.view(offset, RECORD_HEADER as usize)?;
        let Some(header) = RecordHeader::decode(bytes) else {
            // Fewer bytes than a header: the end of a file that was not preallocated, or its torn last sector.
            return Ok(if bytes.iter().all(|b| *b == 0) { Step::Blank } else { Step::Bad });
        };
        if header.is_blank() {
            return Ok(Step::Blank);
        }
        let whole = RECORD_HEADER + u64::from(header.len);
        // A length that the file cannot hold must not be believed far enough to be allocated.
        if !self.window.holds(offset, whole) && offset + whole > self.len()?.min(self.window.limit) {
            return Ok(Step::Bad);
        }
        let (len, seed) = (header.len as usize, self.seed);
        let body = self.view(offset + RECORD_HEADER, len)?;
        let intact = body.len() == len && header.matches(seed, body);
        Ok(if intact { Step::Record { header, next: offset + framed_len(len) } } else { Step::Bad })
    }

    /// Body of the record that [`Segment::step`] found at `offset`.
    pub(crate) fn body(&mut self, offset: u64, header: &RecordHeader) -> Result<&[u8], JournalError> {
        self.view(offset + RECORD_HEADER, header.len as usize)
    }

    /// Up to `len` bytes at `offset`.
    pub(crate) fn view(&mut self, offset: u64, len: usize) -> Result<&[u8], JournalError> {
        self.window.view(offset, len).map_err(JournalError::io("read", &self.path))
    }
}

/// Writes zeros over `from..to`, block by block.
pub(crate) fn write_zeros(file: &dyn File, from: u64, to: u64) -> io::Result<()> {
    let zeros = vec![0; BLOCK];
    let mut at = from;
    while at < to {
        let n = usize::try_from(to - at).unwrap_or(BLOCK).min(BLOCK);
        file.write_all_at(zeros.get(..n).unwrap_or(&zeros), at)?;
        at += n as u64;
    }
    Ok(())
}
