//! Which rows count, given the claims.

use super::{Commit, Visible};
use crate::rows::Claim;
use aitrading_store::JournalMark;

const fn claim(number: u64, content: u64, contested: u8) -> Claim {
    Claim { number, content, segment: 1, offset: number * 10, contested }
}

#[test]
fn the_newest_claim_with_content_counts_and_is_bound_to_its_attempt() {
    for (case, claims, newest, contested, winners) in [
        ("nothing", vec![], 0, vec![], vec![]),
        ("an empty store that somebody took over", vec![claim(1, 0, 1)], 0, vec![], vec![]),
        ("one commit", vec![claim(1, 7, 0)], 1, vec![1], vec![7]),
        ("two commits", vec![claim(1, 7, 0), claim(2, 8, 0)], 2, vec![2], vec![8]),
        ("a void behind them", vec![claim(1, 7, 0), claim(2, 8, 1), claim(3, 0, 1)], 2, vec![2], vec![8]),
        ("an old contest", vec![claim(4, 9, 1), claim(10, 20, 0), claim(11, 21, 0)], 11, vec![4, 11], vec![9, 21]),
    ] {
        let visible = Visible::of(&claims);
        assert_eq!((visible.newest.number, visible.contested, visible.winners), (newest, contested, winners), "{case}");
    }
}

#[test]
fn a_claim_says_what_it_is_about() {
    let commit = Commit { number: 4, content: 9, mark: JournalMark { segment: 2, offset: 5 } };
    let row = commit.claim(12, true);
    assert_eq!((row.number, row.rank, row.content, row.segment, row.offset, row.contested), (4, 12, 9, 2, 5, 1));
    let void = commit.nothing_after(12);
    assert_eq!((void.number, void.rank, void.content, void.contested), (5, 12, 0, 1));
}
