//! The open log: acceptance, refusal, and what each kind of failure does.

use super::*;
use crate::{
    Level, Verdict,
    merkle::{Frontier, inclusion_proof, verify_inclusion},
    read_leaves,
    testing::{ORIGIN, entry, key, small, world},
    tiles::StoredTiles,
    verify,
};
use aitrading_env::{Fs, RealFs, sim::MemFs};
use aitrading_error::Coded;

const DIR: &str = "/audit";

fn open(env: &Env) -> Result<(AuditLog, RecoveryReport), AuditError> {
    AuditLog::open(env, Path::new(DIR), key(), ORIGIN, small())
}

fn memory() -> (MemFs, Env, aitrading_env::sim::ManualClock) {
    let fs = MemFs::new();
    let (env, clock) = world(Arc::new(fs.clone()), 1);
    (fs, env, clock)
}

async fn wait_for(log: &AuditLog, state: LogState) {
    log.state().wait_for(|now| *now == state).await.unwrap();
}

#[tokio::test]
async fn entries_get_consecutive_indices_and_a_checkpoint_covers_them() {
    let (fs, env, _) = memory();
    let (log, report) = open(&env).unwrap();
    assert!(report.fresh);
    assert_eq!(log.checkpoint().unwrap().size(), 0, "the empty tree is published before anything is accepted");
    let mut frontier = Frontier::new();
    let mut receipts = vec![log.append(entry(0)).await.unwrap()];
    receipts.extend(log.append_all((1..600).map(entry).collect::<Vec<_>>()[..500].to_vec()).await.unwrap());
    for (index, receipt) in receipts.iter().enumerate() {
        assert_eq!(receipt.index, index as u64);
        frontier.push(receipt.leaf_hash);
    }
    let checkpoint = log.publish_now().await.unwrap();
    assert_eq!((checkpoint.size(), checkpoint.root()), (501, frontier.root()));
    let tiles = StoredTiles { fs: &fs, dir: Path::new(DIR), size: 501 };
    for receipt in [receipts[0], receipts[300], receipts[500]] {
        let proof = inclusion_proof(&tiles, receipt.index, 501).unwrap();
        verify_inclusion(receipt.index, 501, &receipt.leaf_hash, &proof, &checkpoint.root()).unwrap();
    }
    log.shutdown().await.unwrap();
    assert_eq!(log.append(entry(1)).await.unwrap_err().dna().code, "AUDIT_CLOSED");
    let report = verify(&fs, Path::new(DIR), Some(log.key()));
    assert_eq!((report.verdict, report.entries), (Verdict::Clean, 501), "{:?}", report.findings);
    assert_eq!(report.root, crate::hex(&frontier.root()));
}

#[tokio::test]
async fn a_log_is_continued_and_says_so() {
    let (fs, env, _) = memory();
    for round in 0..6_u64 {
        let (log, report) = open(&env).unwrap();
        assert_eq!((report.fresh, report.entries), (round == 0, round * 301 - u64::from(round > 0)));
        for group in 0..3 {
            let entries = (0..100).map(|n| entry(round * 300 + group * 100 + n)).collect();
            log.append_all(entries).await.unwrap();
        }
        log.shutdown().await.unwrap();
        let verified = verify(&fs, Path::new(DIR), None);
        assert_eq!(verified.verdict, Verdict::Clean, "{:?}", verified.findings);
    }
    let leaves: Vec<_> = read_leaves(&fs, Path::new(DIR), 290).map(Result::unwrap).collect();
    assert_eq!(leaves.len(), 1805 - 290);
    assert_eq!(leaves[10].entry.event, EventKind::Recovered);
    assert!(leaves.iter().enumerate().all(|(at, leaf)| leaf.log_seq == at as u64 + 290));
    assert_eq!(leaves[0].entry, entry(290));
    assert!(fs.list(&layout::wal(Path::new(DIR))).unwrap().len() <= 4, "published segments are retired");
}

#[tokio::test]
async fn many_appenders_share_syncs_on_real_files() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("a/b");
    let env = Env::real();
    let (log, _) =
        AuditLog::open(&env, &dir, key(), ORIGIN, Settings { ballast_bytes: 1 << 16, ..Settings::default() }).unwrap();
    let tasks: Vec<_> = (0..64_u64)
        .map(|task| {
            let log = log.clone();
            let (done, waiter) = oneshot::channel();
            let work = async move {
                for n in 0..50 {
                    log.append(entry(task * 1000 + n)).await.unwrap();
                }
                done.send(()).unwrap();
            };
            drop(env.spawn.task("appender", Box::pin(work)));
            waiter
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    // A log that is in use verifies too.
    let live = verify(&RealFs, &dir, Some(log.key()));
    assert_eq!((live.verdict, live.entries), (Verdict::Clean, 3200), "{:?}", live.findings);
    assert!(matches!(AuditLog::open(&env, &dir, key(), ORIGIN, small()), Err(AuditError::Locked(_))));
    log.shutdown().await.unwrap();
    let report = verify(&RealFs, &dir, Some(log.key()));
    assert_eq!((report.verdict, report.checkpoint_size), (Verdict::Clean, Some(3200)), "{:?}", report.findings);
}

#[tokio::test]
async fn malformed_entries_and_groups_are_refused_before_they_are_queued() {
    let (_, env, _) = memory();
    let (log, _) = open(&env).unwrap();
    let wrong = Entry::new(Level::Info, EventKind::ClockStep).with(Field::Count(1));
    assert_eq!(log.append(wrong).await.unwrap_err().dna().code, "AUDIT_ENTRY_INVALID");
    for size in [0, 513] {
        let group = (0..size).map(entry).collect();
        assert_eq!(log.append_all(group).await.unwrap_err().dna().code, "AUDIT_GROUP_SIZE");
    }
    assert_eq!(log.append(entry(0)).await.unwrap().index, 0);
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_acknowledged_ever_again() {
    let (fs, env, _) = memory();
    let (log, _) = open(&env).unwrap();
    log.append(entry(0)).await.unwrap();
    fs.set_fail_sync(true);
    assert_eq!(log.append(entry(1)).await.unwrap_err().dna().code, "AUDIT_HALTED");
    fs.set_fail_sync(false);
    assert_eq!(log.append(entry(2)).await.unwrap_err().dna().code, "AUDIT_HALTED");
    assert_eq!(*log.state().borrow(), LogState::Failed);
    assert_eq!(log.failure().unwrap().dna().code, "AUDIT_IO");
    assert!(log.publish_now().await.is_err() && log.shutdown().await.is_err());
}

#[tokio::test]
async fn a_replaced_or_removed_file_halts_the_log_within_a_second() {
    // T50.
    let wal = layout::wal(Path::new(DIR));
    for replaced in [false, true] {
        let (fs, env, clock) = memory();
        let (log, _) = open(&env).unwrap();
        log.append(entry(0)).await.unwrap();
        let path = crate::wal::segment_path(&wal, 0);
        let content = fs.read(&path, 1 << 20).unwrap();
        fs.remove_file(&path).unwrap();
        if replaced {
            fs.write_atomic(&path, &content).unwrap();
        }
        clock.advance(Duration::from_secs(1));
        assert_eq!(log.append(entry(1)).await.unwrap_err().dna().code, "AUDIT_PATH_CHANGED", "replaced: {replaced}");
        assert_eq!(*log.state().borrow(), LogState::Failed);
    }
}

#[tokio::test]
async fn t48_a_full_disk_stalls_the_log_and_space_resumes_it() {
    // T48.
    let (fs, env, clock) = memory();
    let (log, _) = open(&env).unwrap();
    fs.set_capacity(Some(120 << 10));
    let mut accepted = 0_u64;
    let refused = loop {
        match log.append(entry(accepted)).await {
            Ok(receipt) => assert_eq!(receipt.index, accepted),
            Err(error) => break error,
        }
        accepted += 1;
        assert!(accepted < 2000, "the disk must fill");
    };
    assert_eq!(refused.dna().code, "AUDIT_STALLED");
    clock.advance(Duration::from_secs(2));
    assert_eq!(log.append(entry(0)).await.unwrap_err().dna().code, "AUDIT_STALLED");
    fs.set_capacity(None);
    let watch = log.clone();
    let resumed = async move { wait_for(&watch, LogState::Running).await };
    let moved = async {
        loop {
            clock.advance(Duration::from_secs(2));
            tokio::task::yield_now().await;
        }
    };
    tokio::select! { () = resumed => {}, () = moved => {} }
    log.append(entry(accepted)).await.unwrap();
    log.shutdown().await.unwrap();
    let report = verify(&fs, Path::new(DIR), None);
    assert_eq!(report.verdict, Verdict::Clean, "{:?}", report.findings);
    let leaves: Vec<_> = read_leaves(&fs, Path::new(DIR), 0).map(|l| l.unwrap().entry).collect();
    let count = |event| leaves.iter().filter(|l| l.event == event).count();
    assert_eq!((count(EventKind::AuditStalled), count(EventKind::AuditResumed)), (1, 1));
    assert_eq!(count(EventKind::SignalDecided) as u64, accepted + 1, "refused entries left no trace");
}

#[tokio::test]
async fn another_key_or_name_does_not_open_the_log() {
    let (_, env, _) = memory();
    open(&env).unwrap().0.shutdown().await.unwrap();
    let stranger = CheckpointKey::from_seed(&[9; 32]);
    let dir = Path::new(DIR);
    assert!(matches!(AuditLog::open(&env, dir, stranger, ORIGIN, small()), Err(AuditError::KeyMismatch)));
    assert!(matches!(AuditLog::open(&env, dir, key(), "other", small()), Err(AuditError::KeyMismatch)));
    assert!(matches!(AuditLog::open(&env, dir, key(), "a b", small()), Err(AuditError::Note(_))));
    open(&env).unwrap();
}
