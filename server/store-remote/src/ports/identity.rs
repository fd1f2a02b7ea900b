//! The ports of those who come in: users, invitations, login sessions, revocations, lockouts, idempotency keys.

use super::declare::port;
use crate::{
    carried::{Arg, Whose},
    client::Remote,
    door::{DoorError, Refusal, Scope},
    message::{Asked, Message},
    table::{BRIDGE, ENGINE, GATEWAY, Kind, Method, OPERATOR, Port, Size},
};
use aitrading_database_link::Role;
use aitrading_model::{TenantId, Timestamp};
use aitrading_store::{
    Begun, Ended, IdempotencyStore, Invite, InviteId, InviteStore, Lockout, LockoutKey, LockoutStore, LoginName,
    LoginSession, LoginSessionId, LoginSessionStore, Place, Placed, Redemption, Revocation, RevocationKind,
    RevocationStore, RunAnswer, RunAsked, RunName, StoreError, User, UserId, UserStore, Version, Versioned,
};
use async_trait::async_trait;

port! {
    users: UserStore, Relational, [GATEWAY OPERATOR];
    Told Row put(user: User, expected: Version) -> Version;
    Read Small get(tenant: TenantId, id: UserId) -> Option<Versioned<User>>;
    Read Small by_login(tenant: TenantId, login: &LoginName) -> Option<Versioned<User>>;
    Read Page of_tenant(tenant: TenantId, after: Option<&LoginName>, limit: usize) -> Vec<Versioned<User>>;
    Told Small erase(tenant: TenantId, id: UserId, expected: Version) -> ();
}

port! {
    invites: InviteStore, Relational, [GATEWAY OPERATOR];
    Told Small put(invite: Invite) -> ();
    Read Small get(tenant: TenantId, id: InviteId) -> Option<Invite>;
    Told Small redeem(tenant: TenantId, id: InviteId, by: &str, now: Timestamp) -> Redemption;
    Read Page of_tenant(tenant: TenantId, after: Option<InviteId>, limit: usize) -> Vec<Invite>;
    Once Small prune(tenant: TenantId, before: Timestamp, limit: usize) -> u64;
}

port! {
    login_sessions: LoginSessionStore, Relational, [GATEWAY OPERATOR];
    Told Small put(session: LoginSession, expected: Version) -> Version;
    Read Small get(tenant: TenantId, id: LoginSessionId) -> Option<Versioned<LoginSession>>;
    Read Page of_user(tenant: TenantId, user: UserId, after: Option<LoginSessionId>, limit: usize)
        -> Vec<Versioned<LoginSession>>;
    Once Small end_all_of_user(tenant: TenantId, user: UserId, ended: Ended) -> u64;
    Once Small prune(tenant: TenantId, before: Timestamp, limit: usize) -> u64;
}

port! {
    revocations: RevocationStore, Relational, [BRIDGE ENGINE GATEWAY OPERATOR];
    Same Small revoke(revocation: Revocation) -> ();
    Read Small get(tenant: TenantId, kind: RevocationKind, subject: &[u8]) -> Option<Revocation>;
    Read Page since(tenant: TenantId, after: Place, limit: usize) -> Vec<Placed<Revocation>>;
    Once Small prune(tenant: TenantId, before: Timestamp, limit: usize) -> u64;
}

port! {
    lockouts: LockoutStore, Relational, [BRIDGE GATEWAY OPERATOR];
    Told Small put(lockout: Lockout, expected: Version) -> Version;
    Read Small get(tenant: TenantId, key: LockoutKey) -> Option<Versioned<Lockout>>;
    Read Page locked(tenant: TenantId, now: Timestamp, after: Option<LockoutKey>, limit: usize)
        -> Vec<Versioned<Lockout>>;
    Once Small prune(tenant: TenantId, before: Timestamp, limit: usize) -> u64;
}

port! {
    idempotency: IdempotencyStore, Relational, [GATEWAY OPERATOR];
    Told Row begin(asked: RunAsked) -> Begun;
    Same Row finish(name: RunName, run: Version, answer: RunAnswer) -> ();
    Same Small abandon(name: RunName, run: Version) -> ();
    Once Small prune(tenant: TenantId, before: Timestamp, limit: usize) -> u64;
}
