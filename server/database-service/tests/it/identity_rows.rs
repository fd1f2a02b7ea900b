//! What the stores of those who come in keep: one record of each port, and the rows of releases before them.

use crate::world::{World, block_on, small};
use aitrading_model::{AccountId, DeviceId, TenantId, Timestamp};
use aitrading_store::{
    Begun, Device, Ended, Entitlement, IdempotencyKey, Invite, InviteId, InvitePurpose, Lockout, LockoutKey, LoginName,
    LoginSession, LoginSessionId, Place, Placed, PlatformStores, Redeemed, Redemption, Revocation, RevocationKind,
    RunAnswer, RunAsked, RunName, StoreError, Subscription, SubscriptionStatus, SymbolScope, UserId, UserRole, Version,
    Versioned,
};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::time::Duration;

const TENANT: TenantId = TenantId(1);
const NOW: Timestamp = Timestamp(1_700_000_000_500_000_000);

fn later() -> Timestamp {
    NOW.plus(Duration::from_hours(24))
}

fn invite() -> Invite {
    Invite {
        tenant: TENANT,
        id: InviteId([1; 16]),
        purpose: InvitePurpose::Admin,
        role: UserRole::Operator,
        login: Some(LoginName::new("anna").unwrap()),
        account: Some(AccountId(u64::MAX)),
        sealed: vec![0, 1, 254, 255],
        made_by: "init".to_owned(),
        created_at: NOW,
        expires_at: later(),
        used: None,
    }
}

fn session() -> LoginSession {
    LoginSession {
        tenant: TENANT,
        id: LoginSessionId([2; 16]),
        user: UserId([1; 16]),
        device: Some([3; 32]),
        state: vec![4, 5],
        created_at: NOW,
        expires_at: later(),
        ended: None,
    }
}

fn ended() -> Ended {
    Ended { at: NOW, reason: "refresh.reused".to_owned() }
}

fn revocation() -> Revocation {
    Revocation {
        tenant: TENANT,
        kind: RevocationKind::Family,
        subject: vec![2; 16],
        not_before: later(),
        at: NOW,
        reason: "refresh.reused".to_owned(),
        by: "gateway".to_owned(),
    }
}

fn lockout() -> Lockout {
    Lockout { tenant: TENANT, key: LockoutKey([6; 32]), state: vec![7], until: later(), changed_at: NOW }
}

fn asked() -> RunAsked {
    let name = RunName { tenant: TENANT, actor: [1; 16], key: IdempotencyKey::new("order-1").unwrap() };
    RunAsked { name, request: [8; 32], at: NOW, expires_at: later() }
}

fn answer() -> RunAnswer {
    RunAnswer { status: 201, content_type: "application/json".to_owned(), body: b"{}".to_vec() }
}

/// One record into each of these stores.
pub(crate) async fn fill(stores: &PlatformStores) -> Result<(), StoreError> {
    stores.invites.put(invite()).await?;
    stores.invites.redeem(TENANT, invite().id, "device", NOW).await?;
    stores.login_sessions.put(session(), Version::NONE).await?;
    stores.login_sessions.end_all_of_user(TENANT, session().user, ended()).await?;
    stores.revocations.revoke(revocation()).await?;
    stores.lockouts.put(lockout(), Version::NONE).await?;
    stores.idempotency.begin(asked()).await?;
    stores.idempotency.finish(asked().name, Version(1), answer()).await
}

/// All of it is there.
pub(crate) async fn check_filled(stores: &PlatformStores) -> Result<(), StoreError> {
    let used = Some(Redeemed { at: NOW, by: "device".to_owned() });
    assert_eq!(stores.invites.get(TENANT, invite().id).await?, Some(Invite { used, sealed: vec![], ..invite() }));
    let again = stores.invites.redeem(TENANT, invite().id, "device", NOW).await;
    assert!(matches!(again, Err(StoreError::Conflict { .. })), "{again:?}");
    let over = LoginSession { ended: Some(ended()), ..session() };
    let session = stores.login_sessions.get(TENANT, session().id).await?;
    assert_eq!(session, Some(Versioned { value: over, version: Version(2) }));
    let revoked = stores.revocations.since(TENANT, Place::START, 9).await?;
    assert_eq!(revoked, [Placed { value: revocation(), place: Place(1) }]);
    let locked = stores.lockouts.locked(TENANT, NOW, None, 9).await?;
    assert_eq!(locked, [Versioned { value: lockout(), version: Version(1) }]);
    assert_eq!(stores.idempotency.begin(asked()).await?, Begun::Done(answer()));
    Ok(())
}

/// A file whose schema has as many steps as the release before these stores.
async fn file_of_before(world: &World) -> SqliteConnection {
    let file = world.dir.path().join("main.db");
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let mut old = SqliteConnection::connect_with(&options).await.unwrap();
    let mut steps = sqlx::migrate!("migrations/sqlite");
    steps.migrations.to_mut().retain(|step| step.version < 6);
    steps.run(&mut old).await.unwrap();
    old
}

#[test]
fn subscriptions_and_devices_of_before_stay_valid_and_are_found_as_changes() {
    let world = World::new();
    block_on(async {
        let mut old = file_of_before(&world).await;
        for statement in [
            "INSERT INTO subscriptions (tenant, account, status, expires_at, all_symbols, auto_trading)
                 VALUES (1, 7, 0, 99, 1, 1), (1, 8, 0, 99, 1, 1), (2, 7, 0, 99, 1, 1)",
            "INSERT INTO devices (tenant, account, device, public_key, revoked)
                 VALUES (1, 7, zeroblob(16), zeroblob(32), 0)",
        ] {
            sqlx::query(statement).execute(&mut old).await.unwrap();
        }
        old.close().await.unwrap();
        let database = world.open(small()).await.unwrap();
        let (subscriptions, devices) = (database.stores().subscriptions, database.stores().devices);
        let subscription = |tenant, account| Subscription {
            tenant: TenantId(tenant),
            account: AccountId(account),
            status: SubscriptionStatus::Active,
            expires_at: Timestamp(99),
            symbols: SymbolScope::All,
            auto_trading: true,
            entitlement: Entitlement::default(),
        };
        let all = [subscription(1, 7), subscription(1, 8), subscription(2, 7)];
        assert_eq!(subscriptions.all(9).await.unwrap(), all);
        let changes = subscriptions.since(TENANT, Place::START, 9).await.unwrap();
        assert_eq!(changes.iter().map(|one| &one.value).collect::<Vec<_>>(), [&all[0], &all[1]]);
        subscriptions.put(all[0].clone()).await.unwrap();
        let changed = subscriptions.since(TENANT, changes[1].place, 9).await.unwrap();
        assert_eq!(changed.iter().map(|one| &one.value).collect::<Vec<_>>(), [&all[0]]);
        let device = Device::new(TENANT, AccountId(7), DeviceId([0; 16]), [0; 32]);
        assert_eq!(devices.of_tenant(TENANT, 9).await.unwrap(), [device]);
        devices.seen(TENANT, device.account, device.device, NOW).await.unwrap();
        let seen = devices.get(TENANT, device.account, device.device).await.unwrap();
        assert_eq!(seen, Some(Device { last_seen_at: Some(NOW), ..device }));
    });
}

/// Statements as the release before writes them, beside the new one.
#[test]
fn a_release_of_before_may_go_on_writing() {
    let world = World::new();
    block_on(async {
        let database = world.open(small()).await.unwrap();
        let stores = database.stores();
        let entitlement = Entitlement { tier: "gold".to_owned(), ..Entitlement::default() };
        let subscription = Subscription {
            tenant: TENANT,
            account: AccountId(7),
            status: SubscriptionStatus::Active,
            expires_at: Timestamp(99),
            symbols: SymbolScope::All,
            auto_trading: true,
            entitlement,
        };
        stores.subscriptions.put(subscription.clone()).await.unwrap();
        let device =
            Device { noise_key: Some([1; 32]), ..Device::new(TENANT, AccountId(7), DeviceId([0; 16]), [0; 32]) };
        stores.devices.put(device).await.unwrap();
        let options = SqliteConnectOptions::new().filename(world.dir.path().join("main.db"));
        let mut old = SqliteConnection::connect_with(&options).await.unwrap();
        for statement in [
            "INSERT INTO subscriptions (tenant, account, status, expires_at, all_symbols, auto_trading)
                 VALUES (1, 7, 1, 99, 1, 1), (1, 9, 0, 99, 1, 1)
             ON CONFLICT (tenant, account) DO UPDATE SET status = excluded.status, expires_at = excluded.expires_at,
                 all_symbols = excluded.all_symbols, auto_trading = excluded.auto_trading",
            "INSERT INTO devices (tenant, account, device, public_key, revoked)
                 VALUES (1, 7, zeroblob(16), zeroblob(32), 1)
             ON CONFLICT (tenant, account, device) DO UPDATE SET public_key = excluded.public_key,
                 revoked = excluded.revoked WHERE devices.revoked <= excluded.revoked",
        ] {
            sqlx::query(statement).execute(&mut old).await.unwrap();
        }
        let lapsed = Subscription { status: SubscriptionStatus::Lapsed, ..subscription };
        assert_eq!(stores.subscriptions.get(TENANT, AccountId(7)).await.unwrap(), Some(lapsed));
        assert!(stores.subscriptions.get(TENANT, AccountId(9)).await.unwrap().is_some());
        let revoked = stores.devices.get(TENANT, device.account, device.device).await.unwrap();
        assert_eq!(revoked, Some(Device { revoked: true, ..device }));
    });
}

#[test]
fn t29_a_used_invitation_stays_used_after_a_restart() {
    let world = World::new();
    block_on(async {
        let database = world.open(small()).await.unwrap();
        let invites = database.platform().invites;
        invites.put(invite()).await.unwrap();
        let told = invites.redeem(TENANT, invite().id, "device", NOW).await.unwrap();
        assert!(matches!(told, Redemption::Redeemed(_)), "{told:?}");
        database.close().await.unwrap();
        drop(database);
        let again = world.open(small()).await.unwrap().platform().invites.redeem(TENANT, invite().id, "x", NOW).await;
        assert!(matches!(again, Err(StoreError::Conflict { .. })), "{again:?}");
    });
}

#[test]
fn t24_a_revocation_is_there_after_a_restart() {
    let world = World::new();
    block_on(async {
        let database = world.open(small()).await.unwrap();
        database.platform().revocations.revoke(revocation()).await.unwrap();
        database.close().await.unwrap();
        drop(database);
        let revocations = world.open(small()).await.unwrap().platform().revocations;
        let found = revocations.since(TENANT, Place::START, 9).await.unwrap();
        assert_eq!(found, [Placed { value: revocation(), place: Place(1) }]);
        assert_eq!(revocations.since(TENANT, Place(1), 9).await.unwrap(), [], "places go on where they were");
    });
}
