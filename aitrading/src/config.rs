//! The server's configuration: what `aitrading.toml` may contain, and what the services use.

use crate::{
    exit::{Exit, Failure},
    layout::Layout,
};
use aitrading_api_gateway::{GatewaySettings, RawGateway};
use aitrading_config::{Collector, Environment, Layers, Provenance, Violations};
use aitrading_env::Env;
use aitrading_logging::{LogConfig, RawLog};
use aitrading_model::TenantId;
use serde::Deserialize;
use std::{net::SocketAddr, path::Path};

/// The version of the file's format.
const VERSION: i64 = 1;
/// Variables with our prefix that are no settings.
const NOT_SETTINGS: &[&str] = &["AITRADING_SHARED_DATA", "AITRADING_EMBEDDED_ONLY"];
/// The policy id of the handshake if none is set.
const POLICY: &str = "aitrading/policy/1";

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Raw {
    version: Option<i64>,
    tenant: Option<u64>,
    policy: Option<String>,
    port_offset: u16,
    log: RawLog,
    listen: RawListen,
    gateway: RawGateway,
    data_bridge: aitrading_data_bridge::RawSettings,
    trading_engine: aitrading_trading_engine::EngineSettings,
    database_service: aitrading_database_service::Settings,
    database: aitrading_database_service::RawServers,
}

/// Where the services other than the gateway listen.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawListen {
    data_bridge: String,
    trading_engine: String,
    database_service: String,
    observer: String,
}

impl Default for RawListen {
    fn default() -> Self {
        let local = |port: u16| format!("127.0.0.1:{port}");
        Self {
            data_bridge: local(8001),
            trading_engine: local(8007),
            database_service: local(8008),
            observer: local(8010),
        }
    }
}

/// What the services use.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) tenant: TenantId,
    pub(crate) policy: String,
    pub(crate) log: LogConfig,
    pub(crate) gateway: GatewaySettings,
    pub(crate) data_bridge_listen: SocketAddr,
    pub(crate) trading_engine_listen: SocketAddr,
    pub(crate) database_service_listen: SocketAddr,
    pub(crate) observer_listen: SocketAddr,
    pub(crate) data_bridge: aitrading_data_bridge::RawSettings,
    pub(crate) trading_engine: aitrading_trading_engine::Config,
    pub(crate) database_service: aitrading_database_service::Settings,
    /// The servers that play parts of the embedded stores.
    pub(crate) databases: aitrading_database_service::Servers,
}

/// What the command line may override.
#[derive(Debug, Default, serde::Serialize)]
pub(crate) struct Flags {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) port_offset: Option<u16>,
}

/// Reads and checks everything.
pub(crate) fn load(env: &Env, file: &Path, variables: &Environment, flags: &Flags) -> Result<Config, Violations> {
    let layers = Layers::new().file(env.fs.as_ref(), file).environment(variables, NOT_SETTINGS).flags(flags);
    aitrading_config::load_with(layers, Raw::resolve)
}

/// As [`load`], with the failure of a command.
pub(crate) fn of_directory(
    env: &Env,
    layout: &Layout,
    variables: &Environment,
    flags: &Flags,
) -> Result<Config, Failure> {
    if !layout.is_initialised(env)? {
        let dir = layout.root().display();
        let text = format!("{dir} is not prepared; run `aitrading init --data-dir {dir}` first");
        return Err(Failure::new(Exit::Config, text));
    }
    load(env, &layout.config(), variables, flags).map_err(refused)
}

/// All violations, one a line.
pub(crate) fn refused(violations: Violations) -> Failure {
    Failure::new(Exit::Config, format!("the configuration is not valid\n{violations}"))
}

impl Raw {
    fn resolve(self, provenance: &Provenance) -> Result<Config, Violations> {
        let mut c = Collector::new(provenance);
        let version =
            c.required("version", self.version, "write version = 1").and_then(|v| c.within("version", v, 1..=VERSION));
        let tenant = c.required("tenant", self.tenant, "write the tenant's number, like tenant = 1");
        let log = c.absorb(self.log.resolve("log", provenance));
        let gateway = c.absorb(self.gateway.resolve("gateway", provenance));
        let offset = self.port_offset;
        let gateway = gateway.and_then(|mut g| {
            g.listen = shifted(&mut c, "gateway.listen", g.listen, offset)?;
            Some(g)
        });
        let doors = [
            ("listen.data_bridge", &self.listen.data_bridge),
            ("listen.trading_engine", &self.listen.trading_engine),
            ("listen.database_service", &self.listen.database_service),
            ("listen.observer", &self.listen.observer),
        ];
        let found = doors.map(|(key, text)| {
            let address = c.address(key, text).and_then(|address| shifted(&mut c, key, address, offset));
            (key, address)
        });
        let all = [("gateway.listen", gateway.as_ref().map(|g| g.listen))].into_iter().chain(found);
        are_apart(&mut c, &all.collect::<Vec<_>>());
        if let Some(observer) = found[3].1.filter(|address| !address.ip().is_loopback()) {
            let cause = "it can be reached from other machines";
            c.refuse("listen.observer", observer, cause, "write a loopback address");
        }
        let listen = (|| Some((found[0].1?, found[1].1?, found[2].1?, found[3].1?)))();
        let engine = match self.trading_engine.resolve() {
            Ok(engine) => Some(engine),
            Err(error) => {
                c.refuse("trading_engine", "", error.to_string(), "correct the setting that is named");
                None
            }
        };
        let database = c.section("database_service", |c| self.database_service.resolve(c));
        let servers = c.section("database", |c| self.database.resolve(c));
        let config = (|| {
            version?;
            let (data_bridge_listen, trading_engine_listen, database_service_listen, observer_listen) = listen?;
            Some(Config {
                tenant: TenantId(tenant?),
                policy: self.policy.unwrap_or_else(|| POLICY.to_owned()),
                log: log?,
                gateway: gateway?,
                data_bridge_listen,
                trading_engine_listen,
                database_service_listen,
                observer_listen,
                data_bridge: self.data_bridge,
                trading_engine: engine?,
                database_service: database?,
                databases: servers?,
            })
        })();
        c.finish(config)
    }
}

/// No two services may have one port; 0 is any that is free.
fn are_apart(c: &mut Collector<'_>, doors: &[(&'static str, Option<SocketAddr>)]) {
    for (index, (key, address)) in doors.iter().enumerate() {
        let Some(address) = address.filter(|a| a.port() != 0) else { continue };
        let clash = |other: &SocketAddr| {
            other.port() == address.port()
                && (other.ip() == address.ip() || other.ip().is_unspecified() || address.ip().is_unspecified())
        };
        let before = doors.iter().take(index).find(|(_, other)| other.as_ref().is_some_and(clash));
        if let Some((other, _)) = before {
            c.refuse(key, address, format!("`{other}` has the same address"), "give each service a port of its own");
        }
    }
}

fn shifted(c: &mut Collector<'_>, key: &str, mut address: SocketAddr, offset: u16) -> Option<SocketAddr> {
    match address.port().checked_add(offset) {
        Some(port) => {
            address.set_port(port);
            Some(address)
        }
        None => {
            c.refuse(
                key,
                address,
                format!("with port_offset {offset} its port is beyond 65535"),
                "choose a smaller offset",
            );
            None
        }
    }
}

/// The tenant in the file that `init` writes.
pub(crate) const SAMPLE_TENANT: TenantId = TenantId(1);

/// The file that `init` writes: every value that an operator is likely to change, with a comment.
pub(crate) fn sample(port_offset: u16) -> String {
    let tenant = SAMPLE_TENANT;
    format!(
        "\
# aitrading server configuration. `aitrading config check --data-dir DIR` lists every problem.
# Any value can also come from the environment: AITRADING_LOG__FILTER=debug sets [log] filter.
version = 1
tenant = {tenant}
# Added to every port below.
port_offset = {port_offset}

[log]
format = \"text\"          # or \"json\"
filter = \"info\"

[gateway]
listen = \"127.0.0.1:8000\"
# requests_per_minute = 120         # of one user, and of one device (docs/specs/api.md)

[listen]
data_bridge = \"127.0.0.1:8001\"
trading_engine = \"127.0.0.1:8007\"
database_service = \"127.0.0.1:8008\"
observer = \"127.0.0.1:8010\"        # health and metrics; loopback only

# Each part of the stores is embedded until a server is named for it (docs/databases.md), for example:
# [database.ticks.clickhouse]
# host = \"clickhouse.example.org\"
# ca_file = \"/etc/aitrading/clickhouse-ca.pem\"
# password = \"sealed:...\"            # made by `aitrading config seal database.ticks.password --data-dir DIR`

[data_bridge]
silence_ms = 60000                 # a source silent for longer has a gap
backfill_interval_ms = 1000        # how often terminals are asked for what is missing; 0: never

[database_service]
sql_seconds = 30                   # no question of `aitrading sql` takes longer
"
    )
}
