//! What can be set about the gateway: as written, and as used.

use aitrading_config::{Collector, Provenance, Violations};
use aitrading_http::Limits;
use serde::Deserialize;
use std::{net::SocketAddr, time::Duration};

/// Where the gateway listens if nothing is set: this machine alone, until someone decides otherwise.
const LISTEN: &str = "127.0.0.1:8000";
/// Bounds of the settable limits.
const CONNECTIONS_MAX: usize = 100_000;
const DRAIN_MS_MAX: u64 = 60_000;

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
}

/// The gateway's settings, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewaySettings {
    /// Address and port.
    pub listen: SocketAddr,
    /// What peers may do.
    pub limits: Limits,
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
            let limits = Limits {
                connections: connections?,
                connections_per_address: per_address?,
                drain: Duration::from_millis(drain_ms?),
                ..default
            };
            Some(GatewaySettings { listen: listen?, limits })
        });
        check.finish(settings)
    }
}
