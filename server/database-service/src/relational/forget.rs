//! Forgetting what has expired, a bounded number of rows at a time.

use super::{
    columns::limit,
    db::{Db, Doing},
};
use aitrading_model::{TenantId, Timestamp};
use aitrading_store::{StoreError, check_limit};

/// Deletes by a statement that takes the tenant, the time and how many rows. The tenant stands in front of the key that is asked
/// for, not in it: SQLite then finds each row by its key, and would look at all of the tenant otherwise.
pub(super) async fn forget(
    db: &Db,
    doing: &'static str,
    statement: &'static str,
    (tenant, before, n): (TenantId, Timestamp, usize),
) -> Result<u64, StoreError> {
    check_limit(n)?;
    let mut tx = db.write(doing).await?;
    let query = sqlx::query(statement).bind(tenant.0.cast_signed()).bind(before.0).bind(limit(n));
    let forgotten = query.execute(tx.conn()).await.doing(doing)?.rows_affected();
    tx.commit().await?;
    Ok(forgotten)
}
