//! Users, in rows.

use super::{
    columns::{exact, limit, value, version},
    db::{Conn, Db, Doing},
};
use aitrading_model::{TenantId, Timestamp};
use aitrading_store::{
    LoginName, StoreError, User, UserId, UserRole, UserStatus, UserStore, Version, Versioned, check_limit,
};
use async_trait::async_trait;

const KEEPING: &str = "keeping a user";
const READING: &str = "reading users";

/// Keeps users in rows.
#[derive(Debug)]
pub(super) struct SqlUsers(pub(super) Db);

macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT tenant, id, login, role, status, opaque, second_factor, note, created_at, changed_at, version
             FROM users WHERE ",
            $which
        )
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    tenant: i64,
    id: Vec<u8>,
    login: String,
    role: i64,
    status: i64,
    opaque: Vec<u8>,
    second_factor: Vec<u8>,
    note: String,
    created_at: i64,
    changed_at: i64,
    version: i64,
}

fn user(row: Row) -> Result<Versioned<User>, StoreError> {
    let value = User {
        tenant: TenantId(row.tenant.cast_unsigned()),
        id: UserId(exact(row.id, "a user's id")?),
        login: LoginName::new(row.login).map_err(|_| StoreError::corrupt("a user's login name"))?,
        role: value(row.role, UserRole::from_number, "a user's role")?,
        status: value(row.status, UserStatus::from_number, "a user's status")?,
        opaque: row.opaque,
        second_factor: row.second_factor,
        note: row.note,
        created_at: Timestamp(row.created_at),
        changed_at: Timestamp(row.changed_at),
    };
    Ok(Versioned { value, version: version(Some(row.version)) })
}

async fn stored(conn: &mut Conn, tenant: TenantId, id: UserId) -> Result<Version, StoreError> {
    let query = sqlx::query_scalar("SELECT version FROM users WHERE tenant = $1 AND id = $2");
    let query = query.bind(tenant.0.cast_signed()).bind(id.0.to_vec());
    Ok(version(query.fetch_optional(conn).await.doing(KEEPING)?))
}

async fn has_namesake(conn: &mut Conn, user: &User) -> Result<bool, StoreError> {
    let query = sqlx::query_scalar::<_, i64>("SELECT version FROM users WHERE tenant = $1 AND login = $2 AND id <> $3");
    let query = query.bind(user.tenant.0.cast_signed()).bind(user.login.as_str()).bind(user.id.0.to_vec());
    Ok(query.fetch_optional(conn).await.doing(KEEPING)?.is_some())
}

async fn write(conn: &mut Conn, user: &User, version: Version) -> Result<(), StoreError> {
    let statement = "INSERT INTO users (tenant, id, login, role, status, opaque, second_factor, note, created_at,
             changed_at, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (tenant, id) DO UPDATE SET login = excluded.login, role = excluded.role,
             status = excluded.status, opaque = excluded.opaque, second_factor = excluded.second_factor,
             note = excluded.note, created_at = excluded.created_at, changed_at = excluded.changed_at,
             version = excluded.version";
    let query = sqlx::query(statement)
        .bind(user.tenant.0.cast_signed())
        .bind(user.id.0.to_vec())
        .bind(user.login.as_str())
        .bind(user.role as i64)
        .bind(user.status as i64)
        .bind(user.opaque.as_slice())
        .bind(user.second_factor.as_slice())
        .bind(user.note.as_str())
        .bind(user.created_at.0)
        .bind(user.changed_at.0)
        .bind(version.0.cast_signed());
    query.execute(conn).await.doing(KEEPING).map(drop)
}

#[async_trait]
impl UserStore for SqlUsers {
    async fn put(&self, user: User, expected: Version) -> Result<Version, StoreError> {
        user.check()?;
        let mut tx = self.0.write(KEEPING).await?;
        expected.expect(stored(tx.conn(), user.tenant, user.id).await?)?;
        if has_namesake(tx.conn(), &user).await? {
            return Err(StoreError::Conflict { what: "another user of the tenant has this login name" });
        }
        let version = expected.after(1);
        write(tx.conn(), &user, version).await?;
        tx.commit().await?;
        Ok(version)
    }

    async fn get(&self, tenant: TenantId, id: UserId) -> Result<Option<Versioned<User>>, StoreError> {
        let mut tx = self.0.read(READING).await?;
        let query = sqlx::query_as::<_, Row>(select!("tenant = $1 AND id = $2"));
        let query = query.bind(tenant.0.cast_signed()).bind(id.0.to_vec());
        query.fetch_optional(&mut *tx).await.doing(READING)?.map(user).transpose()
    }

    async fn by_login(&self, tenant: TenantId, login: &LoginName) -> Result<Option<Versioned<User>>, StoreError> {
        let mut tx = self.0.read(READING).await?;
        let query = sqlx::query_as::<_, Row>(select!("tenant = $1 AND login = $2"));
        let query = query.bind(tenant.0.cast_signed()).bind(login.as_str());
        query.fetch_optional(&mut *tx).await.doing(READING)?.map(user).transpose()
    }

    async fn of_tenant(
        &self,
        tenant: TenantId,
        after: Option<&LoginName>,
        n: usize,
    ) -> Result<Vec<Versioned<User>>, StoreError> {
        check_limit(n)?;
        let mut tx = self.0.read(READING).await?;
        let query = sqlx::query_as::<_, Row>(select!("tenant = $1 AND login > $2 ORDER BY login LIMIT $3"));
        let query = query.bind(tenant.0.cast_signed()).bind(after.map_or("", LoginName::as_str)).bind(limit(n));
        query.fetch_all(&mut *tx).await.doing(READING)?.into_iter().map(user).collect()
    }

    async fn erase(&self, tenant: TenantId, id: UserId, expected: Version) -> Result<(), StoreError> {
        let mut tx = self.0.write(KEEPING).await?;
        let stored = stored(tx.conn(), tenant, id).await?;
        if stored == Version::NONE {
            return Err(StoreError::Stale { expected, stored });
        }
        expected.expect(stored)?;
        let query = sqlx::query("DELETE FROM users WHERE tenant = $1 AND id = $2");
        let query = query.bind(tenant.0.cast_signed()).bind(id.0.to_vec());
        query.execute(tx.conn()).await.doing(KEEPING)?;
        tx.commit().await
    }
}
