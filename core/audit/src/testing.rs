//! What the tests of several modules share: vectors, worlds, entries.

use crate::{CheckpointKey, Entry, EventKind, Field, Level, Settings};
use aitrading_env::{
    Env, Fs, RealNet, RealSpawn, Rng,
    sim::{ManualClock, SeededRng},
};
use std::{path::PathBuf, sync::Arc};

/// A file of the shared vectors, or `None` (said aloud) where they are not at hand.
pub(crate) fn vectors(name: &str) -> Option<serde_json::Value> {
    let root = option_env!("AITRADING_SHARED_DATA").map(PathBuf::from).or_else(|| {
        let beside = |dir: &std::path::Path| Some(dir.parent()?.join("shared/data")).filter(|p| p.is_dir());
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find_map(beside)
    });
    let Some(root) = root else {
        println!("skipped: {name} is not here; set AITRADING_SHARED_DATA to the folder that holds vectors/");
        return None;
    };
    let text = aitrading_env::RealFs.read(&root.join("vectors").join(name), 1 << 20).unwrap();
    Some(serde_json::from_slice(&text).unwrap())
}

pub(crate) fn world(fs: Arc<dyn Fs>, seed: u64) -> (Env, ManualClock) {
    let clock = ManualClock::new(1_700_000_000_000_000_000);
    let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(seed));
    let env =
        Env { clock: Arc::new(clock.clone()), rng, fs, net: Arc::new(RealNet), spawn: Arc::new(RealSpawn) };
    (env, clock)
}

pub(crate) fn key() -> CheckpointKey {
    CheckpointKey::from_seed(&[7; 32])
}

pub(crate) const ORIGIN: &str = "test.example/audit/critical";

pub(crate) fn small() -> Settings {
    Settings { first_segment_bytes: 8 << 10, max_segment_bytes: 16 << 10, ballast_bytes: 16 << 10, ..Settings::default() }
}

/// An entry that carries `n`, so that it can be told from all others.
pub(crate) fn entry(n: u64) -> Entry {
    Entry::new(Level::Critical, EventKind::SignalDecided)
        .trace([3; 16])
        .with(Field::SignalId(u128::from(n).to_be_bytes()))
        .with(Field::Symbol("EURUSD".into()))
        .with(Field::Volume(10_000_000))
}
