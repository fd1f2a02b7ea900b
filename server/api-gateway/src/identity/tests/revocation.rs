//! What is taken back stays taken back, and doubt denies (T24).

use super::world::*;
use crate::identity::{IdentityStores, SecurityKind};
use aitrading_model::{TenantId, Timestamp};
use aitrading_security::token::TokenRefused;
use aitrading_store::{Place, Placed, Revocation, RevocationKind, RevocationStore, StoreError, UserId};
use async_trait::async_trait;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A store that can be away.
struct Away(Arc<dyn RevocationStore>, Arc<AtomicBool>);

impl Away {
    fn there(&self) -> Result<(), StoreError> {
        let gone = || StoreError::Unavailable { doing: "a test", source: "away".into() };
        if self.1.load(Ordering::SeqCst) { Err(gone()) } else { Ok(()) }
    }
}

#[async_trait]
impl RevocationStore for Away {
    async fn revoke(&self, revocation: Revocation) -> Result<(), StoreError> {
        self.there()?;
        self.0.revoke(revocation).await
    }

    async fn get(
        &self,
        tenant: TenantId,
        kind: RevocationKind,
        subject: &[u8],
    ) -> Result<Option<Revocation>, StoreError> {
        self.there()?;
        self.0.get(tenant, kind, subject).await
    }

    async fn since(&self, tenant: TenantId, after: Place, limit: usize) -> Result<Vec<Placed<Revocation>>, StoreError> {
        self.there()?;
        self.0.since(tenant, after, limit).await
    }

    async fn prune(&self, tenant: TenantId, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.there()?;
        self.0.prune(tenant, before, limit).await
    }
}

async fn world() -> (World, Arc<AtomicBool>) {
    let away = Arc::new(AtomicBool::new(false));
    let world = World::with(|_, stores| {
        let revocations = Arc::new(Away(Arc::clone(&stores.revocations), Arc::clone(&away)));
        *stores = IdentityStores { revocations, ..stores.clone() };
    })
    .await;
    (world, away)
}

#[tokio::test]
async fn t24_without_news_of_revocations_tokens_are_good_for_60_seconds_and_revoked_ones_for_none() {
    let (world, away) = world().await;
    let anna = world.subscriber("anna", false).await;
    let bert = world.subscriber("bert", false).await;
    world.identity.reload().await.unwrap();
    let (good, bad) = (world.log_in(&anna, HOME).await.0.unwrap(), world.log_in(&bert, HOME).await.0.unwrap());
    away.store(true, Ordering::SeqCst);
    // The deed counts here at once; that it is not durable is said.
    let claims = world.admit(&bad.granted.token, &bert).unwrap();
    assert_eq!(fault(world.identity.logout(claims.claims()).await), "STORE_UNAVAILABLE");
    assert_eq!(world.admit(&bad.granted.token, &bert).unwrap_err(), TokenRefused::Revoked);
    assert_eq!(fault(world.identity.reload().await), "STORE_UNAVAILABLE");
    world.clock.advance(Duration::from_secs(59));
    world.admit(&good.granted.token, &anna).unwrap();
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.admit(&good.granted.token, &anna).unwrap_err(), TokenRefused::RevocationUnknown);
    away.store(false, Ordering::SeqCst);
    world.identity.reload().await.unwrap();
    world.admit(&good.granted.token, &anna).unwrap();
}

#[tokio::test]
async fn t24_a_process_that_cannot_read_the_revocations_does_not_start() {
    let (world, away) = world().await;
    away.store(true, Ordering::SeqCst);
    assert_eq!(fault(world.other_process().await), "STORE_UNAVAILABLE");
}

#[tokio::test]
async fn t24_a_revocation_reaches_other_processes_and_survives_all_of_them() {
    let (world, _) = world().await;
    let anna = world.subscriber("anna", false).await;
    let running = world.other_process().await.unwrap();
    let one = world.log_in(&anna, HOME).await.0.unwrap();
    let two = world.log_in(&anna, HOME).await.0.unwrap();
    let hash = anna.certificate_hash();
    let at = |identity: &crate::identity::Identity, token: &str| world.admit_at(identity, token, &hash);
    at(&running, one.granted.token.expose()).unwrap();
    let claims = world.admit(&one.granted.token, &anna).unwrap();
    world.identity.logout(claims.claims()).await.unwrap();
    running.reload().await.unwrap();
    let started = world.other_process().await.unwrap();
    for identity in [&running, &started] {
        assert_eq!(at(identity, one.granted.token.expose()).unwrap_err(), TokenRefused::Revoked);
        at(identity, two.granted.token.expose()).unwrap();
    }
    let ended = world.identity.end_all(UserId(one.granted.subject), "user.locked", "operator").await.unwrap();
    assert_eq!(ended, 1, "the other one had ended");
    let started = world.other_process().await.unwrap();
    assert_eq!(at(&started, two.granted.token.expose()).unwrap_err(), TokenRefused::Revoked);
    // A login of afterwards is good.
    world.clock.advance(Duration::from_secs(1));
    let after = world.log_in(&anna, HOME).await.0.unwrap();
    world.admit(&after.granted.token, &anna).unwrap();
}

#[tokio::test]
async fn the_revocations_are_read_again_by_themselves_and_a_failure_is_told() {
    let (world, away) = world().await;
    let anna = world.subscriber("anna", false).await;
    let signed_in = world.log_in(&anna, HOME).await.0.unwrap();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let keep = world.identity.keep(Box::pin(async { drop(ended.await) }));
    let test = async {
        for _ in 0..8 {
            settle().await;
            world.clock.advance(Duration::from_secs(15));
        }
        settle().await;
        world.admit(&signed_in.granted.token, &anna).unwrap();
        away.store(true, Ordering::SeqCst);
        world.clock.advance(Duration::from_secs(15));
        settle().await;
        assert_eq!(world.notes.codes(SecurityKind::StoreFailed), ["STORE_UNAVAILABLE"]);
        end.send(()).unwrap();
    };
    tokio::join!(keep, test);
}

async fn settle() {
    for _ in 0..16 {
        tokio::task::yield_now().await;
    }
}
