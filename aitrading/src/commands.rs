//! The subcommands, one module each.

pub(crate) mod audit;
pub(crate) mod compare;
pub(crate) mod config_check;
pub(crate) mod db;
pub(crate) mod health;
pub(crate) mod init;
pub(crate) mod migrate_store;
pub(crate) mod seal;
pub(crate) mod sql;
pub(crate) mod up;
pub(crate) mod version;
