//! Why keys cannot be had.

use aitrading_error::{Category, Coded, Dna, FaultSide, Severity};
use aitrading_security::SecurityError;
use std::{io, path::PathBuf};

/// Why keys cannot be had or kept. Texts never hold key material.
#[derive(Debug, thiserror::Error)]
pub enum KeyStoreError {
    /// There is no key store here.
    #[error("{0:?} holds no key store; enrol this device, or correct the setting storage.keystore")]
    Absent(PathBuf),
    /// One is here already.
    #[error(
        "{0:?} holds a key store already; name an empty directory, or remove the old one after revoking its device"
    )]
    Exists(PathBuf),
    /// A file cannot be read or written.
    #[error("the key file {path:?} cannot be {action}; check path, space and permissions")]
    Io {
        /// `read` or `written`.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Others may read or change it.
    #[error(
        "{path:?} can be reached by others (mode {mode:o}); run chmod go= on it, and enrol anew if the machine is shared"
    )]
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The sealing key is not one.
    #[error("the sealing key {0:?} is damaged; restore it from the backup of this directory, or enrol the device anew")]
    SealKey(PathBuf),
    /// A blob does not open: altered, damaged, from another store, or standing in another one's place.
    #[error(
        "the sealed key {path:?} does not open: it was damaged, altered, or put in another one's place; restore the directory, or enrol anew"
    )]
    Sealed {
        /// Which.
        path: PathBuf,
        /// Which of these.
        #[source]
        source: SecurityError,
    },
    /// A blob opens and holds no key.
    #[error("the sealed key {0:?} holds no key of its kind; restore the directory, or enrol the device anew")]
    Content(PathBuf),
    /// The device certificate's key cannot sign reports.
    #[error("the device certificate's key is not an Ed25519 key; have the certificate issued anew")]
    NotEd25519,
}

impl Coded for KeyStoreError {
    fn dna(&self) -> Dna {
        let config = |code| Dna::new("keystore", code, Category::Config).side(FaultSide::Caller);
        let crypto = |code| Dna::new("keystore", code, Category::Crypto).severity(Severity::Critical);
        match self {
            Self::Absent(_) => config("KEYSTORE_ABSENT"),
            Self::Exists(_) => config("KEYSTORE_EXISTS"),
            Self::Io { .. } => Dna::new("keystore", "KEYSTORE_IO", Category::Storage).side(FaultSide::Dependency),
            Self::Exposed { .. } => config("KEYSTORE_EXPOSED").severity(Severity::Critical),
            Self::SealKey(_) => crypto("KEYSTORE_SEAL_KEY"),
            Self::Sealed { .. } => crypto("KEYSTORE_SEALED"),
            Self::Content(_) => crypto("KEYSTORE_CONTENT"),
            Self::NotEd25519 => crypto("KEYSTORE_KEY_KIND"),
        }
    }
}
