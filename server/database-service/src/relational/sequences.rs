//! Numbers that are given once, in rows.

use super::db::{Conn, Db, Doing};
use aitrading_model::TenantId;
use aitrading_store::{LAST_NUMBER, SequenceName, SequenceStore, StoreError, numbers_after};
use async_trait::async_trait;

const DOING: &str = "giving numbers";

/// Gives numbers from rows.
#[derive(Debug)]
pub(super) struct SqlSequences(pub(super) Db);

async fn last(conn: &mut Conn, tenant: TenantId, name: &SequenceName) -> Result<u64, StoreError> {
    let query = sqlx::query_scalar::<_, i64>("SELECT last FROM sequences WHERE tenant = $1 AND name = $2");
    let query = query.bind(tenant.0.cast_signed()).bind(name.as_str());
    Ok(query.fetch_optional(conn).await.doing(DOING)?.map_or(0, i64::cast_unsigned))
}

async fn set(conn: &mut Conn, tenant: TenantId, name: &SequenceName, last: u64) -> Result<(), StoreError> {
    let statement = "INSERT INTO sequences (tenant, name, last) VALUES ($1, $2, $3)
         ON CONFLICT (tenant, name) DO UPDATE SET last = excluded.last";
    let query = sqlx::query(statement).bind(tenant.0.cast_signed()).bind(name.as_str()).bind(last.cast_signed());
    query.execute(conn).await.doing(DOING).map(drop)
}

#[async_trait]
impl SequenceStore for SqlSequences {
    async fn next(&self, tenant: TenantId, name: &SequenceName, n: u32) -> Result<u64, StoreError> {
        // Refuses a wrong count before anybody waits for the lock.
        numbers_after(0, n)?;
        let mut tx = self.0.write(DOING).await?;
        let numbers = numbers_after(last(tx.conn(), tenant, name).await?, n)?;
        set(tx.conn(), tenant, name, *numbers.end()).await?;
        tx.commit().await?;
        Ok(*numbers.start())
    }

    async fn last(&self, tenant: TenantId, name: &SequenceName) -> Result<u64, StoreError> {
        let mut tx = self.0.read(DOING).await?;
        last(&mut tx, tenant, name).await
    }

    async fn skip_to(&self, tenant: TenantId, name: &SequenceName, to: u64) -> Result<(), StoreError> {
        if to > LAST_NUMBER {
            return Err(StoreError::Invalid { what: "a sequence's numbers end with 2^63 - 1" });
        }
        let mut tx = self.0.write(DOING).await?;
        if last(tx.conn(), tenant, name).await? < to {
            set(tx.conn(), tenant, name, to).await?;
        }
        tx.commit().await
    }
}
