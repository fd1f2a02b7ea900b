//! `aitrading version`.

use crate::exit::Failure;
use std::io::Write;

/// Prints version, build profile and target.
pub(crate) fn run(out: &mut dyn Write, json: bool) -> Result<(), Failure> {
    let (version, os, arch) = (env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    if json {
        let value =
            serde_json::json!({"name": "aitrading", "version": version, "os": os, "arch": arch, "profile": profile});
        crate::print(out, format_args!("{value}"))
    } else {
        crate::print(out, format_args!("aitrading {version} ({arch}-{os}, {profile})"))
    }
}
