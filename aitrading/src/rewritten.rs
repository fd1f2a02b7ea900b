//! The configuration as it stands in the directory now: what a running server looks into for a sealed password that was rotated.

use crate::{config, config::Flags, layout::Layout};
use aitrading_config::Environment;
use aitrading_database_link::{Role, ServerSettings, Written};
use aitrading_database_service::Servers;
use aitrading_env::Env;
use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

/// Far more than any configuration has.
const FILE_BYTES: u64 = 1 << 20;

/// The file, and what it said when it was last looked into: it is asked for every new connection, and seldom changes.
pub(crate) struct Rewritten {
    env: Env,
    file: PathBuf,
    variables: Environment,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    bytes: Vec<u8>,
    /// `None`: it was not valid.
    servers: Option<Servers>,
}

impl Rewritten {
    pub(crate) fn new(env: &Env, layout: &Layout, variables: &Environment) -> Self {
        Self { env: env.clone(), file: layout.config(), variables: variables.clone(), seen: Mutex::default() }
    }
}

impl Written for Rewritten {
    fn server(&self, role: Role) -> Option<ServerSettings> {
        let bytes = match self.env.fs.read(&self.file, FILE_BYTES) {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::warn!(%error, "the configuration cannot be read again; passwords stay as they were");
                return None;
            }
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.bytes != bytes {
            let loaded = config::load(&self.env, &self.file, &self.variables, &Flags::default());
            if loaded.is_err() {
                // What is wrong may be a value that nobody should see in a log; `config check` shows it.
                tracing::warn!("the configuration was changed and is not valid; passwords stay as they were");
            }
            *seen = Seen { bytes, servers: loaded.ok().map(|config| config.databases) };
        }
        seen.servers.as_ref()?.of(role).cloned()
    }
}
