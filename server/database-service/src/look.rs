//! A directory that is looked at: nothing in it is made or changed, its schema neither.

use crate::{Database, OpenError, SchemaStatus, Settings};
use aitrading_database_link::{BackendHealth, Role};
use aitrading_env::Env;
use aitrading_sql_engine::SqlEngine;
use aitrading_store::{StoreError, TickStore};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// What is kept in a directory, for those who only look at it. The directory is locked until [`Look::close`], or until this is
/// gone.
#[derive(Debug)]
pub struct Look {
    /// Whatever would write is refused by SQLite itself: every connection only reads.
    kept: Database,
    schema: SchemaStatus,
}

impl Look {
    /// Opens what lies in `dir`; `None` if nothing is kept there yet. A schema of an earlier release stays as it is: backups and
    /// health are for those who have not changed it yet.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::SchemaNewer`], [`StoreError::CatalogueLost`], [`StoreError::Corrupt`], or what the
    /// medium says.
    pub async fn open(env: &Env, settings: Settings, dir: &Path) -> Result<Option<Self>, StoreError> {
        let found = Database::open_to_look(env, settings, dir).await?;
        Ok(found.map(|(kept, schema)| Self { kept, schema }))
    }

    /// The steps of the directory's schema.
    #[must_use]
    pub const fn schema(&self) -> &SchemaStatus {
        &self.schema
    }

    /// Refuses a schema of an earlier release.
    ///
    /// # Errors
    /// [`OpenError::NotMigrated`].
    pub fn check_current(&self) -> Result<(), OpenError> {
        match self.schema.pending() {
            0 => Ok(()),
            steps => Err(OpenError::NotMigrated { steps }),
        }
    }

    /// As [`Database::sql`].
    #[must_use]
    pub fn sql(&self) -> SqlEngine {
        self.kept.sql(None)
    }

    /// As [`Database::sql_without_ticks`].
    #[must_use]
    pub fn sql_without_ticks(&self) -> SqlEngine {
        self.kept.sql_without_ticks(None)
    }

    /// The ticks, to be read.
    #[must_use]
    pub fn ticks(&self) -> Arc<dyn TickStore> {
        self.kept.stores().ticks
    }

    /// As [`Database::tick_files`].
    ///
    /// # Errors
    /// As the medium says.
    pub async fn tick_files(&self) -> Result<Vec<PathBuf>, StoreError> {
        self.kept.tick_files().await
    }

    /// Writes a consistent copy of the database to `file`, which must not exist, with the schema that it has. Tick files are not
    /// in it: [`Self::tick_files`] names those that belong to it.
    ///
    /// # Errors
    /// As the medium says; what is in `file` then is void.
    pub async fn copy_to(&self, file: &Path) -> Result<(), StoreError> {
        self.kept.rows().copy_to(file).await
    }

    /// As [`Database::probe`].
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.kept.probe().await
    }

    /// As [`Database::backend`]; of rows also how many steps their schema lacks.
    #[must_use]
    pub fn backend(&self, role: Role) -> BackendHealth {
        let health = self.kept.backend(role);
        let steps = self.schema.pending();
        if role != Role::Relational || steps == 0 {
            return health;
        }
        let note = format!(
            "{steps} pending steps of its schema: `aitrading db migrate` takes them, and so does the next start"
        );
        BackendHealth { note: Some(note), ..health }
    }

    /// Leaves everything as it is.
    pub async fn close(self) {
        self.kept.release().await;
    }
}
