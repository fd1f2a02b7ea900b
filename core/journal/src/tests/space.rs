//! A full disk: refused, nothing half kept, and business as usual when space returns.

use super::*;
use aitrading_env::{DirEntry, File, FileLock, Fs, Meta, OpenMode, sim::SeededRng};
use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

#[test]
fn a_full_disk_refuses_and_recovers_when_space_returns() {
    for preallocate in [false, true] {
        let fs = MemFs::new();
        let settings = Settings { preallocate, ..small() };
        let (journal, ..) = open_in(&world(&fs), &dir(), settings).unwrap();
        fs.set_capacity(Some(3000));
        let mut kept = Vec::new();
        let mut refused = 0;
        for n in 0..60 {
            match journal.append_blocking(record(n)) {
                Ok(_) => kept.push(record(n)),
                Err(JournalError::Full) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert!(refused > 0 && !kept.is_empty());
        assert_eq!(journal.state(), State::Full);
        fs.set_capacity(None);
        for n in 60..90 {
            journal.append_blocking(record(n)).unwrap();
            kept.push(record(n));
        }
        assert_eq!(journal.state(), State::Open);
        end(journal);
        fs.crash(&SeededRng::new(7));
        assert_eq!(open_in(&world(&fs), &dir(), settings).unwrap().2, kept);
    }
}

/// Writes everything and then says that the disk is full, while `full` is set: the worst a file system may do.
#[derive(Debug, Clone)]
struct LyingFs {
    inner: MemFs,
    full: Arc<AtomicBool>,
}

#[derive(Debug)]
struct LyingFile {
    inner: Box<dyn File>,
    full: Arc<AtomicBool>,
}

impl File for LyingFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buf, offset)
    }
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.inner.write_all_at(bytes, offset)?;
        if self.full.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data()
    }
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }
}

impl Fs for LyingFs {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn File>> {
        let inner = self.inner.open(path, mode)?;
        Ok(Box::new(LyingFile { inner, full: Arc::clone(&self.full) }))
    }
    fn metadata(&self, path: &Path) -> io::Result<Option<Meta>> {
        self.inner.metadata(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        self.inner.list(dir)
    }
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.inner.create_dir_all(dir)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.inner.remove_file(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.inner.sync_dir(dir)
    }
    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn FileLock>>> {
        self.inner.try_lock(path)
    }
}

#[test]
fn a_refused_record_never_appears_later() {
    let fs = MemFs::new();
    let full = Arc::new(AtomicBool::new(false));
    let env = Env { fs: Arc::new(LyingFs { inner: fs.clone(), full: Arc::clone(&full) }), ..Env::real() };
    let (journal, ..) = open_in(&env, &dir(), small()).unwrap();
    journal.append_blocking(*b"kept 1").unwrap();
    full.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        assert!(matches!(journal.append_blocking(*b"refuse"), Err(JournalError::Full)));
    }
    full.store(false, Ordering::SeqCst);
    journal.append_blocking(*b"kept 2").unwrap();
    full.store(true, Ordering::SeqCst);
    assert!(matches!(journal.append_blocking(*b"refuse"), Err(JournalError::Full)));
    end(journal);
    fs.crash(&SeededRng::new(3));
    assert_eq!(open(&fs).2, [b"kept 1".to_vec(), b"kept 2".to_vec()]);
}
