//! What every file system and clock must promise, checked on the real and on the simulated ones.

use crate::{
    Clock, Env, Fs, OpenMode, RealFs, Rng, RngExt,
    sim::{ManualClock, MemFs, SeededRng},
};
use std::{path::Path, sync::Arc, time::Duration};

/// The properties that every file system must have; the real one and the one in memory run the same list.
fn check_fs(fs: &dyn Fs, dir: &Path) {
    fs.create_dir_all(dir).unwrap();
    let path = dir.join("a");
    assert!(fs.metadata(&path).unwrap().is_none());
    assert!(fs.open(&path, OpenMode::Read).is_err());
    let file = fs.open(&path, OpenMode::CreateNew).unwrap();
    file.write_all_at(b"hello", 3).unwrap();
    file.sync_data().unwrap();
    assert_eq!(fs.read(&path, 8).unwrap(), b"\0\0\0hello");
    assert!(fs.read(&path, 7).is_err(), "reads are bounded");
    assert!(fs.open(&path, OpenMode::CreateNew).is_err());
    fs.write_atomic(&path, b"new").unwrap();
    assert_eq!(fs.read(&path, 8).unwrap(), b"new");
    assert_eq!(fs.list(dir).unwrap().iter().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["a"]);
    let lock = fs.try_lock(&dir.join("lock")).unwrap();
    assert!(lock.is_some());
    assert!(fs.try_lock(&dir.join("lock")).unwrap().is_none(), "a second holder is refused");
    drop(lock);
    assert!(fs.try_lock(&dir.join("lock")).unwrap().is_some());
}

#[test]
fn real_files_keep_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    check_fs(&RealFs, &dir.path().join("x"));
}

#[test]
fn files_in_memory_keep_the_contract() {
    check_fs(&MemFs::new(), Path::new("/x"));
}

#[test]
fn a_crash_forgets_what_was_not_synced() {
    let fs = MemFs::new();
    let dir = Path::new("/d");
    fs.create_dir_all(dir).unwrap();
    let file = fs.open(&dir.join("kept"), OpenMode::Create).unwrap();
    file.write_all_at(b"synced", 0).unwrap();
    file.sync_data().unwrap();
    fs.sync_dir(dir).unwrap();
    fs.open(&dir.join("lost"), OpenMode::Create).unwrap().sync_data().unwrap();
    fs.crash(&SeededRng::new(1));
    assert_eq!(fs.read(&dir.join("kept"), 99).unwrap(), b"synced");
    assert!(fs.metadata(&dir.join("lost")).unwrap().is_none(), "its name was never synced");
}

#[test]
fn unsynced_sectors_survive_a_crash_by_chance() {
    let seen: std::collections::BTreeSet<bool> = (0..64)
        .map(|seed| {
            let fs = MemFs::new();
            fs.create_dir_all(Path::new("/d")).unwrap();
            let file = fs.open(Path::new("/d/f"), OpenMode::Create).unwrap();
            fs.sync_dir(Path::new("/d")).unwrap();
            file.write_all_at(&[7; 512], 0).unwrap();
            fs.crash(&SeededRng::new(seed));
            fs.read(Path::new("/d/f"), 999).unwrap() == [7; 512]
        })
        .collect();
    assert_eq!(seen.len(), 2, "both outcomes occur");
}

#[test]
fn a_full_disk_and_a_failing_sync_are_errors() {
    let fs = MemFs::new();
    fs.create_dir_all(Path::new("/d")).unwrap();
    fs.set_capacity(Some(4));
    let file = fs.open(Path::new("/d/f"), OpenMode::Create).unwrap();
    assert_eq!(file.write_all_at(b"hello", 0).unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    fs.fail_sync_after(1);
    file.sync_data().unwrap();
    assert!(file.sync_data().is_err());
}

#[tokio::test]
async fn a_timeout_follows_the_clock_it_was_given() {
    let clock = ManualClock::new(0);
    let env = Env { clock: Arc::new(clock.clone()), rng: Arc::new(SeededRng::new(1)), ..Env::real() };
    let waiting = env.timeout(Duration::from_secs(60), std::future::pending::<()>());
    tokio::pin!(waiting);
    assert!(futures_util::poll!(&mut waiting).is_pending());
    clock.advance(Duration::from_secs(59));
    assert!(futures_util::poll!(&mut waiting).is_pending());
    clock.advance(Duration::from_secs(1));
    assert!(waiting.await.is_err());
    assert_eq!(clock.mono_ns(), 60_000_000_001);
}

#[test]
fn a_seed_repeats_its_stream() {
    let (a, b) = (SeededRng::new(7), SeededRng::new(7));
    assert_eq!(a.bytes::<33>(), b.bytes::<33>());
    assert_ne!(SeededRng::new(8).next_u64(), SeededRng::new(7).next_u64());
    let mut same = [0; 4];
    a.fill(&mut same);
    assert!(a.below(0) == 0 && a.below(10) < 10);
}
