//! What can be set about the gateway: as written, and as used.

use crate::cors::is_origin;
use aitrading_config::{Collector, Provenance, Violations};
use aitrading_http::Limits;
use aitrading_security::limits::{Action, Prefix, Proxies, Quota, Quotas, Row};
use serde::Deserialize;
use std::{net::SocketAddr, time::Duration};

/// Where the gateway listens if nothing is set: this machine alone, until someone decides otherwise.
const LISTEN: &str = "127.0.0.1:8000";
/// Bounds of the settable limits.
const CONNECTIONS_MAX: usize = 100_000;
const DRAIN_MS_MAX: u64 = 60_000;
const ORIGINS_MAX: usize = 32;
const REQUESTS_PER_MINUTE_MAX: u32 = 1_000_000;

/// The section as it stands in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawGateway {
    /// Address and port.
    pub listen: Option<String>,
    /// Open connections at most.
    pub connections_max: Option<usize>,
    /// Open connections from one address at most.
    pub connections_per_address_max: Option<usize>,
    /// How long a shutdown waits for running requests.
    pub drain_ms: Option<u64>,
    /// Web pages that may call, as a browser writes their origin: `https://desk.example:8443`.
    pub origins: Vec<String>,
    /// Proxies of ours, as ranges: `10.0.0.0/8`. What they say of their callers is believed.
    pub proxies: Vec<String>,
    /// Requests of one user, and of one device, in a minute.
    pub requests_per_minute: Option<u32>,
}

/// The gateway's settings, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewaySettings {
    /// Address and port.
    pub listen: SocketAddr,
    /// What peers may do.
    pub limits: Limits,
    /// Web pages that may call.
    pub origins: Vec<String>,
    /// Proxies of ours.
    pub proxies: Proxies,
    /// How often whom may do what.
    pub quotas: Quotas,
}

impl RawGateway {
    /// Checks the section, which stands under `section` in the whole configuration.
    ///
    /// # Errors
    /// All violations.
    pub fn resolve(&self, section: &str, provenance: &Provenance) -> Result<GatewaySettings, Violations> {
        let mut check = Collector::new(provenance);
        let settings = check.section(section, |check| {
            let default = Limits::default();
            let listen = check.address("listen", self.listen.as_deref().unwrap_or(LISTEN));
            let connections = self.connections_max.unwrap_or(default.connections);
            let connections = check.within("connections_max", connections, 1..=CONNECTIONS_MAX);
            let per_address = self.connections_per_address_max.unwrap_or(default.connections_per_address);
            let per_address = check.within("connections_per_address_max", per_address, 1..=CONNECTIONS_MAX);
            let drain_ms = self.drain_ms.unwrap_or(u64::try_from(default.drain.as_millis()).unwrap_or(DRAIN_MS_MAX));
            let drain_ms = check.within("drain_ms", drain_ms, 0..=DRAIN_MS_MAX);
            let origins = origins(check, &self.origins);
            let proxies = proxies(check, &self.proxies);
            let quotas = quotas(check, self.requests_per_minute);
            let limits = Limits {
                connections: connections?,
                connections_per_address: per_address?,
                drain: Duration::from_millis(drain_ms?),
                ..default
            };
            Some(GatewaySettings { listen: listen?, limits, origins: origins?, proxies: proxies?, quotas: quotas? })
        });
        check.finish(settings)
    }
}

fn origins(check: &mut Collector<'_>, origins: &[String]) -> Option<Vec<String>> {
    if origins.len() > ORIGINS_MAX {
        check.refuse("origins", origins.len(), "too many pages are named", format!("name at most {ORIGINS_MAX}"));
        return None;
    }
    if let Some(wrong) = origins.iter().find(|origin| !is_origin(origin)) {
        let cure = "write the page's scheme, host and port alone, in small letters: `https://desk.example:8443`";
        check.refuse("origins", wrong, "it is no origin", cure);
        return None;
    }
    Some(origins.to_vec())
}

fn proxies(check: &mut Collector<'_>, ranges: &[String]) -> Option<Proxies> {
    let form = "an address range, for instance 10.0.0.0/8";
    let ranges: Vec<_> = ranges.iter().map(|range| check.parse::<Prefix>("proxies", range, form)).collect();
    let ranges: Option<Vec<Prefix>> = ranges.into_iter().collect();
    let shown = ranges.as_ref().map_or(0, Vec::len);
    match Proxies::only(ranges?) {
        Ok(proxies) => Some(proxies),
        Err(wrong) => {
            check.refuse("proxies", shown, wrong.to_string(), "name the few addresses of your own proxies");
            None
        }
    }
}

/// The defaults, with another number of requests. A quarter of a minute's may come at once.
fn quotas(check: &mut Collector<'_>, per_minute: Option<u32>) -> Option<Quotas> {
    let Some(count) = per_minute else { return Some(Quotas::default()) };
    let count = check.within("requests_per_minute", count, 1..=REQUESTS_PER_MINUTE_MAX)?;
    let quota = Some(Quota::new(count, Duration::from_mins(1), count.div_ceil(4)).ok()?);
    let before = Quotas::default().of(Action::ApiRead);
    // An address that several users share: as many times more as by default.
    let shared = count.saturating_mul(5).min(REQUESTS_PER_MINUTE_MAX);
    let address = Some(Quota::new(shared, Duration::from_mins(1), count).ok()?);
    Some(Quotas::default().with(Action::ApiRead, Row { user: quota, device: quota, address, ..before }))
}
