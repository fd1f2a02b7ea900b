//! Makes decisions durable: journal and audit log at the same time, so that a group costs one serial sync at most.

use crate::{
    EngineError,
    engine::{Event, Header, encode},
};
use aitrading_audit::{AuditLog, Entry};
use aitrading_journal::Journal;
use tokio::sync::oneshot;

/// Events in one journal record: the longest fits the journal's limit many times over.
const EVENTS_PER_RECORD: usize = 16;
/// Leaves in one group of the audit log.
const LEAVES_PER_GROUP: usize = 256;

/// What one step of the engine wants to be durable.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) ticket: u64,
    pub(super) events: Vec<Event>,
    pub(super) leaves: Vec<Entry>,
}

/// Writes commits in order.
#[derive(Debug)]
pub(super) struct Committer {
    pub(super) journal: Journal,
    pub(super) audit: AuditLog,
    /// All commits up to this one are durable in both.
    pub(super) confirmed: u64,
    /// Where leaves of later commits can begin.
    pub(super) audit_from: u64,
}

impl Committer {
    /// Writes a group and returns the last commit in it. After an error the fate of the group is unknown.
    pub(super) async fn commit(&mut self, group: Vec<Commit>) -> Result<u64, EngineError> {
        let through = group.iter().map(|c| c.ticket).max().unwrap_or(self.confirmed);
        let (confirmed, audit_from) = (self.confirmed, self.audit_from);
        let mut records = Vec::new();
        let mut leaves = Vec::new();
        for commit in group {
            let header = Header { ticket: commit.ticket, confirmed, audit_from };
            records.extend(commit.events.chunks(EVENTS_PER_RECORD).map(|events| encode(&header, events)));
            leaves.extend(commit.leaves);
        }
        let (journaled, audited) = tokio::join!(self.write_journal(records), self.write_audit(leaves));
        journaled?;
        if let Some(next) = audited? {
            self.audit_from = next;
        }
        self.confirmed = through;
        Ok(through)
    }

    async fn write_journal(&self, records: Vec<Vec<u8>>) -> Result<(), EngineError> {
        let mut waiting = Vec::with_capacity(records.len());
        for record in records {
            let (done, outcome) = oneshot::channel();
            let permit = self.journal.reserve().await.map_err(EngineError::Journal)?;
            let done = Box::new(move |outcome| {
                // Nobody waits any more only if the process is going down.
                drop(done.send(outcome));
            });
            permit.append_with(record, done).map_err(EngineError::Journal)?;
            waiting.push(outcome);
        }
        for outcome in waiting {
            outcome.await.map_err(|_| EngineError::Closed)?.map_err(EngineError::Journal)?;
        }
        Ok(())
    }

    /// Returns the index after the last leaf.
    pub(super) async fn write_audit(&self, leaves: Vec<Entry>) -> Result<Option<u64>, EngineError> {
        let mut next = None;
        let mut left = leaves.into_iter();
        loop {
            let group: Vec<Entry> = left.by_ref().take(LEAVES_PER_GROUP).collect();
            if group.is_empty() {
                return Ok(next);
            }
            let receipts = self.audit.append_all(group).await.map_err(EngineError::Audit)?;
            next = receipts.last().map(|receipt| receipt.index.saturating_add(1));
        }
    }
}
