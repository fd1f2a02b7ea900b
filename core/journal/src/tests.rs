//! What the journal promises, over files that forget what was not synced.

mod crash;
mod damage;
mod space;

use crate::*;
use aitrading_env::{Env, sim::MemFs};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, mpsc::sync_channel},
};

const TAG: [u8; 4] = *b"TEST";

fn small() -> Settings {
    Settings { segment_bytes: 2048, queue: 64, max_record: 700, max_group_bytes: 1024, ..Settings::new(TAG) }
}

fn dir() -> PathBuf {
    PathBuf::from("/data/journal")
}

fn world(fs: &MemFs) -> Env {
    Env { fs: Arc::new(fs.clone()), ..Env::real() }
}

fn open_in(env: &Env, dir: &Path, settings: Settings) -> Result<(Journal, Recovery, Vec<Vec<u8>>), JournalError> {
    let mut records = Vec::new();
    let (journal, recovery) = Journal::open(env, dir, settings, &mut |_, bytes| {
        records.push(bytes.to_vec());
        Ok(())
    })?;
    Ok((journal, recovery, records))
}

fn open(fs: &MemFs) -> (Journal, Recovery, Vec<Vec<u8>>) {
    open_in(&world(fs), &dir(), small()).unwrap()
}

fn record(n: u64) -> Vec<u8> {
    let len = (n * 37 % 150) as usize;
    n.to_le_bytes().into_iter().chain(std::iter::repeat_n(n as u8, len)).collect()
}

fn end(journal: Journal) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(journal.shutdown());
}

fn fill(journal: &Journal, range: std::ops::Range<u64>) -> Vec<Position> {
    range.map(|n| journal.append_blocking(record(n)).unwrap()).collect()
}

fn check_round_trip(env: &Env, dir: &Path, settings: Settings) {
    let (journal, recovery, records) = open_in(env, dir, settings).unwrap();
    assert_eq!((recovery.next_seq, recovery.records, records.len()), (1, 0, 0));
    let positions = fill(&journal, 0..100);
    assert!(positions.is_sorted());
    assert_eq!(journal.durable(), *positions.last().unwrap());
    end(journal);
    let (journal, recovery, records) = open_in(env, dir, settings).unwrap();
    assert_eq!(records, (0..100).map(record).collect::<Vec<_>>());
    assert_eq!((recovery.next_seq, recovery.torn_bytes, recovery.end), (101, 0, *positions.last().unwrap()));
    fill(&journal, 100..101);
    end(journal);
    assert_eq!(open_in(env, dir, settings).unwrap().2.len(), 101);
}

#[test]
fn records_come_back_in_order_after_a_restart() {
    check_round_trip(&world(&MemFs::new()), &dir(), small());
    check_round_trip(&world(&MemFs::new()), &dir(), Settings { preallocate: false, ..small() });
    let real = tempfile::tempdir().unwrap();
    check_round_trip(&Env::real(), &real.path().join("journal"), small());
    check_round_trip(&Env::real(), &real.path().join("big"), Settings::new(TAG));
}

#[test]
fn callbacks_come_in_order_and_share_syncs() {
    let fs = MemFs::new();
    let (journal, ..) = open(&fs);
    let (tell, told) = sync_channel(2000);
    for n in 0..1000 {
        let tell = tell.clone();
        let mut appended = Err(JournalError::Busy);
        while matches!(appended, Err(JournalError::Busy)) {
            let tell = tell.clone();
            appended = journal.append_with(record(n), Box::new(move |out| tell.send((n, out.unwrap())).unwrap()));
        }
        appended.unwrap();
    }
    let told: Vec<_> = told.iter().take(1000).collect();
    assert!(told.iter().map(|(n, _)| *n).eq(0..1000));
    assert!(told.is_sorted_by_key(|(_, position)| *position));
    end(journal);
    assert_eq!(open(&fs).2.len(), 1000);
}

#[tokio::test]
async fn a_reserved_place_cannot_be_refused_for_lack_of_room() {
    let fs = MemFs::new();
    let (journal, ..) = open(&fs);
    let (tell, told) = tokio::sync::oneshot::channel();
    let permit = journal.reserve().await.unwrap();
    permit.append_with(record(1), Box::new(move |out| tell.send(out).unwrap())).unwrap();
    let position = told.await.unwrap().unwrap();
    assert_eq!(journal.durable_after(Position::START).await.unwrap(), position);
    let too_large = journal.append(vec![0; 701]).await;
    assert!(matches!(too_large, Err(JournalError::TooLarge { len: 701, max: 700 })), "{too_large:?}");
    let other = journal.clone();
    journal.shutdown().await;
    assert!(matches!(other.append(record(2)).await, Err(JournalError::Closed)));
    assert!(matches!(other.durable_after(position).await, Err(JournalError::Closed)));
    assert_eq!(other.state(), State::Closed);
}

#[test]
fn a_reader_starts_anywhere_and_follows_the_writer() {
    let fs = MemFs::new();
    let (journal, ..) = open(&fs);
    let positions = fill(&journal, 0..40);
    for (n, from) in std::iter::once(Position::START).chain(positions.iter().copied()).enumerate() {
        let mut reader = journal.read_from(from).unwrap();
        for (expected, position) in positions.iter().enumerate().skip(n) {
            let (at, bytes) = reader.read().unwrap().unwrap();
            assert_eq!((at, bytes), (*position, record(expected as u64).as_slice()));
        }
        assert_eq!(reader.read().unwrap(), None);
    }
    let mut reader = journal.read_from(journal.durable()).unwrap();
    assert_eq!(reader.read().unwrap(), None);
    for n in 40..80 {
        let at = fill(&journal, n..n + 1);
        assert_eq!(reader.read().unwrap(), Some((at[0], record(n).as_slice())));
        assert_eq!(reader.read().unwrap(), None);
    }
    end(journal);
}

#[test]
fn removal_takes_whole_older_segments_and_keeps_the_numbers_going() {
    let fs = MemFs::new();
    let (journal, ..) = open(&fs);
    let positions = fill(&journal, 0..60);
    let middle = positions[30];
    assert_eq!(journal.remove_before(middle).unwrap(), middle.segment - 1);
    assert!(matches!(journal.read_from(positions[0]), Err(JournalError::Gone(_))));
    let mut reader = journal.read_from(middle).unwrap();
    assert_eq!(reader.read().unwrap().unwrap().1, record(31));
    // All of it: the segment that is being written stays.
    journal.remove_before(Position { segment: u64::MAX, offset: 0 }).unwrap();
    end(journal);
    let (journal, recovery, records) = open(&fs);
    assert_eq!((recovery.next_seq, recovery.segments), (61, 1));
    assert_eq!(records.last(), Some(&record(59)));
    fill(&journal, 60..61);
    end(journal);
}

#[test]
fn contradictory_settings_are_refused() {
    let env = world(&MemFs::new());
    for settings in [Settings { queue: 0, ..small() }, Settings { max_record: 2000, ..small() }] {
        assert!(matches!(open_in(&env, &dir(), settings), Err(JournalError::Settings { .. })));
    }
}
