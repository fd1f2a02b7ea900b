//! The audit log's copy, in rows.

use super::{
    columns::{exact, limit, place, value},
    db::{Conn, Db, Doing},
};
use aitrading_model::{Timestamp, TraceId};
use aitrading_store::{AuditMirror, AuditRow, LogLevel, StoreError, check_audit_rows, check_limit};
use async_trait::async_trait;

const KEEPING: &str = "keeping a copy of the audit log";
const READING: &str = "reading the copy of the audit log";

/// Keeps the audit log's copy in rows.
#[derive(Debug)]
pub(super) struct SqlAudit(pub(super) Db);

/// Place, hash, time, level, event, actor, subject, trace, leaf.
type Row = (i64, Vec<u8>, i64, i64, String, Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>);

fn leaf((index, hash, at, level, event, actor, subject, trace, leaf): Row) -> Result<AuditRow, StoreError> {
    Ok(AuditRow {
        index: index.cast_unsigned(),
        hash: exact(hash, "a leaf's hash")?,
        at: Timestamp(at),
        level: value(level, LogLevel::from_number, "a leaf's level")?,
        event,
        actor: exact(actor, "a leaf's actor")?,
        subject: exact(subject, "a leaf's subject")?,
        trace: TraceId(exact(trace, "a leaf's trace")?),
        leaf,
    })
}

async fn next_index(conn: &mut Conn, doing: &'static str) -> Result<u64, StoreError> {
    let query = sqlx::query_scalar::<_, i64>("SELECT COALESCE(MAX(place), -1) FROM audit_leaves");
    let last = query.fetch_one(conn).await.doing(doing)?;
    Ok(last.saturating_add(1).cast_unsigned())
}

async fn page(conn: &mut Conn, from: u64, n: usize, doing: &'static str) -> Result<Vec<AuditRow>, StoreError> {
    let statement = "SELECT place, hash, at, level, event, actor, subject, trace, leaf FROM audit_leaves
         WHERE place >= $1 ORDER BY place LIMIT $2";
    let query = sqlx::query_as::<_, Row>(statement).bind(place(from)).bind(limit(n));
    query.fetch_all(conn).await.doing(doing)?.into_iter().map(leaf).collect()
}

async fn write(conn: &mut Conn, row: &AuditRow) -> Result<(), StoreError> {
    let statement = "INSERT INTO audit_leaves (place, hash, at, level, event, actor, subject, trace, leaf)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let query = sqlx::query(statement)
        .bind(place(row.index))
        .bind(row.hash.to_vec())
        .bind(row.at.0)
        .bind(row.level as i64)
        .bind(row.event.as_str())
        .bind(row.actor.to_vec())
        .bind(row.subject.to_vec())
        .bind(row.trace.0.to_vec())
        .bind(row.leaf.as_slice());
    query.execute(conn).await.doing(KEEPING).map(drop)
}

#[async_trait]
impl AuditMirror for SqlAudit {
    async fn append(&self, rows: Vec<AuditRow>) -> Result<(), StoreError> {
        check_audit_rows(&rows)?;
        let Some(first) = rows.first() else { return Ok(()) };
        let mut tx = self.0.write(KEEPING).await?;
        if first.index > next_index(tx.conn(), KEEPING).await? {
            return Err(StoreError::Conflict { what: "there would be a hole in the copy of the audit log" });
        }
        // There is no hole, so what is known of these leaves are the first of them.
        let known = page(tx.conn(), first.index, rows.len(), KEEPING).await?;
        if known.iter().zip(&rows).any(|(known, row)| known != row) {
            return Err(StoreError::Conflict { what: "another leaf of the audit log stands at this place" });
        }
        for row in rows.iter().skip(known.len()) {
            write(tx.conn(), row).await?;
        }
        tx.commit().await
    }

    async fn next_index(&self) -> Result<u64, StoreError> {
        let mut tx = self.0.read(READING).await?;
        next_index(&mut tx, READING).await
    }

    async fn rows(&self, from: u64, n: usize) -> Result<Vec<AuditRow>, StoreError> {
        check_limit(n)?;
        let mut tx = self.0.read(READING).await?;
        page(&mut tx, from, n, READING).await
    }

    async fn of_trace(&self, trace: TraceId, from: u64, n: usize) -> Result<Vec<AuditRow>, StoreError> {
        check_limit(n)?;
        let mut tx = self.0.read(READING).await?;
        let statement = "SELECT place, hash, at, level, event, actor, subject, trace, leaf FROM audit_leaves
             WHERE trace = $1 AND place >= $2 ORDER BY place LIMIT $3";
        let query = sqlx::query_as::<_, Row>(statement).bind(trace.0.to_vec()).bind(place(from)).bind(limit(n));
        query.fetch_all(&mut *tx).await.doing(READING)?.into_iter().map(leaf).collect()
    }
}
