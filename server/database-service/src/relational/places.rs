//! Places of changes, in rows.

use super::db::{Conn, Doing};
use aitrading_model::TenantId;
use aitrading_store::{Place, StoreError};

/// Changes that are counted by themselves.
#[derive(Debug, Clone, Copy)]
pub(super) enum Feed {
    Revocations,
    Subscriptions,
}

impl Feed {
    const fn name(self) -> &'static str {
        match self {
            Self::Revocations => "revocations",
            Self::Subscriptions => "subscriptions",
        }
    }
}

/// Gives the next place. Inside the transaction that makes the change: the row is locked until that ends, so the next place is
/// given when this change can be seen.
pub(super) async fn next(
    conn: &mut Conn,
    tenant: TenantId,
    feed: Feed,
    doing: &'static str,
) -> Result<Place, StoreError> {
    let statement = "INSERT INTO places (tenant, feed, last) VALUES ($1, $2, 1)
         ON CONFLICT (tenant, feed) DO UPDATE SET last = places.last + 1 RETURNING last";
    let query = sqlx::query_scalar::<_, i64>(statement).bind(tenant.0.cast_signed()).bind(feed.name());
    Ok(Place(query.fetch_one(conn).await.doing(doing)?.cast_unsigned()))
}

/// Refuses a place that was never given.
pub(super) async fn check(
    conn: &mut Conn,
    tenant: TenantId,
    feed: Feed,
    after: Place,
    doing: &'static str,
) -> Result<(), StoreError> {
    let query = sqlx::query_scalar::<_, i64>("SELECT last FROM places WHERE tenant = $1 AND feed = $2");
    let query = query.bind(tenant.0.cast_signed()).bind(feed.name());
    let last = query.fetch_optional(conn).await.doing(doing)?;
    after.check_given(Place(last.map_or(0, i64::cast_unsigned)))
}
