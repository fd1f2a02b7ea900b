//! Keeps the subscriptions of accounts fresh: a lapse takes effect within a second while the store is up.

use super::{Message, Shared};
use crate::engine::{AccountKey, Input};
use aitrading_env::Task;
use std::{
    sync::{Arc, PoisonError, Weak},
    time::Duration,
};

/// Pace of the refresh.
const REFRESH: Duration = Duration::from_secs(1);
/// Longest wait for the store.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn start(shared: &Arc<Shared>) -> Task {
    let weak = Arc::downgrade(shared);
    let env = shared.env.clone();
    let clock = Arc::clone(&env.clock);
    env.spawn.task(
        "engine-entitlements",
        Box::pin(async move {
            loop {
                clock.sleep(REFRESH).await;
                if refresh_all(&weak).await.is_none() {
                    return;
                }
            }
        }),
    )
}

async fn refresh_all(weak: &Weak<Shared>) -> Option<()> {
    let shared = weak.upgrade()?;
    let accounts: Vec<AccountKey> =
        shared.accounts.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
    for account in accounts {
        refresh(&shared, account).await?;
    }
    Some(())
}

/// Asks the store about one account and tells the engine; `None` if the engine is gone.
pub(super) async fn refresh(shared: &Shared, account: AccountKey) -> Option<()> {
    let asked = shared.env.timeout(STORE_TIMEOUT, shared.subscriptions.get(account.0, account.1)).await;
    let answer = asked.map_err(drop).and_then(|answer| answer.map_err(drop));
    if answer.is_err() {
        crate::meters::entitlement_unreadable().increment(1);
    }
    let input = Input::Entitlement { account, answer };
    shared.queue.send(Message::Input { input, reply: None }).await.ok()
}
