//! The command line of backups.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aitrading backup --data-dir ./desk --to /media/disk/desk-2024-01-31
  aitrading backup --data-dir ./desk --to ./copy --with-secrets     also keys/ and clients/: keep such a copy as you keep keys

The backup is a folder: pack it with any archiver. Keys are not in it unless you ask: keep a copy of keys/ elsewhere, for without
them the restored server is another one to its clients.")]
pub(crate) struct Backup {
    /// The server's data directory; the server must be stopped.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// A folder that does not exist yet, or is empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// Take keys/ and clients/ too.
    #[arg(long)]
    pub(crate) with_secrets: bool,
    /// Leave out what the configuration keeps on database servers; without this such a backup is refused.
    #[arg(long)]
    pub(crate) embedded_only: bool,
    /// Machine-readable.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aitrading restore --from ./copy --data-dir ./desk
  aitrading restore --from ./copy --verify-only      check every file against the manifest, change nothing

An older backup takes the audit log back in time: clients that have seen more of it will not go on with that server.")]
pub(crate) struct Restore {
    /// A folder that `aitrading backup` made.
    #[arg(long, value_name = "DIR")]
    pub(crate) from: PathBuf,
    /// Where the server is to keep everything: a folder that does not exist yet, or is empty.
    #[arg(long, value_name = "DIR", required_unless_present = "verify_only")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Check every file and change nothing, whatever else is asked.
    #[arg(long)]
    pub(crate) verify_only: bool,
    /// Machine-readable.
    #[arg(long)]
    pub(crate) json: bool,
}
