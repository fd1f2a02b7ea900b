//! Directories, ports and processes of one test. Whatever is started is killed with its owner.

use aitrading_env::{Env, RngExt};
use serde_json::Value;
use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::process::{Child, ChildStdin, Command};

/// The product's ports without an offset.
pub(crate) const GATEWAY: u16 = 8_000;
pub(crate) const BRIDGE: u16 = 8_001;
pub(crate) const ENGINE: u16 = 8_007;
pub(crate) const DATABASE: u16 = 8_008;
pub(crate) const OBSERVER: u16 = 8_010;

/// Offsets keep all ports below those that the system hands out to dialling sockets.
const OFFSETS: std::ops::Range<u16> = 3_000..24_000;
/// Bytes of a file that is read back.
const FILE_BYTES: u64 = 64 * 1024 * 1024;
/// Pause between two looks at something that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Whatever a command does, it has ended by then.
const COMMAND: Duration = Duration::from_secs(120);
/// From the start of the process to all services ready, on a loaded machine.
const START: Duration = Duration::from_secs(60);
/// An orderly end.
const STOP: Duration = Duration::from_secs(60);
/// An HTTP answer over loopback.
const ANSWER: Duration = Duration::from_secs(30);

/// One test's corner of the machine.
pub(crate) struct World {
    pub(crate) env: Env,
    pub(crate) offset: u16,
    dir: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Outcome {
    /// The exit code must be `code`, and each of `words` must be told on standard error.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not told: {self:#?}");
        }
        self.calm();
    }

    #[track_caller]
    pub(crate) fn succeeded(&self) -> &Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.calm();
        self
    }

    #[track_caller]
    fn calm(&self) {
        assert!(!self.err.contains("panicked"), "a panic: {self:#?}");
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("no JSON ({e}): {self:#?}"))
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self { env: Env::real(), offset: free_offset(), dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The same as text, for a command line.
    pub(crate) fn arg(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        self.env.fs.write_atomic(&path, text.as_bytes()).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        read(&self.env, &self.path(name))
    }

    /// Replaces a text that must be in the file.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} does not hold {from:?}: {text}");
        self.write(name, &text.replace(from, to));
    }

    pub(crate) fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, port + self.offset))
    }

    /// The binary, in the test's directory, killed if the test ends first.
    pub(crate) fn command<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aitrading"));
        command.args(arguments).current_dir(self.dir.path()).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    pub(crate) async fn run<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Outcome {
        self.end(self.command(arguments)).await
    }

    pub(crate) async fn end(&self, command: Command) -> Outcome {
        self.end_within(command, COMMAND).await
    }

    pub(crate) async fn end_within(&self, mut command: Command, limit: Duration) -> Outcome {
        let ended = self.env.timeout(limit, command.output()).await;
        let output = ended.unwrap_or_else(|_| panic!("{command:?} did not end within {limit:?}")).unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Outcome { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// A prepared directory `server` with one enrolled client in `client`, which dials again at once.
    pub(crate) async fn init(&self) {
        self.init_at("server").await;
    }

    pub(crate) async fn init_at(&self, server: &str) {
        let offset = self.offset.to_string();
        let done = self.run(&["init", "--data-dir", server, "--demo-client", "client", "--port-offset", &offset]).await;
        done.succeeded();
        self.edit("client/settings.toml", "first_ms = 1000", "first_ms = 20");
        self.edit("client/settings.toml", "most_ms = 30000", "most_ms = 200");
        self.edit("client/settings.toml", "127.0.0.1:9300", "127.0.0.1:0");
    }

    /// A prepared directory without any client.
    pub(crate) async fn init_server(&self, server: &str) {
        let offset = self.offset.to_string();
        self.run(&["init", "--data-dir", server, "--port-offset", &offset]).await.succeeded();
    }

    pub(crate) async fn up(&self) -> Server {
        self.up_with("server", &[], &[]).await
    }

    /// Starts the server over `data_dir` and waits until all of it is ready.
    pub(crate) async fn up_with(&self, data_dir: &str, more: &[&str], variables: &[(&str, String)]) -> Server {
        let mut server = self.spawn_up(data_dir, more, variables);
        let ready = async || {
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none(), "the server ended with {ended:?}: {}", self.read("server.log"));
            self.is_ready().await.then_some(())
        };
        self.until("the server to be ready", START, ready).await;
        server
    }

    /// Starts the server and does not wait.
    pub(crate) fn spawn_up(&self, data_dir: &str, more: &[&str], variables: &[(&str, String)]) -> Server {
        let mut command = self.command(&["up", "--data-dir", data_dir]);
        // The ticks of these tests are of a past year.
        command.env("AITRADING_TRADING_ENGINE__REPLAYED_FEEDS", "true");
        command.args(more).envs(variables.iter().cloned());
        command.stdout(self.log("server.log")).stderr(self.log("server.log"));
        Server { child: command.spawn().unwrap(), log: self.path("server.log") }
    }

    fn log(&self, name: &str) -> Stdio {
        std::fs::OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap().into()
    }

    pub(crate) async fn is_ready(&self) -> bool {
        self.get("/health/ready").await.is_ok_and(|(status, _)| status == 200)
    }

    /// Asks the observer.
    pub(crate) async fn get(&self, path: &str) -> Result<(u16, String), aitrading_http::HttpError> {
        let answer = aitrading_http::get(&self.env, self.address(OBSERVER), path, ANSWER).await?;
        Ok((answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned()))
    }

    /// Starts the enrolled client with a simulated terminal.
    pub(crate) fn client(&self, more: &[&str]) -> Client {
        let mut command = self.command(&["client", "simulate", "--config", "client/settings.toml"]);
        command.args(["--json-status", "--stdin-control"]).args(more);
        command.stdin(Stdio::piped()).stdout(self.log("client.out")).stderr(self.log("client.log"));
        let mut child = command.spawn().unwrap();
        Client { stdin: child.stdin.take(), child, out: self.path("client.out"), env: self.env.clone() }
    }

    /// Compares what the server stored with the file, by content and order.
    pub(crate) async fn compare(&self, server: &str, client: &str, ticks: &str) -> Value {
        let symbol = crate::tick_files::SYMBOL;
        let arguments =
            ["compare", "--data-dir", server, "--ticks", ticks, "--symbol", symbol, "--client", client, "--json"];
        let compared = self.run(&arguments).await;
        compared.succeeded();
        compared.json()
    }

    /// Proves the audit log; it must be clean.
    pub(crate) async fn audit(&self, server: &str) -> Value {
        let verified = self.run(&["audit", "verify", "--json", "--data-dir", server]).await;
        verified.succeeded();
        verified.json()
    }

    /// Looks again and again until there is something to see.
    pub(crate) async fn until<T>(&self, what: &str, limit: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let looking = async {
            loop {
                if let Some(seen) = look().await {
                    return seen;
                }
                self.env.clock.sleep(LOOK_EVERY).await;
            }
        };
        self.env.timeout(limit, looking).await.unwrap_or_else(|_| panic!("waited {limit:?} for {what}"))
    }

    /// A number below `bound`, another one in each run.
    pub(crate) fn draw(&self, bound: u64) -> u64 {
        self.env.rng.below(bound)
    }
}

fn read(env: &Env, path: &Path) -> String {
    String::from_utf8_lossy(&env.fs.read(path, FILE_BYTES).unwrap()).into_owned()
}

/// Five free ports in the product's pattern. Each test is a process of its own and begins to look elsewhere.
fn free_offset() -> u16 {
    let span = u32::from(OFFSETS.end - OFFSETS.start);
    let first = std::process::id().wrapping_mul(7_919) % span;
    let mut offsets = (0..span).map(|n| OFFSETS.start + u16::try_from((first + n * 137) % span).unwrap());
    let free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let all_free = |offset: &u16| [GATEWAY, BRIDGE, ENGINE, DATABASE, OBSERVER].iter().all(|p| free(p + offset));
    offsets.find(all_free).expect("five free ports in the product's pattern")
}

async fn tell(child: &Child, signal: &str) {
    let pid = child.id().expect("the process runs").to_string();
    let told = Command::new("kill").args([signal, &pid]).status().await.unwrap();
    assert!(told.success(), "kill {signal} {pid}");
}

/// A running server.
pub(crate) struct Server {
    pub(crate) child: Child,
    log: PathBuf,
}

impl Server {
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Everything that all servers of this test said.
    pub(crate) fn log(&self, world: &World) -> String {
        read(&world.env, &self.log)
    }

    pub(crate) async fn signal(&self, signal: &str) {
        tell(&self.child, signal).await;
    }

    pub(crate) async fn ended(&mut self, world: &World) -> ExitStatus {
        let ended = world.env.timeout(STOP, self.child.wait()).await;
        ended.unwrap_or_else(|_| panic!("the server did not end within {STOP:?}: {}", self.log(world))).unwrap()
    }

    /// SIGTERM, and an end in good order.
    pub(crate) async fn stop(mut self, world: &World) -> String {
        self.signal("-TERM").await;
        let ended = self.ended(world).await;
        let log = self.log(world);
        assert_eq!(ended.code(), Some(0), "{log}");
        assert!(!log.contains("panicked"), "{log}");
        log
    }

    /// `kill -9`.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// A running client.
pub(crate) struct Client {
    pub(crate) child: Child,
    stdin: Option<ChildStdin>,
    out: PathBuf,
    env: Env,
}

impl Client {
    /// The newest whole status line.
    pub(crate) fn status(&self) -> Value {
        let text = read(&self.env, &self.out);
        text.lines().rev().find_map(|line| serde_json::from_str(line).ok()).unwrap_or(Value::Null)
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        self.status()["acknowledged"].as_u64().unwrap_or(0)
    }

    pub(crate) async fn until_acknowledged(&mut self, world: &World, ticks: u64) {
        let enough = async || {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the client ended with {ended:?}: {}", world.read("client.log"));
            (self.acknowledged() >= ticks).then_some(())
        };
        world.until(&format!("{ticks} acknowledged ticks"), Duration::from_secs(90), enough).await;
    }

    pub(crate) async fn until_feed_ends(&mut self, world: &World) {
        let over = async || (self.status()["feed_end"] == true).then_some(());
        world.until("the end of the ticks", Duration::from_secs(90), over).await;
    }

    /// Lets it end in good order; returns its last status.
    pub(crate) async fn stop(mut self, world: &World) -> Value {
        // The end of its input is the order to stop.
        drop(self.stdin.take());
        let ended = world.env.timeout(STOP, self.child.wait()).await;
        let ended = ended.unwrap_or_else(|_| panic!("the client did not end: {}", world.read("client.log"))).unwrap();
        assert_eq!(ended.code(), Some(0), "{}", world.read("client.log"));
        let status = self.status();
        assert_eq!(status["final"], true, "{status}");
        status
    }

    /// `kill -9`.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}
