//! Where each file of a log lies (spec section 2), and the durable writing of several at once.

use crate::AuditError;
use aitrading_env::{Fs, OpenMode};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Longest small file (checkpoint, key, last signature) that is read.
pub(crate) const SMALL_FILE: u64 = 4096;
/// Ending of files that are not complete yet. Readers ignore them.
pub(crate) const TEMPORARY: &str = ".tmp";

pub(crate) fn lock(dir: &Path) -> PathBuf {
    dir.join("lock")
}

pub(crate) fn vkey(dir: &Path) -> PathBuf {
    dir.join("vkey")
}

pub(crate) fn checkpoint(dir: &Path) -> PathBuf {
    dir.join("checkpoint")
}

pub(crate) fn last_signed(dir: &Path) -> PathBuf {
    dir.join("last_signed")
}

pub(crate) fn closed(dir: &Path) -> PathBuf {
    dir.join("closed")
}

pub(crate) fn ballast(dir: &Path) -> PathBuf {
    dir.join("ballast")
}

pub(crate) fn wal(dir: &Path) -> PathBuf {
    dir.join("wal")
}

/// Reads a small file, or `None` if it is absent.
pub(crate) fn read_small(fs: &dyn Fs, path: &Path) -> Result<Option<Vec<u8>>, AuditError> {
    if fs.metadata(path).map_err(AuditError::io("look at", path))?.is_none() {
        return Ok(None);
    }
    fs.read(path, SMALL_FILE).map(Some).map_err(AuditError::io("read", path))
}

/// Creates `dir` and makes its name, and those of its parents down from `root`, durable.
pub(crate) fn create_dir(fs: &dyn Fs, root: &Path, dir: &Path) -> Result<(), AuditError> {
    if fs.metadata(dir).map_err(AuditError::io("look at", dir))?.is_some() {
        return Ok(());
    }
    fs.create_dir_all(dir).map_err(AuditError::io("create", dir))?;
    for parent in dir.ancestors().skip(1).take_while(|p| p.starts_with(root)) {
        fs.sync_dir(parent).map_err(AuditError::io("sync", parent))?;
    }
    Ok(())
}

/// Writes each file beside its place, syncs and renames it, then syncs every folder once: fewer waits than one by one.
/// Files that were done are taken off the list, so that a full disk can be retried.
pub(crate) fn write_all(fs: &dyn Fs, root: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) -> Result<(), AuditError> {
    let mut dirs = BTreeSet::new();
    let mut done = 0;
    let mut outcome = Ok(());
    for (path, bytes) in files.iter() {
        outcome = write_one(fs, root, path, bytes);
        if outcome.is_err() {
            break;
        }
        dirs.extend(path.parent().map(Path::to_owned));
        done += 1;
    }
    for dir in &dirs {
        fs.sync_dir(dir).map_err(AuditError::io("sync", dir))?;
    }
    files.drain(..done);
    outcome
}

fn write_one(fs: &dyn Fs, root: &Path, path: &Path, bytes: &[u8]) -> Result<(), AuditError> {
    if let Some(dir) = path.parent() {
        create_dir(fs, root, dir)?;
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(TEMPORARY);
    let temporary = PathBuf::from(temporary);
    let file = fs.open(&temporary, OpenMode::Create).map_err(AuditError::io("create", &temporary))?;
    file.set_len(0).and_then(|()| file.write_all_at(bytes, 0)).map_err(AuditError::io("write", &temporary))?;
    file.sync_data().map_err(AuditError::io("sync", &temporary))?;
    drop(file);
    fs.rename(&temporary, path).map_err(AuditError::io("rename", path))
}
