//! What happened to security, in rows.

use super::{
    columns::{exact, limit, value},
    db::{Conn, Db, Doing},
};
use aitrading_model::{TenantId, Timestamp, TraceId};
use aitrading_store::{
    SecurityEvent, SecurityEventStore, SecurityQuery, SecuritySeverity, StoreError, check_security_events,
};
use async_trait::async_trait;

const KEEPING: &str = "keeping security events";
const READING: &str = "reading security events";

/// Keeps security events in rows.
#[derive(Debug)]
pub(super) struct SqlSecurityEvents(pub(super) Db);

/// Id, time, kind, severity, subject, origin, trace, detail.
type Row = (Vec<u8>, i64, String, i64, String, String, Vec<u8>, String);

fn event(tenant: TenantId, row: Row) -> Result<SecurityEvent, StoreError> {
    let (id, at, kind, severity, subject, origin, trace, detail) = row;
    Ok(SecurityEvent {
        tenant,
        id: exact(id, "a security event's id")?,
        at: Timestamp(at),
        kind,
        severity: value(severity, SecuritySeverity::from_number, "a security event's severity")?,
        subject,
        origin,
        trace: TraceId(exact(trace, "a security event's trace")?),
        detail,
    })
}

async fn write(conn: &mut Conn, event: &SecurityEvent) -> Result<(), StoreError> {
    let statement = "INSERT INTO security_events (tenant, id, at, kind, severity, subject, origin, trace, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (tenant, id) DO NOTHING";
    let query = sqlx::query(statement)
        .bind(event.tenant.0.cast_signed())
        .bind(event.id.to_vec())
        .bind(event.at.0)
        .bind(event.kind.as_str())
        .bind(event.severity as i64)
        .bind(event.subject.as_str())
        .bind(event.origin.as_str())
        .bind(event.trace.0.to_vec())
        .bind(event.detail.as_str());
    query.execute(conn).await.doing(KEEPING).map(drop)
}

/// A kind has an index of its own, so it has a statement of its own; SQLite takes the index because the place has the kind too.
const OF_ANY_KIND: &str = "SELECT id, at, kind, severity, subject, origin, trace, detail FROM security_events
     WHERE tenant = $1 AND severity >= $2 AND at >= $3 AND at < $4 AND (at, id) < ($5, $6)
     ORDER BY at DESC, id DESC LIMIT $7";
const OF_ONE_KIND: &str = "SELECT id, at, kind, severity, subject, origin, trace, detail FROM security_events
     WHERE tenant = $1 AND severity >= $2 AND at >= $3 AND at < $4 AND kind = $8 AND (kind, at, id) < ($8, $5, $6)
     ORDER BY at DESC, id DESC LIMIT $7";

#[async_trait]
impl SecurityEventStore for SqlSecurityEvents {
    async fn append(&self, events: Vec<SecurityEvent>) -> Result<(), StoreError> {
        check_security_events(&events)?;
        if events.is_empty() {
            return Ok(());
        }
        let mut tx = self.0.write(KEEPING).await?;
        for event in &events {
            write(tx.conn(), event).await?;
        }
        tx.commit().await
    }

    async fn query(&self, query: &SecurityQuery) -> Result<Vec<SecurityEvent>, StoreError> {
        query.check()?;
        let tenant = query.tenant;
        // Nothing at or after the place where an answer ended is looked at again.
        let (before, id) = query.before.map_or((i64::MAX, Vec::new()), |place| (place.at.0, place.id.to_vec()));
        let to = query.to.0.min(before.saturating_add(1));
        let statement = if query.kind.is_some() { OF_ONE_KIND } else { OF_ANY_KIND };
        let mut tx = self.0.read(READING).await?;
        let mut asked = sqlx::query_as::<_, Row>(statement)
            .bind(tenant.0.cast_signed())
            .bind(query.severity_min as i64)
            .bind(query.from.0)
            .bind(to)
            .bind(before)
            .bind(id)
            .bind(limit(query.limit));
        if let Some(kind) = &query.kind {
            asked = asked.bind(kind.as_str());
        }
        let rows = asked.fetch_all(&mut *tx).await.doing(READING)?;
        rows.into_iter().map(|row| event(tenant, row)).collect()
    }
}
