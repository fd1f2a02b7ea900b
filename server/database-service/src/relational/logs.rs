//! Logs, in rows: one index by level and time, one by trace, and a count of what lies under each day and level.

use super::{
    columns::{exact, limit, small, value},
    db::{Conn, Db, Doing},
};
use aitrading_model::{TenantId, Timestamp, TraceId};
use aitrading_store::{
    LogBatch, LogLevel, LogLine, LogPartition, LogPlace, LogQuery, LogStore, StoreError, StoredLogLine,
};
use async_trait::async_trait;
use std::{cmp::Reverse, collections::BTreeMap};

const KEEPING: &str = "keeping logs";
const READING: &str = "reading logs";
const DELETING: &str = "deleting logs";
/// As many lines are deleted in one transaction, so that nobody waits long for the lock.
const DELETED_AT_ONCE: usize = 5_000;
const DAY_NS: i128 = 86_400_000_000_000;

/// Keeps logs in rows.
#[derive(Debug)]
pub(super) struct SqlLogs(pub(super) Db);

/// Remembers the batch; false if it is known.
async fn remember(conn: &mut Conn, batch: &LogBatch) -> Result<bool, StoreError> {
    let tenant = batch.tenant.0.cast_signed();
    let known = sqlx::query_scalar::<_, i64>("SELECT number FROM log_batches WHERE tenant = $1 AND batch = $2");
    let known = known.bind(tenant).bind(batch.id.to_vec()).fetch_optional(&mut *conn).await.doing(KEEPING)?;
    if known.is_some() {
        return Ok(false);
    }
    let last = sqlx::query_scalar::<_, i64>("SELECT COALESCE(MAX(number), 0) FROM log_batches WHERE tenant = $1");
    let number = last.bind(tenant).fetch_one(&mut *conn).await.doing(KEEPING)?.saturating_add(1);
    let insert = sqlx::query("INSERT INTO log_batches (tenant, batch, number) VALUES ($1, $2, $3)");
    insert.bind(tenant).bind(batch.id.to_vec()).bind(number).execute(&mut *conn).await.doing(KEEPING)?;
    let forget = sqlx::query("DELETE FROM log_batches WHERE tenant = $1 AND number <= $2");
    let forget = forget.bind(tenant).bind(number.saturating_sub(limit(LogBatch::REMEMBERED)));
    forget.execute(conn).await.doing(KEEPING)?;
    Ok(true)
}

const ONE: &str = "INSERT INTO log_lines (tenant, batch, level, at, place, service, trace, message, fields)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     ON CONFLICT (tenant, level, at, batch, place) DO NOTHING RETURNING place";
/// Most lines are written eight at a time: one by one, a large batch would keep the lock for several times as long.
const EIGHT: &str = "INSERT INTO log_lines (tenant, batch, level, at, place, service, trace, message, fields)
     VALUES
         ($1, $2, $3, $4, $5, $6, $7, $8, $9),
         ($1, $2, $10, $11, $12, $13, $14, $15, $16),
         ($1, $2, $17, $18, $19, $20, $21, $22, $23),
         ($1, $2, $24, $25, $26, $27, $28, $29, $30),
         ($1, $2, $31, $32, $33, $34, $35, $36, $37),
         ($1, $2, $38, $39, $40, $41, $42, $43, $44),
         ($1, $2, $45, $46, $47, $48, $49, $50, $51),
         ($1, $2, $52, $53, $54, $55, $56, $57, $58)
     ON CONFLICT (tenant, level, at, batch, place) DO NOTHING RETURNING place";

/// Writes as many lines as the statement takes, and answers the places of those that did not stand already: only a batch that
/// was forgotten and is written again has such lines.
async fn insert(
    conn: &mut Conn,
    batch: &LogBatch,
    lines: &[(i64, &LogLine)],
    statement: &'static str,
) -> Result<Vec<i64>, StoreError> {
    let mut query = sqlx::query_scalar::<_, i64>(statement).bind(batch.tenant.0.cast_signed()).bind(batch.id.to_vec());
    for (place, line) in lines {
        query = query
            .bind(line.level as i64)
            .bind(line.at.0)
            .bind(*place)
            .bind(line.service.as_str())
            .bind(line.trace.map(|trace| trace.0.to_vec()))
            .bind(line.message.as_str())
            .bind(line.fields.as_str());
    }
    query.fetch_all(conn).await.doing(KEEPING)
}

/// Writes a batch's lines, and answers what came under which day and level: lines and bytes.
async fn write(conn: &mut Conn, batch: &LogBatch) -> Result<BTreeMap<(i64, LogLevel), (i64, i64)>, StoreError> {
    let lines: Vec<(i64, &LogLine)> = (0_i64..).zip(&batch.lines).collect();
    let (eights, rest) = lines.as_chunks::<8>();
    let mut written = Vec::with_capacity(lines.len());
    for eight in eights {
        written.extend(insert(&mut *conn, batch, eight, EIGHT).await?);
    }
    for one in rest {
        written.extend(insert(&mut *conn, batch, std::slice::from_ref(one), ONE).await?);
    }
    let mut counts: BTreeMap<(i64, LogLevel), (i64, i64)> = BTreeMap::new();
    for line in written.iter().filter_map(|place| batch.lines.get(usize::try_from(*place).ok()?)) {
        let (lines, bytes) = counts.entry((line.day(), line.level)).or_default();
        *lines = lines.saturating_add(1);
        *bytes = bytes.saturating_add(limit(line.message.len().saturating_add(line.fields.len())));
    }
    Ok(counts)
}

/// Adds to what lies under a day and level, which may be less than nothing.
async fn count(
    conn: &mut Conn,
    tenant: TenantId,
    (day, level): (i64, LogLevel),
    (lines, bytes): (i64, i64),
    doing: &'static str,
) -> Result<(), StoreError> {
    let statement = "INSERT INTO log_partitions (tenant, day, level, lines, bytes) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant, day, level) DO UPDATE SET lines = log_partitions.lines + excluded.lines,
             bytes = log_partitions.bytes + excluded.bytes";
    let (tenant, level) = (tenant.0.cast_signed(), level as i64);
    let query = sqlx::query(statement).bind(tenant).bind(day).bind(level).bind(lines).bind(bytes);
    query.execute(&mut *conn).await.doing(doing)?;
    let empty = "DELETE FROM log_partitions WHERE tenant = $1 AND day = $2 AND level = $3 AND lines <= 0";
    sqlx::query(empty).bind(tenant).bind(day).bind(level).execute(conn).await.doing(doing).map(drop)
}

/// Level, time, batch, place, service, trace, message, fields.
type Row = (i64, i64, Vec<u8>, i64, String, Option<Vec<u8>>, String, String);

fn stored((level, at, batch, place, service, trace, message, fields): Row) -> Result<StoredLogLine, StoreError> {
    let at = Timestamp(at);
    let trace = trace.map(|trace| exact(trace, "a log line's trace").map(TraceId)).transpose()?;
    let level = value(level, LogLevel::from_number, "a log line's level")?;
    let place = LogPlace { at, batch: exact(batch, "a log line's batch")?, index: small(place, "a log line's place")? };
    Ok(StoredLogLine { place, line: LogLine { level, at, service, trace, message, fields } })
}

/// A question's bounds as statements take them: from, to, and the place before which lines lie.
struct Bounds {
    from: i64,
    to: i64,
    before: (i64, Vec<u8>, i64),
}

impl Bounds {
    fn of(query: &LogQuery) -> Self {
        let end = (i64::MAX, Vec::new(), 0);
        let before = query.before.map_or(end, |place| (place.at.0, place.batch.to_vec(), i64::from(place.index)));
        // Nothing after the place where an answer ended is looked at again.
        Self { from: query.from.0, to: query.to.0.min(before.0.saturating_add(1)), before }
    }
}

async fn of_level(
    conn: &mut Conn,
    query: &LogQuery,
    level: LogLevel,
    bounds: &Bounds,
) -> Result<Vec<StoredLogLine>, StoreError> {
    let statement = "SELECT level, at, batch, place, service, trace, message, fields FROM log_lines
         WHERE tenant = $1 AND level = $2 AND at >= $3 AND at < $4 AND (at, batch, place) < ($5, $6, $7)
         ORDER BY at DESC, batch DESC, place DESC LIMIT $8";
    let query = sqlx::query_as::<_, Row>(statement)
        .bind(query.tenant.0.cast_signed())
        .bind(level as i64)
        .bind(bounds.from)
        .bind(bounds.to)
        .bind(bounds.before.0)
        .bind(bounds.before.1.as_slice())
        .bind(bounds.before.2)
        .bind(limit(query.limit));
    query.fetch_all(conn).await.doing(READING)?.into_iter().map(stored).collect()
}

/// Level by level, because the index has the level before the time: a few errors are found among many lines at once.
async fn of_levels(conn: &mut Conn, query: &LogQuery) -> Result<Vec<StoredLogLine>, StoreError> {
    let mut bounds = Bounds::of(query);
    let mut found: Vec<StoredLogLine> = Vec::new();
    for level in LogLevel::ALL.iter().rev().filter(|level| **level >= query.level_min) {
        found.extend(of_level(&mut *conn, query, *level, &bounds).await?);
        found.sort_by_key(|stored| Reverse(stored.place));
        found.truncate(query.limit);
        // What is older than the last line of a full answer would only be thrown away.
        if let Some(last) = found.last().filter(|_| found.len() == query.limit) {
            bounds.from = bounds.from.max(last.place.at.0);
        }
    }
    Ok(found)
}

async fn of_trace(conn: &mut Conn, query: &LogQuery, trace: TraceId) -> Result<Vec<StoredLogLine>, StoreError> {
    let bounds = Bounds::of(query);
    let statement = "SELECT level, at, batch, place, service, trace, message, fields FROM log_lines
         WHERE tenant = $1 AND trace = $2 AND level >= $3 AND at >= $4 AND at < $5
             AND (at, batch, place) < ($6, $7, $8)
         ORDER BY at DESC, batch DESC, place DESC LIMIT $9";
    let query = sqlx::query_as::<_, Row>(statement)
        .bind(query.tenant.0.cast_signed())
        .bind(trace.0.to_vec())
        .bind(query.level_min as i64)
        .bind(bounds.from)
        .bind(bounds.to)
        .bind(bounds.before.0)
        .bind(bounds.before.1)
        .bind(bounds.before.2)
        .bind(limit(query.limit));
    query.fetch_all(conn).await.doing(READING)?.into_iter().map(stored).collect()
}

/// The first and the last nanosecond of a day, as far as times go; `None` if no time lies in it.
fn nanoseconds(day: i64) -> Option<(i64, i64)> {
    let first = i128::from(day).saturating_mul(DAY_NS);
    let last = first.saturating_add(DAY_NS).saturating_sub(1);
    let (least, most) = (i128::from(i64::MIN), i128::from(i64::MAX));
    let first = i64::try_from(first.max(least)).ok()?;
    let last = i64::try_from(last.min(most)).ok()?;
    Some((first, last))
}

impl SqlLogs {
    async fn delete_some(
        &self,
        tenant: TenantId,
        partition: (i64, LogLevel),
        (first, last): (i64, i64),
    ) -> Result<usize, StoreError> {
        let mut tx = self.0.write(DELETING).await?;
        let (tenant_key, level) = (tenant.0.cast_signed(), partition.1 as i64);
        // Where this step ends: looked for by itself, because PostgreSQL joins a DELETE with a subquery line by line.
        let statement =
            "SELECT at, batch, place FROM log_lines WHERE tenant = $1 AND level = $2 AND at >= $3 AND at <= $4
             ORDER BY at, batch, place LIMIT 1 OFFSET $5";
        let query = sqlx::query_as::<_, (i64, Vec<u8>, i64)>(statement).bind(tenant_key).bind(level).bind(first);
        let query = query.bind(last).bind(limit(DELETED_AT_ONCE.saturating_sub(1)));
        let end = query.fetch_optional(tx.conn()).await.doing(DELETING)?;
        let (at, batch, place) = end.unwrap_or((last, vec![u8::MAX; 16], i64::MAX));
        let statement = "DELETE FROM log_lines
             WHERE tenant = $1 AND level = $2 AND at >= $3 AND (at, batch, place) <= ($4, $5, $6)
             RETURNING CAST(octet_length(message) + octet_length(fields) AS BIGINT)";
        let query = sqlx::query_scalar::<_, i64>(statement).bind(tenant_key).bind(level).bind(first);
        let query = query.bind(at).bind(batch).bind(place);
        let gone = query.fetch_all(tx.conn()).await.doing(DELETING)?;
        let bytes = gone.iter().fold(0_i64, |sum, bytes| sum.saturating_add(*bytes));
        let counted = (limit(gone.len()).saturating_neg(), bytes.saturating_neg());
        if !gone.is_empty() {
            count(tx.conn(), tenant, partition, counted, DELETING).await?;
        }
        tx.commit().await?;
        Ok(gone.len())
    }
}

#[async_trait]
impl LogStore for SqlLogs {
    async fn append(&self, batch: LogBatch) -> Result<bool, StoreError> {
        batch.check()?;
        let mut tx = self.0.write(KEEPING).await?;
        if !remember(tx.conn(), &batch).await? {
            return Ok(false);
        }
        for (partition, counted) in write(tx.conn(), &batch).await? {
            count(tx.conn(), batch.tenant, partition, counted, KEEPING).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    async fn query(&self, query: &LogQuery) -> Result<Vec<StoredLogLine>, StoreError> {
        query.check()?;
        let mut tx = self.0.read(READING).await?;
        match query.trace {
            Some(trace) => of_trace(&mut tx, query, trace).await,
            None => of_levels(&mut tx, query).await,
        }
    }

    async fn partitions(&self, tenant: TenantId) -> Result<Vec<LogPartition>, StoreError> {
        let mut tx = self.0.read(READING).await?;
        let statement = "SELECT day, level, lines, bytes FROM log_partitions WHERE tenant = $1 ORDER BY day, level";
        let query = sqlx::query_as::<_, (i64, i64, i64, i64)>(statement).bind(tenant.0.cast_signed());
        let partition = |(day, level, lines, bytes): (i64, i64, i64, i64)| {
            let level = value(level, LogLevel::from_number, "a log partition's level")?;
            Ok(LogPartition { day, level, lines: lines.cast_unsigned(), bytes: bytes.cast_unsigned() })
        };
        query.fetch_all(&mut *tx).await.doing(READING)?.into_iter().map(partition).collect()
    }

    /// In several transactions: should it fail half-way, what is deleted is deleted, and it can be asked for again.
    async fn delete(&self, tenant: TenantId, level: LogLevel, day: i64) -> Result<u64, StoreError> {
        let Some(bounds) = nanoseconds(day) else { return Ok(0) };
        let mut gone = 0_u64;
        loop {
            let some = self.delete_some(tenant, (day, level), bounds).await?;
            gone = gone.saturating_add(some as u64);
            if some < DELETED_AT_ONCE {
                return Ok(gone);
            }
        }
    }
}
