//! The client as a witness of the server's audit log: it verifies each checkpoint that a heartbeat shows, keeps the largest one
//! durably, and raises an alarm when the log takes back what it signed. A checkpoint counts only with the log's own signature.

mod memory;
#[cfg(test)]
mod tests;

pub use memory::{EVIDENCE, WitnessError};

use crate::status::{AuditState, AuditStatus, Board, SubscriptionStatus};
use aitrading_env::{Clock, Env};
use aitrading_security::{sha256, signing::VerifyingKey};
use aitrading_wire::{CheckpointNote, WireError, link::Heartbeat};
use memory::{Contents, Memory};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::sync::watch;

/// A checkpoint that stays the same for so long is said to stand still: four heartbeats.
const UNCHANGED_AFTER: Duration = Duration::from_mins(1);
/// Digits of a root that are shown.
const ROOT_DIGITS: usize = 12;

/// Why a checkpoint is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alarm {
    /// Smaller than one that was seen.
    Rollback,
    /// As large as one that was seen, and another; or another log under the same key.
    Fork,
    /// Not by the log's key.
    Signature,
}

impl Alarm {
    const fn code(self) -> &'static str {
        match self {
            Self::Rollback => "CHECKPOINT_ROLLBACK",
            Self::Fork => "CHECKPOINT_FORK",
            Self::Signature => "CHECKPOINT_SIGNATURE",
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::Rollback => {
                "the server shows an audit log that is shorter than what it signed before: entries were taken back or an old \
                 backup is running; ask the operator, and keep the files checkpoint and checkpoint-conflict as evidence"
            }
            Self::Fork => {
                "the server signed two audit logs that contradict each other; ask the operator, and keep the files checkpoint \
                 and checkpoint-conflict as evidence"
            }
            Self::Signature => {
                "the server shows an audit checkpoint that the log's key did not sign; compare server.audit_key in the settings \
                 with the operator's"
            }
        }
    }
}

/// A verified checkpoint and when it was first seen.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    note: CheckpointNote,
    since_ns: i64,
}

/// The witness of one client. Without a key it only says that it cannot check.
#[derive(Debug)]
pub(crate) struct Witness {
    clock: Arc<dyn Clock>,
    board: Arc<Board>,
    key: Option<VerifyingKey>,
    largest: Option<Seen>,
    last: Option<Alarm>,
    status: AuditStatus,
    /// What is to be on disk; a task of its own writes it.
    contents: watch::Sender<Contents>,
}

impl Witness {
    /// Reads what earlier runs have seen. The second value keeps it on disk, as long as the witness lives.
    pub(crate) fn open(
        env: &Env,
        dir: &Path,
        key: Option<[u8; 32]>,
        board: Arc<Board>,
    ) -> Result<(Self, Memory), WitnessError> {
        let key = key.map(|key| VerifyingKey::from_bytes(&key)).transpose().map_err(WitnessError::Key)?;
        // Without a key nothing can be compared, and nothing will be written either.
        let found = if key.is_some() { memory::read(env, dir)? } else { memory::Found::default() };
        let largest = match (found.note, &key) {
            (Some((text, since_ns)), Some(key)) => {
                let note = verified(&text, key).map_err(|_| WitnessError::Malformed(memory::path(dir)))?;
                Some(Seen { note, since_ns })
            }
            _ => None,
        };
        if key.is_none() {
            tracing::warn!("the settings name no server.audit_key: the server's audit log is not checked");
        }
        let (contents, wanted) = watch::channel(Contents::default());
        let status = AuditStatus { evidence: found.evidence, ..AuditStatus::default() };
        let memory = Memory::new(env, dir, Arc::clone(&board), wanted);
        let witness = Self { clock: Arc::clone(&env.clock), board, key, largest, last: None, status, contents };
        witness.show(AuditState::Unseen);
        Ok((witness, memory))
    }

    /// A session began or ended: what the last one said does not count any more.
    pub(crate) fn forget_session(&mut self) {
        self.board.subscription(SubscriptionStatus::default());
        self.show(AuditState::Unseen);
    }

    /// What the server put into a heartbeat.
    pub(crate) fn heartbeat(&mut self, extra: &[u8]) {
        let told = if extra.is_empty() { Ok(Heartbeat::default()) } else { Heartbeat::decode(extra) };
        let Heartbeat { subscription, checkpoint } = told.unwrap_or_else(|error| {
            tracing::warn!(%error, "a heartbeat could not be read; nothing in it is taken for granted");
            Heartbeat::default()
        });
        self.board.subscription(subscription.into());
        let state = match (self.key, checkpoint) {
            (None, _) => AuditState::NoKey,
            (Some(_), None) => AuditState::Missing,
            (Some(key), Some(text)) => self.judge(&text, &key),
        };
        self.show(state);
    }

    fn judge(&mut self, text: &str, key: &VerifyingKey) -> AuditState {
        let judged = verified(text, key).map_err(|_| Alarm::Signature).and_then(|note| {
            compare(self.largest.as_ref().map(|seen| &seen.note), &note).map(|larger| larger.then_some(note))
        });
        match judged {
            Ok(larger) => {
                self.last = None;
                if let Some(note) = larger {
                    let since_ns = self.clock.wall_ns();
                    self.contents.send_modify(|contents| contents.note = Some((text.to_owned(), since_ns)));
                    self.largest = Some(Seen { note, since_ns });
                }
                AuditState::Current
            }
            Err(alarm) => {
                self.alarm(alarm, text);
                AuditState::Refused
            }
        }
    }

    /// Counts, tells, and keeps both sides of a contradiction.
    fn alarm(&mut self, alarm: Alarm, text: &str) {
        let count = match alarm {
            Alarm::Rollback => &mut self.status.alarms.rollback,
            Alarm::Fork => &mut self.status.alarms.fork,
            Alarm::Signature => &mut self.status.alarms.signature,
        };
        *count = count.saturating_add(1);
        self.status.last_alarm = Some(alarm.code());
        self.board.problem(alarm.code(), alarm.message());
        // Once for each stretch of them: heartbeats come four times a minute.
        if self.last.replace(alarm) != Some(alarm) {
            tracing::error!(code = alarm.code(), "{}", alarm.message());
        }
        let Some(seen) = self.largest.as_ref().filter(|_| alarm != Alarm::Signature) else { return };
        // The first contradiction is the evidence; later ones follow from it.
        if !self.status.evidence {
            self.status.evidence = true;
            let both = format!("{}\n{text}", seen.note.note());
            self.contents.send_modify(|contents| contents.evidence = Some(both));
        }
    }

    fn show(&self, state: AuditState) {
        let largest = self.largest.as_ref();
        let root = |seen: &Seen| seen.note.root.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let status = AuditStatus {
            state,
            size: largest.map(|seen| seen.note.size),
            root: largest.map(|seen| root(seen).chars().take(ROOT_DIGITS).collect()),
            ..self.status.clone()
        };
        self.board.audit(status, largest.map(|seen| seen.since_ns));
    }
}

/// The age of what was first seen at `since_ns`, and what that makes of `status`.
pub(crate) fn aged(mut status: AuditStatus, since_ns: Option<i64>, now_ns: i64) -> AuditStatus {
    let age = since_ns.map(|since| Duration::from_nanos(u64::try_from(now_ns.saturating_sub(since)).unwrap_or(0)));
    status.age_s = age.map(|age| age.as_secs());
    if status.state == AuditState::Current && age.is_some_and(|age| age >= UNCHANGED_AFTER) {
        status.state = AuditState::Unchanged;
    }
    status
}

/// A note that is one, and that the log's key signed.
fn verified(text: &str, key: &VerifyingKey) -> Result<CheckpointNote, WireError> {
    let forged = WireError::BadValue("checkpoint signature");
    let note = CheckpointNote::parse(text)?;
    let id = sha256(&note.key_id_input(&key.to_bytes()));
    if !id.starts_with(&note.key_id) {
        return Err(forged);
    }
    key.verify_raw(note.signed_text().as_bytes(), &note.signature).map(|()| note).map_err(|_| forged)
}

/// May the log show `new` after `largest`? `true`: it is larger, and to be kept.
fn compare(largest: Option<&CheckpointNote>, new: &CheckpointNote) -> Result<bool, Alarm> {
    let Some(largest) = largest else { return Ok(true) };
    if new.origin != largest.origin {
        return Err(Alarm::Fork);
    }
    match new.size.cmp(&largest.size) {
        std::cmp::Ordering::Less => Err(Alarm::Rollback),
        std::cmp::Ordering::Equal if new.root != largest.root => Err(Alarm::Fork),
        std::cmp::Ordering::Equal => Ok(false),
        std::cmp::Ordering::Greater => Ok(true),
    }
}
