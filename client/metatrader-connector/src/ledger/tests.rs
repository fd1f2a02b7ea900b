//! The ledger forgets nothing that it acknowledged, and admits each number once.

use super::*;
use aitrading_env::{
    Env, Fs, RngExt,
    sim::{MemFs, SeededRng},
};
use aitrading_model::*;
use std::{collections::BTreeSet, sync::Arc};

fn signal(seq: u64) -> Signal {
    aitrading_testkit::buy_usdjpy(seq, Timestamp(1))
}

fn report(seq: u64, is_final: bool) -> StoredReport {
    let envelope = ReportEnvelope { bytes: seq.to_be_bytes().to_vec(), signature: [7; 64] };
    StoredReport { seq, is_final, confirmed: false, envelope }
}

fn world(fs: &MemFs) -> Env {
    fs.create_dir_all(Path::new("/l")).unwrap();
    Env { fs: Arc::new(fs.clone()), rng: Arc::new(SeededRng::new(9)), ..Env::real() }
}

async fn open(env: &Env) -> Ledger {
    let env = env.clone();
    // Opening blocks, and the journal's writer answers from its own thread.
    std::thread::scope(|threads| threads.spawn(move || Ledger::open(&env, Path::new("/l")).unwrap()).join().unwrap())
}

const T: Timestamp = Timestamp(5);

#[tokio::test]
async fn t38_a_number_is_used_once_even_after_a_restart() {
    let env = world(&MemFs::new());
    let ledger = open(&env).await;
    assert_eq!(ledger.admit(&signal(3)), Admission::New);
    ledger.intent(&signal(3), T, T).await.unwrap();
    assert_eq!(ledger.admit(&signal(3)), Admission::Known);
    assert_eq!(ledger.admit(&signal(2)), Admission::Passed, "an older number never executes");
    ledger.result(signal(3).id, report(1, true)).await.unwrap();
    ledger.confirmed(1).unwrap();
    assert_eq!(ledger.admit(&signal(3)), Admission::Passed, "settled, confirmed and forgotten");
    ledger.shutdown().await;
    let ledger = open(&env).await;
    assert_eq!(ledger.admit(&signal(3)), Admission::Passed);
    assert_eq!(ledger.view().generation(), 2);
    assert_eq!(ledger.next_report_seq(), 2);
}

#[tokio::test]
async fn an_intent_without_result_is_looked_up_after_a_restart() {
    let env = world(&MemFs::new());
    let ledger = open(&env).await;
    ledger.intent(&signal(1), T, T).await.unwrap();
    ledger.submitted(signal(1).id).unwrap();
    ledger.intent(&signal(2), T, T).await.unwrap();
    ledger.result(signal(2).id, report(1, false)).await.unwrap();
    ledger.refused(&signal(3), report(2, true)).await.unwrap();
    ledger.shutdown().await;
    let ledger = open(&env).await;
    let stages: Vec<_> = ledger.view().unsettled().iter().map(|e| (e.signal.seq, e.stage)).collect();
    assert_eq!(stages, [(1, Stage::Submitted), (2, Stage::Unknown)]);
    assert_eq!(ledger.unconfirmed().iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [1, 2]);
    ledger.result(signal(2).id, report(3, true)).await.unwrap();
    assert!(ledger.result(signal(2).id, report(4, true)).await.is_err(), "settled once");
}

#[tokio::test]
async fn an_outcome_needs_an_intent() {
    let env = world(&MemFs::new());
    let ledger = open(&env).await;
    assert!(ledger.result(signal(1).id, report(1, true)).await.is_err());
}

#[tokio::test]
async fn nothing_acknowledged_is_forgotten_by_a_power_cut() {
    for seed in 0..40 {
        let (fs, rng) = (MemFs::new(), SeededRng::new(seed));
        let env = world(&fs);
        let ledger = open(&env).await;
        let mut intents = BTreeSet::new();
        for seq in 1..=1 + rng.below(6) {
            ledger.intent(&signal(seq), T, T).await.unwrap();
            intents.insert(seq);
            if rng.below(2) == 0 {
                ledger.result(signal(seq).id, report(seq, true)).await.unwrap();
            }
        }
        fs.crash(&rng);
        let env = world(&fs);
        let ledger = open(&env).await;
        for seq in intents {
            assert_ne!(ledger.admit(&signal(seq)), Admission::New, "seed {seed}: signal {seq} would run twice");
        }
    }
}

#[tokio::test]
async fn without_a_durable_intent_there_is_no_permission() {
    let fs = MemFs::new();
    let env = world(&fs);
    let ledger = open(&env).await;
    fs.set_fail_sync(true);
    assert!(ledger.intent(&signal(1), T, T).await.is_err());
}

#[test]
fn records_round_trip_and_garbage_is_refused() {
    let mut state = State::default();
    state.apply(&Event::Opened { generation: 4 }).unwrap();
    for event in [
        Event::Intent { signal: signal(1), received: T, validated: T },
        Event::Submitted { signal: signal(1).id },
        Event::Result { signal: signal(1).id, report: report(1, false) },
        Event::Refused { signal: signal(2), report: report(2, true) },
    ] {
        assert_eq!(Event::decode(&event.encode()).unwrap(), event);
        state.apply(&event).unwrap();
    }
    let snapshot = state.snapshot();
    assert_eq!(Event::decode(&snapshot.encode()).unwrap(), snapshot);
    let mut again = State::default();
    again.apply(&Event::Confirmed { report_seq: 1 }).unwrap();
    again.apply(&snapshot).unwrap();
    assert_eq!(again.snapshot(), snapshot, "what a snapshot replaces may be cut anywhere");
    for cut in 0..snapshot.encode().len() {
        assert!(Event::decode(&snapshot.encode()[..cut]).is_err());
    }
}
