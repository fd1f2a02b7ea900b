//! Segments: preallocated files whose header is durable before the first batch.

use super::{ALIGN, SegmentId};
use crate::{AuditError, layout};
use aitrading_env::{File, Fs, OpenMode, Rng, RngExt};
use std::path::{Path, PathBuf};

/// Bytes before the first batch: the header, padded to a sector.
pub(crate) const HEADER_BYTES: u64 = ALIGN as u64;
/// Longest segment that is opened: bounds what recovery and the verifier hold in memory.
const MAX_SEGMENT_BYTES: u64 = 64 << 20;
/// First bytes of a segment.
const MAGIC: [u8; 8] = *b"ATPSEG1\0";
/// Zeros are written in pieces of this size.
const FILL: usize = 64 << 10;

/// A segment's file and what its header says.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) no: u64,
    pub(crate) id: SegmentId,
    pub(crate) len: u64,
    pub(crate) path: PathBuf,
    pub(crate) file: Box<dyn File>,
    /// Device and inode when it was opened.
    pub(crate) identity: (u64, u64),
}

/// Where segment `no` lies.
pub(crate) fn segment_path(wal: &Path, no: u64) -> PathBuf {
    wal.join(format!("{no:08}.seg"))
}

fn header(no: u64, id: &SegmentId, len: u64) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(id);
    bytes.extend_from_slice(&no.to_be_bytes());
    bytes.extend_from_slice(&len.to_be_bytes());
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_be_bytes());
    bytes.resize(ALIGN, 0);
    bytes
}

/// Numbers of the segments in `wal`, ascending. Names that are none are ignored.
pub(crate) fn list(fs: &dyn Fs, wal: &Path) -> Result<Vec<u64>, AuditError> {
    if fs.metadata(wal).map_err(AuditError::io("look at", wal))?.is_none() {
        return Ok(Vec::new());
    }
    let names = fs.list(wal).map_err(AuditError::io("list", wal))?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|e| e.name.strip_suffix(".seg")?.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Makes segment `no`: header and zeros, synced, then renamed into place.
pub(crate) fn prepare(fs: &dyn Fs, rng: &dyn Rng, wal: &Path, no: u64, len: u64) -> Result<Segment, AuditError> {
    let final_path = segment_path(wal, no);
    let temporary = wal.join(format!("{no:08}.seg{}", layout::TEMPORARY));
    let id = rng.bytes();
    let file = fs.open(&temporary, OpenMode::Create).map_err(AuditError::io("create", &temporary))?;
    if let Err(source) = fill(file.as_ref(), &header(no, &id, len), len) {
        // What was taken must be given back before anything else can be tried; the first failure is what counts.
        drop(file.set_len(0));
        drop(fs.remove_file(&temporary));
        return Err(AuditError::Io { what: "preallocate", path: temporary, source });
    }
    drop(file);
    fs.rename(&temporary, &final_path).map_err(AuditError::io("rename", &final_path))?;
    fs.sync_dir(wal).map_err(AuditError::io("sync", wal))?;
    Segment::open(fs, wal, no, OpenMode::ReadWrite)
}

fn fill(file: &dyn File, header: &[u8], len: u64) -> std::io::Result<()> {
    file.set_len(0)?;
    file.write_all_at(header, 0)?;
    zero(file, header.len() as u64, len)?;
    file.sync_data()
}

/// Writes zeros (not holes: the space must be there when a batch comes).
pub(crate) fn zero(file: &dyn File, from: u64, to: u64) -> std::io::Result<()> {
    let zeros = vec![0; FILL];
    let mut at = from;
    while at < to {
        let count = (to - at).min(FILL as u64);
        file.write_all_at(zeros.get(..count as usize).unwrap_or_default(), at)?;
        at += count;
    }
    Ok(())
}

impl Segment {
    /// Opens segment `no` and checks its header.
    pub(crate) fn open(fs: &dyn Fs, wal: &Path, no: u64, mode: OpenMode) -> Result<Self, AuditError> {
        let path = segment_path(wal, no);
        let meta = fs.metadata(&path).map_err(AuditError::io("look at", &path))?;
        let file = fs.open(&path, mode).map_err(AuditError::io("open", &path))?;
        let mut bytes = [0; ALIGN];
        let read = file.read_at(&mut bytes, 0).map_err(AuditError::io("read", &path))?;
        let len = file.len().map_err(AuditError::io("read", &path))?;
        let id = bytes.get(8..).and_then(|b| b.first_chunk()).copied().unwrap_or_default();
        if read < ALIGN || bytes.as_slice() != header(no, &id, len) || len > MAX_SEGMENT_BYTES {
            return Err(AuditError::corrupt("the header of a segment, or its length", path));
        }
        let identity = meta.map(|m| m.identity).ok_or_else(|| AuditError::corrupt("a missing segment", &path))?;
        Ok(Self { no, id, len, path, file, identity })
    }

    /// The whole content.
    pub(crate) fn read(&self) -> Result<Vec<u8>, AuditError> {
        let mut bytes = vec![0; self.len as usize];
        let read = self.file.read_at(&mut bytes, 0).map_err(AuditError::io("read", &self.path))?;
        if read == bytes.len() {
            Ok(bytes)
        } else {
            Err(AuditError::corrupt("a segment shorter than its header says", &self.path))
        }
    }

    /// Is the file under its name still the one that was opened, at its full length?
    pub(crate) fn in_place(&self, fs: &dyn Fs) -> bool {
        matches!(fs.metadata(&self.path), Ok(Some(m)) if m.identity == self.identity && m.len == self.len)
    }
}
