//! Imports: a part is taken as a commit is, with a row of its own that says how far its file has come.

use super::{
    SqlTicks,
    catalogue::{self, READING, WRITING},
    commit::Step,
};
use crate::sqlite::Doing;
use aitrading_model::{Cursor, Epoch, MarketTime, Source, TenantId};
use aitrading_store::{ImportCommit, ImportKey, ImportProgress, StoreError};
use sqlx::SqliteConnection;

/// Tenant, account, symbol, parts, ticks, bars, done.
type Columns = (i64, i64, String, i64, i64, i64, i64);

impl SqlTicks {
    /// Returns the days that got files.
    pub(super) async fn take_import(&self, import: ImportCommit) -> Result<Vec<(Source, i64)>, StoreError> {
        let (key, source) = (import.key, import.source);
        let (part, progress) = {
            let mut tx = self.db.read(WRITING).await?;
            let stored = progress(&mut tx, source.tenant, key).await?;
            let known = known(&mut tx, &source).await?;
            let cursor = known.map(|(cursor, _)| cursor).unwrap_or_default();
            let digits = known.map_or(0, |(_, digits)| digits);
            let (mut part, progress) = import.plan(stored, cursor)?;
            part.digits = part.digits.max(digits);
            (part, progress)
        };
        self.store_all(Step::Import(key, progress), vec![part]).await
    }

    pub(super) async fn import_progress(
        &self,
        tenant: TenantId,
        key: ImportKey,
    ) -> Result<Option<ImportProgress>, StoreError> {
        let mut tx = self.db.read(READING).await?;
        progress(&mut tx, tenant, key).await
    }
}

/// A source's cursor and digits.
async fn known(conn: &mut SqliteConnection, source: &Source) -> Result<Option<(Cursor, u8)>, StoreError> {
    let statement = "SELECT epoch, seq, time_ms, count_at_time, digits FROM sources
         WHERE tenant = ? AND account = ? AND symbol = ?";
    let query = sqlx::query_as::<_, (i64, i64, i64, i64, i64)>(statement)
        .bind(source.tenant.0.cast_signed())
        .bind(source.account.0.cast_signed())
        .bind(source.symbol.as_str());
    let Some((epoch, seq, time, count, digits)) = query.fetch_optional(conn).await.doing(READING)? else {
        return Ok(None);
    };
    let cursor = Cursor {
        epoch: Epoch(epoch.cast_unsigned()),
        seq: seq.cast_unsigned(),
        time: MarketTime(time),
        count_at_time: u32::try_from(count).map_err(|_| StoreError::corrupt("a source's cursor"))?,
    };
    Ok(Some((cursor, u8::try_from(digits).unwrap_or(8))))
}

pub(super) async fn progress(
    conn: &mut SqliteConnection,
    tenant: TenantId,
    key: ImportKey,
) -> Result<Option<ImportProgress>, StoreError> {
    let statement = "SELECT s.tenant, s.account, s.symbol, i.parts, i.ticks, i.bars, i.done FROM imports i
         JOIN sources s ON s.id = i.source WHERE i.tenant = ? AND i.key = ?";
    let query = sqlx::query_as::<_, Columns>(statement).bind(tenant.0.cast_signed()).bind(key.0.to_vec());
    let Some((tenant, account, symbol, parts, ticks, bars, done)) = query.fetch_optional(conn).await.doing(READING)?
    else {
        return Ok(None);
    };
    Ok(Some(ImportProgress {
        source: catalogue::source((tenant, account, symbol))?,
        parts: parts.cast_unsigned(),
        ticks: ticks.cast_unsigned(),
        bars: bars.cast_unsigned(),
        done: done != 0,
    }))
}

/// Moves an import on, by one part. The source's row is there already.
pub(super) async fn advance(
    conn: &mut SqliteConnection,
    key: ImportKey,
    to: &ImportProgress,
) -> Result<(), StoreError> {
    let stored = progress(&mut *conn, to.source.tenant, key).await?.map_or(0, |stored| stored.parts);
    if stored.checked_add(1) != Some(to.parts) {
        return Err(StoreError::AlreadyImported { parts: stored });
    }
    let known = catalogue::find(&mut *conn, &to.source).await?;
    let source = known.ok_or_else(|| StoreError::corrupt("a source that was just written"))?.id;
    let statement = "INSERT INTO imports (tenant, key, source, parts, ticks, bars, done) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (tenant, key) DO UPDATE SET parts = excluded.parts, ticks = excluded.ticks,
             bars = excluded.bars, done = excluded.done";
    let query = sqlx::query(statement)
        .bind(to.source.tenant.0.cast_signed())
        .bind(key.0.to_vec())
        .bind(source)
        .bind(to.parts.cast_signed())
        .bind(to.ticks.cast_signed())
        .bind(to.bars.cast_signed())
        .bind(i64::from(to.done));
    query.execute(conn).await.doing(WRITING).map(drop)
}
