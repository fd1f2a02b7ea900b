//! Enrolling a client by hand: certificate, sealed keys, settings, and the rows that entitle it.

use crate::{config::Config, exit::Failure, vault::Vault};
use aitrading_env::{Env, RngExt};
use aitrading_keystore::{DeviceKeys, SealedFiles};
use aitrading_model::{AccountId, DeviceId, TenantId, Timestamp};
use aitrading_security::pki::spki_pin;
use aitrading_settings::{Identity, Limits, Reconnect, Server, Settings, Terminal, Ticks};
use aitrading_store::{Device, Entitlement, Stores, Subscription, SubscriptionStatus, SymbolScope};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

const DAY: Duration = Duration::from_hours(24);
/// A device's certificate. Renewal over the channel comes with enrolment; until then the operator issues anew.
const DEVICE_LIFE: Duration = DAY.saturating_mul(90);
/// An auditor's certificate.
const AUDITOR_LIFE: Duration = DAY.saturating_mul(90);
/// The auditor's name in it.
const AUDITOR: &str = "auditor";
/// A demo subscription.
const SUBSCRIPTION_LIFE: Duration = DAY.saturating_mul(365);

/// What a new client gets.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) account: AccountId,
    /// The subscriber's own limit.
    pub(crate) orders_per_minute: u32,
    /// Port 0: the system chooses, for clients that share one machine.
    pub(crate) ea_port: u16,
    pub(crate) reconnect_first: Duration,
    pub(crate) reconnect_most: Duration,
}

/// Stands in a client's directory from the first file until the device is registered.
const UNFINISHED: &str = "enrolling";

/// Is there a client in `dir` whose enrolment came to its end?
pub(crate) fn has_client(env: &Env, dir: &Path) -> Result<bool, Failure> {
    let there = |name: &str| {
        let path = dir.join(name);
        env.fs.metadata(&path).map(|m| m.is_some()).map_err(|e| Failure::io("cannot look at", &path, &e))
    };
    Ok(there("settings.toml")? && !there(UNFINISHED)?)
}

/// The server knows the device: its directory is a client's from now on.
pub(crate) fn finish_client(env: &Env, dir: &Path) -> Result<(), Failure> {
    let path = dir.join(UNFINISHED);
    env.fs.remove_file(&path).map_err(|e| Failure::io("cannot remove", &path, &e))
}

/// Removes the keys of an enrolment that was cut short: nobody knows their device, or nobody ever will again.
fn clear_unfinished(env: &Env, dir: &Path) -> Result<(), Failure> {
    let marker = dir.join(UNFINISHED);
    if env.fs.metadata(&marker).map_err(|e| Failure::io("cannot look at", &marker, &e))?.is_none() {
        return Ok(());
    }
    let keystore = dir.join("keystore");
    if env.fs.metadata(&keystore).map_err(|e| Failure::io("cannot look at", &keystore, &e))?.is_none() {
        return Ok(());
    }
    for entry in env.fs.list(&keystore).map_err(|e| Failure::io("cannot look into", &keystore, &e))? {
        let path = keystore.join(entry.name);
        env.fs.remove_file(&path).map_err(|e| Failure::io("cannot remove", &path, &e))?;
    }
    Ok(())
}

/// Writes a client directory: `settings.toml`, `keystore/`, and for other programs `client.pem`, `client.key`, `ca.pem`.
/// Returns the device that must be registered; then [`finish_client`] ends the enrolment. One that was cut short before begins
/// anew, with another device.
pub(crate) fn write_client(
    env: &Env,
    vault: &Vault,
    config: &Config,
    dir: &Path,
    wish: &Wish,
) -> Result<Device, Failure> {
    let device = DeviceId(env.rng.bytes());
    let certificate = vault.authority.issue_device(env, config.tenant, device, wish.account, DEVICE_LIFE)?;
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.join(name);
        env.fs.write_atomic(&path, bytes).map_err(|e| Failure::io("cannot write", &path, &e))
    };
    env.fs.create_dir_all(dir).map_err(|e| Failure::io("cannot create", dir, &e))?;
    clear_unfinished(env, dir)?;
    write(UNFINISHED, b"")?;
    write("ca.pem", vault.authority.certificate_pem().as_bytes())?;
    write("client.pem", certificate.chain_pem().as_bytes())?;
    write("client.key", certificate.key_pem().expose().as_bytes())?;
    let keys = DeviceKeys::enrol(env, certificate)?;
    let public_key = keys.signing.verifying_key().to_bytes();
    SealedFiles::new(env, &dir.join("keystore")).create(&keys)?;
    let settings = settings(vault, config, dir, device, wish)?;
    // The settings come last: a directory without them is not a client yet.
    write("settings.toml", settings.render().as_bytes())?;
    Ok(Device::new(config.tenant, wish.account, device, public_key))
}

/// Writes `client.pem`, `client.key` and `ca.pem` of an auditor.
pub(crate) fn write_auditor(env: &Env, vault: &Vault, tenant: TenantId, dir: &Path) -> Result<(), Failure> {
    let certificate = vault.authority.issue_service(env, tenant, AUDITOR, AUDITOR_LIFE)?;
    env.fs.create_dir_all(dir).map_err(|e| Failure::io("cannot create", dir, &e))?;
    let files = [
        ("ca.pem", vault.authority.certificate_pem()),
        ("client.pem", certificate.chain_pem()),
        ("client.key", certificate.key_pem().expose().as_str()),
    ];
    for (name, text) in files {
        let path = dir.join(name);
        env.fs.write_atomic(&path, text.as_bytes()).map_err(|e| Failure::io("cannot write", &path, &e))?;
    }
    Ok(())
}

fn settings(vault: &Vault, config: &Config, dir: &Path, device: DeviceId, wish: &Wish) -> Result<Settings, Failure> {
    let chain = vault.server.chain();
    let leaf = chain.first().ok_or_else(|| Failure::new(crate::exit::Exit::Config, "the server has no certificate"))?;
    Ok(Settings {
        server: Server {
            address: config.data_bridge_listen,
            name: "localhost".into(),
            policy: config.policy.clone(),
            pins: std::iter::once(spki_pin(leaf)?).chain(vault.spare).collect(),
            noise_key: vault.noise.public(),
            ca_file: dir.join("ca.pem"),
            audit_key: Some(vault.checkpoints.verifying_key().to_bytes()),
        },
        identity: Identity { tenant: config.tenant.0, account: wish.account.0, device: device.0 },
        data_dir: dir.join("data"),
        keystore: dir.join("keystore"),
        terminal: Terminal {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, wish.ea_port)),
            order_timeout: Duration::from_secs(2),
            broker_latency: Duration::from_secs(5),
            lookup_pause: Duration::from_millis(200),
        },
        ticks: Ticks { batch: 256, single: false },
        limits: Limits { lots_max: "10".into(), symbols: Vec::new(), orders_per_minute: wish.orders_per_minute },
        reconnect: Reconnect { first: wish.reconnect_first, most: wish.reconnect_most },
    })
}

/// Makes the device known to the server.
pub(crate) async fn register(stores: &Stores, device: Device) -> Result<(), Failure> {
    Ok(stores.devices.put(device).await?)
}

/// Grants or withholds the signals of an account.
pub(crate) async fn entitle(
    env: &Env,
    stores: &Stores,
    tenant: TenantId,
    account: AccountId,
    subscribed: bool,
) -> Result<(), Failure> {
    let known = stores.subscriptions.get(tenant, account).await?;
    if subscribed {
        stores.subscriptions.put(subscription(env, tenant, account)).await?;
    } else if let Some(known) = known {
        stores.subscriptions.put(Subscription { status: SubscriptionStatus::Lapsed, ..known }).await?;
    }
    Ok(())
}

/// Tells an existing client where the server listens in this run, and where its own files are: the directory may have been moved
/// or copied, and a copy must never work on the original's ledger.
pub(crate) fn point_at(env: &Env, dir: &Path, config: &Config) -> Result<(), Failure> {
    let path = dir.join("settings.toml");
    let mut settings = Settings::load(env, &path)?;
    settings.server.address = config.data_bridge_listen;
    settings.server.ca_file = dir.join("ca.pem");
    settings.data_dir = dir.join("data");
    settings.keystore = dir.join("keystore");
    env.fs.write_atomic(&path, settings.render().as_bytes()).map_err(|e| Failure::io("cannot write", &path, &e))
}

fn subscription(env: &Env, tenant: TenantId, account: AccountId) -> Subscription {
    Subscription {
        tenant,
        account,
        status: SubscriptionStatus::Active,
        expires_at: Timestamp(env.clock.wall_ns()).plus(SUBSCRIPTION_LIFE),
        symbols: SymbolScope::All,
        auto_trading: true,
        entitlement: Entitlement::default(),
    }
}
