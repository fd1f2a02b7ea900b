//! The command line of moving stores.

use aitrading_database_link::Role;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aitrading migrate-store --data-dir ./desk                          all that the configuration names a server for
  aitrading migrate-store --data-dir ./desk --from embedded --to postgres,clickhouse
  aitrading migrate-store --data-dir ./desk --leave-behind           begin anew on the servers
  aitrading migrate-store --data-dir ./desk --back                   use the embedded stores again, as old as they are

Name the servers in the configuration first (docs/databases.md), do not start the server yet, and run this. Every record is copied,
read back and compared by number and by content; a server that holds anything else is refused. The embedded stores stay as they
are, with a note that they were moved: without it a forgotten line in the configuration would bring old numbers back. A run that was
broken off is run again.")]
pub(crate) struct MigrateStore {
    /// The server's data directory; the server must be stopped.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// Where it lies now.
    #[arg(long, value_name = "NAME", default_value = "embedded")]
    pub(crate) from: Place,
    /// Where to; all that the configuration names if not given.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub(crate) to: Vec<Target>,
    /// Go on with the servers without what is embedded here: nothing is copied.
    #[arg(long, conflicts_with = "back")]
    pub(crate) leave_behind: bool,
    /// Take the notes of earlier moves back: what the servers have learned since is not in the embedded stores.
    #[arg(long, conflicts_with = "to")]
    pub(crate) back: bool,
    /// Machine-readable.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where stores can be moved from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Place {
    Embedded,
}

/// Where stores can be moved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// Rows: users, devices, subscriptions, accounts, orders, signals, reports and so on.
    #[value(alias = "postgresql")]
    Postgres,
    /// Ticks, bars and gaps.
    #[value(name = "clickhouse")]
    ClickHouse,
}

impl Target {
    pub(crate) const ALL: [Self; 2] = [Self::Postgres, Self::ClickHouse];

    /// The part that it plays.
    pub(crate) const fn role(self) -> Role {
        match self {
            Self::Postgres => Role::Relational,
            Self::ClickHouse => Role::Ticks,
        }
    }

    /// Its section in the configuration.
    pub(crate) const fn section(self) -> &'static str {
        match self {
            Self::Postgres => "[database.relational.postgresql]",
            Self::ClickHouse => "[database.ticks.clickhouse]",
        }
    }
}
