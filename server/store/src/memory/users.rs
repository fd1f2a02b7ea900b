//! Users in memory.

use super::shelf::{Shelf, put};
use crate::{LoginName, StoreError, User, UserId, UserStore, Version, Versioned, check_limit};
use aitrading_model::TenantId;
use async_trait::async_trait;

/// Keeps users in memory.
#[derive(Debug, Default)]
pub struct MemoryUsers(Shelf<(TenantId, UserId), User>);

#[async_trait]
impl UserStore for MemoryUsers {
    async fn put(&self, user: User, expected: Version) -> Result<Version, StoreError> {
        user.check()?;
        let mut users = self.0.records();
        let key = (user.tenant, user.id);
        expected.expect(super::shelf::version(users.get(&key)))?;
        let namesake = |((tenant, id), other): (&(TenantId, UserId), &Versioned<User>)| {
            *tenant == user.tenant && *id != user.id && other.value.login == user.login
        };
        if users.iter().any(namesake) {
            return Err(StoreError::Conflict { what: "another user of the tenant has this login name" });
        }
        put(&mut users, key, user, expected)
    }

    async fn get(&self, tenant: TenantId, id: UserId) -> Result<Option<Versioned<User>>, StoreError> {
        Ok(self.0.get(&(tenant, id)))
    }

    async fn by_login(&self, tenant: TenantId, login: &LoginName) -> Result<Option<Versioned<User>>, StoreError> {
        let users = self.0.records();
        Ok(users.values().find(|user| user.value.tenant == tenant && user.value.login == *login).cloned())
    }

    async fn of_tenant(
        &self,
        tenant: TenantId,
        after: Option<&LoginName>,
        limit: usize,
    ) -> Result<Vec<Versioned<User>>, StoreError> {
        check_limit(limit)?;
        let users = self.0.records();
        let wanted = |user: &&Versioned<User>| {
            user.value.tenant == tenant && after.is_none_or(|after| user.value.login > *after)
        };
        let mut page: Vec<_> = users.values().filter(wanted).cloned().collect();
        page.sort_by(|a, b| a.value.login.cmp(&b.value.login));
        page.truncate(limit);
        Ok(page)
    }

    async fn erase(&self, tenant: TenantId, id: UserId, expected: Version) -> Result<(), StoreError> {
        self.0.remove(&(tenant, id), expected)
    }
}
