//! Why settings cannot be had.

use aitrading_config::Violations;
use aitrading_error::{Category, Coded, Dna, FaultSide};
use std::{io, path::PathBuf};

/// Why settings cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// No file, no permission, or too long.
    #[error("the settings file {path:?} cannot be read; check path and permissions")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Not UTF-8.
    #[error("the settings file {0:?} is not UTF-8 text; save it as UTF-8")]
    NotText(PathBuf),
    /// Written by a later program.
    #[error("the settings have version {found}, this program knows up to {known}; update the program")]
    Later {
        /// In the file.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// Keys or values are wrong.
    #[error(transparent)]
    Invalid(#[from] Violations),
}

impl Coded for SettingsError {
    fn dna(&self) -> Dna {
        let config = |code| Dna::new("settings", code, Category::Config).side(FaultSide::Caller);
        match self {
            Self::Unreadable { .. } => config("SETTINGS_UNREADABLE"),
            Self::NotText(_) => config("SETTINGS_NOT_TEXT"),
            Self::Later { .. } => config("SETTINGS_LATER"),
            Self::Invalid(violations) => violations.dna(),
        }
    }
}
