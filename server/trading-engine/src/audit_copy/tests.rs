//! The copy has what the log has, goes on where it stopped, and is not continued with another log.

use super::{AuditCopy, BATCH, Progress, word};
use crate::AuditParts;
use aitrading_audit::{AuditLog, CheckpointKey, Entry, EventKind, Level, Settings, read_leaves};
use aitrading_env::{
    Env, Fs, RealNet, RealSpawn,
    sim::{ManualClock, MemFs, SeededRng},
};
use aitrading_hub::Status;
use aitrading_model::TraceId;
use aitrading_store::{AuditMirror, AuditRow, StoreError, memory::MemoryAudit};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

const DIR: &str = "/audit";

fn env(fs: &MemFs, clock: &ManualClock) -> Env {
    let (fs, rng) = (Arc::new(fs.clone()) as Arc<dyn Fs>, Arc::new(SeededRng::new(7)));
    Env { clock: Arc::new(clock.clone()), rng, fs, net: Arc::new(RealNet), spawn: Arc::new(RealSpawn) }
}

fn open(env: &Env) -> AuditParts {
    let small = Settings { first_segment_bytes: 1 << 20, max_segment_bytes: 1 << 20, ballast_bytes: 16 << 10 };
    let key = CheckpointKey::from_seed(&[6; 32]);
    let (log, _) = AuditLog::open(env, Path::new(DIR), key, "test.example/audit", small).unwrap();
    AuditParts { log, fs: Arc::clone(&env.fs), dir: DIR.into() }
}

async fn append(parts: &AuditParts, count: usize) {
    let entry = |n: usize| {
        let trace = u128::try_from(n).unwrap().to_be_bytes();
        Entry::new(Level::Warning, EventKind::SessionClosed).trace(trace)
    };
    for entry in (0..count).map(entry) {
        parts.log.append(entry).await.unwrap();
    }
}

/// A mirror that fails so many times first.
struct Failing(MemoryAudit, AtomicUsize);

impl Failing {
    fn try_once(&self) -> Result<(), StoreError> {
        let left = self.1.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        let source = || "the server is away".into();
        left.map_or(Ok(()), |_| Err(StoreError::Unavailable { doing: "testing", source: source() }))
    }
}

#[async_trait::async_trait]
impl AuditMirror for Failing {
    async fn append(&self, rows: Vec<AuditRow>) -> Result<(), StoreError> {
        self.try_once()?;
        self.0.append(rows).await
    }
    async fn next_index(&self) -> Result<u64, StoreError> {
        self.try_once()?;
        self.0.next_index().await
    }
    async fn rows(&self, from: u64, limit: usize) -> Result<Vec<AuditRow>, StoreError> {
        self.0.rows(from, limit).await
    }
    async fn of_trace(&self, trace: TraceId, from: u64, limit: usize) -> Result<Vec<AuditRow>, StoreError> {
        self.0.of_trace(trace, from, limit).await
    }
}

/// Ends the log and its copy in order, and compares the two leaf by leaf.
async fn end_and_compare(fs: &MemFs, parts: &AuditParts, copy: &AuditCopy, mirror: &dyn AuditMirror) -> u64 {
    parts.log.shutdown().await.unwrap();
    copy.finish().await;
    assert_eq!(copy.behind(), Some(0));
    assert_eq!(copy.part().status, Status::Up);
    let leaves: Vec<_> = read_leaves(fs, Path::new(DIR), 0).map(Result::unwrap).collect();
    let count = mirror.next_index().await.unwrap();
    assert_eq!(count, u64::try_from(leaves.len()).unwrap());
    for (index, leaf) in leaves.iter().enumerate() {
        let row = mirror.rows(u64::try_from(index).unwrap(), 1).await.unwrap().remove(0);
        let bytes = leaf.encode().unwrap();
        assert_eq!((row.index, &row.leaf), (leaf.log_seq, &bytes));
        assert_eq!(row.hash, aitrading_audit::merkle::leaf_hash(&bytes));
        assert_eq!((row.at.0, row.trace.0), (leaf.wall_ns, leaf.entry.trace_id));
    }
    count
}

fn ended(copy: &AuditCopy) -> Option<&'static str> {
    match *copy.shared.progress.borrow() {
        Progress::Ended(code) => Some(code),
        Progress::Unknown | Progress::At(_) => None,
    }
}

#[tokio::test]
async fn everything_is_copied_also_what_came_while_nobody_copied() {
    let (fs, clock) = (MemFs::new(), ManualClock::new(1_700_000_000_000_000_000));
    let env = env(&fs, &clock);
    let mirror = Arc::new(MemoryAudit::default());
    let parts = open(&env);
    let copy = AuditCopy::start(&env, parts.clone(), Arc::clone(&mirror) as _).unwrap();
    append(&parts, BATCH * 2 + 3).await;
    let first = end_and_compare(&fs, &parts, &copy, mirror.as_ref()).await;
    drop((parts, copy));
    let parts = open(&env);
    append(&parts, 5).await;
    parts.log.shutdown().await.unwrap();
    drop(parts);
    let parts = open(&env);
    let copy = AuditCopy::start(&env, parts.clone(), Arc::clone(&mirror) as _).unwrap();
    append(&parts, 2).await;
    assert!(end_and_compare(&fs, &parts, &copy, mirror.as_ref()).await >= first + 7);
    let row = mirror.rows(0, 1).await.unwrap().remove(0);
    assert!(row.event.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", row.event);
}

#[tokio::test]
async fn a_store_that_fails_delays_the_copy_and_loses_nothing() {
    let (fs, clock) = (MemFs::new(), ManualClock::new(1_700_000_000_000_000_000));
    let env = env(&fs, &clock);
    let mirror = Arc::new(Failing(MemoryAudit::default(), AtomicUsize::new(3)));
    let parts = open(&env);
    append(&parts, 10).await;
    let copy = AuditCopy::start(&env, parts.clone(), Arc::clone(&mirror) as _).unwrap();
    while mirror.1.load(Ordering::SeqCst) > 0 {
        clock.advance(super::RETRY);
        tokio::task::yield_now().await;
    }
    clock.advance(super::RETRY);
    end_and_compare(&fs, &parts, &copy, mirror.as_ref()).await;
}

#[tokio::test]
async fn a_copy_of_another_log_is_not_continued() {
    let clock = ManualClock::new(1_700_000_000_000_000_000);
    let mirror = Arc::new(MemoryAudit::default());
    for (fs, count, code) in [(MemFs::new(), 40, None), (MemFs::new(), 60, Some("AUDIT_COPY_DIFFERS"))] {
        let env = env(&fs, &clock);
        let parts = open(&env);
        append(&parts, count).await;
        parts.log.shutdown().await.unwrap();
        clock.advance(std::time::Duration::from_secs(1));
        let copy = AuditCopy::start(&env, parts.clone(), Arc::clone(&mirror) as _).unwrap();
        copy.finish().await;
        assert_eq!(ended(&copy), code);
        assert_eq!(copy.part().status == Status::Degraded, code.is_some());
    }
    let kept = mirror.next_index().await.unwrap();
    let fs = MemFs::new();
    let env = env(&fs, &clock);
    let parts = open(&env);
    append(&parts, 1).await;
    let copy = AuditCopy::start(&env, parts.clone(), Arc::clone(&mirror) as _).unwrap();
    parts.log.shutdown().await.unwrap();
    copy.finish().await;
    assert_eq!(ended(&copy), Some("AUDIT_COPY_AHEAD"));
    assert_eq!(mirror.next_index().await.unwrap(), kept);
}

#[test]
fn events_have_the_words_of_the_table() {
    assert_eq!(word("SignalDecided"), "signal_decided");
    for event in EventKind::ALL {
        assert!(word(&format!("{event:?}")).len() <= AuditRow::EVENT_MAX);
    }
}
