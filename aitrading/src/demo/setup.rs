//! Everything before the first tick: directory, keys, clients' directories, entitlements.

use super::children::Client;
use crate::{
    cli::{self, Speed},
    commands::init,
    compose,
    config::{self, Config, Flags},
    enrol,
    exit::{Exit, Failure},
    layout::Layout,
    print,
    vault::Vault,
};
use aitrading_config::Environment;
use aitrading_env::{Env, RngExt};
use aitrading_logging::LogConfig;
use aitrading_metatrader_connector::{specs, ticks};
use aitrading_model::{AccountId, DeviceId, Symbol};
use std::{
    ffi::OsString,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

/// Login of the first demo account; the others follow.
const FIRST_ACCOUNT: u64 = 70_001;
/// The symbol if none is named.
const SYMBOL: &str = "EURUSD";

/// The prepared stage.
pub(super) struct Stage {
    pub(super) layout: Layout,
    pub(super) log: LogConfig,
    pub(super) symbol: Symbol,
    pub(super) terminals: u16,
    pub(super) subscribers: u16,
    pub(super) ports: String,
    pub(super) variables: Environment,
    flags: Flags,
    env: Env,
    lock_step: bool,
    /// Removed with everything in it when the stage goes.
    temporary: Option<PathBuf>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(dir) = &self.temporary {
            // What cannot be removed stays in the system's temporary directory.
            std::fs::remove_dir_all(dir).unwrap_or(());
        }
    }
}

impl Stage {
    /// The configuration, read anew each time it is needed.
    pub(super) fn config(&self) -> Result<Config, Failure> {
        let mut config = config::of_directory(&self.env, &self.layout, &self.variables, &self.flags)?;
        config.data_bridge.lock_step = self.lock_step;
        Ok(config)
    }

    fn client_dir(&self, index: u16) -> PathBuf {
        self.layout.clients().join(format!("terminal-{}", index.saturating_add(1)))
    }

    /// Where a client keeps its ledger and its latencies.
    pub(super) fn client_data(&self, index: u16) -> PathBuf {
        self.client_dir(index).join("data")
    }

    /// Starts all clients.
    pub(super) fn start_clients(&self, env: &Env, args: &cli::Demo) -> Result<Vec<Client>, Failure> {
        let executable = std::env::current_exe()
            .map_err(|e| Failure::new(Exit::Internal, format!("cannot find this executable: {e}")))?;
        (0..self.terminals).map(|index| self.start_client(env, args, &executable, index)).collect()
    }

    fn start_client(&self, env: &Env, args: &cli::Demo, executable: &Path, index: u16) -> Result<Client, Failure> {
        let dir = self.client_dir(index);
        let log = dir.join("client.log");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log);
        let file = file.map_err(|e| Failure::io("cannot write", &log, &e))?;
        let mut arguments: Vec<OsString> = vec!["simulate".into(), "--config".into(), dir.join("settings.toml").into()];
        let mut add = |name: &str, value: OsString| arguments.extend([name.into(), value]);
        add("--symbol", self.symbol.as_str().into());
        let speed = match args.speed {
            Speed::Max => "max".to_owned(),
            Speed::Times(n) => n.to_string(),
        };
        add("--speed", speed.into());
        add("--seed", args.seed.saturating_add(u64::from(index)).to_string().into());
        match &args.ticks {
            Some(file) => {
                add("--ticks", file.into());
                if let Some(format) = &args.format {
                    add("--format", format.into());
                }
            }
            None => arguments.push("--synthetic".into()),
        }
        if !args.faults.is_empty() {
            arguments.extend(["--faults".into(), args.faults.clone().into()]);
        }
        arguments.extend(["--json-status".into(), "--stdin-control".into()]);
        let name = format!("terminal-{}", index.saturating_add(1));
        Client::start(env.spawn.as_ref(), name, executable, &arguments, file)
    }
}

/// Checks the input, prepares what is missing, and registers the clients.
pub(super) async fn prepare(
    env: &Env,
    out: &mut dyn Write,
    variables: &Environment,
    args: &cli::Demo,
) -> Result<Stage, Failure> {
    let name = args.symbol.clone().unwrap_or_else(|| symbol_of(args.ticks.as_deref()));
    let symbol = known_symbol(&name)?;
    let origin =
        Origin { synthetic: args.ticks.is_none(), seed: args.seed, symbol, first: check_ticks(env, out, args)? };
    let (root, temporary) = match &args.data_dir {
        Some(dir) => (std::path::absolute(dir).map_err(|e| Failure::io("cannot resolve", dir, &e))?, None),
        None => {
            let unique = DeviceId(env.rng.bytes());
            let dir = std::env::temp_dir().join(format!("aitrading-demo-{unique}"));
            (dir.clone(), Some(dir))
        }
    };
    let layout = Layout::new(&root);
    layout.create(env)?;
    let wished = args.terminals.max(args.subscribers.unwrap_or(0));
    // A directory's terminals stay: what they sent is part of what the report counts.
    let terminals = wished.max(existing_terminals(env, &layout)?);
    let subscribers = args.subscribers.unwrap_or(terminals);
    let log = LogConfig { filter: "warn".into(), ..LogConfig::default() };
    let mut stage = Stage {
        layout,
        log,
        symbol,
        terminals,
        subscribers,
        ports: String::new(),
        variables: replaying(variables),
        flags: Flags { port_offset: Some(args.port_offset) },
        env: env.clone(),
        lock_step: args.speed == Speed::Max,
        temporary,
    };
    let lock = stage.layout.lock(env)?;
    origin.check(env, &stage.layout)?;
    if !stage.layout.is_initialised(env)? {
        drop(init::prepare(env, &stage.layout, 0)?);
    }
    print(out, format_args!("directory   {}", stage.layout.root().display()))?;
    let config = stage.config()?;
    let listening = [
        config.gateway.listen,
        config.data_bridge_listen,
        config.trading_engine_listen,
        config.database_service_listen,
        config.observer_listen,
    ];
    stage.ports = listening.map(|a| a.port().to_string()).join(", ");
    enrol_clients(&stage, &config).await?;
    drop(lock);
    Ok(stage)
}

/// The demo's market is history, told at any speed: the engine must not take it for a feed that is behind.
fn replaying(variables: &Environment) -> Environment {
    let mut variables = variables.clone();
    variables.entry("AITRADING_TRADING_ENGINE__REPLAYED_FEEDS".into()).or_insert_with(|| "true".into());
    variables
}

/// The tick file's symbol, if its name begins with one that is known.
fn symbol_of(ticks: Option<&Path>) -> String {
    let stem = ticks.and_then(Path::file_stem).map(|s| s.to_string_lossy().to_ascii_uppercase()).unwrap_or_default();
    let known = specs::shipped().unwrap_or_default().into_iter().map(|row| row.spec.symbol.to_string());
    known.into_iter().find(|name| stem.contains(name.as_str())).unwrap_or_else(|| SYMBOL.to_owned())
}

fn known_symbol(name: &str) -> Result<Symbol, Failure> {
    let symbol: Option<Symbol> = name.parse().ok();
    if let Some(symbol) = symbol.filter(|s| specs::find(*s).is_some()) {
        return Ok(symbol);
    }
    let shipped = specs::shipped().unwrap_or_default();
    let known: Vec<_> = shipped.iter().map(|row| row.spec.symbol.to_string()).collect();
    let text = format!("there is no specification for the symbol '{name}'; known are {}", known.join(", "));
    Err(Failure::new(Exit::Usage, text))
}

/// Reads the tick file once, so that a bad line is told before anything is started.
fn check_ticks(env: &Env, out: &mut dyn Write, args: &cli::Demo) -> Result<String, Failure> {
    let Some(path) = &args.ticks else {
        print(out, format_args!("ticks       synthetic, from a seeded market model (seed {})", args.seed))?;
        return Ok(String::new());
    };
    let format = args.format.as_deref().map(str::parse).transpose();
    let format = format.map_err(|e: ticks::UnknownFormat| Failure::new(Exit::Data, e.to_string()))?;
    if env.fs.metadata(path).is_ok_and(|m| m.is_none()) {
        let text = format!("the tick file {} does not exist; check the path", path.display());
        return Err(Failure::new(Exit::NoInput, text));
    }
    let history = ticks::read_file(env.fs.as_ref(), path, format)?;
    let span = history.span().map(|(from, to)| format!(", {from} to {to}")).unwrap_or_default();
    print(out, format_args!("ticks       {} from {}{span}", history.ticks().len(), path.display()))?;
    Ok(history.ticks().first().map(|t| format!("{} {} {}", t.time, t.bid, t.ask)).unwrap_or_default())
}

/// Terminals that the directory has from earlier runs.
fn existing_terminals(env: &Env, layout: &Layout) -> Result<u16, Failure> {
    let dir = layout.clients();
    let found = env.fs.metadata(&dir).map_err(|e| Failure::io("cannot look into", &dir, &e))?;
    if found.is_none() {
        return Ok(0);
    }
    let names = env.fs.list(&dir).map_err(|e| Failure::io("cannot look into", &dir, &e))?;
    let numbers = names.iter().filter_map(|entry| entry.name.strip_prefix("terminal-")?.parse::<u16>().ok());
    Ok(numbers.max().unwrap_or(0))
}

/// What a directory's terminals replay. It stays the same for the directory's life, as a terminal's history does: the counts of
/// all runs then add up. A longer file with the same beginning is the same history, gone on.
#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Origin {
    synthetic: bool,
    seed: u64,
    symbol: Symbol,
    /// First tick of a file.
    first: String,
}

impl Origin {
    fn check(mut self, env: &Env, layout: &Layout) -> Result<(), Failure> {
        if !self.synthetic {
            self.seed = 0;
        }
        let path = layout.root().join("demo-origin.json");
        let found = env.fs.metadata(&path).map_err(|e| Failure::io("cannot look at", &path, &e))?;
        if found.is_none() {
            let json = serde_json::to_vec(&self).map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
            return env.fs.write_atomic(&path, &json).map_err(|e| Failure::io("cannot write", &path, &e));
        }
        let bytes = env.fs.read(&path, 4_096).map_err(|e| Failure::io("cannot read", &path, &e))?;
        let known: Option<Self> = serde_json::from_slice(&bytes).ok();
        if known.as_ref() == Some(&self) {
            return Ok(());
        }
        let was = known.map_or_else(|| "something else".to_owned(), |k| k.to_string());
        let text = format!(
            "{} holds a demo of {was}, not of {self}; go on with that, or choose another --data-dir",
            layout.root().display()
        );
        Err(Failure::new(Exit::Data, text))
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.synthetic {
            write!(f, "synthetic ticks of {} with seed {}", self.symbol, self.seed)
        } else {
            write!(f, "a tick file of {} that begins with {}", self.symbol, self.first)
        }
    }
}

/// Writes the directories of clients that are new, and brings entitlements in line with the wish of this run.
async fn enrol_clients(stage: &Stage, config: &Config) -> Result<(), Failure> {
    let env = &stage.env;
    let databases = compose::databases(env, &stage.layout, &stage.variables, config).await?;
    let stores = databases.stores();
    let vault = Vault::open(env, &stage.layout.keys())?;
    for index in 0..stage.terminals {
        let dir = stage.client_dir(index);
        let subscribed = index < stage.subscribers;
        let account = AccountId(FIRST_ACCOUNT.saturating_add(u64::from(index)));
        if !enrol::has_client(env, &dir)? {
            let wish = enrol::Wish {
                account,
                // Replayed at full speed, a minute holds days of a market.
                orders_per_minute: 6_000,
                ea_port: 0,
                reconnect_first: Duration::from_millis(50),
                reconnect_most: Duration::from_secs(2),
            };
            let device = enrol::write_client(env, &vault, config, &dir, &wish)?;
            enrol::register(&stores, device).await?;
            enrol::finish_client(env, &dir)?;
        } else {
            enrol::point_at(env, &dir, config)?;
        }
        enrol::entitle(env, &stores, config.tenant, account, subscribed).await?;
    }
    Ok(databases.close().await?)
}
