//! Where a login comes from.

use crate::limits::Prefix;
use aitrading_model::DeviceId;
use std::net::IpAddr;

/// Does the account know the installation?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is enrolled for this account, and its certificate was presented on this connection.
    Known,
    /// Anything else: no certificate, or one of another account.
    Stranger,
}

/// Where a login comes from, as far as it is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Source {
    /// An installation that the account knows. Its network does not matter: a stolen one must not gain guesses by moving.
    Known(DeviceId),
    /// Anybody else.
    Stranger {
        /// The IPv4 /24 or IPv6 /64.
        network: Prefix,
        /// The installation whose certificate was presented, if one was. One that is only claimed does not belong here.
        device: Option<DeviceId>,
    },
}

impl Source {
    /// `device` is the installation of the certificate on this connection. Without one nobody is known.
    #[must_use]
    pub fn of(address: IpAddr, device: Option<DeviceId>, standing: Standing) -> Self {
        match (device, standing) {
            (Some(device), Standing::Known) => Self::Known(device),
            (device, _) => Self::Stranger { network: Prefix::origin(address), device },
        }
    }
}
