//! Why the program ends otherwise than in order, and with which exit code.

use aitrading_error::{Category, Coded, Dna, FaultSide, Retry};
use aitrading_keystore::KeyStoreError;
use aitrading_logging::LogError;
use aitrading_metatrader_connector::{ConnectorError, terminal::TerminalError, ticks::TickFileError};
use aitrading_settings::SettingsError;
use std::io;

/// Exit code of a defect of ours.
pub const EXIT_INTERNAL: u8 = 70;

/// Why the program ends otherwise than in order.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Keys.
    #[error(transparent)]
    KeyStore(#[from] KeyStoreError),
    /// The connector.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
    /// A tick file.
    #[error(transparent)]
    Ticks(#[from] TickFileError),
    /// The simulated terminal.
    #[error(transparent)]
    Terminal(#[from] TerminalError),
    /// Logging.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Not in the table.
    #[error("the built-in table has no symbol {name:?}; known are {known}")]
    UnknownSymbol {
        /// As written.
        name: String,
        /// What there is.
        known: String,
    },
    /// Files and symbols do not pair.
    #[error("{files} tick files for {symbols} symbols; name one --ticks for each --symbol, in the same order")]
    Pairs {
        /// Files.
        files: usize,
        /// Symbols.
        symbols: usize,
    },
    /// No format of that name.
    #[error("{0:?} is no tick format; histdata and time_msc are known")]
    Format(String),
    /// The time ran out and the server was never reached.
    #[error("the server was never reached; the last attempt ended with {0}")]
    NeverConnected(String),
    /// The time ran out, and server and client do not trust each other: waiting longer does not help.
    #[error("server and client do not trust each other; the last attempt ended with {0}")]
    NotTrusted(String),
    /// Status lines cannot be written.
    #[error("the output cannot be written; whoever reads it is gone")]
    Output(#[source] io::Error),
    /// The system refuses to tell of signals.
    #[error("the system lets no signal handler be installed")]
    Signals(#[source] io::Error),
}

impl Coded for AppError {
    fn dna(&self) -> Dna {
        let input = |code| Dna::new("app", code, Category::Input).side(FaultSide::Caller);
        match self {
            Self::Settings(error) => error.dna(),
            Self::KeyStore(error) => error.dna(),
            Self::Connector(error) => error.dna(),
            Self::Ticks(error) => error.dna(),
            Self::Terminal(error) => error.dna(),
            Self::Log(error) => error.dna(),
            Self::UnknownSymbol { .. } => input("UNKNOWN_SYMBOL_NAME"),
            Self::Pairs { .. } => input("TICK_FILE_PAIRS"),
            Self::Format(_) => input("TICK_FORMAT"),
            Self::NeverConnected(_) => Dna::new("app", "NEVER_CONNECTED", Category::Network).retry(Retry::Later),
            Self::NotTrusted(_) => Dna::new("app", "NOT_TRUSTED", Category::Access),
            Self::Output(_) => Dna::new("app", "OUTPUT", Category::Storage),
            Self::Signals(_) => Dna::new("app", "SIGNAL_HANDLER", Category::Internal),
        }
    }
}

impl AppError {
    /// The exit code, in the sense of `sysexits.h` where it has one; the same as the server's.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (self, self.dna().category) {
            (Self::UnknownSymbol { .. } | Self::Pairs { .. } | Self::Format(_), _) => 2,
            (Self::Ticks(TickFileError::Io { .. }), _) => 66,
            (Self::Connector(ConnectorError::Locked(_)) | Self::Terminal(TerminalError::Locked(_)), _) => 75,
            (_, Category::Input) => 65,
            (_, Category::Network) => 69,
            (_, Category::Config | Category::Crypto | Category::Access) => 78,
            (_, Category::Storage | Category::Capacity) => 74,
            (_, Category::Trading | Category::Internal) => EXIT_INTERNAL,
        }
    }
}
