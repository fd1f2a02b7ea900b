//! The subcommands, one module each.

pub(crate) mod health;
pub(crate) mod version;
