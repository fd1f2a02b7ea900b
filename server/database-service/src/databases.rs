//! The databases of a deployment: each part on its embedded store or on the server that the operator named.

use crate::{
    Database, Look, PostgresStores, SchemaStatus, Servers, Settings,
    remote::{Adapter, Remote},
    transfer::{refuse_moved, refuse_unmoved},
};
use aitrading_database_link::{BackendHealth, HealthLevel, Link, LinkError, LinkState, Role, Secrets, ServerSettings};
use aitrading_env::Env;
use aitrading_error::{Category, Coded, Dna, FaultSide, Retry};
use aitrading_hub::{Part, Status};
use aitrading_store::{ChainGraph, EventBus, PatternIndex, PlatformStores, SharedCache, StoreError, Stores};
use aitrading_store_clickhouse::{ClickHouseSettings, ClickHouseTicks};
use aitrading_store_nats::{EventLimits, NatsEvents};
use aitrading_store_redis::RedisCache;
use aitrading_store_rest::{ArangoChains, WeaviatePatterns};
use std::{
    collections::BTreeMap,
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Why the databases of a deployment are not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The embedded stores.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The settings of a named server.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// A named server that nothing can begin without.
    #[error("the {role} database at {host}:{port} cannot be used; `aitrading db health` asks every database")]
    Server {
        /// For what.
        role: Role,
        /// Where, as configured.
        host: String,
        /// Where.
        port: u16,
        /// Why.
        source: StoreError,
    },
    /// An embedded part that was moved to a server.
    #[error(
        "the {role} database was moved to {to}, and the configuration names no server for it: the copy here is old; name the \
         server again, or go back to the old copy with `aitrading migrate-store --back`"
    )]
    Moved {
        /// Which part.
        role: Role,
        /// Where to.
        to: String,
    },
    /// A directory without a database, and somebody who only looks at it.
    #[error(
        "nothing is kept in the data directory yet; start the server once, or bring something in with `aitrading import`"
    )]
    NothingKept,
    /// A directory of an earlier release, and somebody who only looks at it.
    #[error(
        "the schema of the data directory has {steps} pending steps, and a look changes nothing; make a backup, then take them \
         with `aitrading db migrate`; the next start of the server takes them too"
    )]
    NotMigrated {
        /// How many.
        steps: usize,
    },
    /// An embedded part that holds something, and an empty server for it.
    #[error(
        "the {role} database at {to} is empty, and what this directory holds was not moved there; move it with `aitrading \
         migrate-store`, or leave it behind with `aitrading migrate-store --leave-behind`"
    )]
    NotMoved {
        /// Which part.
        role: Role,
        /// The server.
        to: String,
    },
}

impl OpenError {
    pub(crate) fn server(role: Role, settings: &ServerSettings, source: StoreError) -> Self {
        Self::Server { role, host: settings.host.clone(), port: settings.port, source }
    }
}

impl Coded for OpenError {
    fn dna(&self) -> Dna {
        match self {
            Self::Store(error) => error.dna(),
            Self::Link(error) => error.dna(),
            Self::Server { source: StoreError::Unavailable { .. } | StoreError::TooSlow { .. }, .. } => {
                let dna = Dna::new("database-service", "DATABASE_UNREACHABLE", Category::Network);
                dna.side(FaultSide::Dependency).retry(Retry::Later)
            }
            Self::Server { source, .. } => source.dna(),
            Self::Moved { .. } => {
                Dna::new("database-service", "DATABASE_MOVED", Category::Config).side(FaultSide::Caller)
            }
            Self::NothingKept => {
                Dna::new("database-service", "DATABASE_NOTHING_KEPT", Category::Config).side(FaultSide::Caller)
            }
            Self::NotMigrated { .. } => {
                Dna::new("database-service", "DATABASE_NOT_MIGRATED", Category::Config).side(FaultSide::Caller)
            }
            Self::NotMoved { .. } => {
                Dna::new("database-service", "DATABASE_NOT_MOVED", Category::Config).side(FaultSide::Caller)
            }
        }
    }
}

/// Everything that keeps state. Cheap to clone.
#[derive(Clone)]
pub struct Databases {
    embedded: Database,
    stores: Stores,
    platform: PlatformStores,
    remotes: Arc<[Remote]>,
    feeds: Arc<Mutex<BTreeMap<Role, Feed>>>,
}

/// Says how long the oldest record has waited to be handed to a part.
type Feed = Arc<dyn Fn() -> Duration + Send + Sync>;

/// Adapters of named servers, as they are opened.
struct Opening<'a> {
    env: &'a Env,
    secrets: &'a Secrets,
    remotes: Vec<Remote>,
}

impl fmt::Debug for Databases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Databases").field("remotes", &self.remotes).finish_non_exhaustive()
    }
}

impl Databases {
    /// Opens the embedded stores in `dir` and connects to the named PostgreSQL server; the other servers are
    /// connected to by their first call.
    ///
    /// # Errors
    /// As [`Database::open`]; a [`LinkError`] for certificates, addresses and passwords that cannot be had.
    pub async fn open(
        env: &Env,
        settings: Settings,
        servers: &Servers,
        secrets: &Secrets,
        dir: &Path,
    ) -> Result<Self, OpenError> {
        // What is wrong with a server's settings is told before anything is opened.
        let mut opening = Opening { env, secrets, remotes: Vec::new() };
        let ticks = opening.ticks(servers)?;
        let shared = opening.cache(servers)?;
        let patterns = opening.patterns(servers)?;
        let graph = opening.graph(servers)?;
        let events = opening.events(servers)?;
        let embedded = Database::open_bare(env, settings, dir).await?;
        if let Err(moved) = refuse_moved(&embedded, servers).await {
            embedded.release().await;
            return Err(moved);
        }
        let mut stores = embedded.stores();
        let mut platform = embedded.platform();
        let rows = opening.rows(servers).await?;
        if let Err(error) = fill(&embedded, servers, rows.as_ref()).await {
            embedded.release().await;
            return Err(error);
        }
        if let Some(rows) = rows {
            stores = rows.stores().within(stores);
            platform = rows.platform().within(platform);
        }
        platform.shared = shared.unwrap_or(platform.shared);
        platform.patterns = patterns.unwrap_or(platform.patterns);
        platform.graph = graph.unwrap_or(platform.graph);
        platform.events = events.unwrap_or(platform.events);
        if let Some(ticks) = ticks {
            stores.ticks = ticks;
        }
        for (role, settings) in [(Role::Relational, &servers.relational), (Role::Ticks, &servers.ticks)] {
            let Some(settings) = settings else { continue };
            if let Err(unmoved) = refuse_unmoved(&embedded, role, &stores, settings).await {
                embedded.release().await;
                return Err(unmoved);
            }
        }
        Ok(Self { embedded, stores, platform, remotes: opening.remotes.into(), feeds: Arc::default() })
    }

    /// Asks every part how it is, for a look from outside: a directory that a running server holds is not opened, and nothing is
    /// made or changed in any other.
    ///
    /// # Errors
    /// As [`Databases::open`].
    pub async fn examine(
        env: &Env,
        settings: Settings,
        servers: &Servers,
        secrets: &Secrets,
        dir: &Path,
    ) -> Result<Vec<BackendHealth>, OpenError> {
        let mut opening = Opening { env, secrets, remotes: Vec::new() };
        let unspoken = opening.for_a_look(servers);
        let own = match Look::open(env, settings, dir).await {
            Ok(found) => embedded_parts(found).await?,
            Err(StoreError::InUse { .. }) => Role::ALL.map(held),
            Err(error) => return Err(error.into()),
        };
        futures_util::future::join_all(opening.remotes.iter().map(Remote::examine)).await;
        let servers: Vec<_> = opening.remotes.iter().map(Remote::health).chain(unspoken).collect();
        Ok(own.into_iter().map(|own| servers.iter().find(|s| s.role == own.role).cloned().unwrap_or(own)).collect())
    }

    /// Which steps of its schema each database of rows has: the embedded one first. Changes nothing.
    ///
    /// # Errors
    /// As [`Databases::open`], but a schema is reported and not judged.
    pub async fn schemas(
        env: &Env,
        servers: &Servers,
        secrets: &Secrets,
        dir: &Path,
    ) -> Result<Vec<SchemaStatus>, OpenError> {
        let mut found = vec![Database::schema_status(env, dir).await?];
        if let Some(rows) = &servers.relational {
            found.push(PostgresStores::schema_status(env, rows, secrets).await?);
        }
        Ok(found)
    }

    /// Brings the schema of each database of rows up to date, and says how it is then. A start of the server does the same.
    ///
    /// # Errors
    /// As [`Databases::open`].
    pub async fn migrate(
        env: &Env,
        servers: &Servers,
        secrets: &Secrets,
        dir: &Path,
    ) -> Result<Vec<SchemaStatus>, OpenError> {
        let mut taken = vec![Database::migrate(env, dir).await?];
        if let Some(rows) = &servers.relational {
            taken.push(PostgresStores::migrate(env, rows, secrets).await?);
        }
        Ok(taken)
    }

    /// The stores that trading needs.
    #[must_use]
    pub fn stores(&self) -> Stores {
        self.stores.clone()
    }

    /// The stores of the platform around trading.
    #[must_use]
    pub fn platform(&self) -> PlatformStores {
        self.platform.clone()
    }

    /// The embedded stores.
    #[must_use]
    pub const fn embedded(&self) -> &Database {
        &self.embedded
    }

    /// Asks the embedded stores and every named server for a sign of life, all at once.
    ///
    /// # Errors
    /// That of the embedded stores; what a server answers shows in [`Databases::backends`].
    pub async fn probe(&self) -> Result<(), StoreError> {
        let servers = self.remotes.iter().map(Remote::probe);
        let (embedded, _) = futures_util::join!(self.embedded.probe(), futures_util::future::join_all(servers));
        embedded
    }

    /// Whoever feeds a part from a journal says how long its oldest record has waited: health shows it as the part's lag.
    pub fn fed(&self, role: Role, behind: impl Fn() -> Duration + Send + Sync + 'static) {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner).insert(role, Arc::new(behind));
    }

    fn lag_ms(&self, role: Role) -> Option<u64> {
        let feed = self.feeds.lock().unwrap_or_else(PoisonError::into_inner).get(&role).cloned()?;
        Some(u64::try_from(feed().as_millis()).unwrap_or(u64::MAX))
    }

    /// How each part was at the last probe, in the order of [`Role::ALL`].
    #[must_use]
    pub fn backends(&self) -> Vec<BackendHealth> {
        let servers: Vec<_> = self.remotes.iter().map(Remote::health).collect();
        let of = |role: &Role| {
            let server = servers.iter().find(|health| health.role == *role).cloned();
            let health = server.unwrap_or_else(|| self.embedded.backend(*role));
            BackendHealth { lag_ms: self.lag_ms(*role), ..health }
        };
        Role::ALL.iter().map(of).collect()
    }

    /// Health parts, from what is known already: never waits. A part that is down degrades what depends on it; only without
    /// the relational store can nothing be decided at all.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let part = |health: BackendHealth| {
            let shown = health.part();
            let status = match (shown.level, health.role) {
                (HealthLevel::Up, _) => Status::Up,
                (HealthLevel::Down, Role::Relational) => Status::Down,
                (HealthLevel::Degraded | HealthLevel::Down, _) => Status::Degraded,
            };
            Part::new(shown.name, status, shown.detail)
        };
        self.backends().into_iter().map(part).collect()
    }

    /// Flushes and closes. The stores answer nothing afterwards.
    ///
    /// # Errors
    /// As [`Database::close`].
    pub async fn close(&self) -> Result<(), StoreError> {
        futures_util::future::join_all(self.remotes.iter().map(Remote::close)).await;
        self.embedded.close().await
    }
}

impl Opening<'_> {
    /// Opens every named server, the rows' one too, and not as the server opens it: a look changes no schema. A server that cannot
    /// even be spoken to (its password, its certificate) is told beside the others.
    fn for_a_look(&mut self, servers: &Servers) -> Vec<BackendHealth> {
        let ways = [
            (Role::Ticks, ClickHouseTicks::BACKEND, self.ticks(servers).map(drop)),
            (Role::Cache, "redis", self.cache(servers).map(drop)),
            (Role::Patterns, "weaviate", self.patterns(servers).map(drop)),
            (Role::Graph, "arangodb", self.graph(servers).map(drop)),
            (Role::Events, "nats", self.events(servers).map(drop)),
            (Role::Relational, "postgresql", self.rows_for_a_look(servers).map_err(OpenError::from)),
        ];
        let told = ways.into_iter().filter_map(|(role, backend, way)| Some((role, backend, way.err()?)));
        let down = told.map(|(role, backend, error)| {
            let note = Some(format!("{} [{}]", aitrading_error::chain(&error), error.dna().code));
            BackendHealth { state: LinkState::Down, note, ..BackendHealth::embedded(role, backend) }
        });
        down.collect()
    }

    fn rows_for_a_look(&mut self, servers: &Servers) -> Result<(), LinkError> {
        let Some(settings) = &servers.relational else { return Ok(()) };
        let rows = PostgresStores::prepare(self.env, settings, self.secrets)?;
        self.remotes.push(Remote::new(Adapter::Postgres(Box::new(rows))));
        Ok(())
    }

    fn link(&self, role: Role, backend: &'static str, settings: &ServerSettings) -> Result<Link, LinkError> {
        Link::open(self.env, role, backend, settings, self.secrets)
    }

    /// Connects: nothing can be decided without rows, and a schema that does not fit is better told now.
    async fn rows(&mut self, servers: &Servers) -> Result<Option<PostgresStores>, OpenError> {
        let Some(settings) = &servers.relational else { return Ok(None) };
        let rows = PostgresStores::open(self.env, settings, self.secrets)
            .await
            .map_err(|source| OpenError::server(Role::Relational, settings, source))?;
        self.remotes.push(Remote::new(Adapter::Postgres(Box::new(rows.clone()))));
        Ok(Some(rows))
    }

    fn ticks(&mut self, servers: &Servers) -> Result<Option<Arc<ClickHouseTicks>>, OpenError> {
        let Some(settings) = &servers.ticks else { return Ok(None) };
        let link = self.link(Role::Ticks, ClickHouseTicks::BACKEND, settings)?;
        let Servers { retention_days, bars_retention_days, .. } = *servers;
        let kept = ClickHouseSettings { retention_days, bars_retention_days };
        let ticks = Arc::new(ClickHouseTicks::new(self.env, link, kept));
        self.remotes.push(Remote::new(Adapter::ClickHouse(Arc::clone(&ticks))));
        Ok(Some(ticks))
    }

    fn cache(&mut self, servers: &Servers) -> Result<Option<Arc<dyn SharedCache>>, OpenError> {
        let Some(settings) = &servers.cache else { return Ok(None) };
        let cache = Arc::new(RedisCache::open(self.env, settings, self.secrets)?);
        self.remotes.push(Remote::new(Adapter::Redis(Arc::clone(&cache))));
        Ok(Some(cache))
    }

    fn patterns(&mut self, servers: &Servers) -> Result<Option<Arc<dyn PatternIndex>>, OpenError> {
        let Some(settings) = &servers.patterns else { return Ok(None) };
        let link = self.link(Role::Patterns, "weaviate", settings)?;
        let patterns = Arc::new(WeaviatePatterns::open(link)?);
        self.remotes.push(Remote::new(Adapter::Weaviate(Arc::clone(&patterns))));
        Ok(Some(patterns))
    }

    fn graph(&mut self, servers: &Servers) -> Result<Option<Arc<dyn ChainGraph>>, OpenError> {
        let Some(settings) = &servers.graph else { return Ok(None) };
        let link = self.link(Role::Graph, "arangodb", settings)?;
        let chains = Arc::new(ArangoChains::open(self.env, link)?);
        self.remotes.push(Remote::new(Adapter::Arango(Arc::clone(&chains))));
        Ok(Some(chains))
    }

    fn events(&mut self, servers: &Servers) -> Result<Option<Arc<dyn EventBus>>, OpenError> {
        let Some(settings) = &servers.events else { return Ok(None) };
        let events = NatsEvents::open(self.env, settings, self.secrets, EventLimits::default())?;
        let events = Arc::new(events);
        self.remotes.push(Remote::new(Adapter::Nats(Arc::clone(&events))));
        Ok(Some(events))
    }
}

/// Reads what the embedded graph and index know at the start from where their rows are.
async fn fill(embedded: &Database, servers: &Servers, rows: Option<&PostgresStores>) -> Result<(), OpenError> {
    embedded.fill(servers.graph.is_none() && rows.is_none(), servers.patterns.is_none()).await?;
    if let (Some(settings), Some(rows), None) = (&servers.relational, rows, &servers.graph) {
        let graph = embedded.graph();
        let filled = rows.shapes(&|tenant, shape| graph.take(tenant, shape)).await;
        filled.map_err(|source| OpenError::server(Role::Relational, settings, source))?;
    }
    if let Some(why) = embedded.graph().crowded() {
        tracing::warn!(why, "the graph of chains answers nothing");
    }
    if let Some(server) = &servers.patterns {
        let left = embedded.patterns().rows().await?;
        if left > 0 {
            let (host, port) = (&server.host, server.port);
            tracing::warn!(left, host, port, "patterns of this directory are not on the server, and are not asked");
        }
    }
    Ok(())
}

/// How the parts in a directory are that nobody else has.
async fn embedded_parts(found: Option<Look>) -> Result<[BackendHealth; Role::ALL.len()], StoreError> {
    let Some(look) = found else {
        let new = |role| BackendHealth {
            note: Some("nothing is kept here yet; the first start begins it".to_owned()),
            ..BackendHealth::embedded(role, Database::backend_name(role))
        };
        return Ok(Role::ALL.map(new));
    };
    look.probe().await?;
    let parts = Role::ALL.map(|role| look.backend(role));
    look.close().await;
    Ok(parts)
}

/// The backend of an embedded part whose directory a running server holds: nothing is known of it from outside.
pub const HELD: &str = "embedded";

fn held(role: Role) -> BackendHealth {
    let note = Some("held by a running server; ask it with `aitrading health`".to_owned());
    BackendHealth { state: LinkState::Unknown, note, ..BackendHealth::embedded(role, HELD) }
}
