//! The stores of rows as one set, whichever database stands behind them.

use aitrading_store::{AccountStore, DeviceStore, MetaStore, SignalStore, Stores, SubscriptionStore};
use std::{fmt, sync::Arc};

/// The stores of rows of one deployment. Cheap to clone.
#[derive(Clone)]
pub struct RelationalStores {
    /// Signals, denials, reports.
    pub signals: Arc<dyn SignalStore>,
    /// Who is entitled to what.
    pub subscriptions: Arc<dyn SubscriptionStore>,
    /// Account snapshots and symbol specifications.
    pub accounts: Arc<dyn AccountStore>,
    /// Enrolled devices.
    pub devices: Arc<dyn DeviceStore>,
    /// Facts about the deployment itself.
    pub meta: Arc<dyn MetaStore>,
}

impl RelationalStores {
    /// `stores` with these in the place of its own; ticks and cache stay.
    #[must_use]
    pub fn within(self, stores: Stores) -> Stores {
        let Self { signals, subscriptions, accounts, devices, meta } = self;
        Stores { signals, subscriptions, accounts, devices, meta, ..stores }
    }
}

impl fmt::Debug for RelationalStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelationalStores").finish_non_exhaustive()
    }
}
