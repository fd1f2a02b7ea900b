//! A point read on PostgreSQL over TLS with SCRAM: through our pool, with a connection for each read, and what PostgreSQL's own
//! `pgbench` reaches both ways on the same server.
//!
//! All four run the same statement. The ratio of pool to connections is only worth something if neither side is bent: our
//! connections must not be slow, and our pool must not be far from a client that does nothing but ask.

use crate::{
    figures::{Bar, Report},
    machine::{Stopwatch, cores, median},
    run::Plan,
    world::settings,
};
use aitrading_database_link::{PoolBounds, Secrets, ServerSettings};
use aitrading_database_service::PostgresStores;
use aitrading_env::Env;
use aitrading_store::MetaStore;
use aitrading_testkit::servers::{Postgres, USER};
use anyhow::{Context, Result, ensure};
use sqlx::{
    ConnectOptions, Connection,
    postgres::{PgConnectOptions, PgSslMode},
};
use std::{net::SocketAddr, process::Command, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::{
    net::{TcpStream, UnixListener, UnixStream},
    task::JoinHandle,
};

const KEY: &str = "bench";
const VALUE: &[u8] = &[7; 64];
/// What every one of the four asks.
const STATEMENT: &str = "SELECT value FROM meta WHERE key = 'bench'";
const BOUND: &str = "SELECT value FROM meta WHERE key = $1";
const CLIENTS: [usize; 2] = [1, 8];
/// Below this share of `pgbench -C` our own connections are too slow to compare with.
const CONNECT_SHARE: f64 = 0.8;
/// Below this share of `pgbench` the pool is what is slow.
const POOL_SHARE: f64 = 0.9;

/// Reads per second, each way, at one number of clients.
#[derive(Debug, Default)]
struct Rates {
    pooled: Vec<f64>,
    connect: Vec<f64>,
    /// As the driver connects by itself.
    direct: Vec<f64>,
    bench_persistent: Vec<f64>,
    bench_connect: Vec<f64>,
}

pub(crate) async fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    if let Some(why) = Postgres::lacking() {
        report.skip(why);
        return Ok(());
    }
    let server = Postgres::start().context("AITRADING_EMBEDDED_ONLY=1 keeps PostgreSQL from being started")?;
    let most = u32::try_from(CLIENTS.into_iter().max().unwrap_or(1)).unwrap_or(u32::MAX);
    let mut settings = settings(&server)?;
    server.database().clone_into(&mut settings.database);
    settings.pool = PoolBounds { min: most, max: most };
    let stores = PostgresStores::open(&Env::real(), &settings, &Secrets::default()).await?;
    let meta = stores.stores().meta;
    meta.put(KEY, VALUE).await?;
    let direct = options(&server, &settings)?;
    let relay = Relay::start(&server)?;
    let relayed = direct.clone().socket(relay.folder.path());
    let span = Duration::from_secs(if plan.quick { 1 } else { 4 });
    for clients in CLIENTS {
        let mut rates = Rates::default();
        for _ in 0..plan.runs {
            rates.pooled.push(pooled(&meta, clients, span).await?);
            rates.bench_persistent.push(pgbench(&server, clients, span, &["-M", "prepared"])?);
            rates.connect.push(connecting(&relayed, clients, span).await?);
            rates.direct.push(connecting(&direct, clients, span).await?);
            rates.bench_connect.push(pgbench(&server, clients, span, &["-C"])?);
        }
        show(report, clients, &rates);
    }
    stores.close().await;
    Ok(())
}

fn show(report: &mut Report, clients: usize, rates: &Rates) {
    let ratio = |a: &[f64], b: &[f64]| [median(a) / median(b)];
    // Against whoever connects faster, so that a slow driver cannot make the pool look good.
    let fastest =
        if median(&rates.connect) > median(&rates.bench_connect) { &rates.connect } else { &rates.bench_connect };
    let pool = ratio(&rates.pooled, fastest);
    let connect_share = ratio(&rates.connect, &rates.bench_connect);
    let pool_share = ratio(&rates.pooled, &rates.bench_persistent);
    let (connect_bar, pool_bar) = (Bar::AtLeast(CONNECT_SHARE), Bar::AtLeast(POOL_SHARE));
    let bar = Bar::AtLeast(100.0);
    if clients == 1 {
        report.add("pool.pooled", "reads through the pool, 1 client", "/s", Bar::None, &rates.pooled);
        report.add("pool.connect", "reads with a connection each, 1 client", "/s", Bar::None, &rates.connect);
        report.add("pool.connect_direct", "the same without the relay, 1 client", "/s", Bar::None, &rates.direct);
        report.add("pgbench.persistent", "pgbench, 1 client", "/s", Bar::None, &rates.bench_persistent);
        report.add("pgbench.connect", "pgbench -C, 1 client", "/s", Bar::None, &rates.bench_connect);
        report.add("pool_ratio", "pool against connections, 1 client", "x", bar, &pool);
        report.add("honest.connect", "our connections against pgbench -C, 1 client", "x", connect_bar, &connect_share);
        report.add("honest.pooled", "our pool against pgbench, 1 client", "x", pool_bar, &pool_share);
    } else {
        report.add("pool.pooled_8", "reads through the pool, 8 clients", "/s", Bar::None, &rates.pooled);
        report.add("pool.connect_8", "reads with a connection each, 8 clients", "/s", Bar::None, &rates.connect);
        report.add("pool.connect_direct_8", "the same without the relay, 8 clients", "/s", Bar::None, &rates.direct);
        report.add("pgbench.persistent_8", "pgbench, 8 clients", "/s", Bar::None, &rates.bench_persistent);
        report.add("pgbench.connect_8", "pgbench -C, 8 clients", "/s", Bar::None, &rates.bench_connect);
        report.add("pool_ratio_8", "pool against connections, 8 clients (aim 400)", "x", bar, &pool);
        report.add(
            "honest.connect_8",
            "our connections against pgbench -C, 8 clients",
            "x",
            connect_bar,
            &connect_share,
        );
        report.add("honest.pooled_8", "our pool against pgbench, 8 clients", "x", pool_bar, &pool_share);
    }
}

/// The same way in as the pool's, without the pool: nothing is asked but the statement.
fn options(server: &Postgres, settings: &ServerSettings) -> Result<PgConnectOptions> {
    let ca = std::fs::read(server.ca_file()).context("the authority's certificate cannot be read")?;
    Ok(PgConnectOptions::new_without_pgpass()
        .host(&settings.host)
        .port(settings.port)
        .database(&settings.database)
        .username(&settings.user)
        .password(server.password())
        .ssl_mode(PgSslMode::VerifyFull)
        .ssl_root_cert_from_pem(ca)
        .disable_statement_logging())
}

/// A socket in a folder of its own that leads to the server, and waits for nothing.
///
/// The driver leaves Nagle's algorithm on, so that each of its connections stands still for tens of milliseconds while TLS is
/// agreed on. A pool does not notice; connections for each read would look slower than they have to be.
struct Relay {
    folder: TempDir,
    task: JoinHandle<()>,
}

impl Relay {
    fn start(server: &Postgres) -> Result<Self> {
        let folder = tempfile::tempdir().context("no temporary folder")?;
        let listener = UnixListener::bind(folder.path().join(format!(".s.PGSQL.{}", server.port())));
        let (listener, address) = (listener.context("the relay's socket cannot be made")?, server.address());
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(pass_on(near, address));
            }
        });
        Ok(Self { folder, task })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Ends with either side; what goes wrong here shows at the client.
async fn pass_on(mut near: UnixStream, address: SocketAddr) {
    let Ok(mut far) = TcpStream::connect(address).await else { return };
    if far.set_nodelay(true).is_ok() {
        drop(tokio::io::copy_bidirectional(&mut near, &mut far).await);
    }
}

/// Runs `client` so many times side by side for a while; the sum of their counts per second.
async fn side_by_side<F, Fut>(clients: usize, span: Duration, client: F) -> Result<f64>
where
    F: Fn(Stopwatch) -> Fut,
    Fut: Future<Output = Result<u64>> + Send + 'static,
{
    let watch = Stopwatch::start();
    let tasks: Vec<_> = (0..clients).map(|_| tokio::spawn(client(watch))).collect();
    let mut reads: u64 = 0;
    for task in tasks {
        reads += task.await??;
    }
    ensure!(watch.elapsed() >= span, "a client ended early");
    Ok(reads as f64 / watch.elapsed().as_secs_f64())
}

async fn pooled(meta: &Arc<dyn MetaStore>, clients: usize, span: Duration) -> Result<f64> {
    side_by_side(clients, span, |watch| {
        let meta = Arc::clone(meta);
        async move {
            let mut reads = 0;
            while watch.elapsed() < span {
                ensure!(meta.get(KEY).await?.as_deref() == Some(VALUE), "another value came back");
                reads += 1;
            }
            Ok(reads)
        }
    })
    .await
}

async fn connecting(options: &PgConnectOptions, clients: usize, span: Duration) -> Result<f64> {
    side_by_side(clients, span, |watch| {
        let options = options.clone();
        async move {
            let mut reads = 0;
            while watch.elapsed() < span {
                let mut connection = options.connect().await?;
                let query = sqlx::query_scalar::<_, Vec<u8>>(BOUND).bind(KEY);
                ensure!(query.fetch_one(&mut connection).await? == VALUE, "another value came back");
                connection.close().await?;
                reads += 1;
            }
            Ok(reads)
        }
    })
    .await
}

/// Transactions per second as `pgbench` counts them, on as many threads as there are cores.
fn pgbench(server: &Postgres, clients: usize, span: Duration, how: &[&str]) -> Result<f64> {
    let script = server.folder().join("pgbench.sql");
    std::fs::write(&script, format!("{STATEMENT};\n")).context("the script cannot be written")?;
    let mut command = Command::new(server.program("pgbench"));
    command
        .env("PGHOST", "localhost")
        .env("PGHOSTADDR", "127.0.0.1")
        .env("PGPORT", server.port().to_string())
        .env("PGUSER", USER)
        .env("PGPASSWORD", server.password())
        .env("PGDATABASE", server.database())
        .env("PGSSLMODE", "verify-full")
        .env("PGSSLROOTCERT", server.ca_file())
        .arg("-n")
        .arg("-f")
        .arg(&script)
        .args(["-c", &clients.to_string(), "-j", &clients.min(cores()).to_string()])
        .args(["-T", &span.as_secs().to_string()])
        .args(how);
    let output = command.output().context("pgbench does not start: it is in the package postgresql")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "pgbench failed: {}", String::from_utf8_lossy(&output.stderr));
    let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.with_context(|| format!("pgbench tells no rate: {said}"))
}
