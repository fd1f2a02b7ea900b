//! The stores of rows on a PostgreSQL server: opening, health, closing.

use super::{
    db::{Db, Doing},
    dial::{ask, dial},
    pool::Pool,
    relational, rights, schema,
};
use crate::{PlatformRows, RelationalStores, SchemaStatus, meters};
use aitrading_database_link::{BackendHealth, Link, LinkError, Role, Secrets, ServerSettings};
use aitrading_env::Env;
use aitrading_model::TenantId;
use aitrading_store::{ChainShape, StoreError};
use sqlx::PgConnection;
use std::{sync::Arc, time::Duration};

const BACKEND: &str = "postgresql";
const OPENING: &str = "opening the database server";
const PROBING: &str = "probing the database server";
/// How long the server works on one statement of a move: a table may be large.
const MOVE_LIMIT: Duration = Duration::from_mins(30);

/// The stores of rows on a PostgreSQL server, 14 or later. Cheap to clone.
///
/// A transaction begins within the settings' deadline, and so ends each of its statements. Beginning is repeated when the
/// server was not there; a commit is sent once, and [`StoreError::TooSlow`] says that its answer was lost.
#[derive(Clone, Debug)]
pub struct PostgresStores {
    pool: Arc<Pool>,
    stores: RelationalStores,
    platform: PlatformRows,
}

impl PostgresStores {
    /// Connects, brings the schema up to date, and opens as many connections as are always kept.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with what the link or the driver says, [`StoreError::Unauthorised`],
    /// [`StoreError::VersionTooOld`], [`StoreError::SchemaNewer`], [`StoreError::SchemaBroken`], and [`StoreError::ReadOnly`] for a
    /// server that takes no writes.
    pub async fn open(env: &Env, settings: &ServerSettings, secrets: &Secrets) -> Result<Self, StoreError> {
        meters::describe();
        let link = link(env, settings, secrets)?;
        schema::migrate(env, &link).await?;
        let opened = Self::of(env, link);
        let pool = &opened.pool;
        pool.warm_up().await?;
        if pool.facts().is_some_and(|facts| facts.read_only) {
            let source = "it is a standby, or read-only by its settings".into();
            return Err(StoreError::ReadOnly { doing: OPENING, source });
        }
        Ok(opened)
    }

    /// For a look at the server that changes nothing there: connects when it is first asked.
    ///
    /// # Errors
    /// As [`Link::open`].
    pub(crate) fn prepare(env: &Env, settings: &ServerSettings, secrets: &Secrets) -> Result<Self, LinkError> {
        Ok(Self::of(env, Link::open(env, Role::Relational, BACKEND, settings, secrets)?))
    }

    fn of(env: &Env, link: Link) -> Self {
        let pool = Arc::new(Pool::new(env, link));
        let db = Db::new(&pool);
        let (stores, platform) = (relational::stores(&db), relational::platform(&db));
        Self { pool, stores, platform }
    }

    /// Brings the schema up to date, and opens nothing else. [`PostgresStores::open`] does the same.
    ///
    /// # Errors
    /// As [`PostgresStores::open`].
    pub async fn migrate(env: &Env, settings: &ServerSettings, secrets: &Secrets) -> Result<SchemaStatus, StoreError> {
        schema::migrate(env, &link(env, settings, secrets)?).await
    }

    /// Which steps of the schema the server has. Changes nothing.
    ///
    /// # Errors
    /// As [`PostgresStores::open`], but a schema is reported and not judged.
    pub async fn schema_status(
        env: &Env,
        settings: &ServerSettings,
        secrets: &Secrets,
    ) -> Result<SchemaStatus, StoreError> {
        schema::status(env, &link(env, settings, secrets)?).await
    }

    /// The stores behind their ports.
    #[must_use]
    pub fn stores(&self) -> RelationalStores {
        self.stores.clone()
    }

    /// Those of the platform behind their ports.
    #[must_use]
    pub fn platform(&self) -> PlatformRows {
        self.platform.clone()
    }

    /// Hands over the shape of every chain of every tenant.
    pub(crate) async fn shapes(
        &self,
        take: &(dyn Fn(TenantId, ChainShape) -> Result<(), StoreError> + Send + Sync),
    ) -> Result<(), StoreError> {
        relational::chains::shapes(&Db::new(&self.pool), take).await
    }

    /// How the server was at the last calls: never waits.
    #[must_use]
    pub fn health(&self) -> BackendHealth {
        self.pool.health()
    }

    /// Asks the server who it is, whether it takes writes, and whether our tables are ours to use.
    ///
    /// # Errors
    /// If it does not answer, no longer lets us in, or keeps us from our tables.
    pub async fn probe(&self) -> Result<BackendHealth, StoreError> {
        let mut tx = Db::new(&self.pool).read(PROBING).await?;
        let (facts, _) = ask(&mut *tx).await.doing(PROBING)?;
        self.pool.learn(facts);
        rights::check(&mut tx).await?;
        Ok(self.health())
    }

    /// As [`PostgresStores::probe`], for a look from outside: a schema with which this release could not start is told too. One
    /// that runs goes on beside a newer schema (migrations/README.md), so a probe does not ask.
    ///
    /// # Errors
    /// As [`PostgresStores::probe`] and [`PostgresStores::open`].
    pub(crate) async fn examine(&self) -> Result<BackendHealth, StoreError> {
        let health = self.probe().await?;
        let schema = schema::status(self.pool.env(), self.pool.link()).await?;
        schema.check()?;
        if schema.pending() > 0 {
            let mut tx = Db::new(&self.pool).read(PROBING).await?;
            rights::check_change(&mut tx).await?;
        }
        Ok(health)
    }

    /// Closes. The stores answer nothing afterwards; what is under way ends first.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// A connection outside of any pool, for a move of whole tables.
///
/// # Errors
/// As [`PostgresStores::open`].
pub(crate) async fn long_connection(
    env: &Env,
    settings: &ServerSettings,
    secrets: &Secrets,
) -> Result<PgConnection, StoreError> {
    let fresh = dial(env, &link(env, settings, secrets)?, MOVE_LIMIT).await?;
    if fresh.facts.read_only {
        let source = "it is a standby, or read-only by its settings".into();
        return Err(StoreError::ReadOnly { doing: OPENING, source });
    }
    Ok(fresh.raw)
}

fn link(env: &Env, settings: &ServerSettings, secrets: &Secrets) -> Result<Link, StoreError> {
    let link = Link::open(env, Role::Relational, BACKEND, settings, secrets);
    link.map_err(|error| error.unavailable(OPENING))
}
