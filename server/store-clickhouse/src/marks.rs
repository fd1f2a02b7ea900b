//! What counts: the claims of the table `marks`, and the rows that they make visible.

#[cfg(test)]
mod tests;

use crate::{
    door::Door,
    rows::{Claim, MarkRow},
};
use aitrading_store::{JournalMark, StoreError};
use clickhouse::query::Query;

const READING: &str = "reading the store's mark";

/// The claims that hold: of each number that other attempts may have touched, and of the newest two. Numbers between are
/// whole and belong to one attempt each.
const CLAIMS: &str = "SELECT number, argMax(content, rank) AS content, argMax(segment, rank) AS segment,
    argMax(offset, rank) AS offset, max(contested) AS contested
FROM marks
WHERE number + 1 >= (SELECT max(number) FROM marks) OR number IN (SELECT number FROM marks WHERE contested = 1)
GROUP BY number ORDER BY number";

/// A condition on rows; goes with [`Visible::bind`].
macro_rules! visible {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " number <= {newest:UInt64} AND (number NOT IN {contested:Array(UInt64)} OR rank IN {winners:Array(UInt64)}) ",
            $after
        )
    };
}
pub(crate) use visible;

/// A commit that counts. Number 0 stands for the empty store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Commit {
    pub(crate) number: u64,
    /// Rank of the attempt whose rows are its content.
    pub(crate) content: u64,
    pub(crate) mark: JournalMark,
}

impl Commit {
    /// A claim, by the attempt of `rank`, that this commit stands.
    pub(crate) fn claim(&self, rank: u64, contested: bool) -> MarkRow {
        let JournalMark { segment, offset } = self.mark;
        MarkRow { number: self.number, rank, content: self.content, segment, offset, contested: contested.into() }
    }

    /// A claim that nothing stands behind it yet.
    pub(crate) const fn nothing_after(&self, rank: u64) -> MarkRow {
        let number = self.number.saturating_add(1);
        MarkRow { number, rank, content: 0, segment: 0, offset: 0, contested: 1 }
    }
}

/// What of the store counts, as of one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Visible {
    pub(crate) newest: Commit,
    contested: Vec<u64>,
    winners: Vec<u64>,
}

impl Visible {
    /// Asks the server. Every row of what it names is stored already, so that a question that is asked afterwards sees whole
    /// commits.
    pub(crate) async fn read(door: &Door) -> Result<Self, StoreError> {
        Ok(Self::of(&door.fetch::<Claim>(READING, |client| client.query(CLAIMS)).await?))
    }

    /// The newest number is always bound to its attempt, contested or not: while a question is on its way, another attempt
    /// may begin to replace it.
    fn of(claims: &[Claim]) -> Self {
        let Some(newest) = claims.iter().filter(|claim| claim.content != 0).max_by_key(|claim| claim.number) else {
            return Self::default();
        };
        let touched = |claim: &&Claim| claim.contested != 0 || claim.number == newest.number;
        let exact = || claims.iter().filter(|claim| claim.number <= newest.number).filter(touched);
        Self {
            newest: Commit {
                number: newest.number,
                content: newest.content,
                mark: JournalMark { segment: newest.segment, offset: newest.offset },
            },
            contested: exact().map(|claim| claim.number).collect(),
            winners: exact().map(|claim| claim.content).filter(|content| *content != 0).collect(),
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.newest.number == 0
    }

    pub(crate) fn bind(&self, query: Query) -> Query {
        query.param("newest", self.newest.number).param("contested", &self.contested).param("winners", &self.winners)
    }
}
