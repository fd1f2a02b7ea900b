//! The connector as one thing: put together from settings and keys, started, watched, stopped.

use crate::{
    ea_link::{EaAccount, EaListener, EaServer, LinkTimes},
    error::{AuthoritySource, ConnectorError},
    execution::{Desk, DeskParts, Patience, Quotes},
    history::{Archive, QUESTIONS_MAX, Question},
    latency::Keeping,
    ledger::Ledger,
    line::Line,
    port::Terminal,
    pump::{Pump, PumpParts},
    reports::{Owner, Reports},
    server_time::ServerClock,
    session::{Inbox, Keeper, SessionParts, Signals},
    status::{Board, Status},
    validator::OwnLimits,
    witness::Witness,
};
use aitrading_channel::{ClientSettings, Limits, tls};
use aitrading_env::{Clock, Env, FileLock, Task};
use aitrading_keystore::DeviceKeys;
use aitrading_model::{AccountId, DeviceId, TenantId};
use aitrading_security::{PeerIdentity, Secret, SecurityError, parse_identity, pki};
use aitrading_settings::Settings;
use std::{net::SocketAddr, path::Path, sync::Arc};
use tokio::sync::{mpsc, oneshot, watch};

/// Signals that may wait for their checks.
const INBOX: usize = 256;
/// Bytes that the authority's certificate may have.
const AUTHORITY_BYTES: u64 = 64 * 1024;

/// A running connector.
#[derive(Debug)]
pub struct Connector {
    parts: Running,
    ea: Option<(EaServer, SocketAddr)>,
}

#[derive(Debug)]
struct Running {
    account: AccountId,
    terminal: Arc<dyn Terminal>,
    ledger: Arc<Ledger>,
    pump: Arc<Pump>,
    board: Arc<Board>,
    inbox: mpsc::Sender<Inbox>,
    stop: watch::Sender<bool>,
    clock: Arc<dyn Clock>,
    keeper: Task,
    signals: Task,
    reporter: Task,
    /// Answers questions about the terminal's past.
    archive: Task,
    /// Writes what the witness of the audit log has seen.
    memory: Task,
    latencies: (Arc<Keeping>, Task),
    lock: Lock,
}

/// Keeps other processes out of the data directory.
struct Lock(#[expect(dead_code, reason = "held, not used: dropping it gives the directory free")] Box<dyn FileLock>);

impl std::fmt::Debug for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lock")
    }
}

impl Connector {
    /// Listens for the Expert Advisor and starts to work for it. Both links come up, and come back, by themselves.
    ///
    /// # Errors
    /// [`ConnectorError`]: settings, keys, data directory or port are not usable.
    pub async fn start(env: &Env, settings: &Settings, keys: DeviceKeys) -> Result<Self, ConnectorError> {
        let account = AccountId(settings.identity.account);
        let secret = Secret::new(keys.ea_secret.expose().to_vec());
        let accounts = vec![EaAccount { account, secret }];
        let listener = EaListener::bind(env.clone(), settings.terminal.listen, accounts, LinkTimes::default()).await?;
        let address = listener.local_addr()?;
        let link = listener.link(account).ok_or(ConnectorError::Identity)?;
        let mut connector = Self::start_with(env, settings, keys, Arc::new(link)).await?;
        connector.ea = Some((listener.serve(), address));
        Ok(connector)
    }

    /// As [`Connector::start`], for a terminal that is reached in another way.
    ///
    /// # Errors
    /// As [`Connector::start`].
    pub async fn start_with(
        env: &Env,
        settings: &Settings,
        keys: DeviceKeys,
        terminal: Arc<dyn Terminal>,
    ) -> Result<Self, ConnectorError> {
        let owner = owner(settings, &keys)?;
        let (limits, client) = (own_limits(settings)?, client_settings(env, settings, &keys)?);
        let (lock, ledger) = (lock(env, &settings.data_dir)?, open_ledger(env, &settings.data_dir).await?);
        let (board, ledger) = (Arc::new(Board::default()), Arc::new(ledger));
        let latencies = Arc::new(Keeping::open(env, &settings.data_dir, &board));
        let (witness, memory) = witness(env, settings, &board)?;
        let (quotes, clock) = (Arc::new(Quotes::default()), Arc::new(ServerClock::new(Arc::clone(&env.clock))));
        let (lines, receiver) = watch::channel(None::<Line>);
        let reports = Arc::new(Reports::new(owner, keys.signing.clone(), Arc::clone(&ledger), Arc::clone(&board)));
        let (seen, place) = (Arc::clone(&quotes), (env, settings, owner));
        let pump = Arc::new(open_pump(place, Arc::clone(&terminal), seen, &board, receiver.clone())?);
        let desk = Arc::new(Desk::new(DeskParts {
            env: env.clone(),
            terminal: Arc::clone(&terminal),
            ledger: Arc::clone(&ledger),
            reports: Arc::clone(&reports),
            clock: Arc::clone(&clock),
            quotes,
            board: Arc::clone(&board),
            limits,
            patience: patience(settings),
        }));
        let ((inbox, incoming), (stop, stopped)) = (mpsc::channel(INBOX), watch::channel(false));
        let (questions, archive) = archive(env, &terminal, &board, &receiver);
        let signals = Signals::new(env.clone(), desk, Arc::clone(&board)).run(ledger.view().unsettled(), incoming);
        let keeper = Keeper::new(SessionParts {
            env: env.clone(),
            client,
            pauses: (settings.reconnect.first, settings.reconnect.most),
            terminal: Arc::clone(&terminal),
            ledger: Arc::clone(&ledger),
            reports: Arc::clone(&reports),
            pump: Arc::clone(&pump),
            clock,
            board: Arc::clone(&board),
            witness,
            lines,
            inbox: inbox.clone(),
            questions,
            stop: stopped,
        });
        let latencies = (Arc::clone(&latencies), latencies.spawn(stop.subscribe()));
        let signals = env.spawn.task("signals", Box::pin(signals));
        let reporter = env.spawn.task("reports", Box::pin(reports.run(receiver)));
        let keeper = env.spawn.task("session", Box::pin(keeper.run()));
        let parts = Running {
            account: owner.account,
            terminal,
            ledger,
            pump,
            board,
            inbox,
            stop,
            clock: Arc::clone(&env.clock),
            keeper,
            signals,
            reporter,
            archive,
            memory,
            latencies,
            lock,
        };
        Ok(Self { parts, ea: None })
    }

    /// The account that it works for.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.parts.account
    }

    /// Where the Expert Advisor is to connect to.
    #[must_use]
    pub fn ea_address(&self) -> Option<SocketAddr> {
        self.ea.as_ref().map(|(_, address)| *address)
    }

    /// Everything at this moment.
    #[must_use]
    pub fn status(&self) -> Status {
        let now_ns = self.parts.clock.wall_ns();
        self.parts.board.status(self.parts.terminal.is_ready(), self.parts.pump.status(), now_ns)
    }

    /// Ends in order: no new ticks, answers to orders that are under way, reports out, session closed, ledger written. What is
    /// not done in time is done after the next start. Returns the last status.
    pub async fn stop(self) -> Status {
        let Running { terminal, ledger, pump, board, inbox, stop, clock, keeper, signals, reporter, archive, .. } =
            self.parts;
        let (memory, (latencies, saving), lock) = (self.parts.memory, self.parts.latencies, self.parts.lock);
        pump.stop_all().await;
        let (done, ended) = oneshot::channel();
        if inbox.send(Inbox::Stop(done)).await.is_ok() {
            // Without an answer the task is gone, which is what was asked for.
            ended.await.unwrap_or(());
        }
        stop.send_replace(true);
        // Ended or panicked: neither keeps the others from ending.
        keeper.join().await.unwrap_or(());
        signals.join().await.unwrap_or(());
        // Not earlier: the session's last act is to flush reports.
        for task in [reporter, archive] {
            task.abort();
            task.join().await.unwrap_or(());
        }
        ledger.shutdown().await;
        // The witness is gone with the session: its memory ends when everything is on disk.
        memory.join().await.unwrap_or(());
        saving.join().await.unwrap_or(());
        // After the last acknowledgement.
        latencies.save().await;
        let status = board.status(terminal.is_ready(), pump.status(), clock.wall_ns());
        drop(lock);
        status
    }
}

fn owner(settings: &Settings, keys: &DeviceKeys) -> Result<Owner, ConnectorError> {
    let identity = settings.identity;
    let (tenant, account, device) = (TenantId(identity.tenant), AccountId(identity.account), DeviceId(identity.device));
    let chain = keys.certificate.chain();
    let named = chain.first().and_then(|leaf| parse_identity(leaf).ok());
    if named == Some(PeerIdentity::Device { tenant, device, account }) {
        Ok(Owner { tenant, account, device })
    } else {
        Err(ConnectorError::Identity)
    }
}

/// The witness of the server's audit log, and the task that keeps on disk what it has seen.
fn witness(env: &Env, settings: &Settings, board: &Arc<Board>) -> Result<(Witness, Task), ConnectorError> {
    let (witness, memory) = Witness::open(env, &settings.data_dir, settings.server.audit_key, Arc::clone(board))?;
    Ok((witness, env.spawn.task("witness", Box::pin(memory.run()))))
}

fn open_pump(
    (env, settings, owner): (&Env, &Settings, Owner),
    terminal: Arc<dyn Terminal>,
    quotes: Arc<Quotes>,
    board: &Arc<Board>,
    lines: watch::Receiver<Option<Line>>,
) -> Result<Pump, ConnectorError> {
    let (env, board) = (env.clone(), Arc::clone(board));
    let parts = PumpParts { env, owner, terminal, quotes, board, batch: batch(settings), lines };
    Ok(Pump::open(parts, &settings.data_dir)?)
}

/// The task that answers questions about the terminal's past, and the way to it.
fn archive(
    env: &Env,
    terminal: &Arc<dyn Terminal>,
    board: &Arc<Board>,
    lines: &watch::Receiver<Option<Line>>,
) -> (mpsc::Sender<Question>, Task) {
    let (questions, asked) = mpsc::channel(QUESTIONS_MAX);
    let (terminal, board) = (Arc::clone(terminal), Arc::clone(board));
    let archive = Archive { env: env.clone(), terminal, board, lines: lines.clone() };
    (questions, env.spawn.task("archive", Box::pin(archive.run(asked))))
}

fn own_limits(settings: &Settings) -> Result<OwnLimits, ConnectorError> {
    let limits = &settings.limits;
    let symbols: Result<_, _> = limits.symbols.iter().map(|symbol| symbol.parse()).collect();
    Ok(OwnLimits {
        lots_max: limits.lots_max.parse().map_err(|_| ConnectorError::Setting("limits.lots_max"))?,
        symbols: symbols.map_err(|_| ConnectorError::Setting("limits.symbols"))?,
        orders_per_minute: limits.orders_per_minute,
    })
}

/// Most ticks in a frame.
const fn batch(settings: &Settings) -> usize {
    if settings.ticks.single { 1 } else { settings.ticks.batch }
}

const fn patience(settings: &Settings) -> Patience {
    let terminal = &settings.terminal;
    Patience {
        order: terminal.order_timeout,
        broker_latency: terminal.broker_latency,
        lookup_pause: terminal.lookup_pause,
    }
}

fn client_settings(env: &Env, settings: &Settings, keys: &DeviceKeys) -> Result<ClientSettings, ConnectorError> {
    let server = &settings.server;
    let failed = |source| ConnectorError::Authority { path: server.ca_file.clone(), source };
    let pem = env.fs.read(&server.ca_file, AUTHORITY_BYTES).map_err(|e| failed(AuthoritySource::File(e)))?;
    let none = SecurityError::BadCertificate { what: "authority's certificate", source: None };
    let found = std::str::from_utf8(&pem).ok().map(pki::certificates_from_pem).unwrap_or(Err(none));
    let authorities = found.map_err(|e| failed(AuthoritySource::Content(e)))?;
    let authority = authorities.first().ok_or(ConnectorError::Identity)?;
    let certificate = &keys.certificate;
    Ok(ClientSettings {
        addr: server.address,
        server_name: server.name.clone(),
        tls: tls::client_config(env, authority, certificate.chain(), certificate.key(), &server.pins)?,
        noise_static: keys.noise.clone(),
        server_noise_key: server.noise_key,
        policy_id: server.policy.clone().into_bytes(),
        limits: Limits::default(),
    })
}

fn lock(env: &Env, dir: &Path) -> Result<Lock, ConnectorError> {
    let failed = |source| ConnectorError::DataDir { path: dir.to_owned(), source };
    env.fs.create_dir_all(dir).map_err(failed)?;
    let lock = env.fs.try_lock(&dir.join("lock")).map_err(failed)?;
    lock.map(Lock).ok_or_else(|| ConnectorError::Locked(dir.to_owned()))
}

/// Opening replays files and waits for a sync: that is for a thread.
async fn open_ledger(env: &Env, dir: &Path) -> Result<Ledger, ConnectorError> {
    let failed = |source| ConnectorError::DataDir { path: dir.to_owned(), source };
    let (done, opened) = oneshot::channel();
    let (world, path) = (env.clone(), dir.join("ledger"));
    // Nobody waits any more: then the ledger closes again.
    let open = move || drop(done.send(Ledger::open(&world, &path)));
    env.spawn.thread("ledger-open", Box::new(open)).map_err(failed)?;
    let opened = opened.await.map_err(|_| failed(std::io::Error::other("the opening thread ended early")))?;
    Ok(opened?)
}
