//! The quotas of all actions, as they are without configuration.

use super::{Action, Quota};
use std::time::Duration;

/// The quotas of one action, by what is counted. `None` is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Row {
    /// Of a recognised user, account or service.
    pub user: Option<Quota>,
    /// Of a recognised installation.
    pub device: Option<Quota>,
    /// Of an IPv4 address or an IPv6 /64.
    pub address: Option<Quota>,
    /// Of an IPv4 /24 or an IPv6 /48. What strangers may do needs it: an IPv6 /48 has 65,536 "addresses".
    pub network: Option<Quota>,
}

/// Which key of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    User,
    Device,
    Address,
    Network,
}

impl Row {
    pub(super) fn each(&self, mut take: impl FnMut(Part, Quota)) {
        let parts = [
            (Part::User, self.user),
            (Part::Device, self.device),
            (Part::Address, self.address),
            (Part::Network, self.network),
        ];
        for (part, quota) in parts {
            if let Some(quota) = quota {
                take(part, quota);
            }
        }
    }
}

/// The quotas of all actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas([Row; Action::ALL.len()]);

impl Default for Quotas {
    fn default() -> Self {
        Self(Action::ALL.map(default_row))
    }
}

impl Quotas {
    /// Of one action.
    #[must_use]
    pub fn of(&self, action: Action) -> Row {
        self.0.get(action.index()).copied().unwrap_or_default()
    }

    /// The same with other quotas for one action.
    #[must_use]
    pub fn with(mut self, action: Action, row: Row) -> Self {
        if let Some(place) = self.0.get_mut(action.index()) {
            *place = row;
        }
        self
    }
}

const fn per_minute(count: u32, burst: u32) -> Option<Quota> {
    Some(Quota::of(count, Duration::from_mins(1), burst))
}

const fn per_hour(count: u32, burst: u32) -> Option<Quota> {
    Some(Quota::of(count, Duration::from_hours(1), burst))
}

/// The defaults of docs/specs/limits.md, which a test compares.
fn default_row(action: Action) -> Row {
    let row = |user, device, address, network| Row { user, device, address, network };
    match action {
        // Nobody is recognised yet, and a name alone counts for nothing: addresses and networks carry the burden.
        Action::Login => row(None, per_minute(10, 5), per_minute(10, 10), per_minute(60, 30)),
        Action::Refresh => row(per_minute(10, 10), per_minute(10, 10), per_minute(60, 60), per_minute(600, 300)),
        Action::Enrol => row(None, None, per_minute(5, 5), per_minute(30, 15)),
        Action::StepUp => row(per_minute(5, 5), per_minute(5, 5), per_minute(30, 10), None),
        Action::ApiRead => row(per_minute(120, 30), per_minute(120, 30), per_minute(600, 120), None),
        Action::ApiWrite => row(per_minute(60, 15), per_minute(60, 15), per_minute(300, 60), None),
        Action::TickBatch => row(per_minute(600, 60), per_minute(600, 60), per_minute(2_400, 240), None),
        Action::SignalSend => row(per_minute(60, 10), per_minute(60, 10), None, None),
        Action::Sql => row(per_minute(30, 5), per_minute(30, 5), per_minute(120, 20), None),
        Action::StreamOpen => row(per_minute(12, 6), per_minute(12, 6), per_minute(60, 20), per_minute(300, 100)),
        Action::Webhook => row(per_minute(60, 20), None, per_minute(60, 20), per_minute(300, 100)),
        Action::Suspension => row(per_hour(6, 3), per_hour(6, 3), None, None),
        Action::Report => row(per_minute(6, 2), per_minute(6, 2), per_minute(30, 10), None),
    }
}
