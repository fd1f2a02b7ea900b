//! Tick histories for the simulated terminal: read from files, or made by a seeded market model.

mod error;
mod format;
mod lines;
mod read;
mod synthetic;
#[cfg(test)]
mod tests;

pub use error::TickFileError;
pub use format::{Format, UnknownFormat};
pub use read::{ROWS_MAX, read_file};
pub use synthetic::{SyntheticSettings, SyntheticTicks, synthetic};

use aitrading_model::{MarketTime, Tick};
use std::sync::Arc;

/// Ticks of one symbol in time order. Clones share them.
#[derive(Debug, Clone)]
pub struct TickHistory {
    ticks: Arc<Vec<Tick>>,
    name: Arc<str>,
    synthetic: bool,
}

impl TickHistory {
    /// Ticks that a caller made; they must be in time order.
    ///
    /// # Errors
    /// Hands the index of the first tick that is earlier than the one before it.
    pub fn new(name: &str, ticks: Vec<Tick>, synthetic: bool) -> Result<Self, usize> {
        let backwards = ticks.iter().zip(ticks.iter().skip(1)).position(|(a, b)| b.time < a.time);
        match backwards {
            Some(index) => Err(index + 1),
            None => Ok(Self { ticks: Arc::new(ticks), name: name.into(), synthetic }),
        }
    }

    /// The ticks.
    #[must_use]
    pub fn ticks(&self) -> &[Tick] {
        &self.ticks
    }

    /// File name, or what made them.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Made, not recorded: must be said wherever numbers from it are shown.
    #[must_use]
    pub fn is_synthetic(&self) -> bool {
        self.synthetic
    }

    /// First and last time; `None` if there are no ticks.
    #[must_use]
    pub fn span(&self) -> Option<(MarketTime, MarketTime)> {
        Some((self.ticks.first()?.time, self.ticks.last()?.time))
    }
}

/// The shared test data, if it is there.
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look for data that is no part of the repository")]
pub(crate) fn shared_data() -> Option<std::path::PathBuf> {
    if let Ok(dir) = std::env::var("AITRADING_SHARED_DATA") {
        return Some(dir.into());
    }
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().map(|dir| dir.join("shared/data")).find(|dir| dir.join("ticks").is_dir())
}
