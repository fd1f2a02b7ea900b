//! The rows of SQLite that say which sources, files and waiting ticks there are.

use super::{
    rows::{Rows, TAIL_TICK_BYTES},
    shelf::FileRow,
};
use crate::sqlite::Doing;
use aitrading_model::{AccountId, Source, TenantId};
use aitrading_store::StoreError;
use sqlx::SqliteConnection;

pub(crate) const READING: &str = "reading the catalogue of ticks";
pub(crate) const WRITING: &str = "keeping ticks";

/// A source that was seen before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub(crate) id: i64,
    pub(crate) digits: u8,
}

/// A listed file and its place.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) id: i64,
    pub(crate) day: i64,
    pub(crate) ordinal: i64,
    pub(crate) file: FileRow,
}

pub(crate) fn source((tenant, account, symbol): (i64, i64, String)) -> Result<Source, StoreError> {
    Ok(Source {
        tenant: TenantId(tenant.cast_unsigned()),
        account: AccountId(account.cast_unsigned()),
        symbol: symbol.parse().map_err(|_| StoreError::corrupt("a source's symbol"))?,
    })
}

pub(crate) async fn find(conn: &mut SqliteConnection, source: &Source) -> Result<Option<Known>, StoreError> {
    let statement = "SELECT id, digits FROM sources WHERE tenant = ? AND account = ? AND symbol = ?";
    let query = sqlx::query_as::<_, (i64, i64)>(statement)
        .bind(source.tenant.0.cast_signed())
        .bind(source.account.0.cast_signed())
        .bind(source.symbol.as_str());
    let row = query.fetch_optional(conn).await.doing(READING)?;
    Ok(row.map(|(id, digits)| Known { id, digits: u8::try_from(digits).unwrap_or(8) }))
}

/// Waiting ticks by day.
pub(crate) async fn waiting(conn: &mut SqliteConnection, id: i64) -> Result<Vec<(i64, u64)>, StoreError> {
    let statement = "SELECT day, SUM(ticks) FROM tick_tails WHERE source = ? GROUP BY day";
    let query = sqlx::query_as::<_, (i64, i64)>(statement).bind(id);
    let rows = query.fetch_all(conn).await.doing(READING)?;
    Ok(rows.into_iter().map(|(day, ticks)| (day, ticks.cast_unsigned())).collect())
}

/// The waiting ticks of one day, in order.
pub(crate) async fn tail(conn: &mut SqliteConnection, id: i64, day: i64) -> Result<Rows, StoreError> {
    let statement = "SELECT body FROM tick_tails WHERE source = ? AND day = ? ORDER BY id";
    let query = sqlx::query_scalar::<_, Vec<u8>>(statement).bind(id).bind(day);
    let mut rows = Rows::default();
    for body in query.fetch_all(conn).await.doing(READING)? {
        rows.push_tail(&body)?;
    }
    Ok(rows)
}

pub(crate) async fn add_tail(conn: &mut SqliteConnection, id: i64, day: i64, rows: &Rows) -> Result<(), StoreError> {
    let body = rows.to_tail();
    let ticks = i64::try_from(body.len().checked_div(TAIL_TICK_BYTES).unwrap_or(0)).unwrap_or(i64::MAX);
    let query = sqlx::query("INSERT INTO tick_tails (source, day, ticks, body) VALUES (?, ?, ?, ?)");
    query.bind(id).bind(day).bind(ticks).bind(body).execute(conn).await.doing(WRITING).map(drop)
}

pub(crate) async fn clear_tail(conn: &mut SqliteConnection, id: i64, day: i64) -> Result<(), StoreError> {
    let query = sqlx::query("DELETE FROM tick_tails WHERE source = ? AND day = ?").bind(id).bind(day);
    query.execute(conn).await.doing(WRITING).map(drop)
}

/// Lists a file; without a place it comes behind the day's other files.
pub(crate) async fn add_file(
    conn: &mut SqliteConnection,
    id: i64,
    day: i64,
    ordinal: Option<i64>,
    file: &FileRow,
) -> Result<(), StoreError> {
    let statement =
        "INSERT INTO tick_files (source, day, ordinal, name, ticks, bytes, crc, min_ms, max_ms) VALUES (?1, ?2,
             COALESCE(?3, (SELECT COALESCE(MAX(ordinal), 0) + 1 FROM tick_files WHERE source = ?1 AND day = ?2)),
             ?4, ?5, ?6, ?7, ?8, ?9)";
    let query = sqlx::query(statement)
        .bind(id)
        .bind(day)
        .bind(ordinal)
        .bind(file.name.as_str())
        .bind(file.ticks.cast_signed())
        .bind(file.bytes.cast_signed())
        .bind(i64::from(file.crc))
        .bind(file.min_ms)
        .bind(file.max_ms);
    query.execute(conn).await.doing(WRITING).map(drop)
}

/// Takes a file off the list.
pub(crate) async fn remove_file(conn: &mut SqliteConnection, listed: &Listed) -> Result<(), StoreError> {
    let delete = sqlx::query("DELETE FROM tick_files WHERE id = ?").bind(listed.id);
    if delete.execute(conn).await.doing(WRITING)?.rows_affected() == 1 {
        return Ok(());
    }
    // Somebody else replaced it: nothing is swapped, and the new file goes with the next start.
    Err(StoreError::Conflict { what: "a tick file was replaced while it was being merged" })
}

type FileColumns = (i64, i64, i64, String, i64, i64, i64, i64, i64);

fn listed((id, day, ordinal, name, ticks, bytes, crc, min_ms, max_ms): FileColumns) -> Result<Listed, StoreError> {
    let crc = u32::try_from(crc).map_err(|_| StoreError::corrupt("a tick file's checksum"))?;
    let (ticks, bytes) = (ticks.cast_unsigned(), bytes.cast_unsigned());
    Ok(Listed { id, day, ordinal, file: FileRow { name, ticks, bytes, crc, min_ms, max_ms } })
}

/// A source's files that may hold ticks with `from <= time < to`, in order.
pub(crate) async fn files(
    conn: &mut SqliteConnection,
    id: i64,
    from: i64,
    to: Option<i64>,
) -> Result<Vec<Listed>, StoreError> {
    let statement = "SELECT id, day, ordinal, name, ticks, bytes, crc, min_ms, max_ms FROM tick_files
         WHERE source = ?1 AND max_ms >= ?2 AND (?3 IS NULL OR min_ms < ?3) ORDER BY day, ordinal";
    let query = sqlx::query_as::<_, FileColumns>(statement).bind(id).bind(from).bind(to);
    query.fetch_all(conn).await.doing(READING)?.into_iter().map(listed).collect()
}

/// One day's files, in order.
pub(crate) async fn files_of_day(conn: &mut SqliteConnection, id: i64, day: i64) -> Result<Vec<Listed>, StoreError> {
    let statement = "SELECT id, day, ordinal, name, ticks, bytes, crc, min_ms, max_ms FROM tick_files
         WHERE source = ? AND day = ? ORDER BY ordinal";
    let query = sqlx::query_as::<_, FileColumns>(statement).bind(id).bind(day);
    query.fetch_all(conn).await.doing(READING)?.into_iter().map(listed).collect()
}

/// All listed files of all sources.
pub(crate) async fn all_names(conn: &mut SqliteConnection) -> Result<Vec<(Source, String)>, StoreError> {
    let statement = "SELECT s.tenant, s.account, s.symbol, f.name FROM tick_files f JOIN sources s ON s.id = f.source";
    let query = sqlx::query_as::<_, (i64, i64, String, String)>(statement);
    let rows = query.fetch_all(conn).await.doing(READING)?;
    rows.into_iter().map(|(tenant, account, symbol, name)| Ok((source((tenant, account, symbol))?, name))).collect()
}

/// How many files there are, and their bytes.
pub(crate) async fn totals(conn: &mut SqliteConnection) -> Result<(u64, u64), StoreError> {
    let query = sqlx::query_as::<_, (i64, i64)>("SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM tick_files");
    let (files, bytes) = query.fetch_one(conn).await.doing(READING)?;
    Ok((files.cast_unsigned(), bytes.cast_unsigned()))
}
