//! Files in memory that forget what was not synced.

use crate::{DirEntry, File, FileLock, Fs, Meta, OpenMode, Rng, RngExt};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Un-synced writes survive a crash in whole blocks of this size, or not at all: what disks promise.
const SECTOR: usize = 512;

/// A file system in memory with the crash semantics of a real one: [`MemFs::crash`] drops un-synced data and un-synced
/// directory changes, keeping or losing each un-synced sector at random. Faults can be set. Clones share the files.
#[derive(Debug, Clone, Default)]
pub struct MemFs(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What is seen now.
    names: BTreeMap<PathBuf, u64>,
    /// What a crash goes back to.
    durable_names: BTreeMap<PathBuf, u64>,
    dirs: BTreeSet<PathBuf>,
    nodes: BTreeMap<u64, Node>,
    next_inode: u64,
    locks: BTreeSet<PathBuf>,
    capacity: Option<u64>,
    fail_sync: bool,
    fail_sync_after: Option<u64>,
}

#[derive(Debug, Default, Clone)]
struct Node {
    live: Vec<u8>,
    durable: Vec<u8>,
}

#[derive(Debug)]
struct MemFile {
    fs: MemFs,
    inode: u64,
    writable: bool,
}

#[derive(Debug)]
struct MemLock {
    fs: MemFs,
    path: PathBuf,
}

impl FileLock for MemLock {}

impl Drop for MemLock {
    fn drop(&mut self) {
        self.fs.state().locks.remove(&self.path);
    }
}

impl MemFs {
    /// An empty file system.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Power loss: every file goes back to its last synced content, plus a random choice of its un-synced sectors; names go
    /// back to the last directory sync. Locks are released. Open handles stay usable but point at the crashed content.
    pub fn crash(&self, rng: &dyn Rng) {
        let mut state = self.state();
        state.names = state.durable_names.clone();
        state.locks.clear();
        for node in state.nodes.values_mut() {
            let mut after = node.durable.clone();
            for (index, sector) in node.live.chunks(SECTOR).enumerate() {
                let start = index * SECTOR;
                if rng.below(2) == 0 || node.durable.get(start..start + sector.len()) == Some(sector) {
                    continue;
                }
                if after.len() < start + sector.len() {
                    after.resize(start + sector.len(), 0);
                }
                if let Some(to) = after.get_mut(start..start + sector.len()) {
                    to.copy_from_slice(sector);
                }
            }
            node.live.clone_from(&after);
            node.durable = after;
        }
    }

    /// All files together may hold `bytes`; beyond it writes fail with `StorageFull`. `None` lifts the limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// From now on every sync fails with an I/O error (or succeeds again).
    pub fn set_fail_sync(&self, fail: bool) {
        self.state().fail_sync = fail;
    }

    /// The next `n` syncs succeed, all later ones fail.
    pub fn fail_sync_after(&self, n: u64) {
        self.state().fail_sync_after = Some(n);
    }

    /// Flips bits of one byte, now and durably: bit rot, or an intruder.
    ///
    /// # Errors
    /// `NotFound` if there is no such file or offset.
    pub fn corrupt(&self, path: &Path, offset: u64, mask: u8) -> io::Result<()> {
        let mut state = self.state();
        let inode = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        let at = usize::try_from(offset).map_err(io::Error::other)?;
        let node = state.nodes.get_mut(&inode).ok_or(io::ErrorKind::NotFound)?;
        *node.live.get_mut(at).ok_or(io::ErrorKind::NotFound)? ^= mask;
        if let Some(byte) = node.durable.get_mut(at) {
            *byte ^= mask;
        }
        Ok(())
    }
}

impl State {
    fn used(&self) -> u64 {
        self.nodes.values().map(|n| n.live.len() as u64).sum()
    }

    fn check_room(&self, more: usize) -> io::Result<()> {
        match self.capacity {
            Some(limit) if self.used() + more as u64 > limit => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    fn check_sync(&mut self) -> io::Result<()> {
        if let Some(left) = self.fail_sync_after {
            if left == 0 {
                self.fail_sync = true;
            }
            self.fail_sync_after = Some(left.saturating_sub(1));
        }
        if self.fail_sync { Err(io::Error::other("injected sync failure")) } else { Ok(()) }
    }

    fn resize(&mut self, inode: u64, len: usize) -> io::Result<()> {
        let now = self.nodes.get(&inode).map_or(0, |n| n.live.len());
        self.check_room(len.saturating_sub(now))?;
        if let Some(node) = self.nodes.get_mut(&inode) {
            node.live.resize(len, 0);
        }
        Ok(())
    }
}

impl File for MemFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.fs.state();
        let node = state.nodes.get(&self.inode).ok_or(io::ErrorKind::NotFound)?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(node.live.len());
        let bytes = node.live.get(from..).unwrap_or_default();
        let n = bytes.len().min(buf.len());
        for (to, byte) in buf.iter_mut().zip(bytes) {
            *to = *byte;
        }
        Ok(n)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if !self.writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut state = self.fs.state();
        let from = usize::try_from(offset).map_err(io::Error::other)?;
        let end = from + bytes.len();
        if state.nodes.get(&self.inode).is_some_and(|n| n.live.len() < end) {
            state.resize(self.inode, end)?;
        }
        let node = state.nodes.get_mut(&self.inode).ok_or(io::ErrorKind::NotFound)?;
        if let Some(to) = node.live.get_mut(from..end) {
            to.copy_from_slice(bytes);
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.fs.state();
        state.check_sync()?;
        let node = state.nodes.get_mut(&self.inode).ok_or(io::ErrorKind::NotFound)?;
        node.durable.clone_from(&node.live);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.fs.state().nodes.get(&self.inode).ok_or(io::ErrorKind::NotFound)?.live.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.fs.state().resize(self.inode, usize::try_from(len).map_err(io::Error::other)?)
    }
}

impl Fs for MemFs {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn File>> {
        let mut state = self.state();
        let existing = state.names.get(path).copied();
        let inode = match (existing, mode) {
            (Some(_), OpenMode::CreateNew) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Some(inode), _) => inode,
            (None, OpenMode::Read | OpenMode::ReadWrite) => return Err(io::ErrorKind::NotFound.into()),
            (None, OpenMode::Create | OpenMode::CreateNew) => {
                if path.parent().is_some_and(|dir| dir != Path::new("") && !state.dirs.contains(dir)) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                state.next_inode += 1;
                let inode = state.next_inode;
                state.nodes.insert(inode, Node::default());
                state.names.insert(path.to_owned(), inode);
                inode
            }
        };
        Ok(Box::new(MemFile { fs: self.clone(), inode, writable: mode != OpenMode::Read }))
    }

    fn metadata(&self, path: &Path) -> io::Result<Option<Meta>> {
        let state = self.state();
        if state.dirs.contains(path) {
            return Ok(Some(Meta { len: 0, is_dir: true, identity: (1, 0), mode: 0o700 }));
        }
        Ok(state.names.get(path).map(|inode| Meta {
            len: state.nodes.get(inode).map_or(0, |n| n.live.len() as u64),
            is_dir: false,
            identity: (1, *inode),
            mode: 0o600,
        }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let state = self.state();
        if !state.dirs.contains(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let name =
            |path: &Path| (path.parent() == Some(dir)).then(|| path.file_name()?.to_str().map(str::to_owned)).flatten();
        let mut out: Vec<_> =
            state.dirs.iter().filter_map(|d| Some(DirEntry { name: name(d)?, is_dir: true, len: 0 })).collect();
        out.extend(state.names.iter().filter_map(|(path, inode)| {
            let len = state.nodes.get(inode).map_or(0, |n| n.live.len() as u64);
            Some(DirEntry { name: name(path)?, is_dir: false, len })
        }));
        out.sort();
        Ok(out)
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.dirs.extend(dir.ancestors().filter(|a| *a != Path::new("")).map(Path::to_owned));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        let inode = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), inode);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.state().names.remove(path).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.check_sync()?;
        let here = |path: &Path| path.parent() == Some(dir);
        let live: Vec<_> = state.names.iter().filter(|(p, _)| here(p)).map(|(p, i)| (p.clone(), *i)).collect();
        state.durable_names.retain(|p, _| !here(p));
        state.durable_names.extend(live);
        Ok(())
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn FileLock>>> {
        let taken = !self.state().locks.insert(path.to_owned());
        Ok((!taken).then(|| Box::new(MemLock { fs: self.clone(), path: path.to_owned() }) as Box<dyn FileLock>))
    }
}
