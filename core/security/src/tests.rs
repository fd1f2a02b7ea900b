//! Primitives against published vectors, envelopes, certificates and identities.

mod certificates;
mod envelope;
mod vectors;

use aitrading_env::{
    Env,
    sim::{ManualClock, SeededRng},
};
use std::sync::Arc;

/// 2026-01-01T00:00:00Z.
const NOW_NS: i64 = 1_767_225_600_000_000_000;

fn world() -> (Env, ManualClock) {
    let clock = ManualClock::new(NOW_NS);
    (Env { clock: Arc::new(clock.clone()), rng: Arc::new(SeededRng::new(1)), ..Env::real() }, clock)
}
