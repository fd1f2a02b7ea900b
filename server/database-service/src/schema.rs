//! Which steps of a schema this release knows, and which of them a database has taken.

#[cfg(test)]
mod tests;

use aitrading_model::Timestamp;
use aitrading_store::{ErrorSource, StoreError};
use serde::Serialize;
use sqlx::migrate::{MigrateError, Migrator};
use std::collections::BTreeMap;

/// What the embedded database calls itself; every other one is on a server.
pub(crate) const SQLITE: &str = "sqlite";
const NS_PER_S: i64 = 1_000_000_000;

/// How far one step of a schema is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaState {
    /// Known here, not taken yet.
    Pending,
    /// Taken.
    Applied,
    /// Begun and not finished: somebody has to look.
    HalfDone,
    /// Taken, but not as it is known here: this is not the release that took it.
    Changed,
    /// Taken by a newer release; not known here.
    Unknown,
}

/// One step of a schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaStep {
    /// Its number; steps are taken in this order.
    pub version: i64,
    /// What it is about, in a few words.
    pub name: String,
    /// How far it is.
    pub state: SchemaState,
    /// When it was taken, to the second.
    pub applied_at: Option<Timestamp>,
}

/// All steps of a database's schema, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaStatus {
    /// What the database is: `sqlite`, `postgresql`.
    pub backend: &'static str,
    /// The steps that are known here or were taken.
    pub steps: Vec<SchemaStep>,
}

/// A row of the table in which the migrator keeps what it has done.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct AppliedStep {
    pub(crate) version: i64,
    pub(crate) description: String,
    pub(crate) success: bool,
    pub(crate) checksum: Vec<u8>,
    /// Seconds since 1970.
    pub(crate) at: i64,
}

impl SchemaStatus {
    pub(crate) fn new(backend: &'static str, known: &Migrator, applied: Vec<AppliedStep>) -> Self {
        let pending = known.iter().map(|step| {
            let (version, name) = (step.version, step.description.to_string());
            (version, SchemaStep { version, name, state: SchemaState::Pending, applied_at: None })
        });
        let mut steps: BTreeMap<i64, SchemaStep> = pending.collect();
        for row in applied {
            let same =
                known.iter().find(|step| step.version == row.version).map(|step| *step.checksum == *row.checksum);
            let state = match (row.success, same) {
                (false, _) => SchemaState::HalfDone,
                (true, None) => SchemaState::Unknown,
                (true, Some(false)) => SchemaState::Changed,
                (true, Some(true)) => SchemaState::Applied,
            };
            let applied_at = Some(Timestamp(row.at.saturating_mul(NS_PER_S)));
            let step = SchemaStep { version: row.version, name: row.description, state, applied_at };
            steps.insert(row.version, step);
        }
        Self { backend, steps: steps.into_values().collect() }
    }

    /// The newest step that this release knows.
    #[must_use]
    pub fn known(&self) -> i64 {
        let known = self.steps.iter().filter(|step| step.state != SchemaState::Unknown);
        known.map(|step| step.version).max().unwrap_or(0)
    }

    /// The newest step that was taken; 0 for an empty database.
    #[must_use]
    pub fn applied(&self) -> i64 {
        let applied = self.steps.iter().filter(|step| step.applied_at.is_some());
        applied.map(|step| step.version).max().unwrap_or(0)
    }

    /// Steps that are still to be taken.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.steps.iter().filter(|step| step.state == SchemaState::Pending).count()
    }

    /// May this release use the database, pending steps aside?
    ///
    /// # Errors
    /// [`StoreError::SchemaNewer`], or [`StoreError::SchemaBroken`] for a step that is half done or not the one known here.
    pub fn check(&self) -> Result<(), StoreError> {
        let place = place(self.backend);
        let newest = |state| self.steps.iter().rev().find(|step| step.state == state).map(|step| step.version);
        if let Some(found) = newest(SchemaState::Unknown) {
            return Err(StoreError::SchemaNewer { place, found, known: self.known() });
        }
        if let Some(version) = newest(SchemaState::HalfDone) {
            return Err(half_done(place, version));
        }
        newest(SchemaState::Changed).map_or(Ok(()), |version| Err(changed(place, version)))
    }
}

/// What the operator has to restore or to replace, by the backend's name.
fn place(backend: &str) -> &'static str {
    if backend == SQLITE { "the data directory" } else { "the PostgreSQL database" }
}

/// What a failure of the migrator means; `map` says it for errors of the database itself.
pub(crate) fn failed(
    error: MigrateError,
    status: &SchemaStatus,
    map: impl Fn(sqlx::Error, &'static str) -> StoreError,
) -> StoreError {
    let (place, known) = (place(status.backend), status.known());
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => map(error, "changing the schema"),
        MigrateError::VersionMissing(found) => StoreError::SchemaNewer { place, found, known },
        MigrateError::Dirty(version) => half_done(place, version),
        MigrateError::VersionMismatch(version) => changed(place, version),
        other => broken(place, "its history is not readable".to_owned(), Some(other.into())),
    }
}

fn half_done(place: &'static str, version: i64) -> StoreError {
    broken(place, format!("step {version} was begun and not finished"), None)
}

fn changed(place: &'static str, version: i64) -> StoreError {
    broken(place, format!("step {version} is not the one that this release knows"), None)
}

fn broken(place: &'static str, what: String, source: Option<ErrorSource>) -> StoreError {
    StoreError::SchemaBroken { place, what, source }
}
