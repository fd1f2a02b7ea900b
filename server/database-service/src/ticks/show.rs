//! What SQL sees of the tick store: one moment of the files and the waiting ticks of a tenant, and its bars page by page.

use super::{
    SqlTicks,
    catalogue::{self, READING},
    read,
    rows::Rows,
};
use crate::sqlite::{Db, Doing, Tx};
use aitrading_model::{MarketTime, Source, TenantId, Timeframe};
use aitrading_sql_engine::{BarRow, BarWish, ListedFile, Rows as Pages, TickSnapshot, TickWish, WaitingTicks};
use aitrading_store::StoreError;
use futures_util::{StreamExt as _, stream};
use std::collections::VecDeque;

/// Bars that are read at once. Between two pages nothing of the database is held.
const PAGE: i64 = 4_096;

/// Account, symbol, name, ticks, bytes, checksum, first and last time.
type FileColumns = (i64, String, String, i64, i64, i64, i64, i64);

/// A wish as SQLite compares it.
struct Bounds {
    tenant: i64,
    account: Option<i64>,
    symbol: Option<String>,
    from: Option<i64>,
    to: Option<i64>,
}

impl Bounds {
    fn new(tenant: TenantId, wish: &TickWish) -> Self {
        Self {
            tenant: tenant.0.cast_signed(),
            account: wish.account.map(|account| account.0.cast_signed()),
            symbol: wish.symbol.map(|symbol| symbol.as_str().to_owned()),
            from: wish.from.map(|from| from.0),
            to: wish.to.map(|to| to.0),
        }
    }
}

impl SqlTicks {
    /// Files and waiting ticks of one moment. The files stay until the answer's guard is dropped.
    pub(crate) async fn show(&self, tenant: TenantId, wish: &TickWish) -> Result<TickSnapshot, StoreError> {
        let pin = self.shelf.pin();
        let bounds = Bounds::new(tenant, wish);
        let (mut files, waiting) = {
            let mut tx = self.db.read(READING).await?;
            (self.listed(&mut tx, &bounds).await?, waiting(&mut tx, &bounds).await?)
        };
        let set_aside = self.set_aside.split(&self.shelf, &mut files).await;
        Ok(TickSnapshot { files, waiting, set_aside, guard: Box::new(pin) })
    }

    async fn listed(&self, tx: &mut Tx, bounds: &Bounds) -> Result<Vec<ListedFile>, StoreError> {
        let statement = "SELECT s.account, s.symbol, f.name, f.ticks, f.bytes, f.crc, f.min_ms, f.max_ms
             FROM tick_files f JOIN sources s ON s.id = f.source
             WHERE s.tenant = ?1 AND (?2 IS NULL OR s.account = ?2) AND (?3 IS NULL OR s.symbol = ?3)
                 AND (?4 IS NULL OR f.max_ms >= ?4) AND (?5 IS NULL OR f.min_ms <= ?5)
             ORDER BY f.source, f.day, f.ordinal";
        let query = sqlx::query_as::<_, FileColumns>(statement)
            .bind(bounds.tenant)
            .bind(bounds.account)
            .bind(bounds.symbol.as_deref())
            .bind(bounds.from)
            .bind(bounds.to);
        let rows = query.fetch_all(&mut **tx).await.doing(READING)?;
        let file = |(account, symbol, name, ticks, bytes, crc, min, max): FileColumns| {
            let source = catalogue::source((bounds.tenant, account, symbol))?;
            Ok(ListedFile {
                source,
                path: self.shelf.path_of(&source, &name),
                ticks: ticks.cast_unsigned(),
                bytes: bytes.cast_unsigned(),
                crc: u32::try_from(crc).map_err(|_| StoreError::corrupt("a tick file's checksum"))?,
                min: MarketTime(min),
                max: MarketTime(max),
            })
        };
        rows.into_iter().map(file).collect()
    }

    /// The bars that are wished for, source by source.
    pub(crate) async fn show_bars(&self, tenant: TenantId, wish: &BarWish) -> Result<Pages<BarRow>, StoreError> {
        let bounds = Bounds::new(tenant, &wish.ticks);
        let statement = "SELECT id, account, symbol FROM sources
             WHERE tenant = ?1 AND (?2 IS NULL OR account = ?2) AND (?3 IS NULL OR symbol = ?3) ORDER BY id";
        let mut tx = self.db.read(READING).await?;
        let query = sqlx::query_as::<_, (i64, i64, String)>(statement)
            .bind(bounds.tenant)
            .bind(bounds.account)
            .bind(bounds.symbol.as_deref());
        let rows = query.fetch_all(&mut *tx).await.doing(READING)?;
        let source = |(id, account, symbol)| Ok((id, catalogue::source((bounds.tenant, account, symbol))?));
        let sources = rows.into_iter().map(source).collect::<Result<_, StoreError>>()?;
        let frame = wish.timeframe.map(Timeframe::millis);
        let reader = BarReader { db: self.db.clone(), sources, frame, bounds, after: None };
        Ok(stream::try_unfold(reader, |mut reader| async move { Ok(reader.next().await?.map(|page| (page, reader))) })
            .boxed())
    }
}

/// The waiting ticks, those of a source together and in order.
async fn waiting(tx: &mut Tx, bounds: &Bounds) -> Result<Vec<WaitingTicks>, StoreError> {
    let statement = "SELECT s.account, s.symbol, t.body FROM tick_tails t JOIN sources s ON s.id = t.source
         WHERE s.tenant = ?1 AND (?2 IS NULL OR s.account = ?2) AND (?3 IS NULL OR s.symbol = ?3)
             AND (?4 IS NULL OR t.day >= ?4) AND (?5 IS NULL OR t.day <= ?5)
         ORDER BY t.source, t.day, t.id";
    let day = |ms: i64| MarketTime(ms).day();
    let query = sqlx::query_as::<_, (i64, String, Vec<u8>)>(statement)
        .bind(bounds.tenant)
        .bind(bounds.account)
        .bind(bounds.symbol.as_deref())
        .bind(bounds.from.map(day))
        .bind(bounds.to.map(day));
    let mut found: Vec<(Source, Rows)> = Vec::new();
    for (account, symbol, body) in query.fetch_all(&mut **tx).await.doing(READING)? {
        let source = catalogue::source((bounds.tenant, account, symbol))?;
        match found.last_mut() {
            Some((last, rows)) if *last == source => rows.push_tail(&body)?,
            _ => {
                let mut rows = Rows::default();
                rows.push_tail(&body)?;
                found.push((source, rows));
            }
        }
    }
    let shown = |(source, rows): (Source, Rows)| {
        let Rows { ticks, epochs, seqs } = rows;
        WaitingTicks { source, ticks, epochs, seqs }
    };
    Ok(found.into_iter().map(shown).collect())
}

/// Where the reading of bars stands.
struct BarReader {
    db: Db,
    sources: VecDeque<(i64, Source)>,
    frame: Option<i64>,
    bounds: Bounds,
    /// Timeframe and start of the source's last bar.
    after: Option<(i64, i64)>,
}

/// Timeframe, then the bar.
type FramedBar = (i64, i64, i64, i64, i64, i64, i64, i64);

impl BarReader {
    async fn next(&mut self) -> Result<Option<Vec<BarRow>>, StoreError> {
        while let Some((id, source)) = self.sources.front().copied() {
            let page = self.page(id, source).await?;
            match page.last() {
                Some(last) => {
                    self.after = Some((last.bar.timeframe.millis(), last.bar.start.0));
                    return Ok(Some(page));
                }
                None => {
                    self.sources.pop_front();
                    self.after = None;
                }
            }
        }
        Ok(None)
    }

    async fn page(&self, id: i64, source: Source) -> Result<Vec<BarRow>, StoreError> {
        let statement = "SELECT frame_ms, start_ms, open, high, low, close, ticks, spread_min FROM bars
             WHERE source = ?1 AND (frame_ms, start_ms) > (?2, ?3) AND (?4 IS NULL OR frame_ms = ?4)
                 AND (?5 IS NULL OR start_ms >= ?5) AND (?6 IS NULL OR start_ms <= ?6)
             ORDER BY frame_ms, start_ms LIMIT ?7";
        let (frame, start) = self.after.unwrap_or((i64::MIN, i64::MIN));
        let mut tx = self.db.read(READING).await?;
        let query = sqlx::query_as::<_, FramedBar>(statement)
            .bind(id)
            .bind(frame)
            .bind(start)
            .bind(self.frame)
            .bind(self.bounds.from)
            .bind(self.bounds.to)
            .bind(PAGE);
        let rows = query.fetch_all(&mut *tx).await.doing(READING)?;
        let row = |(frame, start, open, high, low, close, ticks, spread): FramedBar| {
            let timeframe = Timeframe::ALL.into_iter().find(|known| known.millis() == frame);
            let timeframe = timeframe.ok_or_else(|| StoreError::corrupt("a bar's timeframe"))?;
            Ok(BarRow { source, bar: read::bar(timeframe, (start, open, high, low, close, ticks, spread))? })
        };
        rows.into_iter().map(row).collect()
    }
}
