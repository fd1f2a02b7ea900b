//! Start over existing files (spec section 8): what was acknowledged is kept, what was never acknowledged is dropped, and
//! anything less than what was signed is refused.

#[cfg(test)]
mod tests;

use crate::{
    AuditError, Leaf, LogKey, Settings, SignedCheckpoint, TreeHead,
    integrator::{Sealed, Tree},
    layout,
    leaf::peek_seq,
    merkle::leaf_hash,
    signer::decode_head,
    wal::{self, Batch, Dirty, HEADER_BYTES, Link, Scan, Segment, Tail},
};
use aitrading_env::{Env, Fs, OpenMode};
use std::path::Path;

/// What opening the log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryReport {
    /// No entry existed.
    pub fresh: bool,
    /// Entries that were there.
    pub entries: u64,
    /// Of these, entries that no published checkpoint covered yet.
    pub replayed: u64,
    /// Bytes of a batch that was never acknowledged, removed.
    pub torn_bytes: u64,
    /// This run's id, as in the leaves.
    pub boot_id: [u8; 16],
}

/// Everything that the threads start from.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) tree: Tree,
    pub(crate) last_signed: TreeHead,
    pub(crate) checkpoint: Option<SignedCheckpoint>,
    pub(crate) segment: Segment,
    pub(crate) offset: u64,
    pub(crate) link: Link,
    pub(crate) next: Option<Segment>,
    pub(crate) sealed: Vec<Sealed>,
    pub(crate) report: RecoveryReport,
}

/// What was signed and published before.
#[derive(Debug)]
struct Promised {
    last: Option<TreeHead>,
    checkpoint: Option<SignedCheckpoint>,
    closed: Option<TreeHead>,
}

impl Promised {
    /// Entries that must be there.
    fn size(&self) -> u64 {
        let heads = [self.last, self.closed, self.checkpoint.as_ref().map(SignedCheckpoint::head)];
        heads.into_iter().flatten().map(|head| head.size).max().unwrap_or(0)
    }
}

/// Brings the files into the state that the writer needs.
pub(crate) fn recover(env: &Env, dir: &Path, name: &LogKey, settings: &Settings) -> Result<Recovered, AuditError> {
    let fs = env.fs.as_ref();
    let wal_dir = layout::wal(dir);
    layout::create_dir(fs, dir, &wal_dir)?;
    check_key(fs, dir, name)?;
    let promised = promised(fs, dir, name)?;
    let published = promised.checkpoint.as_ref().map_or(TreeHead::empty(), SignedCheckpoint::head);
    let mut replay =
        Replay { dir, tree: Tree::load(fs, dir, published.size)?, next: None, promised: &promised, sealed: vec![] };
    if replay.tree.root() != published.root {
        return Err(AuditError::corrupt("tiles that do not lead to the checkpoint's root", dir.join("tile")));
    }
    let scan = wal::walk(fs, dir, |segment, batch| replay.batch(segment, batch))?;
    let entries = replay.next.unwrap_or(0);
    judge(dir, &scan, entries, &promised)?;
    let (tree, ends) = (replay.tree, replay.sealed);
    let mut sealed = Vec::new();
    if promised.closed.is_some() {
        // Gone for good before anything is written: from now on the end may be torn.
        let path = layout::closed(dir);
        fs.remove_file(&path).and_then(|()| fs.sync_dir(dir)).map_err(AuditError::io("remove", path))?;
    }
    let (segment, tail, next) = match scan.tail {
        Some(tail) => {
            sealed = sealed_before(&scan, tail.segment, &ends);
            let next = tidy_end(fs, dir, &scan, tail)?;
            (Segment::open(fs, &wal_dir, tail.segment, OpenMode::ReadWrite)?, tail, next)
        }
        None => {
            let segment = wal::prepare(fs, env.rng.as_ref(), &wal_dir, 0, settings.first_segment_bytes)?;
            (segment, Tail { segment: 0, offset: HEADER_BYTES, link: Link::FIRST, dirty: None }, None)
        }
    };
    let report = RecoveryReport {
        fresh: entries == 0,
        entries,
        replayed: entries.saturating_sub(published.size),
        torn_bytes: tail.dirty.map_or(0, |d| d.bytes),
        boot_id: aitrading_env::RngExt::bytes(env.rng.as_ref()),
    };
    let last_signed = promised.last.unwrap_or(TreeHead::empty());
    let checkpoint = promised.checkpoint;
    Ok(Recovered { tree, last_signed, checkpoint, segment, offset: tail.offset, link: tail.link, next, sealed, report })
}

/// The key beside the log must be ours; a new log gets it.
fn check_key(fs: &dyn Fs, dir: &Path, name: &LogKey) -> Result<(), AuditError> {
    let path = layout::vkey(dir);
    let text = format!("{name}\n");
    match layout::read_small(fs, &path)? {
        Some(found) if found == text.as_bytes() => Ok(()),
        Some(_) => Err(AuditError::KeyMismatch),
        None if wal::list(fs, &layout::wal(dir))?.is_empty() => {
            fs.write_atomic(&path, text.as_bytes()).map_err(AuditError::io("write", path))
        }
        None => Err(AuditError::corrupt("a missing key file", path)),
    }
}

fn promised(fs: &dyn Fs, dir: &Path, name: &LogKey) -> Result<Promised, AuditError> {
    let head = |path: std::path::PathBuf| match layout::read_small(fs, &path)? {
        Some(bytes) => decode_head(&bytes).map(Some).ok_or_else(|| AuditError::corrupt("an altered tree head", path)),
        None => Ok(None),
    };
    let (last, closed) = (head(layout::last_signed(dir))?, head(layout::closed(dir))?);
    let note = layout::read_small(fs, &layout::checkpoint(dir))?;
    let note = note.map(|bytes| String::from_utf8(bytes).map_err(|_| crate::NoteError::Malformed)).transpose()?;
    let checkpoint = note.map(|note| SignedCheckpoint::open(&note, name)).transpose()?;
    let promised = Promised { last, checkpoint, closed };
    match (promised.last, promised.checkpoint.as_ref().map(SignedCheckpoint::head)) {
        // The signer's memory is always written first.
        (None, Some(_)) => Err(AuditError::corrupt("a missing memory of the last signature", layout::last_signed(dir))),
        (Some(last), Some(head)) if last.size < head.size => {
            Err(AuditError::Rollback { have: last.size, signed: head.size })
        }
        (Some(last), Some(head)) if last.size == head.size && last.root != head.root => {
            Err(AuditError::corrupt("two roots for one size", layout::last_signed(dir)))
        }
        _ => Ok(promised),
    }
}

/// Takes the batches of the write-ahead log into the tree.
struct Replay<'a> {
    dir: &'a Path,
    tree: Tree,
    /// Index of the next leaf, once the first was seen.
    next: Option<u64>,
    promised: &'a Promised,
    sealed: Vec<Sealed>,
}

impl Replay<'_> {
    fn batch(&mut self, segment: u64, batch: &Batch<'_>) -> Result<(), AuditError> {
        for leaf in &batch.leaves {
            self.leaf(leaf)?;
        }
        let end = self.next.unwrap_or(0);
        match self.sealed.last_mut() {
            Some(last) if last.segment == segment => last.end = end,
            _ => self.sealed.push(Sealed { segment, end }),
        }
        Ok(())
    }

    fn leaf(&mut self, leaf: &[u8]) -> Result<(), AuditError> {
        let wrong = |what| AuditError::corrupt(what, layout::wal(self.dir));
        let seq = peek_seq(leaf).ok_or_else(|| wrong("a leaf too short"))?;
        // The oldest segment may begin anywhere below what is published, but not beyond it.
        if self.next.map_or(seq > self.tree.size(), |expected| expected != seq) {
            return Err(wrong("a leaf that is not at its index"));
        }
        self.next = Some(seq + 1);
        if seq < self.tree.size() {
            return Ok(());
        }
        Leaf::decode(leaf).map_err(|_| wrong("a malformed leaf"))?;
        self.tree.push(self.dir, leaf, leaf_hash(leaf));
        match self.promised.last {
            Some(last) if last.size == self.tree.size() && last.root != self.tree.root() => {
                Err(wrong("leaves that do not lead to the root signed last"))
            }
            _ => Ok(()),
        }
    }
}

/// Every segment before the current one with the index after its last leaf; one without leaves ends where the one before did.
fn sealed_before(scan: &Scan, current: u64, ends: &[Sealed]) -> Vec<Sealed> {
    let mut end = 0;
    let before = scan.segments.iter().filter(|no| **no < current);
    before
        .map(|no| {
            end = ends.iter().find(|s| s.segment == *no).map_or(end, |s| s.end);
            Sealed { segment: *no, end }
        })
        .collect()
}

/// May the log go on from here?
fn judge(dir: &Path, scan: &Scan, entries: u64, promised: &Promised) -> Result<(), AuditError> {
    let signed = promised.size();
    if let Some(Tail { segment, offset, dirty: Some(Dirty { lost, .. }), .. }) = scan.tail {
        // Damage in what was signed is damage in what was acknowledged; and an orderly end leaves nothing torn.
        if lost || entries < signed || promised.closed.is_some() {
            return Err(AuditError::Hole { segment, offset });
        }
    }
    if entries < signed {
        return Err(AuditError::Rollback { have: entries, signed });
    }
    if entries > 0 && (promised.last.is_none() || promised.checkpoint.is_none()) {
        // The empty tree is signed and published before the first entry is accepted.
        return Err(AuditError::corrupt("a missing checkpoint", layout::checkpoint(dir)));
    }
    Ok(())
}

/// Zeroes the torn end, keeps one clean segment to go on in, and removes the others.
fn tidy_end(fs: &dyn Fs, dir: &Path, scan: &Scan, tail: Tail) -> Result<Option<Segment>, AuditError> {
    let wal_dir = layout::wal(dir);
    if tail.dirty.is_some() {
        let segment = Segment::open(fs, &wal_dir, tail.segment, OpenMode::ReadWrite)?;
        let zeroed = wal::zero(segment.file.as_ref(), tail.offset, segment.len).and_then(|()| segment.file.sync_data());
        zeroed.map_err(AuditError::io("zero the end of", &segment.path))?;
    }
    let keep = if tail.dirty.is_none() { tail.segment + 1 } else { tail.segment };
    for no in scan.segments.iter().rev().take_while(|no| **no > keep) {
        let path = wal::segment_path(&wal_dir, *no);
        fs.remove_file(&path).and_then(|()| fs.sync_dir(&wal_dir)).map_err(AuditError::io("remove", path))?;
    }
    let next = scan.segments.iter().find(|no| **no == tail.segment + 1 && **no == keep);
    next.map(|no| Segment::open(fs, &wal_dir, *no, OpenMode::ReadWrite)).transpose()
}
