//! What the file may contain, and how it becomes settings.

use crate::{Identity, Limits, Reconnect, Server, Settings, Terminal, Ticks, VERSION};
use aitrading_config::{Collector, Provenance, Violations};
use serde::Deserialize;
use std::{
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

/// Pins that a file may name.
const PINS_MAX: usize = 8;
/// Symbols that a file may name.
const SYMBOLS_MAX: usize = 256;
/// Longest symbol name, as MetaTrader has it.
const SYMBOL_BYTES: usize = 31;
/// Decimals that lots may have.
const LOT_DECIMALS: usize = 8;
/// Digits before the point that lots may have.
const LOT_DIGITS: usize = 9;

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Raw {
    version: Option<i64>,
    server: RawServer,
    identity: RawIdentity,
    storage: RawStorage,
    terminal: RawTerminal,
    ticks: RawTicks,
    limits: RawLimits,
    reconnect: RawReconnect,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawServer {
    address: Option<String>,
    name: Option<String>,
    policy: Option<String>,
    pins: Vec<String>,
    noise_key: Option<String>,
    ca_file: Option<PathBuf>,
    audit_key: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawIdentity {
    tenant: Option<u64>,
    account: Option<u64>,
    device: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawStorage {
    data_dir: Option<PathBuf>,
    keystore: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawTerminal {
    listen: String,
    order_timeout_ms: u64,
    broker_latency_ms: u64,
    lookup_pause_ms: u64,
}

impl Default for RawTerminal {
    fn default() -> Self {
        let listen = "127.0.0.1:9300".to_owned();
        Self { listen, order_timeout_ms: 10_000, broker_latency_ms: 10_000, lookup_pause_ms: 500 }
    }
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawTicks {
    batch: usize,
    single: bool,
}

impl Default for RawTicks {
    fn default() -> Self {
        Self { batch: 256, single: false }
    }
}

/// Own limits have no defaults: how much may be lost here is the subscriber's decision alone.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawLimits {
    lots_max: Option<String>,
    symbols: Vec<String>,
    orders_per_minute: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawReconnect {
    first_ms: u64,
    most_ms: u64,
}

impl Default for RawReconnect {
    fn default() -> Self {
        Self { first_ms: 1_000, most_ms: 30_000 }
    }
}

impl Raw {
    pub(crate) fn resolve(self, provenance: &Provenance, base: &Path) -> Result<Settings, Violations> {
        let mut c = Collector::new(provenance);
        let version = c.required("version", self.version, "write version = 1");
        let version = version.and_then(|v| c.within("version", v, 0..=VERSION));
        let server = c.section("server", |c| self.server.resolve(c, base));
        let identity = c.section("identity", |c| self.identity.resolve(c));
        let storage = c.section("storage", |c| self.storage.resolve(c, base));
        let terminal = c.section("terminal", |c| self.terminal.resolve(c));
        let ticks = c.section("ticks", |c| {
            Some(Ticks { batch: c.within("batch", self.ticks.batch, 1..=256)?, single: self.ticks.single })
        });
        let limits = c.section("limits", |c| self.limits.resolve(c));
        let reconnect = c.section("reconnect", |c| self.reconnect.resolve(c));
        let settings = (|| {
            version?;
            let (data_dir, keystore) = storage?;
            Some(Settings {
                server: server?,
                identity: identity?,
                data_dir,
                keystore,
                terminal: terminal?,
                ticks: ticks?,
                limits: limits?,
                reconnect: reconnect?,
            })
        })();
        c.finish(settings)
    }
}

impl RawServer {
    fn resolve(self, c: &mut Collector<'_>, base: &Path) -> Option<Server> {
        let address = c.required("address", self.address, "write the data bridge's address, like 127.0.0.1:8001");
        let address = address.and_then(|a| c.address("address", &a));
        let name = c.required("name", self.name, "write the name in the server's certificate, like localhost");
        let policy = c.required("policy", self.policy, "write the policy id that the operator gave you");
        let noise_key =
            c.required("noise_key", self.noise_key, "write the server's Noise key in 64 hexadecimal digits");
        let noise_key = noise_key.and_then(|k| hex_field(c, "noise_key", &k));
        let ca_file = c.required("ca_file", self.ca_file, "write the path of the server authority's certificate");
        if self.pins.is_empty() || self.pins.len() > PINS_MAX {
            let cure = format!("write 1 to {PINS_MAX} SHA-256 hashes of server keys in 64 hexadecimal digits each");
            c.refuse("pins", self.pins.len(), "the number of pins is out of bounds", cure);
        }
        let pins: Option<Vec<_>> = self.pins.iter().map(|pin| hex_field(c, "pins", pin)).collect();
        let audit_key = match self.audit_key {
            Some(key) => hex_field(c, "audit_key", &key).map(Some),
            None => Some(None),
        };
        Some(Server {
            address: address?,
            name: name?,
            policy: policy?,
            pins: pins?,
            noise_key: noise_key?,
            ca_file: base.join(ca_file?),
            audit_key: audit_key?,
        })
    }
}

impl RawIdentity {
    fn resolve(self, c: &mut Collector<'_>) -> Option<Identity> {
        let tenant = c.required("tenant", self.tenant, "write the tenant's number");
        let account = c.required("account", self.account, "write the MT5 login");
        let device = c.required("device", self.device, "write the device id in 32 hexadecimal digits");
        let device = device.and_then(|d| hex_field(c, "device", &d));
        Some(Identity { tenant: tenant?, account: account?, device: device? })
    }
}

impl RawStorage {
    fn resolve(self, c: &mut Collector<'_>, base: &Path) -> Option<(PathBuf, PathBuf)> {
        let data_dir = c.required("data_dir", self.data_dir, "write a directory for ledger and progress");
        let keystore = c.required("keystore", self.keystore, "write the directory of the sealed keys");
        Some((base.join(data_dir?), base.join(keystore?)))
    }
}

impl RawTerminal {
    fn resolve(self, c: &mut Collector<'_>) -> Option<Terminal> {
        let listen: Option<SocketAddr> = c.address("listen", &self.listen);
        if listen.is_some_and(|l| !l.ip().is_loopback()) {
            let cure = "write a loopback address: connector and terminal run on one machine";
            c.refuse("listen", &self.listen, "it can be reached from other machines", cure);
        }
        let minute = 60_000;
        let order_timeout = millis(c, "order_timeout_ms", self.order_timeout_ms, 10..=minute);
        let broker_latency = millis(c, "broker_latency_ms", self.broker_latency_ms, 10..=10 * minute);
        let lookup_pause = millis(c, "lookup_pause_ms", self.lookup_pause_ms, 1..=minute);
        Some(Terminal {
            listen: listen?,
            order_timeout: order_timeout?,
            broker_latency: broker_latency?,
            lookup_pause: lookup_pause?,
        })
    }
}

impl RawLimits {
    fn resolve(self, c: &mut Collector<'_>) -> Option<Limits> {
        let lots_max =
            c.required("lots_max", self.lots_max, "write the most lots that one order may have, like \"1.00\"");
        if let Some(lots) = lots_max.as_ref().filter(|lots| !is_positive_decimal(lots)) {
            c.refuse("lots_max", lots, "it is no positive decimal number", "write lots in quotes, like \"1.00\"");
        }
        let rate = c.required("orders_per_minute", self.orders_per_minute, "write how many orders a minute may have");
        let rate = rate.and_then(|r| c.within("orders_per_minute", r, 0..=6_000));
        if self.symbols.len() > SYMBOLS_MAX {
            c.refuse("symbols", self.symbols.len(), "too many symbols", format!("name at most {SYMBOLS_MAX}"));
        }
        for symbol in self.symbols.iter().filter(|s| s.is_empty() || s.len() > SYMBOL_BYTES || s.trim() != s.as_str()) {
            let cure = format!("write the broker's name of 1 to {SYMBOL_BYTES} bytes");
            c.refuse("symbols", symbol, "it is no symbol name", cure);
        }
        Some(Limits { lots_max: lots_max?, symbols: self.symbols, orders_per_minute: rate? })
    }
}

impl RawReconnect {
    fn resolve(self, c: &mut Collector<'_>) -> Option<Reconnect> {
        let first = millis(c, "first_ms", self.first_ms, 10..=60_000);
        let most = millis(c, "most_ms", self.most_ms, self.first_ms.min(600_000)..=600_000);
        Some(Reconnect { first: first?, most: most? })
    }
}

fn millis(c: &mut Collector<'_>, key: &str, value: u64, bounds: RangeInclusive<u64>) -> Option<Duration> {
    c.within(key, value, bounds).map(Duration::from_millis)
}

fn hex_field<const N: usize>(c: &mut Collector<'_>, key: &str, text: &str) -> Option<[u8; N]> {
    let bytes = unhex(text);
    if bytes.is_none() {
        c.refuse(key, text, "it has the wrong form", format!("write {} hexadecimal digits", N.saturating_mul(2)));
    }
    bytes
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    if text.len() != N.checked_mul(2)? || !text.is_ascii() {
        return None;
    }
    for (byte, at) in out.iter_mut().zip((0..text.len()).step_by(2)) {
        let pair = text.get(at..at.checked_add(2)?).filter(|p| p.bytes().all(|b| b.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(out)
}

fn is_positive_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |s: &str, most: usize| (1..=most).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit());
    digits(whole, LOT_DIGITS) && digits(fraction, LOT_DECIMALS) && text.bytes().any(|b| (b'1'..=b'9').contains(&b))
}
