//! Reading entries back from bundles and the write-ahead log, without opening the log for writing.

use crate::{
    AuditError, Leaf,
    leaf::peek_seq,
    tiles::{Kind, MAX_BUNDLE, Tile, WIDTH, entries},
    wal,
};
use aitrading_env::Fs;
use std::{collections::VecDeque, path::Path};

/// Entries in order. After an error nothing more comes.
#[derive(Debug)]
pub struct Leaves<'a> {
    fs: &'a dyn Fs,
    dir: &'a Path,
    next: u64,
    loaded: VecDeque<Leaf>,
    source: Source,
}

#[derive(Debug, PartialEq, Eq)]
enum Source {
    Bundles,
    Wal,
    Done,
}

/// Decoded leaves from `from_index` to the last durable one. It checks form and order, not hashes: that is [`crate::verify`]'s work.
#[must_use]
pub fn read_leaves<'a>(fs: &'a dyn Fs, dir: &'a Path, from_index: u64) -> Leaves<'a> {
    Leaves { fs, dir, next: from_index, loaded: VecDeque::new(), source: Source::Bundles }
}

impl Leaves<'_> {
    /// Loads the next full bundle, or what the write-ahead log holds beyond the bundles.
    fn load(&mut self) -> Result<(), AuditError> {
        if self.source == Source::Bundles {
            let path = Tile::full(Kind::Entries, self.next / WIDTH).path(self.dir);
            if self.fs.metadata(&path).map_err(AuditError::io("look at", &path))?.is_some() {
                let bytes = self.fs.read(&path, MAX_BUNDLE).map_err(AuditError::io("read", &path))?;
                let leaves = entries(&bytes).ok_or_else(|| AuditError::corrupt("an altered bundle", &path))?;
                for leaf in leaves.into_iter().skip((self.next % WIDTH) as usize) {
                    self.take(leaf)?;
                }
                return if self.loaded.is_empty() { Err(AuditError::corrupt("a short bundle", path)) } else { Ok(()) };
            }
            self.load_partial()?;
            self.source = Source::Wal;
        }
        if self.source == Source::Wal && self.loaded.is_empty() {
            self.source = Source::Done;
            wal::walk(self.fs, self.dir, |_, batch| batch.leaves.iter().try_for_each(|leaf| self.take(leaf)))?;
        }
        Ok(())
    }

    /// The widest partial bundle: after a restart the write-ahead log may begin beyond the last full one.
    fn load_partial(&mut self) -> Result<(), AuditError> {
        let index = self.next / WIDTH;
        let one = Tile { kind: Kind::Entries, index, width: 1 }.path(self.dir);
        let Some(folder) = one.parent() else { return Ok(()) };
        if self.fs.metadata(folder).map_err(AuditError::io("look at", folder))?.is_none() {
            return Ok(());
        }
        let names = self.fs.list(folder).map_err(AuditError::io("list", folder))?;
        let Some(width) = names.iter().filter_map(|e| e.name.parse::<u64>().ok()).max() else { return Ok(()) };
        let path = Tile { kind: Kind::Entries, index, width }.path(self.dir);
        let bytes = match self.fs.read(&path, MAX_BUNDLE) {
            Ok(bytes) => bytes,
            // A newer one took its place between the two looks; the write-ahead log has what it held.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(AuditError::io("read", path)(error)),
        };
        let leaves = entries(&bytes).ok_or_else(|| AuditError::corrupt("an altered bundle", &path))?;
        leaves.into_iter().skip((self.next % WIDTH) as usize).try_for_each(|leaf| self.take(leaf))
    }

    /// Keeps a leaf that has not been seen yet.
    fn take(&mut self, bytes: &[u8]) -> Result<(), AuditError> {
        let wrong = |what| AuditError::corrupt(what, self.dir);
        let expected = self.next + self.loaded.len() as u64;
        match peek_seq(bytes) {
            Some(seq) if seq < expected => Ok(()),
            Some(seq) if seq == expected => {
                self.loaded.push_back(Leaf::decode(bytes).map_err(|_| wrong("a malformed leaf"))?);
                Ok(())
            }
            _ => Err(wrong("a leaf that is not at its index")),
        }
    }
}

impl Iterator for Leaves<'_> {
    type Item = Result<Leaf, AuditError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.loaded.is_empty() && self.source != Source::Done {
            if let Err(error) = self.load() {
                self.source = Source::Done;
                self.loaded.clear();
                return Some(Err(error));
            }
        }
        let leaf = self.loaded.pop_front()?;
        self.next += 1;
        Some(Ok(leaf))
    }
}
