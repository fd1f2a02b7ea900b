//! Revocations, in rows.

use super::{
    columns::{limit, place, value},
    db::{Db, Doing},
    forget::forget,
    places::{self, Feed},
};
use aitrading_model::{TenantId, Timestamp};
use aitrading_store::{Place, Placed, Revocation, RevocationKind, RevocationStore, StoreError, check_limit};
use async_trait::async_trait;

const KEEPING: &str = "keeping a revocation";
const READING: &str = "reading revocations";

/// Keeps revocations in rows.
#[derive(Debug)]
pub(super) struct SqlRevocations(pub(super) Db);

/// Kind, subject, not before, time, reason, by whom, place.
type Row = (i64, Vec<u8>, i64, i64, String, String, i64);

fn revocation(tenant: TenantId, row: Row) -> Result<Placed<Revocation>, StoreError> {
    let (kind, subject, not_before, at, reason, by, place) = row;
    let value = Revocation {
        tenant,
        kind: value(kind, RevocationKind::from_number, "a revocation's kind")?,
        subject,
        not_before: Timestamp(not_before),
        at: Timestamp(at),
        reason,
        by,
    };
    Ok(Placed { value, place: Place(place.cast_unsigned()) })
}

#[async_trait]
impl RevocationStore for SqlRevocations {
    async fn revoke(&self, revocation: Revocation) -> Result<(), StoreError> {
        revocation.check()?;
        let tenant = revocation.tenant;
        let mut tx = self.0.write(KEEPING).await?;
        let place = places::next(tx.conn(), tenant, Feed::Revocations, KEEPING).await?;
        let statement = "INSERT INTO revocations (tenant, kind, subject, not_before, at, reason, revoked_by, place)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (tenant, kind, subject) DO UPDATE SET not_before = excluded.not_before, at = excluded.at,
                 reason = excluded.reason, revoked_by = excluded.revoked_by, place = excluded.place
             WHERE revocations.not_before < excluded.not_before";
        let query = sqlx::query(statement)
            .bind(tenant.0.cast_signed())
            .bind(revocation.kind as i64)
            .bind(revocation.subject)
            .bind(revocation.not_before.0)
            .bind(revocation.at.0)
            .bind(revocation.reason)
            .bind(revocation.by)
            .bind(place.0.cast_signed());
        // What stands already takes no place: the transaction is undone. It is durable, since it could be seen.
        if query.execute(tx.conn()).await.doing(KEEPING)?.rows_affected() == 0 {
            return Ok(());
        }
        tx.commit().await
    }

    async fn get(
        &self,
        tenant: TenantId,
        kind: RevocationKind,
        subject: &[u8],
    ) -> Result<Option<Revocation>, StoreError> {
        let statement = "SELECT kind, subject, not_before, at, reason, revoked_by, place FROM revocations
             WHERE tenant = $1 AND kind = $2 AND subject = $3";
        let question =
            || sqlx::query_as::<_, Row>(statement).bind(tenant.0.cast_signed()).bind(kind as i64).bind(subject);
        let row = self.0.one(READING, question).await?;
        row.map(|row| revocation(tenant, row).map(|placed| placed.value)).transpose()
    }

    async fn since(&self, tenant: TenantId, after: Place, n: usize) -> Result<Vec<Placed<Revocation>>, StoreError> {
        check_limit(n)?;
        let mut tx = self.0.read(READING).await?;
        places::check(&mut tx, tenant, Feed::Revocations, after, READING).await?;
        let statement = "SELECT kind, subject, not_before, at, reason, revoked_by, place FROM revocations
             WHERE tenant = $1 AND place > $2 ORDER BY place LIMIT $3";
        let query = sqlx::query_as::<_, Row>(statement).bind(tenant.0.cast_signed());
        let rows = query.bind(place(after.0)).bind(limit(n)).fetch_all(&mut *tx).await.doing(READING)?;
        rows.into_iter().map(|row| revocation(tenant, row)).collect()
    }

    async fn prune(&self, tenant: TenantId, before: Timestamp, n: usize) -> Result<u64, StoreError> {
        let statement = "DELETE FROM revocations WHERE tenant = $1 AND place IN
             (SELECT place FROM revocations WHERE tenant = $1 AND not_before < $2 LIMIT $3)";
        forget(&self.0, KEEPING, statement, (tenant, before, n)).await
    }
}
