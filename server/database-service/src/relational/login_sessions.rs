//! Login sessions, in rows.

use super::{
    columns::{exact, limit, version},
    db::{Conn, Db, Doing},
    forget::forget,
};
use aitrading_model::{TenantId, Timestamp};
use aitrading_store::{
    Ended, LoginSession, LoginSessionId, LoginSessionStore, StoreError, UserId, Version, Versioned, check_limit,
};
use async_trait::async_trait;

const KEEPING: &str = "keeping a login session";
const READING: &str = "reading login sessions";

/// Keeps login sessions in rows.
#[derive(Debug)]
pub(super) struct SqlLoginSessions(pub(super) Db);

macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT tenant, id, user_id, device, state, created_at, expires_at, ended_at, ended_reason, version
             FROM login_sessions WHERE ",
            $which
        )
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    tenant: i64,
    id: Vec<u8>,
    user_id: Vec<u8>,
    device: Option<Vec<u8>>,
    state: Vec<u8>,
    created_at: i64,
    expires_at: i64,
    ended_at: Option<i64>,
    ended_reason: Option<String>,
    version: i64,
}

fn session(row: Row) -> Result<Versioned<LoginSession>, StoreError> {
    let ended = match (row.ended_at, row.ended_reason) {
        (Some(at), Some(reason)) => Some(Ended { at: Timestamp(at), reason }),
        (None, None) => None,
        _ => return Err(StoreError::corrupt("a login session's end")),
    };
    let value = LoginSession {
        tenant: TenantId(row.tenant.cast_unsigned()),
        id: LoginSessionId(exact(row.id, "a login session's id")?),
        user: UserId(exact(row.user_id, "a login session's user")?),
        device: row.device.map(|device| exact(device, "a login session's device")).transpose()?,
        state: row.state,
        created_at: Timestamp(row.created_at),
        expires_at: Timestamp(row.expires_at),
        ended,
    };
    Ok(Versioned { value, version: version(Some(row.version)) })
}

async fn stored(
    conn: &mut Conn,
    tenant: TenantId,
    id: LoginSessionId,
) -> Result<Option<Versioned<LoginSession>>, StoreError> {
    let query = sqlx::query_as::<_, Row>(select!("tenant = $1 AND id = $2"));
    let query = query.bind(tenant.0.cast_signed()).bind(id.0.to_vec());
    query.fetch_optional(conn).await.doing(KEEPING)?.map(session).transpose()
}

async fn write(conn: &mut Conn, session: &LoginSession, version: Version) -> Result<(), StoreError> {
    // User, device and beginning never change.
    let statement = "INSERT INTO login_sessions (tenant, id, user_id, device, state, created_at, expires_at, ended_at,
             ended_reason, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (tenant, id) DO UPDATE SET state = excluded.state, expires_at = excluded.expires_at,
             ended_at = excluded.ended_at, ended_reason = excluded.ended_reason, version = excluded.version";
    let query = sqlx::query(statement)
        .bind(session.tenant.0.cast_signed())
        .bind(session.id.0.to_vec())
        .bind(session.user.0.to_vec())
        .bind(session.device.map(|device| device.to_vec()))
        .bind(session.state.as_slice())
        .bind(session.created_at.0)
        .bind(session.expires_at.0)
        .bind(session.ended.as_ref().map(|ended| ended.at.0))
        .bind(session.ended.as_ref().map(|ended| ended.reason.as_str()))
        .bind(version.0.cast_signed());
    query.execute(conn).await.doing(KEEPING).map(drop)
}

#[async_trait]
impl LoginSessionStore for SqlLoginSessions {
    async fn put(&self, session: LoginSession, expected: Version) -> Result<Version, StoreError> {
        session.check()?;
        let mut tx = self.0.write(KEEPING).await?;
        let stored = stored(tx.conn(), session.tenant, session.id).await?;
        expected.expect(stored.as_ref().map_or(Version::NONE, |stored| stored.version))?;
        if let Some(stored) = &stored {
            session.check_replaces(&stored.value)?;
        }
        let version = expected.after(1);
        write(tx.conn(), &session, version).await?;
        tx.commit().await?;
        Ok(version)
    }

    async fn get(&self, tenant: TenantId, id: LoginSessionId) -> Result<Option<Versioned<LoginSession>>, StoreError> {
        let question = || {
            let query = sqlx::query_as::<_, Row>(select!("tenant = $1 AND id = $2"));
            query.bind(tenant.0.cast_signed()).bind(id.0.to_vec())
        };
        self.0.one(READING, question).await?.map(session).transpose()
    }

    async fn of_user(
        &self,
        tenant: TenantId,
        user: UserId,
        after: Option<LoginSessionId>,
        n: usize,
    ) -> Result<Vec<Versioned<LoginSession>>, StoreError> {
        check_limit(n)?;
        let mut tx = self.0.read(READING).await?;
        let statement = select!("tenant = $1 AND user_id = $2 AND id > $3 ORDER BY id LIMIT $4");
        let after = after.map_or_else(Vec::new, |after| after.0.to_vec());
        let query = sqlx::query_as::<_, Row>(statement).bind(tenant.0.cast_signed()).bind(user.0.to_vec());
        let rows = query.bind(after).bind(limit(n)).fetch_all(&mut *tx).await.doing(READING)?;
        rows.into_iter().map(session).collect()
    }

    async fn end_all_of_user(&self, tenant: TenantId, user: UserId, ended: Ended) -> Result<u64, StoreError> {
        ended.check()?;
        let mut tx = self.0.write(KEEPING).await?;
        let statement = "UPDATE login_sessions SET ended_at = $3, ended_reason = $4, version = version + 1
             WHERE tenant = $1 AND user_id = $2 AND ended_at IS NULL";
        let query = sqlx::query(statement).bind(tenant.0.cast_signed()).bind(user.0.to_vec());
        let query = query.bind(ended.at.0).bind(ended.reason);
        let count = query.execute(tx.conn()).await.doing(KEEPING)?.rows_affected();
        tx.commit().await?;
        Ok(count)
    }

    async fn prune(&self, tenant: TenantId, before: Timestamp, n: usize) -> Result<u64, StoreError> {
        let statement = "DELETE FROM login_sessions WHERE tenant = $1 AND id IN
             (SELECT id FROM login_sessions WHERE tenant = $1 AND expires_at < $2 LIMIT $3)";
        forget(&self.0, KEEPING, statement, (tenant, before, n)).await
    }
}
