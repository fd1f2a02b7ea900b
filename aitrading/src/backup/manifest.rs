//! The manifest: every file of a backup with its length and hash, and a hash of the manifest itself beside it.

use super::copy::{self, Sum};
use crate::exit::{Exit, Failure};
use aitrading_env::Env;
use aitrading_security::sha256;
use serde::{Deserialize, Serialize};
use std::path::{Component, Path};

const FORMAT: &str = "aitrading-backup";
const VERSION: u32 = 1;
const NAME: &str = "manifest.json";
/// As `sha256sum` writes it, so that `sha256sum --check` reads it.
const SUM_NAME: &str = "manifest.json.sha256";
/// A million files of long names.
const MANIFEST_BYTES_MAX: u64 = 512 << 20;
const SUM_BYTES_MAX: u64 = 1024;
/// Damaged files that are named; the others are counted.
const NAMED_MAX: usize = 20;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    format: String,
    version: u32,
    made_at_ns: i64,
    made_by: String,
    pub(super) secrets: bool,
    /// What lay on servers of their own. Not written if there is none, so that older releases read such a backup.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) left_out: Vec<String>,
    pub(super) files: Vec<Entry>,
}

/// One file. Paths are relative, with `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) path: String,
    bytes: u64,
    sha256: String,
}

impl Entry {
    pub(super) fn new(path: String, sum: Sum) -> Self {
        Self { path, bytes: sum.bytes, sha256: hex(&sum.sha256) }
    }

    pub(super) fn is(&self, sum: Sum) -> bool {
        self.bytes == sum.bytes && self.sha256 == hex(&sum.sha256)
    }
}

impl Manifest {
    pub(super) fn new(env: &Env, secrets: bool, files: Vec<Entry>) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            made_at_ns: env.clock.wall_ns(),
            made_by: env!("CARGO_PKG_VERSION").to_owned(),
            secrets,
            left_out: Vec::new(),
            files,
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes))
    }

    /// Makes the folder a backup.
    pub(super) fn write(&self, env: &Env, folder: &Path) -> Result<(), Failure> {
        let text = serde_json::to_vec_pretty(self).map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
        let sum = format!("{}  {NAME}\n", hex(&sha256(&text)));
        for (name, bytes) in [(SUM_NAME, sum.as_bytes()), (NAME, text.as_slice())] {
            let path = folder.join(name);
            env.fs.write_atomic(&path, bytes).map_err(|error| Failure::io("cannot write", &path, &error))?;
        }
        Ok(())
    }

    /// Reads it, and believes nothing that could lead out of the folder.
    pub(super) fn read(env: &Env, folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(NAME);
        let found = env.fs.metadata(&path).map_err(|error| Failure::io("cannot look at", &path, &error))?;
        if found.is_none() {
            let text =
                format!("{} is no backup: it has no {NAME}, which is written last; make another", folder.display());
            return Err(Failure::new(Exit::NoInput, format!("{text} [BACKUP_NO_MANIFEST]")));
        }
        let read =
            |path: &Path, limit| env.fs.read(path, limit).map_err(|error| Failure::io("cannot read", path, &error));
        let (text, sum) = (read(&path, MANIFEST_BYTES_MAX)?, read(&folder.join(SUM_NAME), SUM_BYTES_MAX)?);
        let damaged = |why: &str| {
            Failure::new(Exit::Data, format!("{}: {why}; use another copy [BACKUP_DAMAGED]", path.display()))
        };
        if !sum.starts_with(hex(&sha256(&text)).as_bytes()) {
            return Err(damaged("the manifest is not what was written"));
        }
        let manifest: Self = serde_json::from_slice(&text).map_err(|_| damaged("the manifest cannot be read"))?;
        if manifest.format != FORMAT || manifest.version != VERSION {
            let text =
                format!("{}: made by a newer release, version {}; use that release", path.display(), manifest.version);
            return Err(Failure::new(Exit::Data, format!("{text} [BACKUP_VERSION]")));
        }
        if let Some(astray) = manifest.files.iter().find(|file| !stays_inside(&file.path)) {
            return Err(damaged(&format!("the path {:?} leads out of the backup", astray.path)));
        }
        Ok(manifest)
    }

    /// Compares every file, and names those that differ.
    pub(super) fn check(&self, env: &Env, folder: &Path) -> Result<(), Failure> {
        let mut damaged = Vec::new();
        for file in &self.files {
            let path = folder.join(&file.path);
            match env.fs.metadata(&path) {
                Ok(None) => damaged.push(format!("{} is missing", file.path)),
                _ if copy::digest(env, &path).is_ok_and(|sum| file.is(sum)) => {}
                _ => damaged.push(format!("{} is damaged", file.path)),
            }
        }
        if damaged.is_empty() {
            return Ok(());
        }
        let more = damaged.len().saturating_sub(NAMED_MAX);
        damaged.truncate(NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let text = format!("{}: {}{more}; use another copy", folder.display(), damaged.join(", "));
        Err(Failure::new(Exit::Data, format!("{text} [BACKUP_DAMAGED]")))
    }
}

fn stays_inside(path: &str) -> bool {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    !path.is_empty() && !path.contains('\\') && Path::new(path).components().all(plain)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::stays_inside;

    #[test]
    fn paths_that_lead_elsewhere_are_seen() {
        for (path, inside) in [
            ("store/main.db", true),
            ("aitrading.toml", true),
            ("", false),
            ("/etc/passwd", false),
            ("../lock", false),
            ("store/../../lock", false),
            ("store\\..\\lock", false),
        ] {
            assert_eq!(stays_inside(path), inside, "{path}");
        }
    }
}
