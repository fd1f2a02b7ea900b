//! After a start: the journal is replayed, and every fact without its audit leaf is settled before anything new happens.

use super::{MAGIC, Parts, commit::Committer};
use crate::{
    EngineError,
    engine::{Engine, Event, Header, decode},
};
use aitrading_audit::{Entry, read_leaves};
use aitrading_journal::{Journal, JournalError, Settings};
use aitrading_model::SignalId;
use std::sync::Arc;

/// What a start found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovered {
    /// Journal records replayed.
    pub records: u64,
    /// Signals whose outcome is open.
    pub open_signals: usize,
    /// Decisions without an audit leaf: they never left, and never will.
    pub voided: usize,
    /// Other facts whose leaf was missing and has been written now.
    pub leaves_added: usize,
}

pub(super) struct Opened {
    pub(super) engine: Engine,
    pub(super) journal: Journal,
    pub(super) committer: Committer,
    pub(super) recovered: Recovered,
    pub(super) void: Vec<SignalId>,
}

/// Facts that may lack their leaf.
#[derive(Default)]
struct Doubtful {
    last_ticket: u64,
    confirmed: Header,
    events: Vec<(u64, Event)>,
}

impl Doubtful {
    fn take(&mut self, header: Header, events: Vec<Event>) {
        if header.confirmed >= self.confirmed.confirmed {
            self.confirmed = header;
            self.events.retain(|(ticket, _)| *ticket > header.confirmed);
        }
        self.last_ticket = self.last_ticket.max(header.ticket);
        self.events.extend(events.into_iter().map(|event| (header.ticket, event)));
    }
}

pub(super) async fn open(parts: &Parts) -> Result<Opened, EngineError> {
    let mut engine = Engine::new(Arc::new(parts.config.clone()), parts.keys.clone());
    let mut doubtful = Doubtful::default();
    let mut fault = None;
    let mut visit = |_, bytes: &[u8]| match decode(bytes) {
        Ok((header, events)) => {
            engine.replay(header.ticket, &events);
            doubtful.take(header, events);
            Ok(())
        }
        Err(error) => {
            fault = Some(error);
            Err(JournalError::Refused { reason: "the record cannot be read".into() })
        }
    };
    let opened = Journal::open(&parts.env, &parts.dir, Settings::new(MAGIC), &mut visit);
    if let Some(fault) = fault {
        return Err(EngineError::Record(fault));
    }
    let (journal, recovery) = opened.map_err(EngineError::Journal)?;
    let (void, missing, audit_from) = compare(parts, &engine, &doubtful)?;
    let audit = parts.audit.log.clone();
    let confirmed = doubtful.last_ticket;
    let mut committer = Committer { journal: journal.clone(), audit, confirmed, audit_from };
    let leaves_added = missing.len();
    if let Some(next) = committer.write_audit(missing).await? {
        committer.audit_from = next;
    }
    let (open_signals, ..) = engine.summary();
    let recovered = Recovered { records: recovery.records, open_signals, voided: void.len(), leaves_added };
    Ok(Opened { engine, journal, committer, recovered, void })
}

/// Decisions without a leaf, leaves that are missing otherwise, and the end of the audit log.
fn compare(
    parts: &Parts,
    engine: &Engine,
    doubtful: &Doubtful,
) -> Result<(Vec<SignalId>, Vec<Entry>, u64), EngineError> {
    let from = doubtful.confirmed.audit_from;
    // One entry that was there already: a log without it was removed, or put back to an earlier state.
    let known = from.saturating_sub(1);
    let mut end = known;
    let mut found = Vec::new();
    for leaf in read_leaves(parts.audit.fs.as_ref(), &parts.audit.dir, known) {
        let leaf = leaf.map_err(EngineError::Audit)?;
        end = leaf.log_seq.saturating_add(1);
        if leaf.log_seq >= from {
            found.push(leaf.entry);
        }
    }
    if end < from {
        return Err(EngineError::AuditGone { known: from });
    }
    let (mut void, mut missing) = (Vec::new(), Vec::new());
    for (_, event) in &doubtful.events {
        let Some(leaf) = engine.leaf(event) else { continue };
        match (found.iter().position(|entry| *entry == leaf), event) {
            (Some(at), _) => drop(found.swap_remove(at)),
            (None, Event::Decided(decided)) => void.push(decided.signal.id),
            (None, _) => missing.push(leaf),
        }
    }
    Ok((void, missing, end))
}
