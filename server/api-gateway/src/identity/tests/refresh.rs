//! Refreshing: a thief ends the login, a bad line does not.

use super::world::*;
use crate::identity::{IdentityFault, IdentityStores, Refreshed, SecurityKind};
use aitrading_model::{TenantId, Timestamp};
use aitrading_security::{
    login::Level,
    token::{RefreshBody, RefreshHolder, TokenRefused},
};
use aitrading_store::{
    Ended, LoginName as StoredName, LoginSession, LoginSessionId, LoginSessionStore, StoreError, User, UserId,
    UserRole, UserStatus, Version, Versioned,
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

fn body(world: &World, holder: &mut RefreshHolder) -> RefreshBody {
    let asked = holder.ask(world.env.clock.mono_ns(), world.env.rng.as_ref()).unwrap();
    RefreshBody { secret: asked.secret, successor: asked.successor }
}

async fn refresh(world: &World, device: &Installed, body: RefreshBody) -> Result<Refreshed, IdentityFault> {
    world.identity.refresh(body, &device.peer(HOME)).await
}

async fn logged_in(world: &World) -> (Installed, RefreshHolder) {
    let anna = world.subscriber("anna", true).await;
    let holder = world.log_in(&anna, HOME).await.0.unwrap().holder.unwrap();
    (anna, holder)
}

#[tokio::test]
async fn t22_a_stolen_secret_ends_the_login_for_thief_and_victim() {
    let world = World::new().await;
    let (anna, mut victim) = logged_in(&world).await;
    let (key, present, _) = victim.state();
    let mut thief = RefreshHolder::restore(key.clone(), present.clone(), None).unwrap();
    // The thief has the device's certificate too, or he would have ended it at once.
    let stolen = refresh(&world, &anna, body(&world, &mut thief)).await.unwrap();
    thief.granted();
    assert_eq!(fault(refresh(&world, &anna, body(&world, &mut victim)).await), "REFRESH_REUSED");
    let hash = anna.certificate_hash();
    let refused = world.admit_at(&world.identity, stolen.token.expose(), &hash).unwrap_err();
    assert_eq!(refused, TokenRefused::Revoked, "what the thief got is gone");
    assert_eq!(fault(refresh(&world, &anna, body(&world, &mut thief)).await), "REFRESH_REVOKED");
    let told = world.notes.of(SecurityKind::RefreshRefused);
    let critical = told.iter().filter(|note| note.severity == aitrading_error::Severity::Critical);
    assert_eq!(critical.map(|note| note.code).collect::<Vec<_>>(), ["REFRESH_REUSED"]);
    // It is durable: another process knows.
    let other = world.other_process().await.unwrap();
    assert_eq!(world.admit_at(&other, stolen.token.expose(), &hash).unwrap_err(), TokenRefused::Revoked);
}

#[tokio::test]
async fn t22_a_secret_without_its_device_ends_the_login() {
    let world = World::new().await;
    let (anna, mut holder) = logged_in(&world).await;
    let thief = world.stranger().await;
    assert_eq!(fault(refresh(&world, &thief, body(&world, &mut holder)).await), "REFRESH_REUSED");
    assert_eq!(fault(refresh(&world, &anna, body(&world, &mut holder)).await), "REFRESH_REVOKED");
}

#[tokio::test]
async fn a_guess_ends_nobodys_login() {
    let world = World::new().await;
    let (anna, mut holder) = logged_in(&world).await;
    let bert = world.subscriber("bert", false).await;
    let mut other = world.log_in(&bert, HOME).await.0.unwrap().holder.unwrap();
    let family = body(&world, &mut holder).secret.text().expose()[5..26].to_owned();
    // The family of one, the rest of another.
    let theirs = body(&world, &mut other);
    let text = theirs.secret.text().expose().clone();
    let secret = aitrading_security::token::RefreshSecret::parse(&format!("atr1_{family}{}", &text[26..])).unwrap();
    let forged = RefreshBody { secret, successor: theirs.successor };
    assert_eq!(fault(refresh(&world, &anna, forged).await), "REFRESH_UNKNOWN");
    refresh(&world, &anna, body(&world, &mut holder)).await.unwrap();
}

/// Lets others in between reading and writing, as a database does.
struct Yielding(Arc<dyn LoginSessionStore>);

#[async_trait]
impl LoginSessionStore for Yielding {
    async fn put(&self, session: LoginSession, expected: Version) -> Result<Version, StoreError> {
        tokio::task::yield_now().await;
        self.0.put(session, expected).await
    }

    async fn get(&self, tenant: TenantId, id: LoginSessionId) -> Result<Option<Versioned<LoginSession>>, StoreError> {
        let found = self.0.get(tenant, id).await;
        tokio::task::yield_now().await;
        found
    }

    async fn of_user(
        &self,
        tenant: TenantId,
        user: UserId,
        after: Option<LoginSessionId>,
        limit: usize,
    ) -> Result<Vec<Versioned<LoginSession>>, StoreError> {
        self.0.of_user(tenant, user, after, limit).await
    }

    async fn end_all_of_user(&self, tenant: TenantId, user: UserId, ended: Ended) -> Result<u64, StoreError> {
        self.0.end_all_of_user(tenant, user, ended).await
    }

    async fn prune(&self, tenant: TenantId, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.0.prune(tenant, before, limit).await
    }
}

async fn yielding() -> World {
    World::with(|_, stores| {
        let sessions = Arc::new(Yielding(Arc::clone(&stores.sessions)));
        *stores = IdentityStores { sessions, ..stores.clone() };
    })
    .await
}

#[tokio::test]
async fn t23_32_concurrent_refreshes_give_one_successor() {
    let world = yielding().await;
    let (anna, mut holder) = logged_in(&world).await;
    let all = (0..32).map(|_| refresh(&world, &anna, body(&world, &mut holder))).collect::<Vec<_>>();
    for answer in futures_util::future::join_all(all).await {
        answer.unwrap();
    }
    holder.granted();
    let subject = world.stores.users.by_login(TENANT, &StoredName::new("anna").unwrap()).await.unwrap().unwrap();
    let sessions = world.stores.sessions.of_user(TENANT, subject.value.id, None, 9).await.unwrap();
    assert_eq!((sessions.len(), sessions[0].version), (1, Version(2)), "one rotation was written");
    refresh(&world, &anna, body(&world, &mut holder)).await.unwrap();
}

#[tokio::test]
async fn t22_of_two_different_successors_at_once_one_shows_the_theft() {
    let world = yielding().await;
    let (anna, mut victim) = logged_in(&world).await;
    let (key, present, _) = victim.state();
    let mut thief = RefreshHolder::restore(key.clone(), present.clone(), None).unwrap();
    let (one, two) = tokio::join!(
        refresh(&world, &anna, body(&world, &mut victim)),
        refresh(&world, &anna, body(&world, &mut thief)),
    );
    assert_eq!([one.is_ok(), two.is_ok()].iter().filter(|ok| **ok).count(), 1);
    let loser = if one.is_ok() { two } else { one };
    assert_eq!(fault(loser), "REFRESH_REUSED");
    assert_eq!(fault(refresh(&world, &anna, body(&world, &mut victim)).await), "REFRESH_REVOKED");
}

#[tokio::test]
async fn t23_a_thousand_lost_answers_log_nobody_out() {
    let world = World::new().await;
    let (anna, mut holder) = logged_in(&world).await;
    let mut lost = 0;
    let mut dice = 0_u64;
    while lost < 1_000 {
        // A plain pattern of losses, pauses and restarts; 7 of 9 answers are lost.
        dice += 1;
        world.clock.advance(Duration::from_secs(if dice.is_multiple_of(5) { 40 } else { 3 }));
        let answer = refresh(&world, &anna, body(&world, &mut holder)).await;
        if dice % 9 > 1 {
            lost += 1;
            continue;
        }
        match answer {
            Ok(_) => holder.granted(),
            Err(IdentityFault::Refresh(why)) => {
                let turn = holder.refused(why, world.env.clock.mono_ns());
                assert_eq!(turn, aitrading_security::token::refresh::RefreshTurn::AskAgain, "{why}");
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(world.notes.of(SecurityKind::Revoked).is_empty());
}

#[tokio::test]
async fn role_and_status_are_looked_up_at_every_refresh() {
    let world = World::new().await;
    let (anna, mut holder) = logged_in(&world).await;
    let name = StoredName::new("anna").unwrap();
    let change = async |change: fn(User) -> User| {
        let Versioned { value, version } = world.stores.users.by_login(TENANT, &name).await.unwrap().unwrap();
        world.stores.users.put(change(value), version).await.unwrap();
    };
    change(|user| User { role: UserRole::Auditor, ..user }).await;
    let refreshed = refresh(&world, &anna, body(&world, &mut holder)).await.unwrap();
    holder.granted();
    let verified = world.admit_at(&world.identity, refreshed.token.expose(), &anna.certificate_hash()).unwrap();
    assert_eq!(verified.claims().grant.role, aitrading_security::access::Role::Auditor);
    change(|user| User { status: UserStatus::Locked, ..user }).await;
    assert_eq!(fault(refresh(&world, &anna, body(&world, &mut holder)).await), "REFRESH_REVOKED");
    // Nothing was rotated: who is unlocked goes on.
    change(|user| User { status: UserStatus::Active, ..user }).await;
    refresh(&world, &anna, body(&world, &mut holder)).await.unwrap();
}

#[tokio::test]
async fn a_refresh_from_a_new_network_says_no_more_than_a_password() {
    let world = World::new().await;
    let (anna, mut holder) = logged_in(&world).await;
    let asked = body(&world, &mut holder);
    let away = world.identity.refresh(asked, &anna.peer("203.0.113.5")).await.unwrap();
    holder.granted();
    assert_eq!(away.level, Level::Password);
    assert_eq!(world.notes.codes(SecurityKind::Risk), ["REFRESH_NEW_NETWORK"]);
    // Who proves himself there is known there.
    world.clock.advance(Duration::from_secs(30));
    world.log_in(&anna, "203.0.113.5").await.0.unwrap();
    let asked = body(&world, &mut holder);
    assert_eq!(world.identity.refresh(asked, &anna.peer("203.0.113.5")).await.unwrap().level, Level::SecondFactor);
}
