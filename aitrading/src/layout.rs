//! Where everything lies in the data directory.

use crate::exit::{Exit, Failure};
use aitrading_env::{Env, FileLock};
use std::path::{Path, PathBuf};

/// The paths of one installation.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The configuration.
    pub(crate) fn config(&self) -> PathBuf {
        self.root.join("aitrading.toml")
    }

    /// Certificates, and keys under seal.
    pub(crate) fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// The data bridge's tick journal.
    pub(crate) fn tick_journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    /// The trading engine's event journal.
    pub(crate) fn engine(&self) -> PathBuf {
        self.root.join("engine")
    }

    /// The audit log.
    pub(crate) fn audit(&self) -> PathBuf {
        self.root.join("audit")
    }

    /// SQLite and tick files.
    pub(crate) fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    /// The demo's clients, one folder each.
    pub(crate) fn clients(&self) -> PathBuf {
        self.root.join("clients")
    }

    /// Has `aitrading init` been here, and did it finish? The configuration is written last.
    pub(crate) fn is_initialised(&self, env: &Env) -> Result<bool, Failure> {
        let found = env.fs.metadata(&self.config());
        found.map(|m| m.is_some()).map_err(|e| Failure::io("cannot look into", &self.root, &e))
    }

    /// Something that only a server that ran, or an enrolment, leaves behind.
    pub(crate) fn remains(&self, env: &Env) -> Result<Option<PathBuf>, Failure> {
        let places = [self.tick_journal(), self.engine(), self.audit(), self.store(), self.clients()];
        for place in places {
            if env.fs.metadata(&place).map_err(|e| Failure::io("cannot look into", &self.root, &e))?.is_some() {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// Creates the root and proves that it can be written.
    pub(crate) fn create(&self, env: &Env) -> Result<(), Failure> {
        let failed = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::StorageFull => Failure::io("the disk is full under the data directory", &self.root, &e),
            _ => Failure::new(
                Exit::CannotCreate,
                format!(
                    "the data directory {} cannot be written: {e}; choose a directory that you may write with --data-dir",
                    self.root.display()
                ),
            ),
        };
        env.fs.create_dir_all(&self.root).map_err(failed)?;
        let probe = self.root.join(".writable");
        env.fs.write_atomic(&probe, b"probe").map_err(failed)?;
        env.fs.remove_file(&probe).map_err(failed)
    }

    /// Takes the directory for this process alone.
    pub(crate) fn lock(&self, env: &Env) -> Result<Box<dyn FileLock>, Failure> {
        let path = self.root.join("lock");
        match env.fs.try_lock(&path) {
            Ok(Some(lock)) => Ok(lock),
            Ok(None) => Err(Failure::new(
                Exit::Busy,
                format!(
                    "another process is using the data directory {}; stop it, or choose another one with --data-dir",
                    self.root.display()
                ),
            )),
            Err(e) => Err(Failure::io("cannot lock", &path, &e)),
        }
    }
}
