//! What is read in one go: a file, or the waiting ticks of a source.

use crate::view::{ListedFile, WaitingTicks};
use aitrading_model::{MarketTime, Source};

/// Where ticks are.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    File(ListedFile),
    Waiting(WaitingTicks),
}

/// A file or waiting ticks, and what is known of them without reading.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    pub(crate) source: Source,
    pub(crate) rows: u64,
    pub(crate) min: i64,
    pub(crate) max: i64,
    /// Every row passes the filter on time.
    pub(crate) inside: bool,
    /// Which thread reads it.
    pub(crate) part: u64,
    pub(crate) body: Body,
}

impl Unit {
    pub(crate) fn file(file: ListedFile) -> Self {
        let (MarketTime(min), MarketTime(max)) = (file.min, file.max);
        Self { source: file.source, rows: file.ticks, min, max, inside: true, part: 0, body: Body::File(file) }
    }

    /// `None` if nothing waits.
    pub(crate) fn waiting(waiting: WaitingTicks) -> Option<Self> {
        let times = || waiting.ticks.iter().map(|tick| tick.time.0);
        let (min, max) = (times().min()?, times().max()?);
        let rows = u64::try_from(waiting.ticks.len()).unwrap_or(u64::MAX);
        Some(Self { source: waiting.source, rows, min, max, inside: true, part: 0, body: Body::Waiting(waiting) })
    }
}
