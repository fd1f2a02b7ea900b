//! Tiles and entry bundles in the layout of C2SP tlog-tiles (spec section 6): paths, forms, and stored tiles as hash source.

use crate::{
    AuditError, MAX_LEAF_BYTES,
    merkle::{Hash, Nodes, node_hash},
};
use aitrading_env::Fs;
use std::path::{Path, PathBuf};

/// Hashes in a full tile, leaves in a full bundle.
pub(crate) const WIDTH: u64 = 256;
/// Levels of the tree that one tile spans.
const TILE_HEIGHT: u32 = 8;
/// Longest tile file.
pub(crate) const MAX_TILE: u64 = WIDTH * 32;
/// Longest bundle file.
pub(crate) const MAX_BUNDLE: u64 = WIDTH * (MAX_LEAF_BYTES as u64 + 2);

/// A tile's level, or the entry bundles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Hashes(u32),
    Entries,
}

/// One file: `width` is [`WIDTH`] for a full one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tile {
    pub(crate) kind: Kind,
    pub(crate) index: u64,
    pub(crate) width: u64,
}

impl Tile {
    pub(crate) fn full(kind: Kind, index: u64) -> Self {
        Self { kind, index, width: WIDTH }
    }

    pub(crate) fn path(&self, dir: &Path) -> PathBuf {
        let mut path = dir.join("tile");
        match self.kind {
            Kind::Hashes(level) => path.push(level.to_string()),
            Kind::Entries => path.push("entries"),
        }
        let mut groups = Vec::new();
        let mut rest = self.index;
        while groups.is_empty() || rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        while let Some(group) = groups.pop() {
            let sign = if groups.is_empty() { "" } else { "x" };
            let partial = if groups.is_empty() && self.width < WIDTH { ".p" } else { "" };
            path.push(format!("{sign}{group:03}{partial}"));
        }
        if self.width < WIDTH {
            path.push(self.width.to_string());
        }
        path
    }

    /// The tile whose file is `relative` to the folder `tile`; `None` if no tile has this name.
    pub(crate) fn from_path(relative: &str) -> Option<Self> {
        let mut parts = relative.split('/');
        let kind = match parts.next()? {
            "entries" => Kind::Entries,
            level => Kind::Hashes(level.parse().ok()?),
        };
        let (mut index, mut width) = (0_u64, WIDTH);
        for part in parts.by_ref() {
            let digits = part.strip_prefix('x').unwrap_or(part);
            let digits = digits.strip_suffix(".p").unwrap_or(digits);
            index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
            if part.ends_with(".p") {
                width = parts.next()?.parse().ok()?;
                break;
            }
        }
        let tile = Self { kind, index, width };
        let spelled = tile.path(Path::new(""));
        (spelled == Path::new("tile").join(relative)).then_some(tile)
    }

    /// The partial files that a tree of `size` leaves has: the bundle and the levels that are not at a full tile's end.
    pub(crate) fn partials(size: u64) -> Vec<Self> {
        let mut out = Vec::new();
        let mut hashes = size;
        for level in 0..u64::BITS / TILE_HEIGHT {
            let (index, width) = (hashes / WIDTH, hashes % WIDTH);
            if width > 0 {
                out.push(Self { kind: Kind::Hashes(level), index, width });
            }
            if level == 0 && width > 0 {
                out.push(Self { kind: Kind::Entries, index, width });
            }
            hashes = index;
        }
        out
    }
}

/// Appends a leaf to a bundle: 2 bytes of length, then the leaf.
pub(crate) fn push_entry(bundle: &mut Vec<u8>, leaf: &[u8]) {
    bundle.extend_from_slice(&(leaf.len() as u16).to_be_bytes());
    bundle.extend_from_slice(leaf);
}

/// The leaves of a bundle; `None` if a length does not fit.
pub(crate) fn entries(bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = bundle;
    let mut out = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let (leaf, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        out.push(leaf);
        rest = after;
    }
    rest.is_empty().then_some(out)
}

/// Root over the hashes of a whole or aligned part of a tile; their number is a power of two.
pub(crate) fn fold(hashes: &[Hash]) -> Option<Hash> {
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        level = level.chunks_exact(2).filter_map(|pair| Some(node_hash(pair.first()?, pair.last()?))).collect();
    }
    level.first().copied()
}

/// Hashes of a tree of `size` leaves, read from its tiles.
#[derive(Debug)]
pub(crate) struct StoredTiles<'a> {
    pub(crate) fs: &'a dyn Fs,
    pub(crate) dir: &'a Path,
    pub(crate) size: u64,
}

impl StoredTiles<'_> {
    /// The tile in full, or as far as a tree of `size` leaves fills it.
    fn read(&self, level: u32, index: u64) -> Result<Vec<u8>, AuditError> {
        let full = Tile::full(Kind::Hashes(level), index).path(self.dir);
        if self.fs.metadata(&full).map_err(AuditError::io("look at", &full))?.is_some() {
            return self.fs.read(&full, MAX_TILE).map_err(AuditError::io("read", &full));
        }
        let width = (self.size >> (TILE_HEIGHT * level)) % WIDTH;
        let partial = Tile { kind: Kind::Hashes(level), index, width }.path(self.dir);
        match self.fs.metadata(&partial).map_err(AuditError::io("look at", &partial))? {
            Some(_) => self.fs.read(&partial, MAX_TILE).map_err(AuditError::io("read", &partial)),
            None => Err(AuditError::corrupt("a missing tile", partial)),
        }
    }
}

impl Nodes for StoredTiles<'_> {
    type Error = AuditError;

    fn node(&self, level: u32, index: u64) -> Result<Hash, AuditError> {
        let (tile_level, height) = (level / TILE_HEIGHT, level % TILE_HEIGHT);
        let first = index << height;
        let bytes = self.read(tile_level, first / WIDTH)?;
        let from = (first % WIDTH) as usize * 32;
        let part = bytes.get(from..from + (32 << height));
        let hashes: Option<Vec<Hash>> = part.map(|p| p.chunks_exact(32).filter_map(|h| h.try_into().ok()).collect());
        hashes.as_deref().and_then(fold).ok_or_else(|| AuditError::corrupt("a short tile", self.dir.join("tile")))
    }
}
