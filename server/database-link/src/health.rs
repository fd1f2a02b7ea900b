//! What is known of a store's well-being, in a form that probes can show.

#[cfg(test)]
mod tests;

use crate::Role;
use serde::Serialize;

/// Is a store there?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// It has not been asked yet.
    Unknown,
    /// It answers.
    Up,
    /// It failed and is being tried again.
    Probing,
    /// It failed repeatedly and is left alone for a while.
    Down,
}

/// Connections of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PoolUse {
    /// Open connections.
    pub size: u32,
    /// Of these, not in use.
    pub idle: u32,
    /// Most connections.
    pub max: u32,
}

/// A store that is fed is always a moment behind; longer than this it does not keep up.
const LAG_MS_MAX: u64 = 5_000;

/// A sample of one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackendHealth {
    /// What the store is for.
    pub role: Role,
    /// What it is: `postgresql`, `sqlite`.
    pub backend: &'static str,
    /// Its release, once known.
    pub version: Option<String>,
    /// Is it there?
    pub state: LinkState,
    /// A typical answer, in microseconds: a moving average.
    pub latency_us: Option<u64>,
    /// Its connections, if it has any.
    pub pool: Option<PoolUse>,
    /// How long the oldest record has waited to be handed to it, in milliseconds, if a journal feeds it.
    pub lag_ms: Option<u64>,
    /// What the operator should know. No secrets: probes show it.
    pub note: Option<String>,
}

/// How well something works, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HealthLevel {
    /// Works.
    Up,
    /// Works with a restriction.
    Degraded,
    /// Does not work.
    Down,
}

/// A sample as one line of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthPart {
    /// `database.relational`.
    pub name: String,
    /// How well it works.
    pub level: HealthLevel,
    /// Backend, version, latency, pool, lag, note.
    pub detail: String,
}

impl BackendHealth {
    /// A store in this process that works.
    #[must_use]
    pub fn embedded(role: Role, backend: &'static str) -> Self {
        let state = LinkState::Up;
        Self { role, backend, version: None, state, latency_us: None, pool: None, lag_ms: None, note: None }
    }

    /// As one line of a probe. A store that was never asked does not count as working.
    #[must_use]
    pub fn part(&self) -> HealthPart {
        let level = match (self.state, self.lag_ms) {
            (LinkState::Down, _) => HealthLevel::Down,
            (LinkState::Unknown | LinkState::Probing, _) => HealthLevel::Degraded,
            (LinkState::Up, lag) if lag.unwrap_or_default() > LAG_MS_MAX => HealthLevel::Degraded,
            (LinkState::Up, _) => HealthLevel::Up,
        };
        HealthPart { name: format!("database.{}", self.role), level, detail: self.detail() }
    }

    fn detail(&self) -> String {
        let version = self.version.as_ref().map(|version| format!(" {version}"));
        let state = match self.state {
            LinkState::Up => None,
            LinkState::Unknown => Some(", not asked yet".to_owned()),
            LinkState::Probing => Some(", is being tried again".to_owned()),
            LinkState::Down => Some(", does not answer".to_owned()),
        };
        let latency = self.latency_us.map(|us| format!(", {us} us"));
        let pool = self.pool.map(|pool| format!(", {} of {} connections in use", pool.in_use(), pool.max));
        let lag = self.lag_ms.filter(|lag| *lag > LAG_MS_MAX).map(|lag| format!(", {lag} ms behind"));
        let note = self.note.as_ref().map(|note| format!(", {note}"));
        let parts = [version, state, latency, pool, lag, note];
        parts.into_iter().flatten().fold(self.backend.to_owned(), |text, part| text + &part)
    }
}

impl PoolUse {
    /// Connections in use.
    #[must_use]
    pub const fn in_use(self) -> u32 {
        self.size.saturating_sub(self.idle)
    }
}
