//! Reading ticks, bars and counts. A reader sees one moment of the catalogue, and its files stay until it is done.

use super::{
    SqlTicks,
    catalogue::{self, Listed, READING},
    rows::{Rows, TAIL_TICK_BYTES},
    shelf::{FileRow, Pin, Shelf},
};
use crate::sqlite::Doing;
use aitrading_error::chain;
use aitrading_model::{
    Bar, Cursor, DayCheck, Epoch, Gap, GapKind, GapRecord, GapState, MarketTime, Price, Source, TenantId, Tick,
    TickReject, Timeframe, Timestamp,
};
use aitrading_sql_engine::ListedFile;
use aitrading_store::{StoreError, TickCounts};

/// What the catalogue lists of one source.
pub(crate) struct View {
    pub(crate) files: Vec<Listed>,
    pub(crate) tail: Rows,
    _pin: Pin,
}

impl SqlTicks {
    /// Files that may hold ticks with `from <= time < to` (no end: `None`), and all that wait.
    pub(crate) async fn view(&self, source: &Source, from: i64, to: Option<i64>) -> Result<View, StoreError> {
        let pin = self.shelf.pin();
        let mut tx = self.db.read(READING).await?;
        let mut view = View { files: Vec::new(), tail: Rows::default(), _pin: pin };
        if let Some(known) = catalogue::find(&mut tx, source).await? {
            view.files = catalogue::files(&mut tx, known.id, from, to).await?;
            let mut days = catalogue::waiting(&mut tx, known.id).await?;
            days.sort_unstable();
            for (day, _) in days {
                view.tail.append(catalogue::tail(&mut tx, known.id, day).await?);
            }
        }
        Ok(view)
    }

    pub(super) async fn read_file(&self, source: Source, listed: Listed) -> Result<Vec<Tick>, StoreError> {
        Ok(self.read_files(source, vec![listed]).await?.ticks)
    }

    /// The ticks of listed files with their numbers, in order. A damaged file is an error that names it, for nobody could tell a
    /// history without its ticks from a whole one; from then on health names it, too.
    pub(crate) async fn read_files(&self, source: Source, files: Vec<Listed>) -> Result<Rows, StoreError> {
        let asked = files.clone();
        let read = move |shelf: &Shelf| {
            let mut rows = Rows::default();
            for (before, listed) in asked.iter().enumerate() {
                match shelf.read(&source, &listed.file) {
                    Ok(more) => rows.append(more),
                    Err(error) => return Ok((before, Err(error))),
                }
            }
            Ok((asked.len(), Ok(rows)))
        };
        let (whole, outcome) = self.shelf.blocking(read).await?;
        if !self.set_aside.is_empty() {
            let paths = files.iter().take(whole).map(|listed| self.shelf.path_of(&source, &listed.file.name));
            paths.for_each(|path| self.set_aside.forget(&path));
        }
        if let (Err(error @ StoreError::Corrupt { .. }), Some(damaged)) = (&outcome, files.get(whole)) {
            let FileRow { name, ticks, bytes, crc, min_ms, max_ms } = &damaged.file;
            let (path, min, max) = (self.shelf.path_of(&source, name), MarketTime(*min_ms), MarketTime(*max_ms));
            let file = ListedFile { source, path, ticks: *ticks, bytes: *bytes, crc: *crc, min, max };
            if self.set_aside.add(&file) {
                tracing::error!(file = file.shown(), error = %chain(error), "a tick file is damaged");
            }
        }
        outcome
    }

    pub(super) async fn count(&self, tenant: TenantId) -> Result<TickCounts, StoreError> {
        let pin = self.shelf.pin();
        let mut tx = self.db.read(READING).await?;
        let tenant = tenant.0.cast_signed();
        let statement = "SELECT s.tenant, s.account, s.symbol, f.id, f.name, f.ticks, f.bytes FROM tick_files f
             JOIN sources s ON s.id = f.source WHERE s.tenant = ?";
        let files = sqlx::query_as::<_, (i64, i64, String, i64, String, i64, i64)>(statement).bind(tenant);
        let files = files.fetch_all(&mut *tx).await.doing(READING)?;
        let statement = "SELECT COALESCE(SUM(LENGTH(t.body)), 0) FROM tick_tails t JOIN sources s ON s.id = t.source
             WHERE s.tenant = ?";
        let waiting = sqlx::query_scalar::<_, i64>(statement).bind(tenant);
        let waiting = waiting.fetch_one(&mut *tx).await.doing(READING)?.cast_unsigned();
        let mut counts = TickCounts {
            stored: waiting.checked_div(TAIL_TICK_BYTES as u64).unwrap_or(0),
            bytes: waiting,
            files: files.len() as u64,
            ..TickCounts::default()
        };
        let statement = "SELECT COALESCE(SUM(duplicates), 0) FROM sources WHERE tenant = ?";
        let duplicates = sqlx::query_scalar::<_, i64>(statement).bind(tenant);
        counts.duplicates = duplicates.fetch_one(&mut *tx).await.doing(READING)?.cast_unsigned();
        let imported =
            sqlx::query_scalar::<_, i64>("SELECT COALESCE(SUM(ticks), 0) FROM imports WHERE tenant = ?").bind(tenant);
        counts.imported = imported.fetch_one(&mut *tx).await.doing(READING)?.cast_unsigned();
        let statement = "SELECT r.code, SUM(r.ticks) FROM rejects r JOIN sources s ON s.id = r.source
             WHERE s.tenant = ? GROUP BY r.code";
        let rejects = sqlx::query_as::<_, (i64, i64)>(statement).bind(tenant);
        for (code, ticks) in rejects.fetch_all(&mut *tx).await.doing(READING)? {
            let code = u8::try_from(code).ok().and_then(TickReject::from_number);
            let code = code.ok_or_else(|| StoreError::corrupt("the code of a refused tick"))?;
            counts.rejected.insert(code, ticks.cast_unsigned());
        }
        drop(tx);
        for (tenant, account, symbol, id, name, ticks, bytes) in files {
            let owner = catalogue::source((tenant, account, symbol))?;
            let held = self.count_file(owner, id, name, ticks.cast_unsigned()).await?;
            counts.stored = counts.stored.saturating_add(held);
            counts.bytes = counts.bytes.saturating_add(bytes.cast_unsigned());
        }
        drop(pin);
        Ok(counts)
    }

    /// A file's own count. Files never change, so each is asked once.
    async fn count_file(&self, source: Source, id: i64, name: String, listed: u64) -> Result<u64, StoreError> {
        if let Some(held) = self.counted.get(&id) {
            return Ok(held);
        }
        let shown = name.clone();
        let held = self.shelf.blocking(move |shelf| shelf.count(&source, &name)).await?;
        if held != listed {
            return Err(StoreError::corrupt(format!("tick file {shown} holds {held} ticks, {listed} are listed")));
        }
        self.counted.insert(id, held);
        Ok(held)
    }

    pub(super) async fn all_cursors(&self) -> Result<Vec<(Source, Cursor)>, StoreError> {
        let mut tx = self.db.read(READING).await?;
        let statement = "SELECT tenant, account, symbol, epoch, seq, time_ms, count_at_time FROM sources";
        let query = sqlx::query_as::<_, (i64, i64, String, i64, i64, i64, i64)>(statement);
        let rows = query.fetch_all(&mut *tx).await.doing(READING)?;
        let cursor = |(tenant, account, symbol, epoch, seq, time, count): (i64, i64, String, i64, i64, i64, i64)| {
            let cursor = Cursor {
                epoch: Epoch(epoch.cast_unsigned()),
                seq: seq.cast_unsigned(),
                time: MarketTime(time),
                count_at_time: u32::try_from(count).map_err(|_| StoreError::corrupt("a source's cursor"))?,
            };
            Ok((catalogue::source((tenant, account, symbol))?, cursor))
        };
        rows.into_iter().map(cursor).collect()
    }

    pub(super) async fn all_gaps(&self, source: Source) -> Result<Vec<GapRecord>, StoreError> {
        let mut tx = self.db.read(READING).await?;
        let Some(known) = catalogue::find(&mut tx, &source).await? else { return Ok(Vec::new()) };
        let statement = "SELECT from_ms, to_ms, kind, state, attempts, added FROM gaps
             WHERE source = ? ORDER BY from_ms, to_ms";
        let query = sqlx::query_as::<_, (i64, i64, i64, i64, i64, i64)>(statement).bind(known.id);
        let rows = query.fetch_all(&mut *tx).await.doing(READING)?;
        let record = |(from, to, kind, state, attempts, added): (i64, i64, i64, i64, i64, i64)| {
            let numbers = (u8::try_from(state), u32::try_from(attempts));
            let state = match numbers {
                (Ok(state), Ok(attempts)) => GapState::from_numbers(state, attempts),
                _ => None,
            };
            let state = state.ok_or_else(|| StoreError::corrupt("a gap's state"))?;
            Ok(GapRecord { gap: gap(source, (from, to, kind))?, added: added.cast_unsigned(), state })
        };
        rows.into_iter().map(record).collect()
    }

    pub(super) async fn first_open_gaps(&self, source: Source, most: usize) -> Result<Vec<Gap>, StoreError> {
        let mut tx = self.db.read(READING).await?;
        let Some(known) = catalogue::find(&mut tx, &source).await? else { return Ok(Vec::new()) };
        let statement = "SELECT from_ms, to_ms, kind FROM gaps WHERE source = ? AND state = 0
             ORDER BY from_ms, to_ms LIMIT ?";
        let query = sqlx::query_as::<_, (i64, i64, i64)>(statement).bind(known.id).bind(super::limit(most));
        let rows = query.fetch_all(&mut *tx).await.doing(READING)?;
        rows.into_iter().map(|row| gap(source, row)).collect()
    }

    pub(super) async fn last_days(&self, source: Source, most: usize) -> Result<Vec<DayCheck>, StoreError> {
        let mut tx = self.db.read(READING).await?;
        let Some(known) = catalogue::find(&mut tx, &source).await? else { return Ok(Vec::new()) };
        let statement = "SELECT day, terminal, stored, refused, hours, at FROM day_checks
             WHERE source = ? ORDER BY day DESC LIMIT ?";
        let query = sqlx::query_as::<_, (i64, i64, i64, i64, i64, i64)>(statement).bind(known.id);
        let rows = query.bind(super::limit(most)).fetch_all(&mut *tx).await.doing(READING)?;
        let check = |(day, terminal, stored, refused, hours, at): (i64, i64, i64, i64, i64, i64)| {
            let hours = u32::try_from(hours).map_err(|_| StoreError::corrupt("the hours of a counted day"))?;
            let (terminal, stored) = (terminal.cast_unsigned(), stored.cast_unsigned());
            Ok(DayCheck { day, terminal, stored, refused: refused.cast_unsigned(), hours, at: Timestamp(at) })
        };
        rows.into_iter().rev().map(check).collect()
    }
}

fn gap(source: Source, (from, to, kind): (i64, i64, i64)) -> Result<Gap, StoreError> {
    let kind = match kind {
        0 => GapKind::Silence,
        1 => GapKind::Discontinuity,
        2 => GapKind::Difference,
        _ => return Err(StoreError::corrupt("a gap's kind")),
    };
    Ok(Gap { source, from: MarketTime(from), to: MarketTime(to), kind })
}

/// Start, open, high, low, close, ticks, smallest spread.
pub(super) type BarColumns = (i64, i64, i64, i64, i64, i64, i64);

pub(super) fn bar(timeframe: Timeframe, columns: BarColumns) -> Result<Bar, StoreError> {
    let (start, open, high, low, close, ticks, spread_min) = columns;
    Ok(Bar {
        timeframe,
        start: MarketTime(start),
        open: Price::from_raw(open),
        high: Price::from_raw(high),
        low: Price::from_raw(low),
        close: Price::from_raw(close),
        ticks: u32::try_from(ticks).map_err(|_| StoreError::corrupt("a bar's number of ticks"))?,
        spread_min: Price::from_raw(spread_min),
    })
}
