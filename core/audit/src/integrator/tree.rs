//! The growing tree in memory: right edge, unfinished tiles and bundle, and the finished ones that wait to be written.

use super::Committed;
use crate::{
    AuditError,
    merkle::{Frontier, Hash, leaf_hash},
    tiles::{Kind, MAX_BUNDLE, MAX_TILE, StoredTiles, Tile, WIDTH, entries, fold, push_entry},
};
use aitrading_env::Fs;
use std::path::{Path, PathBuf};

/// See the module's comment.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    frontier: Frontier,
    /// The unfinished tile of each level.
    edge: Vec<Vec<Hash>>,
    /// The unfinished entry bundle.
    bundle: Vec<u8>,
    /// Full tiles and bundles that are not on disk yet.
    pub(crate) outbox: Vec<(PathBuf, Vec<u8>)>,
}

impl Tree {
    /// Reads back the tree of `size` leaves from its tiles.
    pub(crate) fn load(fs: &dyn Fs, dir: &Path, size: u64) -> Result<Self, AuditError> {
        let frontier = Frontier::load(&StoredTiles { fs, dir, size }, size)?;
        let mut tree = Self { frontier, ..Self::default() };
        for tile in Tile::partials(size) {
            match tile.kind {
                Kind::Hashes(level) => {
                    let bytes = read_prefix(fs, dir, &tile, MAX_TILE)?;
                    let hashes = bytes.chunks_exact(32).take(tile.width as usize).filter_map(|h| h.try_into().ok());
                    let hashes: Vec<Hash> = hashes.collect();
                    if hashes.len() as u64 != tile.width {
                        return Err(AuditError::corrupt("a short tile", tile.path(dir)));
                    }
                    tree.level(level as usize).extend(hashes);
                }
                Kind::Entries => {
                    let bytes = read_prefix(fs, dir, &tile, MAX_BUNDLE)?;
                    for leaf in entries(&bytes).unwrap_or_default().into_iter().take(tile.width as usize) {
                        push_entry(&mut tree.bundle, leaf);
                    }
                    let hashes: Vec<Hash> =
                        entries(&tree.bundle).unwrap_or_default().into_iter().map(leaf_hash).collect();
                    if *tree.level(0) != hashes {
                        return Err(AuditError::corrupt("an entry bundle that does not fit its tile", tile.path(dir)));
                    }
                }
            }
        }
        Ok(tree)
    }

    pub(crate) fn size(&self) -> u64 {
        self.frontier.size()
    }

    pub(crate) fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The unfinished tile of `level`; levels come into being one by one, lowest first.
    fn level(&mut self, level: usize) -> &mut Vec<Hash> {
        while self.edge.len() <= level {
            self.edge.push(Vec::with_capacity(WIDTH as usize));
        }
        #[expect(clippy::indexing_slicing, reason = "the loop above made the level")]
        &mut self.edge[level]
    }

    /// Takes in the leaves of a durable batch.
    pub(crate) fn append(&mut self, dir: &Path, batch: &Committed) {
        let mut rest = batch.frames.as_slice();
        for hash in &batch.hashes {
            let Some((length, after)) = rest.split_first_chunk() else { return };
            let (leaf, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize).unwrap_or_default();
            rest = after;
            self.push(dir, leaf, *hash);
        }
    }

    /// Takes in one leaf.
    pub(crate) fn push(&mut self, dir: &Path, leaf: &[u8], hash: Hash) {
        let index = self.size() / WIDTH;
        self.frontier.push(hash);
        push_entry(&mut self.bundle, leaf);
        self.level(0).push(hash);
        if self.size().is_multiple_of(WIDTH) {
            let bundle = std::mem::take(&mut self.bundle);
            self.outbox.push((Tile::full(Kind::Entries, index).path(dir), bundle));
            self.finish(dir, 0, index);
        }
    }

    /// Moves a full tile to the outbox and its root one level up.
    fn finish(&mut self, dir: &Path, level: u32, index: u64) {
        let hashes = std::mem::replace(self.level(level as usize), Vec::with_capacity(WIDTH as usize));
        self.outbox.push((Tile::full(Kind::Hashes(level), index).path(dir), hashes.concat()));
        if let Some(root) = fold(&hashes) {
            let up = self.level(level as usize + 1);
            up.push(root);
            if up.len() as u64 == WIDTH {
                self.finish(dir, level + 1, index / WIDTH);
            }
        }
    }

    /// Content of a partial tile of the tree as it is now.
    pub(crate) fn partial(&self, tile: &Tile) -> Vec<u8> {
        match tile.kind {
            Kind::Entries => self.bundle.clone(),
            Kind::Hashes(level) => self.edge.get(level as usize).map(|hashes| hashes.concat()).unwrap_or_default(),
        }
    }
}

/// A partial tile, or the full one that has taken its place.
fn read_prefix(fs: &dyn Fs, dir: &Path, tile: &Tile, limit: u64) -> Result<Vec<u8>, AuditError> {
    let full = Tile::full(tile.kind, tile.index).path(dir);
    let exists = fs.metadata(&full).map_err(AuditError::io("look at", &full))?.is_some();
    let path = if exists { full } else { tile.path(dir) };
    fs.read(&path, limit).map_err(AuditError::io("read", path))
}
