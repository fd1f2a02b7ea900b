//! How often whom may do what: quotas by caller, device and address, counted in one bounded table (docs/specs/limits.md).
//!
//! This counts attempts, right or wrong, over minutes, and forgets with the process. What must outlive it, guessing at
//! passwords, is counted by [`crate::lockout`].

mod action;
mod prefix;
mod proxies;
mod quota;
mod quotas;
mod table;
#[cfg(test)]
mod tests;
mod verdict;

pub use action::Action;
pub use prefix::{Prefix, PrefixInvalid};
pub use proxies::{FORWARDED_BYTES_MAX, HOPS_MAX, PROXIES_MAX, Proxies, ProxiesInvalid};
pub use quota::{Quota, QuotaInvalid};
pub use quotas::{Quotas, Row};
pub use table::KEYS_MAX;
pub use verdict::{Limited, Verdict};

use aitrading_model::{AccountId, DeviceId, TenantId};
use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
};
use table::{Key, Table, Wanted};

/// Whom authentication has recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Whose data.
    pub tenant: TenantId,
    /// Who.
    pub who: Who,
    /// On which installation, if on one.
    pub device: Option<DeviceId>,
}

/// What a recognised caller is counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// A person, by the user's id.
    User([u8; 16]),
    /// A trading account.
    Account(AccountId),
    /// A program, by the first half of its name's SHA-256.
    Service([u8; 16]),
}

impl Who {
    /// A service of this name.
    #[must_use]
    pub fn service(name: &str) -> Self {
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(crate::sha256(name.as_bytes())) {
            *to = from;
        }
        Self::Service(id)
    }
}

/// Who asks. The address is the caller's own ([`Proxies::caller`]), never a header's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Whom authentication has recognised; `None` before it. A name that somebody merely claims does not belong here: it
    /// would let strangers use up its owner's quota.
    pub known: Option<Known>,
    /// From where; `None` for what the server does by itself, such as sending signals.
    pub address: Option<IpAddr>,
}

/// Counts, and says who has to wait. One for the whole process.
#[derive(Debug)]
pub struct Limiter {
    quotas: Quotas,
    table: Mutex<Table>,
}

impl Limiter {
    /// Remembers at most [`KEYS_MAX`] keys.
    #[must_use]
    pub fn new(quotas: Quotas) -> Self {
        Self::with_room(quotas, KEYS_MAX)
    }

    /// Remembers at most `keys_max` keys. Strangers get three quarters of them, so that they never crowd out those whom
    /// authentication has recognised.
    #[must_use]
    pub fn with_room(quotas: Quotas, keys_max: usize) -> Self {
        Self { quotas, table: Mutex::new(Table::new(keys_max)) }
    }

    /// May `caller` do this now? Every key that the action has a quota for is looked at, the strictest counts, and all are
    /// charged or none. `mono_ns` is the monotonic clock ([`aitrading_env::Clock::mono_ns`]): a wall clock that is set must
    /// not give anybody a second helping.
    ///
    /// Never fails open: a caller without any key that is counted, and a new caller for whom the table has no room, wait.
    #[must_use]
    pub fn check(&self, action: Action, caller: &Caller, mono_ns: u64) -> Verdict {
        let mut wanted = Vec::with_capacity(WANTED_MAX);
        for counted in std::iter::once(action).chain(action.counted_as()) {
            self.quotas.of(counted).each(|part, quota| {
                wanted.extend(key(part, caller).map(|key| Wanted { slot: (counted, key), quota }));
            });
        }
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.take(action, &wanted, caller.known.is_some(), mono_ns)
    }

    /// Keys that are remembered.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Two actions with four keys each.
const WANTED_MAX: usize = 8;

fn key(part: quotas::Part, caller: &Caller) -> Option<Key> {
    use quotas::Part;
    match part {
        Part::User => caller.known.map(|known| Key::Who(known.tenant, known.who)),
        Part::Device => caller.known.and_then(|known| known.device.map(|device| Key::Device(known.tenant, device))),
        Part::Address => caller.address.map(|address| Key::Address(Prefix::host(address))),
        Part::Network => caller.address.map(|address| Key::Address(Prefix::neighbourhood(address))),
    }
}
