//! Bytes that changed: cut where nobody was promised anything, refused everywhere else.

use super::*;
use crate::{
    format::{RecordHeader, SEGMENT_HEADER, SegmentHeader, put_record},
    segment::file_name,
};
use aitrading_error::Coded;

fn damaged(fs: &MemFs) -> (u64, u64) {
    match open_in(&world(fs), &dir(), small()) {
        Err(JournalError::Damaged { segment, offset, .. }) => (segment, offset),
        other => panic!("expected damage, got {other:?}"),
    }
}

#[test]
fn a_bad_last_group_is_cut() {
    let fs = MemFs::new();
    let (journal, ..) = open(&fs);
    let positions = fill(&journal, 0..6);
    end(journal);
    fs.corrupt(&dir().join(file_name(1)), positions[4].offset + 3, 1).unwrap();
    let (journal, recovery, records) = open(&fs);
    assert_eq!((records.len(), recovery.end), (5, positions[4]));
    assert!(recovery.torn_bytes > 0);
    fill(&journal, 5..6);
    end(journal);
    assert_eq!(open(&fs).2, (0..6).map(record).collect::<Vec<_>>());
}

#[test]
fn damage_that_a_later_group_proves_is_refused_with_its_offset() {
    for bit in [0, 4, 9, 16, 20, 25] {
        let fs = MemFs::new();
        let (journal, ..) = open(&fs);
        let positions = fill(&journal, 0..6);
        end(journal);
        fs.corrupt(&dir().join(file_name(1)), positions[2].offset + bit, 1).unwrap();
        assert_eq!(damaged(&fs), (1, positions[2].offset), "byte {bit}");
    }
}

#[test]
fn damage_before_a_later_segment_is_refused() {
    let fs = MemFs::new();
    let (journal, ..) = open(&fs);
    let positions = fill(&journal, 0..60);
    end(journal);
    let last_of_first = positions.iter().rposition(|p| p.segment == 1).unwrap();
    let start = positions[last_of_first - 1].offset;
    fs.corrupt(&dir().join(file_name(1)), start + 1, 8).unwrap();
    assert_eq!(damaged(&fs), (1, start));
}

#[test]
fn a_record_lost_in_whole_before_a_later_segment_is_refused() {
    let fs = MemFs::new();
    let (journal, ..) = open(&fs);
    let positions = fill(&journal, 0..60);
    end(journal);
    let last_of_first = positions.iter().rposition(|p| p.segment == 1).unwrap();
    let from = positions[last_of_first - 1].offset;
    use aitrading_env::{Fs, OpenMode};
    let file = fs.open(&dir().join(file_name(1)), OpenMode::ReadWrite).unwrap();
    file.write_all_at(&vec![0; (positions[last_of_first].offset - from) as usize], from).unwrap();
    assert_eq!(damaged(&fs), (2, 0));
}

#[test]
fn a_missing_segment_and_a_bad_header_are_refused() {
    let fs = MemFs::new();
    let (journal, ..) = open(&fs);
    fill(&journal, 0..60);
    end(journal);
    fs.corrupt(&dir().join(file_name(2)), 20, 1).unwrap();
    assert_eq!(damaged(&fs), (2, 0));
    use aitrading_env::Fs;
    fs.remove_file(&dir().join(file_name(2))).unwrap();
    assert_eq!(damaged(&fs), (3, 0));
}

#[test]
fn a_journal_of_another_purpose_is_refused() {
    let fs = MemFs::new();
    end(open(&fs).0);
    let other = open_in(&world(&fs), &dir(), Settings { magic: *b"ELSE", ..small() }).unwrap_err();
    assert_eq!(other.dna().code, "JOURNAL_FOREIGN");
    assert!(!other.public_message().contains("data"), "paths stay inside");
}

#[test]
fn bytes_of_another_segment_never_pass() {
    let header = |id: u8| SegmentHeader { purpose: TAG, number: 1, first_seq: 1, id: [id; 16] };
    let mut bytes = Vec::new();
    put_record(&mut bytes, header(1).seed(), 7, 0, b"hello");
    let record = RecordHeader::decode(&bytes).unwrap();
    assert!(record.matches(header(1).seed(), b"hello"));
    assert!(!record.matches(header(2).seed(), b"hello"));
    assert_eq!(bytes.len(), 32);
    assert_eq!(header(1).encode().len() as u64, SEGMENT_HEADER);
    assert_eq!(SegmentHeader::decode(&header(3).encode()), Ok(header(3)));
}

#[test]
fn the_owner_may_refuse_a_record_at_replay() {
    let fs = MemFs::new();
    let (journal, ..) = open(&fs);
    fill(&journal, 0..3);
    end(journal);
    let refuse = |_: Position, _: &[u8]| Err(JournalError::Refused { reason: "unknown kind 9".into() });
    let refused = Journal::open(&world(&fs), &dir(), small(), &mut { refuse }).unwrap_err();
    assert_eq!(refused.dna().code, "JOURNAL_REPLAY_REFUSED");
}
