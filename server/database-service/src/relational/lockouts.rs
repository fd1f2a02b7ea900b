//! Lockouts, in rows.

use super::{
    columns::{exact, limit, version},
    db::{Conn, Db, Doing},
    forget::forget,
};
use aitrading_model::{TenantId, Timestamp};
use aitrading_store::{Lockout, LockoutKey, LockoutStore, StoreError, Version, Versioned, check_limit};
use async_trait::async_trait;

const KEEPING: &str = "keeping a lockout";
const READING: &str = "reading lockouts";

/// Keeps lockouts in rows.
#[derive(Debug)]
pub(super) struct SqlLockouts(pub(super) Db);

/// Key, state, until, change, version.
type Row = (Vec<u8>, Vec<u8>, i64, i64, i64);

fn lockout(tenant: TenantId, (key, state, until, changed_at, stored): Row) -> Result<Versioned<Lockout>, StoreError> {
    let key = LockoutKey(exact(key, "a lockout's key")?);
    let value = Lockout { tenant, key, state, until: Timestamp(until), changed_at: Timestamp(changed_at) };
    Ok(Versioned { value, version: version(Some(stored)) })
}

async fn stored(conn: &mut Conn, tenant: TenantId, key: LockoutKey) -> Result<Version, StoreError> {
    let query = sqlx::query_scalar("SELECT version FROM lockouts WHERE tenant = $1 AND key = $2");
    let query = query.bind(tenant.0.cast_signed()).bind(key.0.to_vec());
    Ok(version(query.fetch_optional(conn).await.doing(KEEPING)?))
}

#[async_trait]
impl LockoutStore for SqlLockouts {
    async fn put(&self, lockout: Lockout, expected: Version) -> Result<Version, StoreError> {
        lockout.check()?;
        let mut tx = self.0.write(KEEPING).await?;
        expected.expect(stored(tx.conn(), lockout.tenant, lockout.key).await?)?;
        let version = expected.after(1);
        let statement = "INSERT INTO lockouts (tenant, key, state, locked_until, changed_at, version)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (tenant, key) DO UPDATE SET state = excluded.state, locked_until = excluded.locked_until,
                 changed_at = excluded.changed_at, version = excluded.version";
        let query = sqlx::query(statement)
            .bind(lockout.tenant.0.cast_signed())
            .bind(lockout.key.0.to_vec())
            .bind(lockout.state)
            .bind(lockout.until.0)
            .bind(lockout.changed_at.0)
            .bind(version.0.cast_signed());
        query.execute(tx.conn()).await.doing(KEEPING)?;
        tx.commit().await?;
        Ok(version)
    }

    async fn get(&self, tenant: TenantId, key: LockoutKey) -> Result<Option<Versioned<Lockout>>, StoreError> {
        let statement =
            "SELECT key, state, locked_until, changed_at, version FROM lockouts WHERE tenant = $1 AND key = $2";
        let question = || {
            let query = sqlx::query_as::<_, Row>(statement);
            query.bind(tenant.0.cast_signed()).bind(key.0.to_vec())
        };
        self.0.one(READING, question).await?.map(|row| lockout(tenant, row)).transpose()
    }

    async fn locked(
        &self,
        tenant: TenantId,
        now: Timestamp,
        after: Option<LockoutKey>,
        n: usize,
    ) -> Result<Vec<Versioned<Lockout>>, StoreError> {
        check_limit(n)?;
        let mut tx = self.0.read(READING).await?;
        let statement = "SELECT key, state, locked_until, changed_at, version FROM lockouts
             WHERE tenant = $1 AND locked_until > $2 AND key > $3 ORDER BY key LIMIT $4";
        let after = after.map_or_else(Vec::new, |after| after.0.to_vec());
        let query = sqlx::query_as::<_, Row>(statement).bind(tenant.0.cast_signed()).bind(now.0);
        let rows = query.bind(after).bind(limit(n)).fetch_all(&mut *tx).await.doing(READING)?;
        rows.into_iter().map(|row| lockout(tenant, row)).collect()
    }

    async fn prune(&self, tenant: TenantId, before: Timestamp, n: usize) -> Result<u64, StoreError> {
        let statement = "DELETE FROM lockouts WHERE tenant = $1 AND key IN
             (SELECT key FROM lockouts WHERE tenant = $1 AND locked_until < $2 AND changed_at < $2 LIMIT $3)";
        forget(&self.0, KEEPING, statement, (tenant, before, n)).await
    }
}
