//! A data directory that this command has for itself.

use crate::{
    compose,
    config::{self, Config, Flags},
    exit::{Exit, Failure},
    layout::Layout,
};
use aitrading_config::Environment;
use aitrading_database_service::Databases;
use aitrading_env::{Env, FileLock};
use aitrading_store::Stores;
use std::path::Path;

/// The open stores of a stopped server.
pub(crate) struct Desk {
    pub(crate) config: Config,
    pub(crate) stores: Stores,
    pub(crate) databases: Databases,
    _lock: Box<dyn FileLock>,
}

impl Desk {
    /// Opens the stores; no server may be using them.
    pub(crate) async fn open(env: &Env, variables: &Environment, dir: &Path) -> Result<Self, Failure> {
        let layout = Layout::new(dir);
        let config = config::of_directory(env, &layout, variables, &Flags::default())?;
        let lock = alone(env, &layout)?;
        // Where the configuration says: history belongs beside the ticks of the terminals.
        let databases = compose::databases(env, &layout, variables, &config).await?;
        Ok(Self { config, stores: databases.stores(), databases, _lock: lock })
    }

    /// Ticks that clients were told are kept may wait in the journal after a crash: nothing may be put before them.
    pub(crate) async fn check_journal(&self, env: &Env, dir: &Path) -> Result<(), Failure> {
        let layout = Layout::new(dir);
        let settings = aitrading_data_bridge::Settings::resolve(&self.config.data_bridge, layout.tick_journal())?;
        let stored = self.stores.ticks.mark().await?;
        match aitrading_data_bridge::unstored_records(env, &settings, stored).await? {
            // What comes next is not the bridge's own: it has to see it before it takes ticks again.
            0 => Ok(aitrading_data_bridge::forget_store(env, &settings.dir)?),
            waiting => Err(Failure::new(
                Exit::Busy,
                format!(
                    "{waiting} batches of ticks wait in the journal of {}, for the server did not end in good order; start it with \
                     `aitrading up`, stop it, and import again [IMPORT_JOURNAL_WAITS]",
                    dir.display()
                ),
            )),
        }
    }

    /// Writes what waits and lets the directory go.
    pub(crate) async fn close(self) -> Result<(), Failure> {
        Ok(self.databases.close().await?)
    }
}

/// Takes the directory, or says that the server has to be stopped first.
pub(crate) fn alone(env: &Env, layout: &Layout) -> Result<Box<dyn FileLock>, Failure> {
    layout.lock(env).map_err(|failure| {
        if failure.exit != Exit::Busy as u8 {
            return failure;
        }
        let message =
            format!("{}; this command needs it for itself: stop the server, then run it again", failure.message);
        Failure { message, ..failure }
    })
}
