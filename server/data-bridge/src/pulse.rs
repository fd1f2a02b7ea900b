//! What a session's heartbeats tell the client besides the time: its account's subscription, and the newest checkpoint of the
//! audit log. A store that does not answer makes the subscription unknown; nothing is carried over from before.

use crate::{bridge::Core, meters};
use aitrading_channel::Sender;
use aitrading_model::Timestamp;
use aitrading_store::{Subscription, SubscriptionStatus};
use aitrading_wire::{
    link::{Heartbeat, SubscriptionState},
    services::Seat,
};
use bytes::Bytes;
use std::{sync::Arc, time::Duration};

/// Pace of the refresh: what a heartbeat says is at most so old.
pub(crate) const REFRESH: Duration = Duration::from_secs(5);
/// Longest wait for the store.
const STORE_TIMEOUT: Duration = Duration::from_secs(1);

/// Keeps the heartbeats of a session fresh until it is aborted.
pub(crate) async fn run(core: Arc<Core>, seat: Seat, sender: Sender) {
    loop {
        core.env.clock.sleep(REFRESH).await;
        refresh(&core, seat, &sender).await;
    }
}

/// Fills the session's next heartbeats.
pub(crate) async fn refresh(core: &Core, seat: Seat, sender: &Sender) {
    let heartbeat =
        Heartbeat { subscription: subscription(core, seat).await, checkpoint: core.ports.checkpoints.newest() };
    if sender.set_heartbeat_extra(Bytes::from(heartbeat.encode())).is_err() {
        tracing::error!(account = %seat.account, "a heartbeat's words are longer than the channel allows");
    }
}

async fn subscription(core: &Core, seat: Seat) -> SubscriptionState {
    let asked = core.env.timeout(STORE_TIMEOUT, core.ports.subscriptions.get(seat.tenant, seat.account)).await;
    if let Ok(Ok(found)) = asked {
        state(found.as_ref(), Timestamp(core.env.clock.wall_ns()))
    } else {
        meters::subscription_unreadable().increment(1);
        SubscriptionState::Unknown
    }
}

/// What the store's answer means at `now`; the engine draws the same line.
fn state(found: Option<&Subscription>, now: Timestamp) -> SubscriptionState {
    let Some(subscription) = found else { return SubscriptionState::None };
    match subscription.status {
        SubscriptionStatus::Active if now < subscription.expires_at => {
            SubscriptionState::Active { until: subscription.expires_at }
        }
        SubscriptionStatus::Active | SubscriptionStatus::Lapsed => SubscriptionState::Lapsed,
        SubscriptionStatus::Suspended => SubscriptionState::Suspended,
    }
}
