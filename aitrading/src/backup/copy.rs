//! Files from one folder to another, in pieces, hashed on the way and durable at the end.

use crate::exit::{Exit, Failure};
use aitrading_env::{Env, OpenMode};
use aitrading_security::Sha256;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Bytes that are read at once.
const CHUNK: usize = 1 << 20;

/// A file's length and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) bytes: u64,
    pub(super) sha256: [u8; 32],
}

/// Copies a file. Its content is durable, its name after [`settle`].
pub(super) fn file(env: &Env, from: &Path, to: &Path) -> Result<Sum, Failure> {
    let folder = to.parent().unwrap_or(Path::new("."));
    make_folder(env, folder)?;
    let target = env.fs.open(to, OpenMode::CreateNew).map_err(|error| Failure::io("cannot write", to, &error))?;
    let sum = read(env, from, |bytes, offset| {
        target.write_all_at(bytes, offset).map_err(|error| Failure::io("cannot write", to, &error))
    })?;
    target.sync_data().map_err(|error| Failure::io("cannot write", to, &error))?;
    Ok(sum)
}

/// Makes the names of `files`, which are relative to `root`, durable, and those of all folders on the way.
pub(super) fn settle<'a>(env: &Env, root: &Path, files: impl Iterator<Item = &'a str>) -> Result<(), Failure> {
    let folders: BTreeSet<&Path> = files.flat_map(|file| Path::new(file).ancestors().skip(1)).collect();
    let outside = root.parent().map(Path::to_path_buf);
    for folder in folders.into_iter().map(|folder| root.join(folder)).chain(outside) {
        let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
        env.fs.sync_dir(&folder).map_err(|error| Failure::io("cannot write", &folder, &error))?;
    }
    Ok(())
}

/// What a file holds now.
pub(super) fn digest(env: &Env, path: &Path) -> Result<Sum, Failure> {
    read(env, path, |_, _| Ok(()))
}

/// Makes what was written by somebody else durable.
pub(super) fn sync(env: &Env, path: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::io("cannot write", path, &error);
    env.fs.open(path, OpenMode::ReadWrite).map_err(failed)?.sync_data().map_err(failed)
}

fn read(env: &Env, path: &Path, mut each: impl FnMut(&[u8], u64) -> Result<(), Failure>) -> Result<Sum, Failure> {
    let failed = |error: std::io::Error| Failure::io("cannot read", path, &error);
    let file = env.fs.open(path, OpenMode::Read).map_err(failed)?;
    let (mut buffer, mut bytes, mut hash) = (vec![0; CHUNK], 0_u64, Sha256::default());
    loop {
        let read = file.read_at(&mut buffer, bytes).map_err(failed)?;
        let piece = buffer.get(..read).unwrap_or_default();
        if piece.is_empty() {
            return Ok(Sum { bytes, sha256: hash.finish() });
        }
        hash.update(piece);
        each(piece, bytes)?;
        bytes = bytes.saturating_add(read as u64);
    }
}

/// Creates a folder and those above it.
pub(super) fn make_folder(env: &Env, folder: &Path) -> Result<(), Failure> {
    env.fs.create_dir_all(folder).map_err(|error| Failure::io("cannot create", folder, &error))
}

/// A folder that holds nothing, created if it is not there.
pub(super) fn empty_folder(env: &Env, folder: &Path) -> Result<(), Failure> {
    make_folder(env, folder)?;
    let entries = env.fs.list(folder).map_err(|error| Failure::io("cannot look into", folder, &error))?;
    if entries.is_empty() {
        return Ok(());
    }
    let text = format!("{} is not empty; choose a folder that does not exist yet, or empty it", folder.display());
    Err(Failure::new(Exit::CannotCreate, text))
}
