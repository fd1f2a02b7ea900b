//! `aitrading backup` and `aitrading restore`: a copy of a stopped server that proves itself, and the way back.
//!
//! The manifest is written last, so a folder without one is no backup; on the way back the configuration is, so a folder without
//! one is no data directory. docs/specs/backup.md has the format.

mod copy;
mod manifest;
pub(crate) mod restore;

use crate::{
    cli,
    config::{self, Flags},
    demo::words::grouped,
    exit::{Exit, Failure},
    history::desk::alone,
    layout::Layout,
    print,
};
use aitrading_config::Environment;
use aitrading_database_link::Role;
use aitrading_database_service::{Look, Servers};
use aitrading_env::Env;
use manifest::{Entry, Manifest};
use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
};

/// The database's copy, by its place in a data directory.
const DATABASE: &str = "store/main.db";
/// Folders of private keys.
const SECRETS: [&str; 2] = ["keys", "clients"];

/// Makes a backup and reads it back. What is copied is not changed first, not even the schema of an earlier release: a backup is
/// what one makes before that.
pub(crate) async fn run(
    env: &Env,
    out: &mut dyn Write,
    variables: &Environment,
    args: &cli::backup::Backup,
) -> Result<(), Failure> {
    let layout = Layout::new(&args.data_dir);
    let config = config::of_directory(env, &layout, variables, &Flags::default())?;
    let lock = alone(env, &layout)?;
    let elsewhere = elsewhere(&config.databases);
    if !elsewhere.is_empty() && !args.embedded_only {
        let text = format!(
            "{} lie on servers of their own and would not be in this backup: back them up with their servers' tools, and \
             take the rest with --embedded-only [BACKUP_ELSEWHERE]",
            elsewhere.join(", ")
        );
        return Err(Failure::new(Exit::Config, text));
    }
    let kept = Look::open(env, config.database_service, &layout.store()).await?;
    let damaged = damaged(kept.as_ref()).await;
    let made = make(env, kept.as_ref(), &layout, args, elsewhere).await;
    if let Some(kept) = kept {
        kept.close().await;
    }
    drop(lock);
    let (manifest, damaged) = (made?, damaged?);
    let (files, bytes) = (manifest.files.len() as u64, manifest.bytes());
    if args.json {
        let value = serde_json::json!({
            "to": args.to.display().to_string(), "files": files, "bytes": bytes, "secrets": manifest.secrets, "verified": true,
            "left_out": manifest.left_out, "damaged": damaged,
        });
        print(out, format_args!("{value}"))?;
        return whole(&damaged);
    }
    print(out, format_args!("backup    {}", args.to.display()))?;
    print(out, format_args!("  files   {}, {} bytes, each read back and compared", grouped(files), grouped(bytes)))?;
    let keys = if args.with_secrets {
        "keys are in it: keep it where you would keep keys"
    } else {
        "keys are not in it: keep a copy of keys/ elsewhere, the restored server needs it"
    };
    print(out, format_args!("  secrets {keys}"))?;
    manifest.left_out.iter().try_for_each(|part| print(out, format_args!("  NOT in it: {part}")))?;
    whole(&damaged)
}

/// A copy of damaged files is made, and is not called good.
fn whole(damaged: &[String]) -> Result<(), Failure> {
    if damaged.is_empty() {
        return Ok(());
    }
    let text = format!(
        "the backup is made, but these ticks were damaged before they were copied: {}; restore their files from an earlier \
         backup, and keep that one [BACKUP_SOURCE_DAMAGED]",
        damaged.join(", ")
    );
    Err(Failure::new(Exit::Data, text))
}

/// The sources whose stored ticks cannot all be read back, each file with its own checksum and number of ticks. The copy is
/// compared with what was copied, and says nothing of that.
async fn damaged(kept: Option<&Look>) -> Result<Vec<String>, Failure> {
    let mut hurt = Vec::new();
    let Some(kept) = kept else { return Ok(hurt) };
    let ticks = kept.ticks();
    for (source, _) in ticks.cursors().await? {
        if let Err(error) = ticks.scan(source, &mut |_| ()).await {
            hurt.push(format!("{} of account {} ({error})", source.symbol, source.account));
        }
    }
    Ok(hurt)
}

/// What the configuration keeps on servers: a backup of the directory has none of it. The cache may be forgotten.
fn elsewhere(servers: &Servers) -> Vec<String> {
    let parts = [
        (Role::Relational, &servers.relational),
        (Role::Ticks, &servers.ticks),
        (Role::Patterns, &servers.patterns),
        (Role::Graph, &servers.graph),
        (Role::Events, &servers.events),
    ];
    let named = parts.into_iter().filter_map(|(role, server)| Some((role, server.as_ref()?)));
    named.map(|(role, server)| format!("{role} at {}:{}", server.host, server.port)).collect()
}

async fn make(
    env: &Env,
    kept: Option<&Look>,
    layout: &Layout,
    args: &cli::backup::Backup,
    left_out: Vec<String>,
) -> Result<Manifest, Failure> {
    let (root, to) = (absolute(layout.root())?, absolute(&args.to)?);
    if to.starts_with(&root) {
        let text = format!("{} lies in the data directory; choose a folder outside of it", args.to.display());
        return Err(Failure::new(Exit::CannotCreate, text));
    }
    copy::empty_folder(env, &to)?;
    copy::make_folder(env, &to.join("store"))?;
    let mut files = BTreeMap::new();
    let mut listed = Vec::new();
    if let Some(kept) = kept {
        let database = to.join(DATABASE);
        kept.copy_to(&database).await?;
        copy::sync(env, &database)?;
        files.insert(DATABASE.to_owned(), copy::digest(env, &database)?);
        listed = kept.tick_files().await?;
    }
    let listed = listed.iter().map(|path| format!("store/{}", slashes(path)));
    for path in listed.chain(others(env, layout, args.with_secrets)?) {
        let copied = copy::file(env, &root.join(&path), &to.join(&path))?;
        files.insert(path, copied);
    }
    let files: Vec<Entry> = files.into_iter().map(|(path, sum)| Entry::new(path, sum)).collect();
    let mut manifest = Manifest::new(env, args.with_secrets, files);
    manifest.left_out = left_out;
    copy::settle(env, &to, manifest.files.iter().map(|file| file.path.as_str()))?;
    manifest.check(env, &to)?;
    manifest.write(env, &to)?;
    Ok(manifest)
}

/// Every file but locks, remains of writes that were cut short, the database, tick files, and secrets that are not wanted.
fn others(env: &Env, layout: &Layout, secrets: bool) -> Result<Vec<String>, Failure> {
    let root = layout.root();
    let (mut found, mut folders) = (Vec::new(), vec![String::new()]);
    while let Some(folder) = folders.pop() {
        let dir = root.join(&folder);
        let entries = env.fs.list(&dir).map_err(|error| Failure::io("cannot look into", &dir, &error))?;
        for entry in entries {
            let path = if folder.is_empty() { entry.name.clone() } else { format!("{folder}/{}", entry.name) };
            let secret = SECRETS.contains(&path.as_str());
            if entry.is_dir && path != "store" && (secrets || !secret) {
                folders.push(path);
            } else if !entry.is_dir && !passing(&entry.name) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Files that mean something only in this directory as it is now, or are half written.
fn passing(name: &str) -> bool {
    if name == aitrading_data_bridge::STORE_SEEN {
        return true;
    }
    let ends = |end: &str| Path::new(name).extension().is_some_and(|extension| extension == end);
    name == "lock" || name == ".writable" || ends("lock") || ends("tmp") || ends("partial")
}

/// The path in a manifest.
fn slashes(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::io("cannot resolve", path, &error))
}
