//! May the bridge start while the tick store is away? Only if nothing but the bridge has written there since it was last seen: then
//! its own journal and checkpoint say where every source stands. What an import stored meanwhile would be missed, and what a
//! terminal streams put between; so an import takes the note back first, and a directory without the note waits for its store.

use crate::{BridgeError, Settings, recovery};
use aitrading_env::Env;
use aitrading_journal::Position;
use aitrading_store::{StoreError, TickStore};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// The note's name in the bridge's directory. It stays out of a backup: who restores one has to see the store first.
pub const STORE_SEEN: &str = "store-seen";

/// Where the store stands; `None` if it is away and the bridge can do without knowing.
pub(crate) async fn place(
    env: &Env,
    settings: &Settings,
    store: &dyn TickStore,
) -> Result<Option<Position>, BridgeError> {
    match store.mark().await {
        Ok(mark) => Ok(Some(Position { segment: mark.segment, offset: mark.offset })),
        Err(error) if is_away(&error) && was_seen(env, settings)? => {
            tracing::warn!(
                error = %aitrading_error::chain(&error),
                "the tick store is away: ticks are taken and wait in the journal until it is back"
            );
            Ok(None)
        }
        Err(error) => Err(BridgeError::Store(Arc::new(error))),
    }
}

/// Not there, which passes; what a server refuses does not.
const fn is_away(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { .. } | StoreError::TooSlow { .. })
}

/// The bridge has taken up all that the store holds.
pub(crate) fn note(env: &Env, settings: &Settings) -> Result<(), BridgeError> {
    if was_seen(env, settings)? {
        return Ok(());
    }
    let path = settings.dir.join(STORE_SEEN);
    env.fs.write_atomic(&path, &[]).map_err(|source| recovery::io("write", path, source))
}

fn was_seen(env: &Env, settings: &Settings) -> Result<bool, BridgeError> {
    let path = settings.dir.join(STORE_SEEN);
    let found = env.fs.metadata(&path).map_err(|source| recovery::io("look at", path, source))?;
    Ok(found.is_some())
}

/// Somebody else is about to write to the tick store, or it will be another one: the bridge's next start has to see it. `dir` is
/// the bridge's own directory, whose data directory the caller has locked.
///
/// # Errors
/// If the note cannot be taken back, durably.
pub fn forget_store(env: &Env, dir: &Path) -> Result<(), BridgeError> {
    let path: PathBuf = dir.join(STORE_SEEN);
    let there = env.fs.metadata(&path).map_err(|source| recovery::io("look at", path.clone(), source))?;
    if there.is_none() {
        return Ok(());
    }
    let removed = env.fs.remove_file(&path).and_then(|()| env.fs.sync_dir(dir));
    removed.map_err(|source| recovery::io("remove", path, source))
}
