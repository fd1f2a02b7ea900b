//! `aitrading demo`: the whole product on one machine, on real hops. Nothing here takes a short cut past the channel, the
//! journals, the ledger or the audit log: the clients are processes of their own, and the counts come from the stores.

mod children;
mod latest;
mod progress;
mod refusals;
mod report;
mod setup;
mod sizes;
mod summary;
pub(crate) mod words;

use crate::{
    cli,
    compose::{self, Server},
    exit::{Exit, Failure},
    print,
};
use aitrading_audit::LogState;
use aitrading_config::Environment;
use aitrading_env::Env;
use aitrading_hub::Signals;
use aitrading_metatrader_connector::{
    WITNESS_EVIDENCE,
    latency::{self, Histogram},
};
use children::Client;
use report::{Measured, Report};
use setup::{Stage, prepare};
use std::{io::Write, time::Duration};

/// How often progress is shown and ends are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A client's orderly end.
const CLIENT_STOP: Duration = Duration::from_secs(20);
const STOPPED: &str = "nothing is decided until there is space and the server is started again";
/// An audit log that has had no space for so long will not get it from us.
const STALL: Duration = Duration::from_secs(10);
const STALLED: &str =
    "nothing is decided while the audit log cannot write; a server that is kept goes on by itself when there is space";
/// Clients that have not come in by then will not.
const CONNECT: Duration = Duration::from_secs(20);
/// After the last tick, decisions under way may still settle.
const SETTLE: Duration = Duration::from_secs(10);

/// Runs the demo; fails if anything that it promises does not hold.
pub(crate) async fn run(
    env: &Env,
    out: &mut dyn Write,
    variables: &Environment,
    args: &cli::Demo,
) -> Result<(), Failure> {
    let started = env.clock.mono_ns();
    let interrupt = Interrupt::listen(env);
    if let Some(path) = &args.report {
        check_writable(env, path)?;
    }
    let stage = prepare(env, out, variables, args).await?;
    let log = aitrading_logging::init(env, &stage.log)?;
    let starting = env.clock.mono_ns();
    let server = compose::start(env, &stage.layout, variables, stage.config()?).await?;
    let startup_ms = millis(env.clock.mono_ns().saturating_sub(starting));
    let mut clients = Vec::new();
    // Whatever happens from here on, clients and server are ended in order before their directory may go.
    let shown = async {
        print(out, format_args!("server      all services ready in {startup_ms:.0} ms on ports {}", stage.ports))?;
        clients = stage.start_clients(env, args)?;
        print(out, format_args!("terminals   {} started, {} subscribed to signals", clients.len(), stage.subscribers))?;
        watch(env, out, args, &stage, &server, &mut clients, interrupt).await
    };
    let shown = shown.await;
    let mut problems = Vec::new();
    let stopped = server.engine.stopped().or_else(|| stalled(&server));
    // A server that cannot end in order (its disk is full, say) is told with everything else that can still be read.
    let (ended, failed) = end(env, server, clients, &mut problems).await;
    drop(log);
    problems.splice(0..0, shown?);
    problems.extend(failed.as_ref().map(|failure| failure.message.clone()));
    witnesses(env, &stage, &mut problems);
    let measured = Measured {
        synthetic: args.ticks.is_none(),
        symbol: stage.symbol.to_string(),
        terminals: stage.terminals,
        subscribers: stage.subscribers,
        sent: ended.sent,
        acknowledged: ended.acknowledged,
        tick_to_ack: tick_to_ack(env, &stage, &mut problems),
        startup_ms,
        rss_mib: ended.rss_mib,
        wall_s: millis(env.clock.mono_ns().saturating_sub(started)) / 1_000.0,
        problems,
    };
    let report = read_back(env, &stage, measured).await?;
    let program = std::env::args().next().unwrap_or_else(|| "aitrading".to_owned());
    let kept = summary::Kept { data_dir: args.data_dir.as_deref(), program: &program };
    summary::write(out, &report, kept)?;
    if let Some(path) = &args.report {
        report.write(env, path)?;
    }
    match stopped {
        Some(code) => Err(Failure::new(Exit::Io, format!("the disk is full or broken ({code}): {STOPPED}"))),
        None if failed.is_some() => failed.map_or(Ok(()), Err),
        None if report.holds => Ok(()),
        None => Err(Failure::new(Exit::CheckFailed, "the demo did not hold; see above")),
    }
}

/// A report that cannot be written is told before the run, not after it.
fn check_writable(env: &Env, path: &std::path::Path) -> Result<(), Failure> {
    if env.fs.metadata(path).is_ok_and(|found| found.is_some_and(|meta| meta.is_dir)) {
        let text = format!("the report {} is a directory; name a file in it", path.display());
        return Err(Failure::new(Exit::CannotCreate, text));
    }
    let mut probe = path.as_os_str().to_owned();
    probe.push(".probe");
    let probe = std::path::Path::new(&probe);
    let tried = env.fs.write_atomic(probe, b"").and_then(|()| env.fs.remove_file(probe));
    tried.map_err(|e| {
        let text = format!(
            "the report {} cannot be written: {e}; choose a file in a directory that you may write",
            path.display()
        );
        Failure::new(Exit::CannotCreate, text)
    })
}

/// Ctrl-C and SIGTERM, from the first moment on: the demo always ends in order.
struct Interrupt(tokio::sync::watch::Receiver<bool>);

impl Interrupt {
    fn listen(env: &Env) -> Self {
        let (tell, told) = tokio::sync::watch::channel(false);
        let signals = Signals::listen();
        let wait = async move {
            if let Ok(signals) = signals
                && signals.given().await.is_ok()
            {
                tell.send_replace(true);
            }
            // Kept to the end: a closed channel would look like a signal.
            tell.closed().await;
        };
        drop(env.spawn.task("demo-interrupt", Box::pin(wait)));
        Self(told)
    }

    async fn given(&mut self) {
        if self.0.wait_for(|given| *given).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn millis(ns: u64) -> f64 {
    ns as f64 / 1e6
}

/// Shows progress until the feeds end, the time is up, or the user stops it. Returns what went wrong on the way.
async fn watch(
    env: &Env,
    out: &mut dyn Write,
    args: &cli::Demo,
    stage: &Stage,
    server: &Server,
    clients: &mut [Client],
    mut interrupt: Interrupt,
) -> Result<Vec<String>, Failure> {
    let mut display = progress::Display::new(progress::Scene {
        env,
        layout: &stage.layout,
        tenant: stage.config()?.tenant,
        symbol: stage.symbol.to_string(),
        synthetic: args.ticks.is_none(),
        plain: args.headless,
    });
    let started = env.clock.mono_ns();
    let mut problems = Vec::new();
    let (mut all_ended_at, mut running_since, mut stalled_since) = (None, None, None);
    loop {
        tokio::select! {
            () = interrupt.given() => {
                print(out, format_args!("stopping"))?;
                return Ok(problems);
            }
            () = env.clock.sleep(LOOK_EVERY) => {}
        }
        for client in clients.iter_mut() {
            if let Some(code) = client.ended() {
                problems.push(ended_by_itself(client, code));
                return Ok(problems);
            }
        }
        display.show(out, server, clients).await?;
        if let Some(code) = server.engine.stopped() {
            problems.push(format!("the trading engine was stopped by {code}: {STOPPED}"));
            return Ok(problems);
        }
        let now = env.clock.mono_ns();
        let since = stalled(server).map(|_| *stalled_since.get_or_insert(now));
        stalled_since = since;
        if since.is_some_and(|since| now.saturating_sub(since) >= nanos(STALL)) {
            problems.push(format!("the audit log's disk is full, free some space: {STALLED}"));
            return Ok(problems);
        }
        if now.saturating_sub(started) >= nanos(CONNECT) && clients.iter().all(|c| c.status().acknowledged == 0) {
            // The end names each client's own reason.
            problems.push(format!("no terminal brought a tick within {} s", CONNECT.as_secs()));
            return Ok(problems);
        }
        // The time counts from the first tick: how long a busy machine takes to start is not what was asked for.
        if running_since.is_none() && clients.iter().any(|c| c.status().acknowledged > 0) {
            running_since = Some(now);
        }
        let runs = running_since.map_or(0, |since| now.saturating_sub(since));
        if args.duration.is_some_and(|limit| runs >= nanos(limit)) {
            return Ok(problems);
        }
        if clients.iter().all(|c| c.status().feed_end) {
            // Wait for the last decisions to settle, but not for ever.
            let since = *all_ended_at.get_or_insert(now);
            if server.engine.open_signals() == 0 || now.saturating_sub(since) >= nanos(SETTLE) {
                return Ok(problems);
            }
        }
    }
}

fn ended_by_itself(client: &Client, code: Option<i32>) -> String {
    let told = client.status().last_error.map_or_else(String::new, |e| format!(": {} {}", e.code, e.message));
    let code = code.map_or_else(|| "a signal".to_owned(), |code| format!("code {code}"));
    format!("client {} ended by itself with {code}{told}", client.name)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// What the clients said at their end.
struct Ended {
    sent: Option<u64>,
    acknowledged: Option<u64>,
    rss_mib: f64,
}

/// An audit log that waits for space holds everything up.
fn stalled(server: &Server) -> Option<&'static str> {
    (*server.engine.audit().state().borrow() == LogState::Stalled).then_some("AUDIT_STALLED")
}

/// Stops clients first, so that everything that they hold is delivered, then the server.
async fn end(env: &Env, server: Server, clients: Vec<Client>, problems: &mut Vec<String>) -> (Ended, Option<Failure>) {
    let mut ended = Ended { sent: Some(0), acknowledged: Some(0), rss_mib: resident(env) };
    for mut client in clients {
        let status = match client.stop(env, CLIENT_STOP).await {
            Ok(status) => status,
            Err(failure) => {
                problems.push(failure.message);
                client.status()
            }
        };
        if let Some(error) = status.last_error.as_ref().filter(|_| status.acknowledged == 0) {
            problems.push(format!(
                "client {} brought no tick to the server: {} {}",
                client.name, error.code, error.message
            ));
            (ended.sent, ended.acknowledged) = (None, None);
        }
        ended.sent = ended.sent.map(|all| all.saturating_add(status.sent));
        ended.acknowledged = ended.acknowledged.map(|all| all.saturating_add(status.acknowledged));
    }
    let Server { running, .. } = &server;
    running.control().stop("the demo is over");
    let Server { running, bridge, engine, databases, .. } = server;
    let failed = match running.wait().await {
        Ok(report) if report.forced.is_empty() => None,
        Ok(report) => {
            problems.push(format!("these services did not drain in time: {}", report.forced.join(", ")));
            None
        }
        Err(error) => Some(Failure::coded(&error)),
    };
    drop((bridge, engine, databases));
    (ended, failed)
}

/// Latencies of all terminals over the directory's whole life, from the files that the clients left.
fn tick_to_ack(env: &Env, stage: &Stage, problems: &mut Vec<String>) -> Histogram {
    let mut all = Histogram::default();
    for index in 0..stage.terminals {
        match latency::load(env.fs.as_ref(), &stage.client_data(index)) {
            Ok(one) => all.merge(&one),
            Err(error) => problems.push(aitrading_error::chain(&error).to_string()),
        }
    }
    all
}

/// Resident memory of this process in MiB; 0 where the system does not tell.
fn resident(env: &Env) -> f64 {
    let status = env.fs.open(std::path::Path::new("/proc/self/status"), aitrading_env::OpenMode::Read);
    let mut buf = [0; 4_096];
    let read = status.and_then(|file| file.read_at(&mut buf, 0)).unwrap_or(0);
    let text = String::from_utf8_lossy(buf.get(..read).unwrap_or_default()).into_owned();
    let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    let kib = line.and_then(|l| l.split_whitespace().next()).and_then(|n| n.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1_024.0
}

/// A client that was shown an audit log without what it had been shown before keeps both checkpoints as evidence.
fn witnesses(env: &Env, stage: &Stage, problems: &mut Vec<String>) {
    for index in 0..stage.terminals {
        let evidence = stage.client_data(index).join(WITNESS_EVIDENCE);
        if !matches!(env.fs.metadata(&evidence), Ok(None)) {
            let text = "a client was shown an audit log that contradicts what it had been shown before; compare the checkpoints in";
            problems.push(format!("{text} {}", evidence.display()));
        }
    }
}

/// Opens the stores again, as a stranger would, and reads the report from them.
async fn read_back(env: &Env, stage: &Stage, measured: Measured) -> Result<Report, Failure> {
    let lock = stage.layout.lock(env)?;
    let config = stage.config()?;
    let databases = compose::databases(env, &stage.layout, &stage.variables, &config).await?;
    let report = Report::read(env, &stage.layout, &databases.stores(), config.tenant, measured).await;
    databases.close().await?;
    drop(lock);
    report
}
