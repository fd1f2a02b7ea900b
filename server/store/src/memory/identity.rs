//! Invitations, login sessions, lockouts and idempotency keys in memory.

use super::{
    lock,
    shelf::{Shelf, put, version},
};
use crate::{
    Begun, Ended, IdempotencyStore, Invite, InviteId, InviteStore, Lockout, LockoutKey, LockoutStore, LoginSession,
    LoginSessionId, LoginSessionStore, Redemption, RunAnswer, RunAsked, RunName, RunState, StoreError, StoredRun,
    UserId, Version, Versioned, check_invite_name, check_limit,
};
use aitrading_model::{TenantId, Timestamp};
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Mutex, MutexGuard},
};

/// Removes up to `limit` records of which `old` holds.
fn forget<K: Ord + Clone, T>(
    records: &mut BTreeMap<K, T>,
    old: impl Fn(&K, &T) -> bool,
    limit: usize,
) -> Result<u64, StoreError> {
    check_limit(limit)?;
    let keys: Vec<K> =
        records.iter().filter(|(key, record)| old(key, record)).map(|(key, _)| key.clone()).take(limit).collect();
    for key in &keys {
        records.remove(key);
    }
    Ok(keys.len() as u64)
}

/// Where a page begins that lies behind `after`, or with the first key.
fn behind<I: Default>(tenant: TenantId, after: Option<I>) -> Bound<(TenantId, I)> {
    after.map_or_else(|| Bound::Included((tenant, I::default())), |after| Bound::Excluded((tenant, after)))
}

/// Keeps invitations in memory.
#[derive(Debug, Default)]
pub struct MemoryInvites(Mutex<BTreeMap<(TenantId, InviteId), Invite>>);

#[async_trait]
impl InviteStore for MemoryInvites {
    async fn put(&self, invite: Invite) -> Result<(), StoreError> {
        invite.check()?;
        let mut invites = lock(&self.0);
        let key = (invite.tenant, invite.id);
        if invites.contains_key(&key) {
            return Err(StoreError::Conflict { what: "there is an invitation with this id; draw another code" });
        }
        invites.insert(key, invite);
        Ok(())
    }

    async fn get(&self, tenant: TenantId, id: InviteId) -> Result<Option<Invite>, StoreError> {
        Ok(lock(&self.0).get(&(tenant, id)).cloned())
    }

    async fn redeem(&self, tenant: TenantId, id: InviteId, by: &str, now: Timestamp) -> Result<Redemption, StoreError> {
        check_invite_name(by)?;
        let mut invites = lock(&self.0);
        let Some(stored) = invites.get_mut(&(tenant, id)) else { return Ok(Redemption::Unknown) };
        let redemption = stored.clone().redeem(by, now)?;
        if let Redemption::Redeemed(invite) = &redemption {
            stored.clone_from(invite);
        }
        Ok(redemption)
    }

    async fn of_tenant(
        &self,
        tenant: TenantId,
        after: Option<InviteId>,
        limit: usize,
    ) -> Result<Vec<Invite>, StoreError> {
        check_limit(limit)?;
        let invites = lock(&self.0);
        let page = invites.range((behind(tenant, after), Bound::Unbounded)).take_while(|(key, _)| key.0 == tenant);
        Ok(page.take(limit).map(|(_, invite)| invite.clone()).collect())
    }

    async fn prune(&self, tenant: TenantId, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        forget(&mut lock(&self.0), |key, invite| key.0 == tenant && invite.expires_at < before, limit)
    }
}

/// Keeps login sessions in memory.
#[derive(Debug, Default)]
pub struct MemoryLoginSessions(Shelf<(TenantId, LoginSessionId), LoginSession>);

#[async_trait]
impl LoginSessionStore for MemoryLoginSessions {
    async fn put(&self, session: LoginSession, expected: Version) -> Result<Version, StoreError> {
        session.check()?;
        let mut sessions = self.0.records();
        let key = (session.tenant, session.id);
        expected.expect(version(sessions.get(&key)))?;
        if let Some(stored) = sessions.get(&key) {
            session.check_replaces(&stored.value)?;
        }
        put(&mut sessions, key, session, expected)
    }

    async fn get(&self, tenant: TenantId, id: LoginSessionId) -> Result<Option<Versioned<LoginSession>>, StoreError> {
        Ok(self.0.get(&(tenant, id)))
    }

    async fn of_user(
        &self,
        tenant: TenantId,
        user: UserId,
        after: Option<LoginSessionId>,
        limit: usize,
    ) -> Result<Vec<Versioned<LoginSession>>, StoreError> {
        check_limit(limit)?;
        let sessions = self.0.records();
        let page = sessions.range((behind(tenant, after), Bound::Unbounded)).take_while(|(key, _)| key.0 == tenant);
        let own = page.filter(|(_, session)| session.value.user == user);
        Ok(own.take(limit).map(|(_, session)| session.clone()).collect())
    }

    async fn end_all_of_user(&self, tenant: TenantId, user: UserId, ended: Ended) -> Result<u64, StoreError> {
        ended.check()?;
        let mut sessions = self.0.records();
        let open = |session: &&mut Versioned<LoginSession>| {
            let value = &session.value;
            value.tenant == tenant && value.user == user && value.ended.is_none()
        };
        let mut count = 0_u64;
        for session in sessions.values_mut().filter(open) {
            session.value.ended = Some(ended.clone());
            session.version = session.version.after(1);
            count = count.saturating_add(1);
        }
        Ok(count)
    }

    async fn prune(&self, tenant: TenantId, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        forget(&mut self.0.records(), |key, session| key.0 == tenant && session.value.expires_at < before, limit)
    }
}

/// Keeps lockouts in memory.
#[derive(Debug, Default)]
pub struct MemoryLockouts(Shelf<(TenantId, LockoutKey), Lockout>);

#[async_trait]
impl LockoutStore for MemoryLockouts {
    async fn put(&self, lockout: Lockout, expected: Version) -> Result<Version, StoreError> {
        lockout.check()?;
        self.0.put((lockout.tenant, lockout.key), lockout, expected)
    }

    async fn get(&self, tenant: TenantId, key: LockoutKey) -> Result<Option<Versioned<Lockout>>, StoreError> {
        Ok(self.0.get(&(tenant, key)))
    }

    async fn locked(
        &self,
        tenant: TenantId,
        now: Timestamp,
        after: Option<LockoutKey>,
        limit: usize,
    ) -> Result<Vec<Versioned<Lockout>>, StoreError> {
        check_limit(limit)?;
        let lockouts = self.0.records();
        let page = lockouts.range((behind(tenant, after), Bound::Unbounded)).take_while(|(key, _)| key.0 == tenant);
        let locked = page.filter(|(_, lockout)| now < lockout.value.until);
        Ok(locked.take(limit).map(|(_, lockout)| lockout.clone()).collect())
    }

    async fn prune(&self, tenant: TenantId, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let old = |key: &(TenantId, LockoutKey), lockout: &Versioned<Lockout>| {
            key.0 == tenant && lockout.value.until < before && lockout.value.changed_at < before
        };
        forget(&mut self.0.records(), old, limit)
    }
}

/// Keeps idempotency keys in memory.
#[derive(Debug, Default)]
pub struct MemoryIdempotency(Mutex<BTreeMap<RunName, StoredRun>>);

impl MemoryIdempotency {
    fn runs(&self) -> MutexGuard<'_, BTreeMap<RunName, StoredRun>> {
        lock(&self.0)
    }

    fn end(&self, name: RunName, run: Version, state: RunState) -> Result<(), StoreError> {
        let mut runs = self.runs();
        if let Some(next) = StoredRun::end(runs.get(&name), run, state)? {
            runs.insert(name, next);
        }
        Ok(())
    }
}

#[async_trait]
impl IdempotencyStore for MemoryIdempotency {
    async fn begin(&self, asked: RunAsked) -> Result<Begun, StoreError> {
        asked.check()?;
        let mut runs = self.runs();
        let (begun, next) = StoredRun::begin(runs.get(&asked.name), &asked);
        if let Some(next) = next {
            runs.insert(asked.name, next);
        }
        Ok(begun)
    }

    async fn finish(&self, name: RunName, run: Version, answer: RunAnswer) -> Result<(), StoreError> {
        answer.check()?;
        self.end(name, run, RunState::Done(answer))
    }

    async fn abandon(&self, name: RunName, run: Version) -> Result<(), StoreError> {
        self.end(name, run, RunState::Abandoned)
    }

    async fn prune(&self, tenant: TenantId, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        forget(&mut self.runs(), |name, run| name.tenant == tenant && run.expires_at < before, limit)
    }
}
