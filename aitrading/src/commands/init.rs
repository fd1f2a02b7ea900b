//! `aitrading init`: prepares a data directory.

use crate::{
    cli, compose, config,
    config::{Config, Flags},
    enrol,
    exit::{Exit, Failure},
    layout::Layout,
    print,
    vault::{Vault, operator, spare},
};
use aitrading_config::Environment;
use aitrading_env::Env;
use aitrading_model::AccountId;
use std::{io::Write, path::Path, time::Duration};

/// Where the Expert Advisor finds its connector.
const EA_PORT: u16 = 9_300;

/// Prepares the directory, and a client if one is wished.
pub(crate) async fn run(
    env: &Env,
    out: &mut dyn Write,
    variables: &Environment,
    args: &cli::Init,
) -> Result<(), Failure> {
    let layout = Layout::new(&args.data_dir);
    layout.create(env)?;
    let lock = layout.lock(env)?;
    let fresh = !layout.is_initialised(env)?;
    if let Some(key) = &args.use_spare {
        return use_spare(env, out, &layout, key, fresh);
    }
    if args.renew {
        return renew(env, out, &layout, fresh);
    }
    if !fresh && args.demo_client.is_none() && args.auditor.is_none() {
        let text = format!("{} is prepared already; nothing was changed", args.data_dir.display());
        return Err(Failure::new(Exit::CannotCreate, text));
    }
    if fresh {
        prepare(env, &layout, args.port_offset)?;
        print(out, format_args!("prepared   {}", args.data_dir.display()))?;
        print(
            out,
            format_args!(
                "  keys     {}  (root.key opens them all: keep it, and keep it secret)",
                layout.keys().display()
            ),
        )?;
        print(out, format_args!("  settings {}", layout.config().display()))?;
        tell_spare(out, &layout)?;
    }
    if let Some(dir) = &args.auditor {
        let config = config::of_directory(env, &layout, variables, &Flags::default())?;
        enrol::write_auditor(env, &Vault::open(env, &layout.keys())?, config.tenant, dir)?;
        print(out, format_args!("auditor    {}", dir.display()))?;
        print(out, format_args!("  client.pem, client.key, ca.pem   for curl: POST /v1/sql at the database service"))?;
    }
    if let Some(dir) = &args.demo_client {
        let config = config::of_directory(env, &layout, variables, &Flags::default())?;
        if client(env, &layout, variables, &config, dir, AccountId(args.account)).await? {
            tell_spare(out, &layout)?;
        }
        print(out, format_args!("client     {}", dir.display()))?;
        print(out, format_args!("  account {}, subscribed to all symbols for a year", args.account))?;
        print(out, format_args!("  client.pem, client.key, ca.pem   for curl and other programs"))?;
        print(out, format_args!("  settings.toml, keystore          for aitrading-client"))?;
    }
    drop(lock);
    print(out, format_args!("next       aitrading up --data-dir {}", args.data_dir.display()))
}

/// The spare key is of use only where a thief of this directory does not find it.
fn tell_spare(out: &mut dyn Write, layout: &Layout) -> Result<(), Failure> {
    let path = spare::path(&layout.keys());
    print(out, format_args!("  spare    {}", path.display()))?;
    print(
        out,
        format_args!(
            "           the server's spare key: move it to a medium that is kept offline, none may stay here;"
        ),
    )?;
    print(out, format_args!("           clients accept it, so that the server can be given it with --use-spare"))
}

/// Gives the server a new certificate.
fn renew(env: &Env, out: &mut dyn Write, layout: &Layout, fresh: bool) -> Result<(), Failure> {
    if fresh {
        let text = format!("{} is not prepared yet; there is nothing to renew", layout.root().display());
        return Err(Failure::new(Exit::Config, text));
    }
    Vault::renew(env, &layout.keys())?;
    print(out, format_args!("renewed    the server has its new certificate from its next start on; its key stays"))
}

/// Changes the server to its spare key.
fn use_spare(env: &Env, out: &mut dyn Write, layout: &Layout, key: &Path, fresh: bool) -> Result<(), Failure> {
    if fresh {
        let text = format!("{} is not prepared yet; there is nothing to change", layout.root().display());
        return Err(Failure::new(Exit::Config, text));
    }
    Vault::use_spare(env, &layout.keys(), key)?;
    print(
        out,
        format_args!("changed    the server has its spare key from its next start on; enrolled clients accept it"),
    )?;
    tell_spare(out, layout)?;
    print(
        out,
        format_args!(
            "           it is a new one: give clients that were enrolled before now new settings before it is used"
        ),
    )
}

/// Keys and configuration of a new directory; the configuration comes last, as its presence says that all is there. Keys that a
/// killed preparation left whole are kept, others are made anew.
pub(crate) fn prepare(env: &Env, layout: &Layout, port_offset: u16) -> Result<Vault, Failure> {
    if let Some(found) = layout.remains(env)? {
        let (dir, config) = (layout.root().display(), layout.config());
        let text = format!(
            "{dir} holds a server's data ({}), but no {}: it was removed or renamed; put it back, from a backup if need be. \
             Nothing was changed, for new keys would lock every client out [CONFIG_MISSING]",
            found.display(),
            config.file_name().unwrap_or_default().to_string_lossy()
        );
        return Err(Failure::new(Exit::Config, text));
    }
    let keys = layout.keys();
    let vault = if Vault::is_whole(env, &keys)? { Vault::open(env, &keys)? } else { Vault::create(env, &keys)? };
    operator::open(env, &layout.keys(), config::SAMPLE_TENANT)?;
    let path = layout.config();
    let text = config::sample(port_offset);
    env.fs.write_atomic(&path, text.as_bytes()).map_err(|e| Failure::io("cannot write", &path, &e))?;
    Ok(vault)
}

/// Returns whether the server got a spare key on this occasion: directories from before there was one have none.
async fn client(
    env: &Env,
    layout: &Layout,
    variables: &Environment,
    config: &Config,
    dir: &Path,
    account: AccountId,
) -> Result<bool, Failure> {
    if enrol::has_client(env, dir)? {
        let text = format!("{} holds a client already; choose another directory", dir.display());
        return Err(Failure::new(Exit::CannotCreate, text));
    }
    let mut vault = Vault::open(env, &layout.keys())?;
    let spare_is_new = vault.ensure_spare(env, &layout.keys())?;
    let wish = enrol::Wish {
        account,
        orders_per_minute: 60,
        ea_port: EA_PORT,
        reconnect_first: Duration::from_secs(1),
        reconnect_most: Duration::from_secs(30),
    };
    let dir = std::path::absolute(dir).map_err(|e| Failure::io("cannot resolve", dir, &e))?;
    let device = enrol::write_client(env, &vault, config, &dir, &wish)?;
    let databases = compose::databases(env, layout, variables, config).await?;
    let stores = databases.stores();
    enrol::register(&stores, device).await?;
    enrol::entitle(env, &stores, config.tenant, account, true).await?;
    databases.close().await?;
    enrol::finish_client(env, &dir)?;
    Ok(spare_is_new)
}
