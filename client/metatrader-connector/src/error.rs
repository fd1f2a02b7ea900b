//! What ends a connector, or keeps it from starting.

use crate::{ea_link::EaLinkError, ledger::LedgerError, pump::ProgressError, witness::WitnessError};
use aitrading_channel::{ChannelError, CloseReason};
use aitrading_error::{Category, Coded, Dna, FaultSide, Retry, Severity};
use aitrading_security::SecurityError;
use aitrading_wire::WireError;
use std::{io, path::PathBuf};

/// Why the connector cannot start, or why a session ended.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// The data directory cannot be used.
    #[error("the data directory {path:?} cannot be used; check path, space and permissions")]
    DataDir {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Another process has it.
    #[error("another client already uses {0:?}; end it, or give this one a data directory of its own")]
    Locked(PathBuf),
    /// A value of the settings has the wrong form.
    #[error("setting {0} has the wrong form; correct it in the settings file")]
    Setting(&'static str),
    /// The authority's certificate.
    #[error("the server authority's certificate {path:?} cannot be read; fetch it from the operator again")]
    Authority {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: AuthoritySource,
    },
    /// The certificate in the key store names somebody else.
    #[error(
        "the device certificate does not name the tenant, account and device of the settings; correct [identity], or enrol this device"
    )]
    Identity,
    /// The link to the Expert Advisor.
    #[error(transparent)]
    EaLink(#[from] EaLinkError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Progress records.
    #[error(transparent)]
    Progress(#[from] ProgressError),
    /// What was seen of the audit log.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// The channel.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The server closed the session.
    #[error("the server ended the session ({0}); it is opened again")]
    Closed(CloseReason),
    /// The server refused the hello.
    #[error("the server refused this client: {code}: {message}")]
    Refused {
        /// Its code.
        code: String,
        /// Its words.
        message: String,
    },
    /// The server said something that is no message.
    #[error("the server sent a message that this version does not know; update the older side")]
    Message(#[source] WireError),
    /// The server named no usable key.
    #[error("the server named no usable key for signals; its installation is faulty")]
    SignalKeys(#[source] SecurityError),
    /// Nothing came after the hello.
    #[error("the server did not answer the hello in time; it is overloaded or runs another version")]
    NoWelcome,
    /// A signal that the server did not sign.
    #[error(
        "a signal arrived that the server's signing key did not sign ({0}); nothing was executed and the session was ended"
    )]
    Hostile(&'static str),
    /// The server knows later reports than the ledger.
    #[error(
        "this client's ledger is older than what the server knows of it; it was restored from a backup or lost: enrol the device anew"
    )]
    LedgerBehind,
}

/// Why the authority's certificate cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritySource {
    /// The file.
    #[error("the file cannot be read")]
    File(#[from] io::Error),
    /// Its content.
    #[error("it holds no certificate")]
    Content(#[from] SecurityError),
}

impl Coded for ConnectorError {
    fn dna(&self) -> Dna {
        let dna = |code, category| Dna::new("metatrader-connector", code, category);
        let config = |code| dna(code, Category::Config).side(FaultSide::Caller);
        let server = |code| dna(code, Category::Network).side(FaultSide::Dependency).retry(Retry::Later);
        match self {
            Self::DataDir { .. } => dna("CLIENT_DATA_DIR", Category::Storage).side(FaultSide::Dependency),
            Self::Locked(_) => config("CLIENT_DATA_DIR_LOCKED"),
            Self::Setting(_) => config("CLIENT_SETTING"),
            Self::Authority { .. } => config("CLIENT_AUTHORITY"),
            Self::Identity => config("CLIENT_IDENTITY"),
            Self::EaLink(error) => error.dna(),
            Self::Ledger(error) => error.dna(),
            Self::Progress(error) => error.dna(),
            Self::Witness(error) => error.dna(),
            Self::Channel(error) => error.dna(),
            Self::Closed(_) => server("SESSION_CLOSED").severity(Severity::Warning),
            Self::Refused { .. } => server("SESSION_REFUSED"),
            Self::Message(_) => server("SERVER_MESSAGE"),
            Self::SignalKeys(_) => server("SIGNAL_KEYS"),
            Self::NoWelcome => server("NO_WELCOME"),
            Self::Hostile(_) => dna("HOSTILE_SIGNAL", Category::Crypto).severity(Severity::Critical),
            Self::LedgerBehind => dna("LEDGER_BEHIND", Category::Storage).severity(Severity::Critical),
        }
    }
}
