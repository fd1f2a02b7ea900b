//! Every altered byte is found; an honest log is never accused.

use super::*;
use crate::{
    AuditLog, CheckpointKey,
    testing::{ORIGIN, entry, key, small, world},
};
use aitrading_env::{
    RngExt,
    sim::{MemFs, SeededRng},
};
use std::{path::PathBuf, sync::Arc};

const DIR: &str = "/audit";

/// A log of 360 entries in several segments, closed in order.
async fn closed_log() -> MemFs {
    let fs = MemFs::new();
    let (env, _) = world(Arc::new(fs.clone()), 5);
    let (log, _) = AuditLog::open(&env, Path::new(DIR), key(), ORIGIN, small()).unwrap();
    for group in 0..9 {
        log.append_all((0..40).map(|n| entry(group * 40 + n)).collect()).await.unwrap();
    }
    log.shutdown().await.unwrap();
    fs
}

/// Every file that the verifier answers for, with its length. The ballast and the lock say nothing.
fn files(fs: &MemFs, dir: &Path) -> Vec<(PathBuf, u64)> {
    let mut out = Vec::new();
    for entry in fs.list(dir).unwrap() {
        let path = dir.join(&entry.name);
        if entry.is_dir {
            out.extend(files(fs, &path));
        } else if entry.name != "ballast" && entry.name != "lock" && entry.len > 0 {
            out.push((path, entry.len));
        }
    }
    out
}

fn check_verdict(fs: &MemFs, expected: Verdict, what: &str) {
    let pinned = key().verifier(ORIGIN).unwrap();
    for pinned in [None, Some(&pinned)] {
        let report = verify(fs, Path::new(DIR), pinned);
        let could_not = expected == Verdict::Tampered && report.verdict == Verdict::CouldNotRun;
        assert!(report.verdict == expected && !could_not, "{what}: {:?} {:?}", report.verdict, report.findings);
    }
}

#[tokio::test]
async fn every_flipped_byte_is_found() {
    // T42: random single-byte edits in all files, segments' unused ends included; each file also at both ends.
    let fs = closed_log().await;
    check_verdict(&fs, Verdict::Clean, "untouched");
    let files = files(&fs, Path::new(DIR));
    let rng = SeededRng::new(11);
    let total: u64 = files.iter().map(|(_, len)| len).sum();
    let everywhere = (0..1500).map(|_| {
        let mut at = rng.below(total);
        let file = files.iter().find(|(_, len)| at.checked_sub(*len).map(|rest| at = rest).is_none()).unwrap();
        (file.0.clone(), at)
    });
    let each = files.iter().flat_map(|(path, len)| (0..20).map(|_| (path.clone(), rng.below(*len))));
    let ends = files.iter().flat_map(|(path, len)| [(path.clone(), 0), (path.clone(), len - 1)]);
    for (path, at) in everywhere.chain(each).chain(ends).collect::<Vec<_>>() {
        let mask = 1 << rng.below(8);
        fs.corrupt(&path, at, mask).unwrap();
        let report = verify(&fs, Path::new(DIR), None);
        assert_eq!(report.verdict, Verdict::Tampered, "{} at {at} mask {mask}", path.display());
        fs.corrupt(&path, at, mask).unwrap();
    }
    check_verdict(&fs, Verdict::Clean, "restored");
}

#[tokio::test]
async fn every_removed_or_cut_file_is_found() {
    // T43, T47.
    let fs = closed_log().await;
    for (path, len) in files(&fs, Path::new(DIR)) {
        if path.ends_with("closed") {
            continue;
        }
        let content = fs.read(&path, 1 << 20).unwrap();
        fs.write_atomic(&path, &content[..len as usize - 1]).unwrap();
        check_verdict(&fs, Verdict::Tampered, &format!("{} cut", path.display()));
        fs.remove_file(&path).unwrap();
        let oldest_segment =
            path.extension().is_some_and(|e| e == "seg") && Some(&path) == first_segment(&fs, &path).as_ref();
        // Nor does a prepared segment without entries say anything.
        let unused = path.extension().is_some_and(|e| e == "seg") && content.iter().skip(512).all(|b| *b == 0);
        if !oldest_segment && !unused {
            check_verdict(&fs, Verdict::Tampered, &format!("{} removed", path.display()));
        }
        fs.write_atomic(&path, &content).unwrap();
    }
    check_verdict(&fs, Verdict::Clean, "restored");
}

/// The oldest segment may be retired: its entries are in bundles. `removed` is compared as if it were still there.
fn first_segment(fs: &MemFs, removed: &Path) -> Option<PathBuf> {
    let wal = layout::wal(Path::new(DIR));
    let names = fs.list(&wal).unwrap();
    names.iter().map(|e| wal.join(&e.name)).chain([removed.to_owned()]).filter(|p| p.starts_with(&wal)).min()
}

#[tokio::test]
async fn a_log_rewritten_under_another_key_does_not_pass_the_pinned_one() {
    // T44.
    let fs = MemFs::new();
    let (env, _) = world(Arc::new(fs.clone()), 5);
    let stranger = CheckpointKey::from_seed(&[9; 32]);
    let (log, _) = AuditLog::open(&env, Path::new(DIR), stranger, ORIGIN, small()).unwrap();
    log.append(entry(1)).await.unwrap();
    log.shutdown().await.unwrap();
    assert_eq!(verify(&fs, Path::new(DIR), None).verdict, Verdict::Clean, "alone, the files agree with each other");
    let pinned = key().verifier(ORIGIN).unwrap();
    assert_eq!(verify(&fs, Path::new(DIR), Some(&pinned)).verdict, Verdict::Tampered);
}

#[test]
fn a_folder_without_a_log_cannot_be_judged() {
    let report = verify(&MemFs::new(), Path::new("/nowhere"), None);
    assert_eq!((report.verdict, report.verdict.exit_code()), (Verdict::CouldNotRun, 2));
}

#[tokio::test]
async fn a_log_that_was_removed_is_not_a_log_that_never_was() {
    let whole = closed_log().await;
    for name in ["vkey", "checkpoint", "last_signed"] {
        let fs = MemFs::new();
        fs.create_dir_all(Path::new(DIR)).unwrap();
        assert_eq!(verify(&fs, Path::new(DIR), None).verdict, Verdict::CouldNotRun);
        let path = Path::new(DIR).join(name);
        fs.write_atomic(&path, &whole.read(&path, 4_096).unwrap()).unwrap();
        check_verdict(&fs, Verdict::Tampered, &format!("only {name} is left"));
    }
}

/// A first start that was killed anywhere before the first segment left nothing that could be judged, and nobody is accused.
#[test]
fn a_first_start_that_was_cut_off_is_no_tampering() {
    let key = key().verifier(ORIGIN).unwrap();
    let left: [&[&str]; 4] = [&[], &["vkey.tmp"], &["vkey"], &["vkey", "wal/00000000.seg.tmp"]];
    for names in left {
        let fs = MemFs::new();
        fs.create_dir_all(&Path::new(DIR).join("wal")).unwrap();
        fs.write_atomic(&Path::new(DIR).join("lock"), b"").unwrap();
        for name in names {
            let text = if *name == "vkey" { format!("{key}\n") } else { String::new() };
            fs.write_atomic(&Path::new(DIR).join(name), text.as_bytes()).unwrap();
        }
        check_verdict(&fs, Verdict::CouldNotRun, &format!("{names:?}"));
    }
}
