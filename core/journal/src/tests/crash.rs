//! Power loss at any moment: what was acknowledged is there, in order, once.

use super::*;
use aitrading_env::sim::SeededRng;
use proptest::prelude::*;

/// Appends records until the syncs begin to fail; returns how many were submitted and how many acknowledged.
fn run_until_failure(journal: &Journal, first: u64, count: u64) -> (u64, u64) {
    let (tell, told) = sync_channel(count as usize);
    let mut submitted = 0;
    for n in first..first + count {
        let tell = tell.clone();
        match journal.append_with(record(n), Box::new(move |out| tell.send(out.is_ok()).unwrap())) {
            Ok(()) => submitted += 1,
            Err(JournalError::Busy) => break,
            Err(error) => panic!("{error}"),
        }
    }
    drop(tell);
    let told: Vec<bool> = told.iter().collect();
    let acknowledged = told.iter().take_while(|ok| **ok).count();
    assert!(told[acknowledged..].iter().all(|ok| !ok), "after a failed sync nothing is acknowledged");
    (submitted, acknowledged as u64)
}

/// Rounds of life and power loss over one directory.
fn check_crashes(seed: u64, rounds: &[(u64, u64)], settings: Settings) {
    let fs = MemFs::new();
    let mut safe = 0;
    let mut submitted = 0;
    for (round, (count, good_syncs)) in rounds.iter().enumerate() {
        fs.set_fail_sync(false);
        fs.fail_sync_after(u64::MAX);
        let (journal, recovery, records) = open_in(&world(&fs), &dir(), settings).unwrap();
        let there = records.len() as u64;
        assert!((safe..=submitted).contains(&there), "{there} records, {safe} acknowledged, {submitted} submitted");
        assert!(records.iter().cloned().eq((0..there).map(record)), "order and content");
        assert_eq!(recovery.next_seq, there + 1);
        fs.fail_sync_after(*good_syncs);
        let (sent, acknowledged) = run_until_failure(&journal, there, *count);
        end(journal);
        (submitted, safe) = (there + sent, there + acknowledged);
        fs.crash(&SeededRng::new(seed + round as u64));
    }
    fs.set_fail_sync(false);
    fs.fail_sync_after(u64::MAX);
    let there = open_in(&world(&fs), &dir(), settings).unwrap().2.len() as u64;
    assert!((safe..=submitted).contains(&there));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn every_acknowledged_record_survives_power_loss_once_and_in_order(
        seed: u64,
        rounds in prop::collection::vec((1_u64..60, 0_u64..8), 1..6),
        preallocate: bool,
        group in prop::sample::select(vec![100_usize, 1024, 4096]),
    ) {
        check_crashes(seed >> 1, &rounds, Settings { preallocate, max_group_bytes: group, ..small() });
    }
}

#[test]
fn a_failed_sync_halts_the_journal_until_it_is_opened_anew() {
    let fs = MemFs::new();
    let (journal, ..) = open(&fs);
    fill(&journal, 0..5);
    fs.set_fail_sync(true);
    let failed = journal.append_blocking(record(5));
    assert!(matches!(failed, Err(JournalError::Halted { .. })), "{failed:?}");
    fs.set_fail_sync(false);
    let later = journal.append_blocking(record(6));
    assert!(matches!(later, Err(JournalError::Halted { .. })), "the sync must not be tried again: {later:?}");
    assert_eq!(journal.state(), State::Halted);
    end(journal);
    fs.crash(&SeededRng::new(1));
    let (journal, _, records) = open(&fs);
    assert!(records.len() >= 5 && records.iter().cloned().eq((0..records.len() as u64).map(record)));
    fill(&journal, records.len() as u64..20);
    end(journal);
    assert_eq!(open(&fs).2.len(), 20);
}

#[tokio::test]
async fn who_waits_for_progress_learns_of_a_halt() {
    let fs = MemFs::new();
    let (journal, ..) = open(&fs);
    fs.set_fail_sync(true);
    let (waited, appended) = tokio::join!(journal.durable_after(journal.durable()), journal.append(record(0)));
    assert!(matches!(waited, Err(JournalError::Halted { .. })));
    assert!(matches!(appended, Err(JournalError::Halted { .. })));
    journal.shutdown().await;
}
