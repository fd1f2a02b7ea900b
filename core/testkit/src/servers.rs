//! Real database servers for tests: each on a free loopback port, in a temporary folder, with keys made at test time.
//!
//! A server ends with its handle; should the test be killed, a watchdog ends it. A program that is missing fails the test
//! with the command that installs it, unless `AITRADING_EMBEDDED_ONLY=1` asks for tests that need nothing: then `start`
//! prints that it was skipped and answers `None`.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    reason = "servers for tests live outside the simulated world, and what is wrong with them must stop the test"
)]

mod certificates;
mod clickhouse;
mod nats;
mod port;
mod postgres;
mod process;
mod programs;
mod proxy;
mod redis;

pub use certificates::Certificates;
pub use clickhouse::ClickHouse;
pub use nats::Nats;
pub use postgres::Postgres;
pub use proxy::Proxy;
pub use redis::Redis;

use port::Port;
use process::{Process, Recipe};
use std::{
    hash::{BuildHasher, Hasher, RandomState},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

/// The user that every server knows.
pub const USER: &str = "aitrading";
/// No server lives longer, whatever becomes of its test.
pub const LIFE: Duration = Duration::from_mins(10);

/// How a server guards its door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Everybody, in plain text.
    Open,
    /// [`USER`] with the password, in plain text.
    Password,
    /// [`USER`] with the password, over TLS.
    Tls,
}

impl Door {
    fn has_password(self) -> bool {
        self != Self::Open
    }

    fn has_tls(self) -> bool {
        self == Self::Tls
    }
}

/// What a server stands on before it runs: its folder, port, keys and password. Released in this order.
#[derive(Debug)]
struct Ground {
    folder: TempDir,
    certificates: Certificates,
    password: String,
    door: Door,
    port: Port,
}

impl Ground {
    fn new(name: &str, door: Door) -> Self {
        let folder = tempfile::Builder::new().prefix(&format!("aitrading-{name}-")).tempdir().expect("a folder");
        let certificates = Certificates::issue(&folder.path().join("tls"));
        let password = random_word();
        Self { folder, certificates, password, door, port: Port::reserve() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn number(&self) -> u16 {
        self.port.number()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("a configuration file");
        path
    }
}

/// A running server: what every kind of it has in common. The kinds dereference to this.
#[derive(Debug)]
pub struct Server {
    // First, so that the server is gone before its folder and its port are.
    process: Process,
    ground: Ground,
}

impl Server {
    fn launch(ground: Ground, recipe: Recipe) -> Self {
        let process = Process::new(recipe, ground.folder.path());
        process.start();
        Self { process, ground }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port()))
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.ground.number()
    }

    /// How it guards its door.
    #[must_use]
    pub fn door(&self) -> Door {
        self.ground.door
    }

    /// The password of [`USER`].
    #[must_use]
    pub fn password(&self) -> &str {
        &self.ground.password
    }

    /// The authority, the server's certificate and a client's, all made for this server alone.
    #[must_use]
    pub fn certificates(&self) -> &Certificates {
        &self.ground.certificates
    }

    /// The authority's certificate as a PEM file: what a client has to trust.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        &self.ground.certificates.ca
    }

    /// The server's temporary folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.ground.folder.path()
    }

    /// What the server said since it was last started.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Does its process run?
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.is_running()
    }

    /// Ends it as an operator would, and waits until it is gone.
    pub fn stop(&self) {
        self.process.stop();
    }

    /// Ends it as a crash would (SIGKILL to all of its processes), and waits until it is gone.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Freezes it: connections stay open, nothing answers.
    pub fn pause(&self) {
        self.process.pause();
    }

    /// Lets a frozen one go on.
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Starts it again on the same port and data, and waits until it serves. Stops it first if it runs.
    pub fn restart(&self) {
        self.process.stop();
        self.process.start();
    }
}

/// The kinds are servers with something of their own.
macro_rules! is_a_server {
    ($kind:ty) => {
        impl std::ops::Deref for $kind {
            type Target = Server;

            fn deref(&self) -> &Server {
                &self.server
            }
        }
    };
}

is_a_server!(ClickHouse);
is_a_server!(Nats);
is_a_server!(Postgres);
is_a_server!(Redis);

/// Letters and digits that nobody else guesses within the life of a test.
fn random_word() -> String {
    let word = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", word(), word())
}
