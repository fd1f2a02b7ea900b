//! Power loss at any moment: what was acknowledged is there, and every published checkpoint still holds.

use super::*;
use crate::{
    AuditLog, Verdict,
    merkle::{Frontier, Hash},
    read_leaves,
    testing::{ORIGIN, PowerFs, entry, key, small, world},
    verify,
};
use aitrading_env::sim::{MemFs, SeededRng};
use aitrading_env::{Fs, RngExt};
use aitrading_error::Coded;
use proptest::prelude::*;
use std::{collections::BTreeMap, sync::Arc};

const DIR: &str = "/audit";

/// What the outside world holds against the log.
#[derive(Debug, Default)]
struct Witness {
    acknowledged: BTreeMap<u64, Hash>,
    published: BTreeMap<u64, Hash>,
}

impl Witness {
    /// Appends until the power fails or `groups` are done.
    async fn append(&mut self, log: &AuditLog, rng: &SeededRng, groups: u64) {
        for _ in 0..groups {
            let entries = (0..=rng.below(40)).map(|_| entry(rng.next_u64())).collect();
            let Ok(receipts) = log.append_all(entries).await else { break };
            self.acknowledged.extend(receipts.iter().map(|r| (r.index, r.leaf_hash)));
            if rng.below(3) == 0 && log.publish_now().await.is_err() {
                break;
            }
            self.published.extend(log.checkpoint().map(|c| (c.size(), c.root())));
        }
        self.published.extend(log.checkpoint().map(|c| (c.size(), c.root())));
    }

    fn check(&self, fs: &MemFs) {
        let mut frontier = Frontier::new();
        let mut hashes = Vec::new();
        for leaf in read_leaves(fs, Path::new(DIR), 0) {
            let hash = leaf_hash(&leaf.unwrap().encode().unwrap());
            frontier.push(hash);
            hashes.push(hash);
            if let Some(root) = self.published.get(&frontier.size()) {
                assert_eq!(*root, frontier.root(), "the checkpoint of size {}", frontier.size());
            }
        }
        for (index, hash) in &self.acknowledged {
            assert_eq!(hashes.get(*index as usize), Some(hash), "acknowledged entry {index} of {}", hashes.len());
        }
        assert!(self.published.keys().all(|size| *size <= frontier.size()));
    }
}

async fn check_crashes(seed: u64, lives: u64) {
    let (fs, rng) = (MemFs::new(), SeededRng::new(seed));
    let mut witness = Witness::default();
    for life in 0..lives {
        let power = PowerFs::new(&fs, rng.below(if life == 0 { 400 } else { 150 }));
        let (env, _) = world(Arc::new(power.clone()), rng.next_u64());
        if let Ok((log, _)) = AuditLog::open(&env, Path::new(DIR), key(), ORIGIN, small()) {
            witness.append(&log, &rng, 12).await;
        }
        power.cut();
        fs.crash(&rng);
        if !witness.acknowledged.is_empty() {
            let report = verify(&fs, Path::new(DIR), None);
            assert_eq!(report.verdict, Verdict::Clean, "life {life}: {:?}", report.findings);
        }
    }
    let (env, _) = world(Arc::new(fs.clone()), seed);
    let (log, _) = AuditLog::open(&env, Path::new(DIR), key(), ORIGIN, small()).unwrap();
    witness.check(&fs);
    witness.append(&log, &rng, 3).await;
    log.shutdown().await.unwrap();
    witness.check(&fs);
    let report = verify(&fs, Path::new(DIR), Some(log.key()));
    assert_eq!(report.verdict, Verdict::Clean, "{:?}", report.findings);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn power_loss_at_any_moment_loses_nothing_acknowledged(seed: u64, lives in 1_u64..6) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(check_crashes(seed, lives));
    }
}

/// A log of five batches of three entries; with `publish`, under a checkpoint.
async fn five_batches(publish: bool) -> MemFs {
    let fs = MemFs::new();
    let power = PowerFs::new(&fs, u64::MAX);
    let (env, _) = world(Arc::new(power.clone()), 5);
    let (log, _) = AuditLog::open(&env, Path::new(DIR), key(), ORIGIN, small()).unwrap();
    for batch in 0..5 {
        log.append_all((0..3).map(|n| entry(batch * 3 + n)).collect()).await.unwrap();
    }
    if publish {
        log.publish_now().await.unwrap();
    }
    // No orderly end: the process is gone, the files stay.
    power.cut();
    fs.crash(&SeededRng::new(1));
    fs
}

fn reopen(fs: &MemFs) -> Result<RecoveryReport, AuditError> {
    let (env, _) = world(Arc::new(fs.clone()), 6);
    AuditLog::open(&env, Path::new(DIR), key(), ORIGIN, small()).map(|(_, report)| report)
}

fn batch_offset(fs: &MemFs, batch: u64) -> u64 {
    let mut offset = HEADER_BYTES;
    wal::walk(fs, Path::new(DIR), |_, b| {
        if b.link.batch_no < batch {
            offset += b.bytes.len().next_multiple_of(512) as u64;
        }
        Ok(())
    })
    .unwrap();
    offset
}

#[tokio::test]
async fn a_hole_before_a_later_batch_is_refused_with_its_offset() {
    let fs = five_batches(false).await;
    let offset = batch_offset(&fs, 2);
    fs.corrupt(&wal::segment_path(&layout::wal(Path::new(DIR)), 0), offset + 100, 1).unwrap();
    let error = reopen(&fs).unwrap_err();
    assert!(matches!(error, AuditError::Hole { segment: 0, offset: at } if at == offset), "{error}");
    assert_eq!(verify(&fs, Path::new(DIR), None).verdict, Verdict::Tampered);
}

#[tokio::test]
async fn a_damaged_last_batch_is_dropped_unless_it_was_signed() {
    for signed in [false, true] {
        let fs = five_batches(signed).await;
        let offset = batch_offset(&fs, 4);
        fs.corrupt(&wal::segment_path(&layout::wal(Path::new(DIR)), 0), offset + 100, 1).unwrap();
        match (signed, reopen(&fs)) {
            (false, Ok(report)) => assert!(report.entries == 12 && report.torn_bytes > 100, "{report:?}"),
            (true, Err(AuditError::Hole { .. })) => {}
            (_, other) => panic!("signed {signed}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn less_than_was_signed_is_refused() {
    // T43: older files are put back below the signer's memory.
    let fs = five_batches(false).await;
    let path = wal::segment_path(&layout::wal(Path::new(DIR)), 0);
    let old = (fs.read(&path, 1 << 20).unwrap(), fs.read(&layout::checkpoint(Path::new(DIR)), 4096).unwrap());
    let (env, _) = world(Arc::new(fs.clone()), 7);
    let (log, _) = AuditLog::open(&env, Path::new(DIR), key(), ORIGIN, small()).unwrap();
    log.append_all((0..5).map(entry).collect()).await.unwrap();
    log.shutdown().await.unwrap();
    fs.remove_file(&layout::closed(Path::new(DIR))).unwrap();
    fs.write_atomic(&path, &old.0).unwrap();
    fs.write_atomic(&layout::checkpoint(Path::new(DIR)), &old.1).unwrap();
    assert_eq!(reopen(&fs).unwrap_err().dna().code, "AUDIT_ROLLBACK");
    assert_eq!(verify(&fs, Path::new(DIR), None).verdict, Verdict::Tampered);
}
