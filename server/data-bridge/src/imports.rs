//! Sources that an import moved on while the bridge was not running.
//!
//! The tick store then stands later than anything the journal knows of. The source goes on from there: its client is told that
//! place, an earlier tick is refused as going backwards, and open bars go on from the stored ticks. So what was imported and
//! what a terminal streams never mix.

use crate::{
    BridgeError, Settings,
    recovery::{self, Recovered, States},
    tick::Checkpoint,
};
use aitrading_env::Env;
use aitrading_error::chain;
use aitrading_model::{AccountId, Cursor, MarketTime, OpenBars, Source, Timeframe};
use aitrading_store::{StoreError, TickStore};
use std::sync::Arc;

/// History that belongs to no account: no terminal streams to it.
const NOBODY: AccountId = AccountId(0);
/// Ticks of a bar that is still open: more than any hour has.
const OPEN_TICKS_MAX: usize = 1 << 20;

/// Moves the states on, and makes that durable: later starts must not find the open bars without their first ticks.
pub(crate) async fn take_up(
    env: &Env,
    settings: &Settings,
    store: &dyn TickStore,
    found: &mut Recovered,
) -> Result<(), BridgeError> {
    let cursors = store.cursors().await.map_err(unreadable)?;
    let mut moved: u64 = 0;
    for (source, to) in cursors {
        let known = found.stored_states.get(&source).map(|state| state.cursor).unwrap_or_default();
        if source.account == NOBODY || place(&to) <= place(&known) {
            continue;
        }
        let bars = match open_bars(store, source, to.time).await {
            // As with a source whose first tick comes in the middle of an hour: its bars begin there.
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::warn!(symbol = %source.symbol, error = %chain(&error), "open bars begin anew behind damaged ticks");
                OpenBars::default()
            }
            bars => bars.map_err(unreadable)?,
        };
        for states in [&mut found.stored_states, &mut found.states] {
            move_on(states, source, to, bars);
        }
        moved = moved.saturating_add(1);
    }
    if moved > 0 {
        tracing::info!(sources = moved, "sources go on behind what was imported");
        let checkpoint = Checkpoint { position: found.stored, sources: found.stored_states.clone() };
        recovery::save(env, settings, &checkpoint)?;
        found.checkpoint = found.stored;
    }
    Ok(())
}

fn place(cursor: &Cursor) -> (MarketTime, u32) {
    (cursor.time, cursor.count_at_time)
}

fn move_on(states: &mut States, source: Source, to: Cursor, bars: OpenBars) {
    let state = states.entry(source).or_default();
    if place(&to) > place(&state.cursor) {
        (state.cursor.time, state.cursor.count_at_time, state.bars) = (to.time, to.count_at_time, bars);
    }
}

/// The bars that are open behind the stored ticks.
async fn open_bars(store: &dyn TickStore, source: Source, end: MarketTime) -> Result<OpenBars, StoreError> {
    let from = Timeframe::H1.start_of(end);
    let (mut bars, mut closed) = (OpenBars::default(), Vec::new());
    for tick in store.range(source, from, MarketTime(i64::MAX), OPEN_TICKS_MAX).await? {
        bars.push(&tick, &mut closed);
    }
    Ok(bars)
}

fn unreadable(error: StoreError) -> BridgeError {
    BridgeError::Store(Arc::new(error))
}
