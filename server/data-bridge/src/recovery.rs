//! Start: checkpoint, journal and tick store are brought together, and every contradiction between them is refused.

use crate::{
    BridgeError, Settings, SourceState,
    tick::{Checkpoint, Record},
};
use aitrading_env::Env;
use aitrading_error::Coded;
use aitrading_journal::{Journal, JournalError, Position};
use aitrading_model::Source;
use aitrading_store::JournalMark;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

/// A checkpoint of the largest allowed number of sources stays far below.
const CHECKPOINT_BYTES_MAX: u64 = 64 << 20;

/// States of all sources.
pub(crate) type States = BTreeMap<Source, SourceState>;

/// What a start found.
pub(crate) struct Recovered {
    pub(crate) journal: Journal,
    /// At the journal's end.
    pub(crate) states: States,
    /// At the tick store's position.
    pub(crate) stored_states: States,
    pub(crate) checkpoint: Position,
    /// Where the store stands, or the checkpoint while that is not known.
    pub(crate) stored: Position,
    pub(crate) records: u64,
    pub(crate) torn_bytes: u64,
}

pub(crate) fn journal_dir(settings: &Settings) -> PathBuf {
    settings.dir.join("journal")
}

pub(crate) fn checkpoint_path(settings: &Settings) -> PathBuf {
    settings.dir.join("checkpoint")
}

/// Replays what the checkpoint does not cover. `stored` is how far the tick store says it is; one that says nothing is taken to be
/// where it surely is, at the checkpoint, until the drain has asked it.
pub(crate) fn recover(env: &Env, settings: &Settings, stored: Option<Position>) -> Result<Recovered, BridgeError> {
    let dir = journal_dir(settings);
    env.fs.create_dir_all(&dir).map_err(|source| io("create", dir.clone(), source))?;
    let checkpoint = load(env, settings)?;
    let stored = stored.unwrap_or(checkpoint.position);
    if stored < checkpoint.position {
        return Err(BridgeError::Diverged { what: "store", found: stored });
    }
    let mut states = checkpoint.sources;
    let mut stored_states = None;
    let mut oldest = None;
    let mut visit = |position: Position, bytes: &[u8]| {
        oldest.get_or_insert(position.segment);
        if position <= checkpoint.position {
            return Ok(());
        }
        if position > stored && stored_states.is_none() {
            stored_states = Some(states.clone());
        }
        // What became known of the past leaves the states as they are.
        if let Record::Batch(record) = decode(bytes)? {
            states.entry(record.source).or_default().apply(&record);
        }
        Ok(())
    };
    let (journal, recovery) = Journal::open(env, &dir, settings.journal, &mut visit)?;
    let oldest = oldest.unwrap_or(recovery.end.segment);
    if oldest > checkpoint.position.segment.max(1) {
        return Err(BridgeError::Checkpoint { path: checkpoint_path(settings) });
    }
    for (what, found) in [("checkpoint", checkpoint.position), ("store", stored)] {
        if found > recovery.end {
            return Err(BridgeError::Diverged { what, found });
        }
    }
    let stored_states = stored_states.unwrap_or_else(|| states.clone());
    let (records, torn_bytes) = (recovery.records, recovery.torn_bytes);
    Ok(Recovered { journal, states, stored_states, checkpoint: checkpoint.position, stored, records, torn_bytes })
}

/// Reads one journal record.
pub(crate) fn decode(bytes: &[u8]) -> Result<Record, JournalError> {
    Record::decode(bytes).map_err(|error| JournalError::Refused { reason: error.dna().code.to_owned() })
}

/// Replaces the checkpoint file.
pub(crate) fn save(env: &Env, settings: &Settings, checkpoint: &Checkpoint) -> Result<(), BridgeError> {
    let path = checkpoint_path(settings);
    env.fs.write_atomic(&path, &checkpoint.encode()).map_err(|source| io("write", path, source))
}

fn load(env: &Env, settings: &Settings) -> Result<Checkpoint, BridgeError> {
    let path = checkpoint_path(settings);
    if env.fs.metadata(&path).map_err(|source| io("look at", path.clone(), source))?.is_none() {
        return Ok(Checkpoint::default());
    }
    let bytes = env.fs.read(&path, CHECKPOINT_BYTES_MAX).map_err(|source| io("read", path.clone(), source))?;
    Checkpoint::decode(&bytes).map_err(|_| BridgeError::Checkpoint { path })
}

pub(crate) fn io(action: &'static str, path: PathBuf, source: std::io::Error) -> BridgeError {
    BridgeError::Io { action, path, source: Arc::new(source) }
}

/// How many journal records the tick store, which stands at `stored`, does not have yet. A directory without a journal has
/// none. Blocks; the caller holds the lock of the data directory.
///
/// # Errors
/// A journal that cannot be read, or is damaged.
pub async fn unstored_records(env: &Env, settings: &Settings, stored: JournalMark) -> Result<u64, BridgeError> {
    let dir = journal_dir(settings);
    if env.fs.metadata(&dir).map_err(|source| io("look at", dir.clone(), source))?.is_none() {
        return Ok(0);
    }
    let stored = Position { segment: stored.segment, offset: stored.offset };
    let mut waiting: u64 = 0;
    let mut visit = |position: Position, _: &[u8]| {
        waiting = waiting.saturating_add(u64::from(position > stored));
        Ok(())
    };
    let (journal, _) = Journal::open(env, &dir, settings.journal, &mut visit)?;
    journal.shutdown().await;
    Ok(waiting)
}
