//! The whole history, source by source, for a store that takes it over.

use super::{
    SqlTicks,
    catalogue::{self, READING},
    imports,
    rows::Rows,
};
use crate::sqlite::Doing;
use aitrading_model::{Cursor, Epoch, MarketTime, Source, TenantId, TickReject};
use aitrading_store::{ImportKey, ImportProgress, SeqRun, SourceCommit, StoreError};

/// What is known of a source beside its ticks, bars and gaps.
#[derive(Debug, Clone)]
pub(crate) struct Whole {
    id: i64,
    pub(crate) source: Source,
    pub(crate) digits: u8,
    pub(crate) cursor: Cursor,
    pub(crate) duplicates: u64,
}

/// Id, tenant, account, symbol, digits, epoch, seq, time, count at that time, duplicates.
type Columns = (i64, i64, i64, String, i64, i64, i64, i64, i64, i64);

impl SqlTicks {
    /// Every source, in the order of [`Source`].
    pub(crate) async fn wholes(&self) -> Result<Vec<Whole>, StoreError> {
        let mut tx = self.db.read(READING).await?;
        let statement =
            "SELECT id, tenant, account, symbol, digits, epoch, seq, time_ms, count_at_time, duplicates FROM sources";
        let rows = sqlx::query_as::<_, Columns>(statement).fetch_all(&mut *tx).await.doing(READING)?;
        let whole = |(id, tenant, account, symbol, digits, epoch, seq, time, count, duplicates): Columns| {
            Ok(Whole {
                id,
                source: catalogue::source((tenant, account, symbol))?,
                digits: u8::try_from(digits).unwrap_or(8),
                cursor: Cursor {
                    epoch: Epoch(epoch.cast_unsigned()),
                    seq: seq.cast_unsigned(),
                    time: MarketTime(time),
                    count_at_time: u32::try_from(count).map_err(|_| StoreError::corrupt("a source's cursor"))?,
                },
                duplicates: duplicates.cast_unsigned(),
            })
        };
        let mut wholes: Vec<Whole> = rows.into_iter().map(whole).collect::<Result<_, StoreError>>()?;
        wholes.sort_unstable_by_key(|whole| whole.source);
        Ok(wholes)
    }

    /// The times of the oldest tick, or the beginning of its day where that still waits for a file, and of the oldest bar.
    pub(crate) async fn oldest(&self) -> Result<[Option<MarketTime>; 2], StoreError> {
        let mut tx = self.db.read(READING).await?;
        let mut found = [None; 2];
        for (found, statement) in found.iter_mut().zip([
            "SELECT MIN(at) FROM (SELECT MIN(min_ms) AS at FROM tick_files
                 UNION ALL SELECT MIN(day) * 86400000 FROM tick_tails)",
            "SELECT MIN(start_ms) FROM bars",
        ]) {
            let query = sqlx::query_scalar::<_, Option<i64>>(statement);
            *found = query.fetch_one(&mut *tx).await.doing(READING)?.map(MarketTime);
        }
        Ok(found)
    }

    /// Refused ticks of a source by code.
    pub(crate) async fn refused(&self, whole: &Whole) -> Result<Vec<(TickReject, u64)>, StoreError> {
        let mut tx = self.db.read(READING).await?;
        let query = sqlx::query_as::<_, (i64, i64)>("SELECT code, ticks FROM rejects WHERE source = ? ORDER BY code");
        let rows = query.bind(whole.id).fetch_all(&mut *tx).await.doing(READING)?;
        let refused = |(code, ticks): (i64, i64)| {
            let code = u8::try_from(code).ok().and_then(TickReject::from_number);
            Ok((code.ok_or_else(|| StoreError::corrupt("the code of a refused tick"))?, ticks.cast_unsigned()))
        };
        rows.into_iter().map(refused).collect()
    }

    /// How far each import has come.
    pub(crate) async fn imports(&self) -> Result<Vec<(ImportKey, ImportProgress)>, StoreError> {
        let mut tx = self.db.read(READING).await?;
        let query = sqlx::query_as::<_, (i64, Vec<u8>)>("SELECT tenant, key FROM imports ORDER BY tenant, key");
        let mut found = Vec::new();
        for (tenant, key) in query.fetch_all(&mut *tx).await.doing(READING)? {
            let key = ImportKey(key.try_into().map_err(|_| StoreError::corrupt("the name of an import"))?);
            let progress = imports::progress(&mut tx, TenantId(tenant.cast_unsigned()), key).await?;
            found.push((key, progress.ok_or_else(|| StoreError::corrupt("how far an import has come"))?));
        }
        Ok(found)
    }
}

impl Whole {
    /// A part of the source without anything in it.
    pub(crate) fn part(&self) -> SourceCommit {
        SourceCommit::new(self.source, self.digits, self.cursor)
    }

    /// A part of the source with these ticks.
    pub(crate) fn part_of(&self, rows: Rows) -> SourceCommit {
        let mut part = self.part();
        for (epoch, seq) in rows.epochs.iter().zip(&rows.seqs) {
            SeqRun::push(&mut part.runs, Epoch(*epoch), *seq);
        }
        part.ticks = rows.ticks;
        part
    }
}
