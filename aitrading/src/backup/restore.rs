//! `aitrading restore`: checks all of a backup, then copies it, the configuration last.

use super::{copy, manifest::Manifest};
use crate::{
    cli,
    demo::words::grouped,
    exit::{Exit, Failure},
    layout::Layout,
    print,
};
use aitrading_env::Env;
use std::{io::Write, path::Path};

/// Its presence says that a data directory is whole.
const CONFIGURATION: &str = "aitrading.toml";

/// Checks, and unless that is all, restores.
pub(crate) fn run(env: &Env, out: &mut dyn Write, args: &cli::backup::Restore) -> Result<(), Failure> {
    let manifest = Manifest::read(env, &args.from)?;
    manifest.check(env, &args.from)?;
    let dir = args.data_dir.as_ref().filter(|_| !args.verify_only);
    if let Some(dir) = dir {
        restore(env, &manifest, &args.from, dir)?;
    }
    let (files, bytes) = (manifest.files.len() as u64, manifest.bytes());
    if args.json {
        let value = serde_json::json!({
            "files": files, "bytes": bytes, "secrets": manifest.secrets, "verified": true, "restored": dir.is_some(),
        });
        return print(out, format_args!("{value}"));
    }
    print(out, format_args!("verified  {} files, {} bytes: all as they were written", grouped(files), grouped(bytes)))?;
    let Some(dir) = dir else { return Ok(()) };
    print(out, format_args!("restored  {}", dir.display()))?;
    if !manifest.secrets {
        let keys = Layout::new(dir).keys();
        print(out, format_args!("  keys    are not in this backup: put your copy of them into {}", keys.display()))?;
    }
    print(out, format_args!("next      aitrading audit verify --data-dir {}", dir.display()))?;
    print(out, format_args!("          aitrading up --data-dir {}", dir.display()))
}

fn restore(env: &Env, manifest: &Manifest, from: &Path, dir: &Path) -> Result<(), Failure> {
    copy::empty_folder(env, dir)?;
    let (last, first): (Vec<_>, Vec<_>) = manifest.files.iter().partition(|file| file.path == CONFIGURATION);
    for files in [first, last] {
        for file in &files {
            let sum = copy::file(env, &from.join(&file.path), &dir.join(&file.path))?;
            if !file.is(sum) {
                let text = format!(
                    "{}: {} changed while it was copied; empty {} and use another copy [BACKUP_DAMAGED]",
                    from.display(),
                    file.path,
                    dir.display()
                );
                return Err(Failure::new(Exit::Data, text));
            }
        }
        copy::settle(env, dir, files.iter().map(|file| file.path.as_str()))?;
    }
    Ok(())
}
