//! The single checks, in the order in which a log is written backwards: checkpoint, bundles, write-ahead log, tiles. A log that
//! grows meanwhile then only ever shows more than was promised.

use super::Finding;
use crate::{
    AuditError, Leaf, LogKey, SignedCheckpoint, TreeHead, layout,
    merkle::{Frontier, Hash, leaf_hash},
    signer::decode_head,
    tiles::{Kind, MAX_BUNDLE, MAX_TILE, Tile, WIDTH, entries, fold},
    wal,
};
use aitrading_env::Fs;
use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

/// State of one pass.
pub(super) struct Check<'a> {
    fs: &'a dyn Fs,
    dir: &'a Path,
    pub(super) findings: Vec<Finding>,
    /// Leaf hashes of everything read so far.
    pub(super) hashes: Vec<Hash>,
    pub(super) frontier: Frontier,
    pub(super) checkpoint_size: Option<u64>,
    pub(super) torn_bytes: u64,
    /// Tree heads that must come true, with the file that says so.
    promises: Vec<(TreeHead, &'static str)>,
    closed: Option<TreeHead>,
}

impl<'a> Check<'a> {
    pub(super) fn new(fs: &'a dyn Fs, dir: &'a Path) -> Self {
        Self {
            fs,
            dir,
            findings: Vec::new(),
            hashes: Vec::new(),
            frontier: Frontier::new(),
            checkpoint_size: None,
            torn_bytes: 0,
            promises: Vec::new(),
            closed: None,
        }
    }

    pub(super) fn run(&mut self, pinned: Option<&LogKey>) -> Result<(), AuditError> {
        let wal_dir = layout::wal(self.dir);
        let looked = self.fs.metadata(&wal_dir).map_err(AuditError::io("look at", &wal_dir))?;
        if looked.is_none() {
            // Where a log was, its removal is what an intruder would do; where none ever was, there is nothing to judge.
            for file in [layout::vkey(self.dir), layout::checkpoint(self.dir), layout::last_signed(self.dir)] {
                if self.fs.metadata(&file).map_err(AuditError::io("look at", &file))?.is_some() {
                    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    self.tampered("TRUNCATED", format!("{name} is here, but the log's entries are gone"));
                    return Ok(());
                }
            }
            let source = io::Error::other("no audit log is here");
            return Err(AuditError::Io { what: "find", path: wal_dir, source });
        }
        if self.never_began()? {
            let text = "the log was never begun: a first start did not get that far; start the server once";
            return Err(AuditError::Io { what: "find", path: wal_dir, source: io::Error::other(text) });
        }
        let Some(key) = self.key(pinned)? else { return Ok(()) };
        self.heads(&key)?;
        self.bundles(self.checkpoint_size.unwrap_or(0))?;
        self.write_ahead_log()?;
        let have = self.hashes.len() as u64;
        for (head, file) in self.promises.clone() {
            if head.size > have {
                self.tampered("TRUNCATED", format!("{file} promises {} entries, {have} are there", head.size));
            }
        }
        self.tiles()
    }

    /// What a first start leaves that was ended before the first segment: nothing was promised, and nothing can be missing.
    fn never_began(&self) -> Result<bool, AuditError> {
        for file in [layout::checkpoint(self.dir), layout::last_signed(self.dir), layout::closed(self.dir)] {
            if self.fs.metadata(&file).map_err(AuditError::io("look at", &file))?.is_some() {
                return Ok(false);
            }
        }
        Ok(wal::list(self.fs, &layout::wal(self.dir))?.is_empty())
    }

    fn tampered(&mut self, code: &'static str, detail: impl Into<String>) {
        self.findings.push(Finding { code, detail: detail.into(), tampering: true });
    }

    /// The key to judge by: the pinned one if there is one. The one beside the log must be the same.
    fn key(&mut self, pinned: Option<&LogKey>) -> Result<Option<LogKey>, AuditError> {
        let found = layout::read_small(self.fs, &layout::vkey(self.dir))?;
        let text = found.and_then(|bytes| String::from_utf8(bytes).ok());
        let beside = text.as_deref().and_then(|t| t.strip_suffix('\n')).and_then(|t| LogKey::parse(t).ok());
        match (pinned, beside) {
            (Some(pinned), Some(beside)) if beside == *pinned => {}
            (None, Some(beside)) => return Ok(Some(beside)),
            (Some(_), Some(_)) => self.tampered("KEY_DIFFERS", "the file vkey does not hold the pinned key"),
            (_, None) => self.tampered("KEY_ALTERED", "the file vkey is missing or altered"),
        }
        Ok(pinned.cloned())
    }

    /// Checkpoint, the signer's memory, the mark of an orderly end: each well-formed, and no two at odds.
    fn heads(&mut self, key: &LogKey) -> Result<(), AuditError> {
        let note = layout::read_small(self.fs, &layout::checkpoint(self.dir))?;
        let opened = note.map(|bytes| {
            let text = String::from_utf8(bytes).map_err(|_| crate::NoteError::Malformed)?;
            SignedCheckpoint::open(&text, key)
        });
        match opened {
            None => {}
            Some(Err(error)) => self.tampered("CHECKPOINT_INVALID", error.to_string()),
            Some(Ok(checkpoint)) => {
                self.checkpoint_size = Some(checkpoint.size());
                self.promise(checkpoint.head(), "checkpoint");
            }
        }
        // Read after the checkpoint: the signer's memory is always at least as new.
        let last = self.head(layout::last_signed(self.dir), "last_signed")?;
        self.closed = self.head(layout::closed(self.dir), "closed")?;
        match (last.map(|head| head.size), self.checkpoint_size) {
            (Some(last), Some(size)) if last < size => {
                self.tampered("ROLLBACK", format!("last_signed has {last} entries, the checkpoint {size}"));
            }
            (None, Some(_)) => self.tampered("SIGNER_MEMORY_MISSING", "last_signed is missing"),
            _ => {}
        }
        Ok(())
    }

    fn head(&mut self, path: PathBuf, file: &'static str) -> Result<Option<TreeHead>, AuditError> {
        let Some(bytes) = layout::read_small(self.fs, &path)? else { return Ok(None) };
        let head = decode_head(&bytes);
        match head {
            Some(head) => self.promise(head, file),
            None => self.tampered("TREE_HEAD_ALTERED", format!("the file {file} is altered")),
        }
        Ok(head)
    }

    fn promise(&mut self, head: TreeHead, file: &'static str) {
        if head.size == 0 && head != TreeHead::empty() {
            self.tampered("ROOT_MISMATCH", format!("{file} gives the empty tree another root"));
        }
        self.promises.push((head, file));
    }

    /// Appends a leaf to the tree that is derived, and holds it against every promise for that size.
    fn push(&mut self, hash: Hash) {
        self.frontier.push(hash);
        self.hashes.push(hash);
        for (head, file) in self.promises.clone() {
            if head.size == self.frontier.size() && head.root != self.frontier.root() {
                self.tampered(
                    "ROOT_MISMATCH",
                    format!("the entries do not lead to the root in {file} at {}", head.size),
                );
            }
        }
    }

    /// A leaf must be well-formed and stand at its own index. Returns whether it does.
    fn leaf(&mut self, leaf: &[u8], index: u64, place: &str) -> bool {
        match Leaf::decode(leaf) {
            Ok(decoded) if decoded.log_seq == index => true,
            Ok(decoded) => {
                self.tampered("INDEX_MISMATCH", format!("entry {index} in {place} calls itself {}", decoded.log_seq));
                false
            }
            Err(error) => {
                self.tampered("LEAF_MALFORMED", format!("entry {index} in {place}: {error}"));
                false
            }
        }
    }

    /// The entries under the checkpoint, from their bundles.
    fn bundles(&mut self, size: u64) -> Result<(), AuditError> {
        for index in 0..size.div_ceil(WIDTH) {
            let wanted = (size - index * WIDTH).min(WIDTH);
            let full = Tile::full(Kind::Entries, index).path(self.dir);
            let partial = Tile { kind: Kind::Entries, index, width: wanted }.path(self.dir);
            let exists = self.fs.metadata(&full).map_err(AuditError::io("look at", &full))?.is_some();
            let path = if exists { full } else { partial };
            let bytes = self.fs.read(&path, MAX_BUNDLE).map_err(AuditError::io("read", &path))?;
            let leaves = entries(&bytes).filter(|l| l.len() as u64 >= wanted);
            let Some(leaves) = leaves else {
                self.tampered("BUNDLE_ALTERED", format!("{} is cut or its lengths do not fit", path.display()));
                return Ok(());
            };
            for leaf in leaves.into_iter().take(wanted as usize) {
                let at = self.hashes.len() as u64;
                if !self.leaf(leaf, at, "a bundle") {
                    return Ok(());
                }
                self.push(leaf_hash(leaf));
            }
        }
        Ok(())
    }

    /// The write-ahead log agrees with the bundles where both have an entry, and continues them.
    fn write_ahead_log(&mut self) -> Result<(), AuditError> {
        let (fs, dir) = (self.fs, self.dir);
        let mut next: Option<u64> = None;
        let scan = wal::walk(fs, dir, |_, batch| {
            for leaf in &batch.leaves {
                next = self.wal_leaf(leaf, next);
            }
            Ok(())
        })?;
        let have = self.hashes.len() as u64;
        if next.unwrap_or(0) < have {
            self.tampered(
                "TRUNCATED",
                format!("the write-ahead log ends at {}, the bundles at {have}", next.unwrap_or(0)),
            );
        }
        if have > 0 && self.checkpoint_size.is_none() {
            self.tampered("CHECKPOINT_MISSING", "entries exist, but no checkpoint that verifies");
        }
        if let Some(closed) =
            self.closed.filter(|head| head.size != have || self.checkpoint_size.is_some_and(|size| size != head.size))
        {
            let signed = self.checkpoint_size.map_or_else(String::new, |size| format!(", {size} are signed"));
            self.tampered(
                "CLOSED_MISMATCH",
                format!("the log was closed at {} entries, {have} are there{signed}", closed.size),
            );
        }
        let Some(tail) = scan.tail else {
            self.tampered("TRUNCATED", "no segment of the write-ahead log is there");
            return Ok(());
        };
        if let Some(dirty) = tail.dirty {
            let detail = format!("{} bytes after offset {} of segment {}", dirty.bytes, tail.offset, tail.segment);
            self.torn_bytes = dirty.bytes;
            match (dirty.lost, self.closed) {
                (true, _) => self.tampered("BATCH_LOST", detail),
                (false, Some(_)) => self.tampered("TAIL_NOT_ZERO", detail),
                // What a crash leaves: never acknowledged, removed at the next start.
                (false, None) => self.findings.push(Finding { code: "TORN_TAIL", detail, tampering: false }),
            }
        }
        Ok(())
    }

    /// Returns the index that the next leaf must have.
    fn wal_leaf(&mut self, leaf: &[u8], next: Option<u64>) -> Option<u64> {
        let have = self.hashes.len() as u64;
        let index = next.or_else(|| crate::leaf::peek_seq(leaf)).unwrap_or(have);
        if !self.leaf(leaf, index, "the write-ahead log") {
            return Some(index + 1);
        }
        let hash = leaf_hash(leaf);
        match self.hashes.get(index as usize) {
            Some(known) if *known != hash => {
                self.tampered("LEAF_DIFFERS", format!("entry {index} differs between write-ahead log and bundle"));
            }
            Some(_) => {}
            None if index == have => self.push(hash),
            None => self.tampered("GAP", format!("entries {have} to {index} are missing")),
        }
        Some(index + 1)
    }

    /// Every tile and bundle file holds exactly what follows from the entries, and none that the checkpoint needs is missing.
    fn tiles(&mut self) -> Result<(), AuditError> {
        let mut levels = vec![self.hashes.clone()];
        while let Some(up) = levels.last().map(|l| l.chunks_exact(WIDTH as usize).filter_map(fold).collect::<Vec<_>>())
        {
            if up.is_empty() {
                break;
            }
            levels.push(up);
        }
        let size = self.checkpoint_size.unwrap_or(0);
        let mut missing: BTreeSet<Tile> = Tile::partials(size).into_iter().collect();
        let mut full = size / WIDTH;
        missing.extend((0..full).map(|index| Tile::full(Kind::Entries, index)));
        for level in 0..levels.len() as u32 {
            missing.extend((0..full).map(|index| Tile::full(Kind::Hashes(level), index)));
            full /= WIDTH;
        }
        for relative in self.files("tile")? {
            let Some(tile) = relative.strip_prefix("tile/").and_then(Tile::from_path) else {
                if !relative.ends_with(layout::TEMPORARY) {
                    let detail = format!("{relative} is not a file of the log");
                    self.findings.push(Finding { code: "UNKNOWN_FILE", detail, tampering: false });
                }
                continue;
            };
            missing.remove(&tile);
            // A full tile stands in for the partial one that it replaced.
            missing.retain(|m| tile.width < WIDTH || (m.kind, m.index) != (tile.kind, tile.index));
            self.tile(&tile, &levels)?;
        }
        for tile in missing {
            self.tampered("TILE_MISSING", tile.path(Path::new("")).display().to_string());
        }
        Ok(())
    }

    fn tile(&mut self, tile: &Tile, levels: &[Vec<Hash>]) -> Result<(), AuditError> {
        let path = tile.path(self.dir);
        let level = if let Kind::Hashes(level) = tile.kind { level } else { 0 };
        let from = tile.index.saturating_mul(WIDTH) as usize;
        let expected = levels.get(level as usize).and_then(|l| l.get(from..from.saturating_add(tile.width as usize)));
        let limit = if tile.kind == Kind::Entries { MAX_BUNDLE } else { MAX_TILE };
        let bytes = match self.fs.read(&path, limit) {
            Ok(bytes) => bytes,
            // Replaced by a newer one since the folder was listed; what must be there was looked for by name.
            Err(error) if error.kind() == io::ErrorKind::NotFound && tile.width < WIDTH => return Ok(()),
            Err(error) => return Err(AuditError::io("read", path)(error)),
        };
        let same = match (tile.kind, expected) {
            (_, None) => false,
            (Kind::Hashes(_), Some(expected)) => bytes == expected.concat(),
            (Kind::Entries, Some(expected)) => entries(&bytes).is_some_and(|leaves| {
                leaves.len() == expected.len()
                    && leaves.iter().zip(expected).all(|(leaf, hash)| leaf_hash(leaf) == *hash)
            }),
        };
        if !same {
            self.tampered("TILE_ALTERED", format!("{} does not follow from the entries", path.display()));
        }
        Ok(())
    }

    /// Files under `relative`, as paths with `/`, relative to the log.
    fn files(&self, relative: &str) -> Result<Vec<String>, AuditError> {
        let mut out = Vec::new();
        let mut folders = vec![relative.to_owned()];
        while let Some(folder) = folders.pop() {
            let path = self.dir.join(&folder);
            if self.fs.metadata(&path).map_err(AuditError::io("look at", &path))?.is_none() {
                continue;
            }
            for entry in self.fs.list(&path).map_err(AuditError::io("list", &path))? {
                let name = format!("{folder}/{}", entry.name);
                if entry.is_dir { folders.push(name) } else { out.push(name) }
            }
        }
        Ok(out)
    }
}
