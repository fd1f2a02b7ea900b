//! Files as an argument. All calls block: long ones belong on a thread of [`crate::Spawn`].

use std::{fmt::Debug, io, path::Path};

mod real;
pub use real::RealFs;

/// How to open a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Must exist; reading only.
    Read,
    /// Must exist; reading and writing.
    ReadWrite,
    /// Created if absent, kept if present; reading and writing.
    Create,
    /// Must not exist; reading and writing.
    CreateNew,
}

/// What is known of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// Bytes.
    pub len: u64,
    /// A directory?
    pub is_dir: bool,
    /// Device number and inode on Unix, zeros elsewhere: tells a replaced file from the one that was opened.
    pub identity: (u64, u64),
    /// Permission bits on Unix, 0 elsewhere.
    pub mode: u32,
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// File name without its folder. Names that are not UTF-8 are skipped by [`Fs::list`].
    pub name: String,
    /// A directory?
    pub is_dir: bool,
    /// Bytes (0 for directories).
    pub len: u64,
}

/// An open file. Positions are explicit: there is no cursor to share.
pub trait File: Send + Sync + Debug {
    /// Reads up to `buf.len()` bytes at `offset`; fewer only at the end of the file.
    ///
    /// # Errors
    /// As the operating system says.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes` at `offset`, growing the file if needed.
    ///
    /// # Errors
    /// As the operating system says; some bytes may have been written.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Waits until data (and the length, if it changed) are on the medium. After an error the file's state is unknown:
    /// never retry, re-open and verify.
    ///
    /// # Errors
    /// As the operating system says.
    fn sync_data(&self) -> io::Result<()>;
    /// Bytes in the file.
    ///
    /// # Errors
    /// As the operating system says.
    fn len(&self) -> io::Result<u64>;
    /// Cuts or extends (with zeros) to `len` bytes.
    ///
    /// # Errors
    /// As the operating system says.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Empty?
    ///
    /// # Errors
    /// As the operating system says.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// An exclusive lock on a file, held until dropped or until the process ends.
pub trait FileLock: Send + Sync + Debug {}

/// Opens and arranges files.
pub trait Fs: Send + Sync + Debug {
    /// Opens a file. New files get mode 0600 on Unix.
    ///
    /// # Errors
    /// As the operating system says.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn File>>;
    /// What is at `path`, or `None`.
    ///
    /// # Errors
    /// As the operating system says, absence excepted.
    fn metadata(&self, path: &Path) -> io::Result<Option<Meta>>;
    /// Names in a directory, sorted.
    ///
    /// # Errors
    /// As the operating system says.
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>>;
    /// Creates a directory and its parents; new ones get mode 0700 on Unix.
    ///
    /// # Errors
    /// As the operating system says.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;
    /// Renames within one file system, replacing the target. Durable only after [`Fs::sync_dir`].
    ///
    /// # Errors
    /// As the operating system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// As the operating system says.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in `dir` durable.
    ///
    /// # Errors
    /// As the operating system says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Takes the exclusive lock of `path` (created if absent); `None` if another process has it.
    ///
    /// # Errors
    /// As the operating system says.
    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn FileLock>>>;

    /// Reads a whole file of at most `limit` bytes.
    ///
    /// # Errors
    /// `FileTooLarge` if it is longer; otherwise as the operating system says.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let file = self.open(path, OpenMode::Read)?;
        let len = file.len()?;
        if len > limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("{len} bytes, at most {limit} allowed")));
        }
        let mut buf = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        let read = file.read_at(&mut buf, 0)?;
        buf.truncate(read);
        Ok(buf)
    }

    /// Replaces `path` with `bytes` so that after a crash either the old or the new content is there, whole:
    /// temporary file, sync, rename, directory sync.
    ///
    /// # Errors
    /// As the operating system says; the old content then still stands.
    fn write_atomic(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = Path::new(&temporary);
        if self.metadata(temporary)?.is_some() {
            self.remove_file(temporary)?;
        }
        let file = self.open(temporary, OpenMode::CreateNew)?;
        file.write_all_at(bytes, 0)?;
        file.sync_data()?;
        drop(file);
        self.rename(temporary, path)?;
        match path.parent() {
            None => Ok(()),
            // A bare name lies in the current directory.
            Some(dir) if dir == Path::new("") => self.sync_dir(Path::new(".")),
            Some(dir) => self.sync_dir(dir),
        }
    }
}
