//! The subscriber's settings: one TOML file with a version. Misspelt keys are refused with a suggestion, older versions are
//! migrated, and everything wrong is told at once. The file names secrets' places and never holds one.
#![warn(missing_docs)]

mod error;
mod migrate;
mod raw;
mod render;
#[cfg(test)]
mod tests;

pub use error::SettingsError;
pub use migrate::VERSION;

use aitrading_config::{Layers, Loaded};
use aitrading_env::Env;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// Bytes that a settings file may have.
const FILE_BYTES: u64 = 256 * 1024;

/// The client's settings, resolved: every value is present and within its bounds, every path stands on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The server.
    pub server: Server,
    /// Who this client is; its certificate must say the same.
    pub identity: Identity,
    /// Directory of ledger and progress records.
    pub data_dir: PathBuf,
    /// Directory of the sealed keys.
    pub keystore: PathBuf,
    /// The link to the Expert Advisor.
    pub terminal: Terminal,
    /// How ticks travel.
    pub ticks: Ticks,
    /// The subscriber's own limits.
    pub limits: Limits,
    /// Pauses between attempts to connect.
    pub reconnect: Reconnect,
}

/// Where the server is and how it is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Address of the data bridge.
    pub address: SocketAddr,
    /// The name that its certificate must carry.
    pub name: String,
    /// The policy id that both sides put into their handshake.
    pub policy: String,
    /// SHA-256 of its public key, and of its spare.
    pub pins: Vec<[u8; 32]>,
    /// Its Noise public key.
    pub noise_key: [u8; 32],
    /// The authority that issued its certificate, PEM.
    pub ca_file: PathBuf,
    /// The Ed25519 key that signs its audit log's checkpoints. Files from before there was one name none: the log then goes
    /// unchecked, and the status says so.
    pub audit_key: Option<[u8; 32]>,
}

/// Tenant, account and device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Whose.
    pub tenant: u64,
    /// MT5 login.
    pub account: u64,
    /// This installation.
    pub device: [u8; 16],
}

/// The link to the Expert Advisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Where the Expert Advisor connects to; a loopback address. Port 0 lets the system choose.
    pub listen: SocketAddr,
    /// How long an order's answer is waited for before its outcome counts as unknown.
    pub order_timeout: Duration,
    /// How long after a signal's expiry the broker may still execute what it was sent.
    pub broker_latency: Duration,
    /// Pause between looks at an unknown outcome.
    pub lookup_pause: Duration,
}

/// How ticks travel to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticks {
    /// Most ticks in one frame.
    pub batch: usize,
    /// One frame per tick.
    pub single: bool,
}

/// The subscriber's own limits, which the server cannot lift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most lots in one order, as decimal text.
    pub lots_max: String,
    /// Symbols that may be traded; empty means all that the terminal specifies.
    pub symbols: Vec<String>,
    /// Most orders within any minute.
    pub orders_per_minute: u32,
}

/// Pauses between attempts to connect; they double from `first` to `most` and are shortened at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconnect {
    /// After the first failure.
    pub first: Duration,
    /// At most.
    pub most: Duration,
}

impl Settings {
    /// Reads a settings file. Relative paths in it are meant from the file's own directory.
    ///
    /// # Errors
    /// [`SettingsError`]: the file cannot be read, is of a later version, or has violations (all of them are listed).
    pub fn load(env: &Env, path: &Path) -> Result<Self, SettingsError> {
        let bytes = env
            .fs
            .read(path, FILE_BYTES)
            .map_err(|source| SettingsError::Unreadable { path: path.to_owned(), source })?;
        let text = String::from_utf8(bytes).map_err(|_| SettingsError::NotText(path.to_owned()))?;
        Self::parse(&path.display().to_string(), &text, path.parent().unwrap_or(Path::new("")))
    }

    /// As [`Settings::load`], from text that is called `name` in messages; relative paths are meant from `base`.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn parse(name: &str, text: &str, base: &Path) -> Result<Self, SettingsError> {
        let text = migrate::to_current(text)?;
        let Loaded { value, provenance } = aitrading_config::load::<raw::Raw>(Layers::new().text(name, &text))?;
        Ok(value.resolve(&provenance, base)?)
    }

    /// The settings as a file that [`Settings::load`] reads back, with a comment per section.
    #[must_use]
    pub fn render(&self) -> String {
        render::render(self)
    }
}
