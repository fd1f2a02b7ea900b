//! Idempotency keys, in rows.

use super::{
    columns::{exact, small, version},
    db::{Conn, Db, Doing},
    forget::forget,
};
use aitrading_model::{TenantId, Timestamp};
use aitrading_store::{
    Begun, IdempotencyStore, RunAnswer, RunAsked, RunName, RunState, StoreError, StoredRun, Version,
};
use async_trait::async_trait;

const KEEPING: &str = "keeping an idempotency key";
const RUNNING: i64 = 0;
const ABANDONED: i64 = 1;
const DONE: i64 = 2;

/// Keeps idempotency keys in rows.
#[derive(Debug)]
pub(super) struct SqlIdempotency(pub(super) Db);

#[derive(sqlx::FromRow)]
struct Row {
    request: Vec<u8>,
    run: i64,
    state: i64,
    started_at: i64,
    expires_at: i64,
    status: Option<i64>,
    content_type: Option<String>,
    body: Option<Vec<u8>>,
}

fn run(row: Row) -> Result<StoredRun, StoreError> {
    let state = match (row.state, row.status, row.content_type, row.body) {
        (RUNNING, None, None, None) => RunState::Running(Timestamp(row.started_at)),
        (ABANDONED, None, None, None) => RunState::Abandoned,
        (DONE, Some(status), Some(content_type), Some(body)) => {
            RunState::Done(RunAnswer { status: small(status, "the status of a kept answer")?, content_type, body })
        }
        _ => return Err(StoreError::corrupt("the state of an idempotency key")),
    };
    Ok(StoredRun {
        request: exact(row.request, "the request of an idempotency key")?,
        run: version(Some(row.run)),
        state,
        expires_at: Timestamp(row.expires_at),
    })
}

async fn stored(conn: &mut Conn, name: &RunName) -> Result<Option<StoredRun>, StoreError> {
    let statement = "SELECT request, run, state, started_at, expires_at, status, content_type, body
         FROM idempotency_keys WHERE tenant = $1 AND actor = $2 AND key = $3";
    let query = sqlx::query_as::<_, Row>(statement)
        .bind(name.tenant.0.cast_signed())
        .bind(name.actor.to_vec())
        .bind(name.key.as_str());
    query.fetch_optional(conn).await.doing(KEEPING)?.map(run).transpose()
}

async fn write_begun(conn: &mut Conn, asked: &RunAsked, run: Version) -> Result<(), StoreError> {
    let statement = "INSERT INTO idempotency_keys (tenant, actor, key, request, run, state, started_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (tenant, actor, key) DO UPDATE SET request = excluded.request, run = excluded.run,
             state = excluded.state, started_at = excluded.started_at, expires_at = excluded.expires_at,
             status = NULL, content_type = NULL, body = NULL";
    let query = sqlx::query(statement)
        .bind(asked.name.tenant.0.cast_signed())
        .bind(asked.name.actor.to_vec())
        .bind(asked.name.key.as_str())
        .bind(asked.request.to_vec())
        .bind(run.0.cast_signed())
        .bind(RUNNING)
        .bind(asked.at.0)
        .bind(asked.expires_at.0);
    query.execute(conn).await.doing(KEEPING).map(drop)
}

async fn write_ended(conn: &mut Conn, name: &RunName, answer: Option<RunAnswer>) -> Result<(), StoreError> {
    let state = if answer.is_some() { DONE } else { ABANDONED };
    let (status, content_type, body) = answer
        .map(|answer| (Some(i64::from(answer.status)), Some(answer.content_type), Some(answer.body)))
        .unwrap_or_default();
    let statement = "UPDATE idempotency_keys SET state = $4, status = $5, content_type = $6, body = $7
         WHERE tenant = $1 AND actor = $2 AND key = $3";
    let query = sqlx::query(statement)
        .bind(name.tenant.0.cast_signed())
        .bind(name.actor.to_vec())
        .bind(name.key.as_str())
        .bind(state)
        .bind(status)
        .bind(content_type)
        .bind(body);
    query.execute(conn).await.doing(KEEPING).map(drop)
}

impl SqlIdempotency {
    async fn end(&self, name: RunName, run: Version, answer: Option<RunAnswer>) -> Result<(), StoreError> {
        let mut tx = self.0.write(KEEPING).await?;
        let stored = stored(tx.conn(), &name).await?;
        let state = answer.clone().map_or(RunState::Abandoned, RunState::Done);
        if StoredRun::end(stored.as_ref(), run, state)?.is_none() {
            return Ok(());
        }
        write_ended(tx.conn(), &name, answer).await?;
        tx.commit().await
    }
}

#[async_trait]
impl IdempotencyStore for SqlIdempotency {
    async fn begin(&self, asked: RunAsked) -> Result<Begun, StoreError> {
        asked.check()?;
        let mut tx = self.0.write(KEEPING).await?;
        let stored = stored(tx.conn(), &asked.name).await?;
        let (begun, next) = StoredRun::begin(stored.as_ref(), &asked);
        if let Some(next) = next {
            write_begun(tx.conn(), &asked, next.run).await?;
            tx.commit().await?;
        }
        Ok(begun)
    }

    async fn finish(&self, name: RunName, run: Version, answer: RunAnswer) -> Result<(), StoreError> {
        answer.check()?;
        self.end(name, run, Some(answer)).await
    }

    async fn abandon(&self, name: RunName, run: Version) -> Result<(), StoreError> {
        self.end(name, run, None).await
    }

    async fn prune(&self, tenant: TenantId, before: Timestamp, n: usize) -> Result<u64, StoreError> {
        let statement = "DELETE FROM idempotency_keys WHERE tenant = $1 AND (actor, key) IN
             (SELECT actor, key FROM idempotency_keys WHERE tenant = $1 AND expires_at < $2 LIMIT $3)";
        forget(&self.0, KEEPING, statement, (tenant, before, n)).await
    }
}
