//! The four services in one process: opened from one data directory, wired through the interfaces of `wire` and `store`, started
//! and drained by the hub.

use crate::{
    config::Config,
    exit::{Exit, Failure},
    layout::Layout,
    rewritten::Rewritten,
    vault::{Vault, identity::IdentityKeys, sealed::Sealed},
};
use aitrading_api_gateway::{ApiParts, Gateway};
use aitrading_audit::{AuditLog, CheckpointKey, Entry, EventKind, Field, Level};
use aitrading_channel::{Limits as ChannelLimits, ServerSettings as ChannelSettings, tls};
use aitrading_config::Environment;
use aitrading_data_bridge::{Bridge, BridgeError, Keys, Ports, Seats};
use aitrading_database_link::{Role, Secrets, ServerSettings};
use aitrading_database_service::{DEPLOYMENT, Databases};
use aitrading_env::{BoxFuture, Env, FileLock, RngExt};
use aitrading_error::{Fault, chain};
use aitrading_http::{Door, DoorConfig, Handler, Limits, Metrics, Observability, Probe, Tls};
use aitrading_hub::{Component, Handover, Health, Hub, HubConfig, Part, Running};
use aitrading_model::DeviceId;
use aitrading_security::{NoiseKeyPair, SanAuthenticator, token::TokenGate};
use aitrading_store::{StoreError, Stores};
use aitrading_trading_engine::{AuditCopy, AuditParts, EngineKeys, Parts, Pseudonyms, TradingEngine};
use aitrading_wire::services::CheckpointSource;
use std::{net::SocketAddr, sync::Arc};

const BRIDGE: &str = "data-bridge";
const ENGINE: &str = "trading-engine";
const DATABASE: &str = aitrading_database_service::NAME;
/// `iss` of the tokens of this deployment.
const TOKEN_ISSUER: &str = "aitrading";

/// The running server.
pub(crate) struct Server {
    pub(crate) running: Running,
    pub(crate) health: Health,
    pub(crate) bridge: Bridge,
    pub(crate) engine: TradingEngine,
    pub(crate) databases: Databases,
    /// Held until everything is closed.
    _lock: Box<dyn FileLock>,
}

/// Opens everything and starts the services. The directory is locked for this process.
pub(crate) async fn start(
    env: &Env,
    layout: &Layout,
    variables: &Environment,
    config: Config,
) -> Result<Server, Failure> {
    layout.create(env)?;
    let lock = layout.lock(env)?;
    let vault = Vault::open(env, &layout.keys())?;
    vault.check_dates(env)?;
    vault.look_for_spare(env, &layout.keys())?;
    let databases = databases(env, layout, variables, &config).await?;
    set_leftovers_aside(&databases).await;
    let stores = databases.stores();
    let engine = engine(env, layout, &config, &vault, &stores).await?;
    let seats = Seats::new();
    if engine.set_delivery(Arc::clone(&seats) as _).is_err() {
        return Err(Failure::new(Exit::Internal, "the engine has a delivery already"));
    }
    let ports = Ports {
        ticks: Arc::clone(&stores.ticks),
        devices: Arc::clone(&stores.devices),
        feed: Arc::new(engine.clone()),
        reports: Arc::new(engine.clone()),
        audit: Arc::new(engine.clone()),
        subscriptions: Arc::clone(&stores.subscriptions),
        checkpoints: Arc::new(Checkpoints(engine.audit().clone())),
    };
    let settings = aitrading_data_bridge::Settings::resolve(&config.data_bridge, layout.tick_journal())?;
    let channel = ChannelSettings {
        noise_static: NoiseKeyPair::from_secret(**vault.noise.secret()),
        policy_id: config.policy.clone().into_bytes(),
        limits: ChannelLimits::default(),
    };
    let bridge_keys = Keys { channel, authenticator: Arc::new(SanAuthenticator) };
    let bridge = Bridge::open(env, settings, ports, bridge_keys, seats).await;
    let bridge = bridge.map_err(|error| unopened(&error, config.databases.ticks.as_ref()))?;
    let (rows, ticks) = (engine.clone(), bridge.clone());
    databases.fed(Role::Relational, move || rows.store_behind());
    databases.fed(Role::Ticks, move || ticks.store_behind());
    let parts = AuditParts { log: engine.audit().clone(), fs: Arc::clone(&env.fs), dir: layout.audit() };
    let copy = AuditCopy::start(env, parts, databases.platform().audit)?;
    let hub = Hub::new();
    let health = hub.health();
    let doors = Doors::new(env, &vault, &health)?;
    let api = api(env, layout, &engine, &databases).await?;
    let components = components(env, &config, &doors, (&engine, copy), &bridge, (&databases, api));
    let running = hub.launch(env, HubConfig::default(), components).map_err(|e| Failure::coded(&e))?;
    running.ready().await.map_err(|e| Failure::coded(&e))?;
    Ok(Server { running, health, bridge, engine, databases, _lock: lock })
}

/// Before anybody stores a tick. A leftover that stays costs space, and is in nobody's way.
async fn set_leftovers_aside(databases: &Databases) {
    match databases.embedded().set_leftovers_aside().await {
        Ok(0) => {}
        Ok(files) => tracing::warn!(files, "tick files that nobody lists were moved to store/set-aside"),
        Err(error) => tracing::warn!(error = %chain(&error), "tick files that nobody lists stay where they are"),
    }
}

/// The bridge knows no servers: one that does not tell where its ticks stand is named here. It gets here only where the bridge
/// cannot do without knowing.
fn unopened(error: &BridgeError, ticks: Option<&ServerSettings>) -> Failure {
    let failure = Failure::coded(error);
    let (BridgeError::Store(store), Some(ticks)) = (error, ticks) else { return failure };
    let away = matches!(**store, StoreError::Unavailable { .. } | StoreError::TooSlow { .. });
    let exit = if away { Exit::Unavailable as u8 } else { failure.exit };
    let (host, port, why) = (&ticks.host, ticks.port, failure.message);
    let once = if away { ", and this directory has to start once with it before it can start without" } else { "" };
    let message = format!(
        "the ticks database at {host}:{port} cannot be used{once}; `aitrading db health` asks every database: {why}"
    );
    Failure { exit, message }
}

/// What passwords of databases are fetched with.
pub(crate) fn secrets(env: &Env, layout: &Layout, variables: &Environment) -> Result<Secrets, Failure> {
    let unseal = Arc::new(Sealed::open(env, &layout.keys())?);
    let written = Arc::new(Rewritten::new(env, layout, variables));
    Ok(Secrets { variables: Arc::new(variables.clone()), unseal, written })
}

/// The stores of the directory and the servers that the configuration names.
pub(crate) async fn databases(
    env: &Env,
    layout: &Layout,
    variables: &Environment,
    config: &Config,
) -> Result<Databases, Failure> {
    let secrets = secrets(env, layout, variables)?;
    let opened = Databases::open(env, config.database_service, &config.databases, &secrets, &layout.store()).await;
    opened.map_err(Failure::from)
}

/// The audit log as the bridge's clients see it.
struct Checkpoints(AuditLog);

impl CheckpointSource for Checkpoints {
    fn newest(&self) -> Option<String> {
        self.0.checkpoint().map(|checkpoint| checkpoint.note().to_owned())
    }
}

/// The engine over its journal and the audit log.
async fn engine(
    env: &Env,
    layout: &Layout,
    config: &Config,
    vault: &Vault,
    stores: &Stores,
) -> Result<TradingEngine, Failure> {
    let origin = origin(env, stores).await?;
    let signer = CheckpointKey::from_seed(&vault.checkpoints.seed());
    let (audit, recovery) =
        AuditLog::open(env, &layout.audit(), signer, &origin, aitrading_audit::Settings::default())?;
    tracing::info!(?recovery, "audit log open");
    let parts = Parts {
        env: env.clone(),
        dir: layout.engine(),
        config: config.trading_engine.clone(),
        keys: EngineKeys {
            signal: vault.signals.clone(),
            next: Some(vault.next_signals.verifying_key().to_bytes()),
            pseudonyms: Pseudonyms::new(vault.pseudonyms),
        },
        audit: AuditParts { log: audit.clone(), fs: Arc::clone(&env.fs), dir: layout.audit() },
        signals: Arc::clone(&stores.signals),
        subscriptions: Arc::clone(&stores.subscriptions),
        ticks: Arc::clone(&stores.ticks),
    };
    let (engine, recovered) = TradingEngine::open(parts).await?;
    tracing::info!(?recovered, "engine journal open");
    let started =
        Entry::new(Level::Info, EventKind::SystemStarted).with(Field::Version(env!("CARGO_PKG_VERSION").into()));
    audit.append(started).await?;
    Ok(engine)
}

/// The audit log's name: the deployment's id, drawn once and kept.
async fn origin(env: &Env, stores: &Stores) -> Result<String, Failure> {
    let fresh = DeviceId(env.rng.bytes()).to_string();
    let kept = stores.meta.put_if_absent(DEPLOYMENT, fresh.as_bytes()).await?;
    Ok(format!("{}/audit/critical", String::from_utf8_lossy(&kept)))
}

/// What all doors share.
struct Doors {
    env: Env,
    /// Asks for a client certificate and lives without.
    open: Tls,
    /// Wants a client certificate.
    mutual: Tls,
    observability: Observability,
}

impl Doors {
    fn new(env: &Env, vault: &Vault, health: &Health) -> Result<Self, Failure> {
        let authority = vault.authority.certificate()?;
        let tls = |required| tls::server_config(env, vault.server.chain(), vault.server.key(), &authority, required);
        let asked = health.clone();
        let probe = Probe::new(move |service| asked.report(service));
        Ok(Self {
            env: env.clone(),
            open: tls(false)?,
            mutual: tls(true)?,
            observability: Observability::new(probe, Metrics::install()?),
        })
    }

    fn mutual(&self, name: &'static str, addr: SocketAddr) -> DoorConfig {
        // Many clients may share one address, behind a router or on one machine.
        let limits = Limits { connections_per_address: 1_024, ..Limits::default() };
        DoorConfig { name, addr, tls: Some(Arc::clone(&self.mutual)), limits }
    }

    /// A service behind its door. `close` ends the service once the door takes no more.
    fn component(
        &self,
        name: &'static str,
        addr: SocketAddr,
        handler: Arc<dyn Handler>,
        parts: impl Fn() -> Vec<Part> + Send + Sync + 'static,
        close: impl FnOnce() -> BoxFuture<'static, Result<(), Fault>> + Send + 'static,
    ) -> Component {
        let (env, config) = (self.env.clone(), self.mutual(name, addr));
        Component::new(name, move |ready, shutdown| async move {
            let door = Door::bind(&env, config).await.map_err(Fault::new)?;
            ready.up_with(parts);
            let begun = shutdown.begun();
            // Sessions outlive the door's drain: the service ends them while the door waits.
            let serving = door.run(handler, Box::pin(shutdown.begun()));
            let closing = async {
                begun.await;
                close().await
            };
            let ((), closed) = tokio::join!(serving, closing);
            closed
        })
    }
}

/// What the gateway's interface works with.
async fn api(env: &Env, layout: &Layout, engine: &TradingEngine, databases: &Databases) -> Result<ApiParts, Failure> {
    let stores = databases.stores();
    let identity = IdentityKeys::open(env, &layout.keys(), &*stores.meta).await?;
    let tokens = TokenGate::new(TOKEN_ISSUER, identity.tokens.public()).map_err(|e| Failure::coded(&e))?;
    Ok(ApiParts {
        env: env.clone(),
        stores,
        platform: databases.platform(),
        changes: Arc::new(engine.clone()),
        tokens: Arc::new(tokens),
        authenticator: Arc::new(SanAuthenticator),
    })
}

fn components(
    env: &Env,
    config: &Config,
    doors: &Doors,
    (engine, copy): (&TradingEngine, AuditCopy),
    bridge: &Bridge,
    (databases, api): (&Databases, ApiParts),
) -> Vec<Component> {
    let door = doors.mutual(DATABASE, config.database_service_listen);
    // No store keeps logs yet: the table `logs` is empty.
    let (embedded, logs) = (databases.embedded(), Some(databases.platform().logs));
    let elsewhere = config.databases.ticks.is_some();
    let sql = if elsewhere { embedded.sql_without_ticks(logs) } else { embedded.sql(logs) };
    let observability = &doors.observability;
    let store = aitrading_database_service::component(env.clone(), databases.clone(), sql, door, observability);
    let (shown, closed, shown_copy) = (engine.clone(), engine.clone(), copy.clone());
    let decide = doors
        .component(
            ENGINE,
            config.trading_engine_listen,
            Arc::new(doors.observability.of(ENGINE)),
            move || shown.health().into_iter().chain([shown_copy.part()]).collect(),
            move || {
                Box::pin(async move {
                    closed.shutdown().await;
                    let ended = Entry::new(Level::Info, EventKind::SystemStopped).with(Field::Code("DRAINED".into()));
                    let told = closed.audit().append(ended).await.map(drop);
                    let whole = closed.audit().shutdown().await;
                    copy.finish().await;
                    told.and(whole).map_err(Fault::new)
                })
            },
        )
        .needs(&[DATABASE]);
    let (shown, closed) = (bridge.clone(), bridge.clone());
    let handler = bridge.handler(Arc::new(doors.observability.of(BRIDGE)));
    let ingest = doors
        .component(
            BRIDGE,
            config.data_bridge_listen,
            handler,
            move || shown.parts(),
            move || Box::pin(async move { closed.shutdown().await.map_err(Fault::new) }),
        )
        .needs(&[ENGINE, DATABASE]);
    let gateway = Gateway {
        env: env.clone(),
        settings: config.gateway.clone(),
        tls: Some(Arc::clone(&doors.open)),
        observability: doors.observability.clone(),
        api,
        address: Handover::new("gateway address"),
    };
    let watch = Handover::new("observer address");
    let observer =
        aitrading_api_gateway::observer(env.clone(), config.observer_listen, doors.observability.clone(), watch);
    vec![store, decide, ingest, gateway.component(), observer]
}
