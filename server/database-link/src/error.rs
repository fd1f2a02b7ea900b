//! Why a server is not spoken to, or no longer waited for.

use crate::Role;
use aitrading_config::SecretError;
use aitrading_error::{Category, Coded, Dna, FaultSide, Retry};
use aitrading_store::{ErrorSource, StoreError};
use std::{path::PathBuf, time::Duration};

/// A connection's refusal or failure.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Passwords and data would cross a network in plain text.
    #[error(
        "{host} is not this machine, and plain text is for this machine alone; name the authority of the {role} \
             server in `ca_file` and take `plaintext` out"
    )]
    Plaintext {
        /// For what.
        role: Role,
        /// Where to.
        host: String,
    },
    /// The host is neither a name nor an address.
    #[error("{host:?} is no host; write a name like db.example.org or an address like 10.0.0.5")]
    Host {
        /// As written.
        host: String,
    },
    /// A certificate file cannot be read.
    #[error("the file with {what}, {path}, cannot be read; check path, permissions and size")]
    TlsFile {
        /// What it holds.
        what: &'static str,
        /// Where it is.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A certificate or key is not usable.
    #[error("{what} cannot be used; it has to be PEM, whole, and certificate and key have to belong together")]
    TlsContent {
        /// What it is.
        what: &'static str,
        /// What the library says.
        source: Option<ErrorSource>,
    },
    /// The password or the client's key cannot be had.
    #[error("the credentials of the {role} server cannot be read; see the cause")]
    Credentials {
        /// For what.
        role: Role,
        /// Why.
        source: SecretError,
    },
    /// The server did not answer in time.
    #[error("the {role} server did not answer within {} ms; check its load and the network", .limit.as_millis())]
    Deadline {
        /// Which server.
        role: Role,
        /// How long was waited.
        limit: Duration,
    },
    /// The server failed too often and is left alone for a while.
    #[error("the {role} server failed repeatedly and is asked again in {} ms; look at its health", .again.as_millis())]
    Paused {
        /// Which server.
        role: Role,
        /// Until it is asked again.
        again: Duration,
    },
}

impl LinkError {
    /// As the ports say it.
    #[must_use]
    pub fn unavailable(self, doing: &'static str) -> StoreError {
        StoreError::Unavailable { doing, source: Box::new(self) }
    }
}

impl Coded for LinkError {
    fn dna(&self) -> Dna {
        let config = |code| Dna::new("database-link", code, Category::Config).side(FaultSide::Caller);
        let network = |code| Dna::new("database-link", code, Category::Network).side(FaultSide::Dependency);
        match self {
            Self::Plaintext { .. } => config("LINK_PLAINTEXT"),
            Self::Host { .. } => config("LINK_HOST"),
            Self::TlsFile { .. } => config("LINK_TLS_FILE"),
            Self::TlsContent { .. } => config("LINK_TLS_CONTENT"),
            Self::Credentials { .. } => config("LINK_CREDENTIALS").retry(Retry::Later),
            // A change may have been made before the answer was lost.
            Self::Deadline { .. } => network("LINK_DEADLINE").retry(Retry::VerifyFirst),
            Self::Paused { .. } => network("LINK_PAUSED").retry(Retry::Later),
        }
    }
}
