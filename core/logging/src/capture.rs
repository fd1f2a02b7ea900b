//! Lines kept in memory, for tests of those who log.

use crate::{
    LogConfig, LogError,
    init::filter,
    layer::{LineLayer, Sink},
};
use aitrading_env::Clock;
use std::sync::{Arc, Mutex, PoisonError};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::{Layer, layer::SubscriberExt};

/// Lines that are kept at most; later ones are dropped.
const LINES_MAX: usize = 100_000;

/// The lines captured so far. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Captured(Arc<Mutex<Vec<String>>>);

impl Captured {
    /// Everything so far, without line ends.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|line| line.trim_end_matches('\n').to_owned()).collect()
    }

    #[cfg(test)]
    pub(crate) fn raw(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sink for Captured {
    fn line(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < LINES_MAX {
            lines.push(line);
        }
    }
}

/// Captures what this thread logs until the guard is dropped.
///
/// # Errors
/// [`LogError::Filter`].
pub fn capture(clock: Arc<dyn Clock>, config: &LogConfig) -> Result<(Captured, DefaultGuard), LogError> {
    let captured = Captured::default();
    let layer = LineLayer::new(config.format, clock, captured.clone()).with_filter(filter(config)?);
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    Ok((captured, guard))
}
