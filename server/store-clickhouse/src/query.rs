//! Questions to the tables. Each sees what counted when it was asked, and no part of a commit.

use crate::{
    codec::{self, bound},
    commit::DUPLICATES,
    door::Door,
    marks::{Visible, visible},
    rows::{Size, StoredBar, StoredCursor, StoredDay, StoredGap, StoredNumber, StoredRejects, StoredTick},
};
use aitrading_model::{
    AccountId, Bar, Cursor, DayCheck, Epoch, Gap, GapRecord, MarketTime, Source, TenantId, Tick, TickReject, Timeframe,
    Timestamp,
};
use aitrading_store::{StoreError, TickCounts};
use clickhouse::{RowOwned, RowRead, query::Query};

const READING: &str = "reading stored ticks";
/// Ticks of one answer: what a scan holds in memory, and what one deadline is for.
const PAGE_TICKS: u64 = 65_536;

const TICKS: &str = visible!(
    "SELECT time_ms, number, pos, bid, spread, last, volume, flags, scale FROM ticks
    WHERE tenant = {tenant:UInt64} AND account = {account:UInt64} AND symbol = {symbol:String}
    AND time_ms >= {from:Int64} AND time_ms < {to:Int64} AND (time_ms, number, pos) > ({from:Int64}, {after:UInt64}, {pos:UInt32})
    AND",
    "ORDER BY time_ms, number, pos LIMIT {limit:UInt64}"
);
const NUMBERS: &str = visible!(
    "SELECT time_ms, number, pos, epoch, seq FROM ticks
    WHERE tenant = {tenant:UInt64} AND account = {account:UInt64} AND symbol = {symbol:String}
    AND time_ms >= {from:Int64} AND time_ms < {to:Int64} AND (time_ms, number, pos) > ({from:Int64}, {after:UInt64}, {pos:UInt32})
    AND",
    "ORDER BY time_ms, number, pos LIMIT {limit:UInt64}"
);
const BARS: &str = visible!(
    "SELECT start_ms, open, high, low, close, ticks, spread_min FROM bars
    WHERE tenant = {tenant:UInt64} AND account = {account:UInt64} AND symbol = {symbol:String}
    AND timeframe_ms = {timeframe:Int64} AND start_ms >= {from:Int64} AND start_ms < {to:Int64} AND",
    "ORDER BY start_ms, number DESC, pos DESC LIMIT 1 BY start_ms LIMIT {limit:UInt64}"
);
const LATEST_BARS: &str = visible!(
    "SELECT start_ms, open, high, low, close, ticks, spread_min FROM bars
    WHERE tenant = {tenant:UInt64} AND account = {account:UInt64} AND symbol = {symbol:String}
    AND timeframe_ms = {timeframe:Int64} AND",
    "ORDER BY start_ms DESC, number DESC, pos DESC LIMIT 1 BY start_ms LIMIT {limit:UInt64}"
);
const GAPS: &str = visible!(
    "SELECT from_ms, to_ms, kind, argMaxIf(state, (number, pos), state < 255) AS now,
    argMaxIf(attempts, (number, pos), state < 255) AS tries, sum(added) AS late FROM gaps
    WHERE tenant = {tenant:UInt64} AND account = {account:UInt64} AND symbol = {symbol:String} AND",
    "GROUP BY from_ms, to_ms, kind ORDER BY from_ms, to_ms, min((number, pos))"
);
const OPEN_GAPS: &str = visible!(
    "SELECT from_ms, to_ms, kind, argMaxIf(state, (number, pos), state < 255) AS now,
    argMaxIf(attempts, (number, pos), state < 255) AS tries, sum(added) AS late FROM gaps
    WHERE tenant = {tenant:UInt64} AND account = {account:UInt64} AND symbol = {symbol:String} AND",
    "GROUP BY from_ms, to_ms, kind HAVING now = 0 ORDER BY from_ms, to_ms, min((number, pos)) LIMIT {limit:UInt64}"
);
const DAYS: &str = visible!(
    "SELECT day, terminal, stored, refused, hours, at_ns FROM day_checks
    WHERE tenant = {tenant:UInt64} AND account = {account:UInt64} AND symbol = {symbol:String} AND",
    "ORDER BY day DESC, number DESC, pos DESC LIMIT 1 BY day LIMIT {limit:UInt64}"
);
const CURSORS: &str = visible!(
    "SELECT tenant, account, symbol, epoch, seq, time_ms, count_at_time FROM cursors WHERE",
    "ORDER BY tenant, account, symbol, number DESC, pos DESC LIMIT 1 BY tenant, account, symbol"
);
const STORED: &str = visible!("SELECT count() AS n FROM ticks WHERE tenant = {tenant:UInt64} AND", "");
const REJECTS: &str = visible!(
    "SELECT code, sum(ticks) AS total FROM rejects WHERE tenant = {tenant:UInt64} AND",
    "GROUP BY code ORDER BY code"
);
const IMPORTED: &str = visible!(
    "SELECT sum(added) AS n FROM (SELECT max(ticks) AS added FROM imports WHERE tenant = {tenant:UInt64} AND",
    "GROUP BY key)"
);
const SIZE: &str = "SELECT sum(data_compressed_bytes) AS bytes, sum(rows) AS ticks FROM system.parts
    WHERE active AND database = currentDatabase() AND table = 'ticks'";

/// A row's place in its source: time, number and place in the commit.
trait Placed {
    fn place(&self) -> (i64, u64, u32);
}

impl Placed for StoredTick {
    fn place(&self) -> (i64, u64, u32) {
        (self.time_ms, self.number, self.pos)
    }
}

impl Placed for StoredNumber {
    fn place(&self) -> (i64, u64, u32) {
        (self.time_ms, self.number, self.pos)
    }
}

/// Ticks of one source, a page at a time.
#[derive(Debug)]
pub(crate) struct Pages<'a> {
    door: &'a Door,
    visible: Visible,
    source: Source,
    to: i64,
    /// Behind which tick the next page begins: time, number and place of the last one.
    after: (i64, u64, u32),
    left: u64,
}

impl<'a> Pages<'a> {
    /// The first `limit` ticks with `from <= time < to`.
    pub(crate) async fn open(
        door: &'a Door,
        source: Source,
        (from, to): (MarketTime, MarketTime),
        limit: u64,
    ) -> Result<Self, StoreError> {
        let visible = Visible::read(door).await?;
        let left = if visible.is_empty() || from >= to { 0 } else { limit };
        // Numbers begin at 1, so that this lies before every tick of that time.
        Ok(Self { door, visible, source, to: bound(to), after: (bound(from), 0, 0), left })
    }

    /// The next ticks; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Vec<Tick>, StoreError> {
        self.rows::<StoredTick>(TICKS).await?.iter().map(codec::tick).collect()
    }

    /// Epoch and number of the next ticks; none at the end.
    pub(crate) async fn next_numbers(&mut self) -> Result<Vec<(Epoch, u64)>, StoreError> {
        let rows = self.rows::<StoredNumber>(NUMBERS).await?;
        Ok(rows.into_iter().map(|row| (Epoch(row.epoch), row.seq)).collect())
    }

    async fn rows<T: RowOwned + RowRead + Placed + Send>(
        &mut self,
        statement: &'static str,
    ) -> Result<Vec<T>, StoreError> {
        if self.left == 0 {
            return Ok(Vec::new());
        }
        let wanted = self.left.min(PAGE_TICKS);
        let page = self.door.fetch::<T>(READING, |client| {
            let query = self.visible.bind(of(client.query(statement), &self.source));
            let (from, number, pos) = self.after;
            query
                .param("from", from)
                .param("to", self.to)
                .param("after", number)
                .param("pos", pos)
                .param("limit", wanted)
        });
        let page = page.await?;
        let got = u64::try_from(page.len()).unwrap_or(u64::MAX);
        self.left = if got < wanted { 0 } else { self.left.saturating_sub(got) };
        if let Some(last) = page.last() {
            self.after = last.place();
        }
        Ok(page)
    }
}

fn of(query: Query, source: &Source) -> Query {
    query.param("tenant", source.tenant.0).param("account", source.account.0).param("symbol", source.symbol.as_str())
}

/// The server counts in 64 bits, with a sign in places.
fn limit(limit: usize) -> u64 {
    u64::try_from(limit).unwrap_or(u64::MAX).min(i64::MAX.unsigned_abs())
}

/// All ticks of a span, up to `most`.
pub(crate) async fn range(
    door: &Door,
    source: Source,
    span: (MarketTime, MarketTime),
    most: usize,
) -> Result<Vec<Tick>, StoreError> {
    let mut pages = Pages::open(door, source, span, limit(most)).await?;
    let mut all = Vec::new();
    loop {
        let page = pages.next().await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

pub(crate) async fn bars(
    door: &Door,
    (source, timeframe): (Source, Timeframe),
    (from, to): (MarketTime, MarketTime),
    most: usize,
) -> Result<Vec<Bar>, StoreError> {
    let visible = Visible::read(door).await?;
    if visible.is_empty() || from >= to || most == 0 {
        return Ok(Vec::new());
    }
    let rows = door.fetch::<StoredBar>(READING, |client| {
        let query = visible.bind(of(client.query(BARS), &source)).param("timeframe", timeframe.millis());
        query.param("from", bound(from)).param("to", bound(to)).param("limit", limit(most))
    });
    Ok(rows.await?.iter().map(|row| codec::bar(timeframe, row)).collect())
}

pub(crate) async fn latest_bars(
    door: &Door,
    source: Source,
    timeframe: Timeframe,
    most: usize,
) -> Result<Vec<Bar>, StoreError> {
    let visible = Visible::read(door).await?;
    if visible.is_empty() || most == 0 {
        return Ok(Vec::new());
    }
    let rows = door.fetch::<StoredBar>(READING, |client| {
        let query = visible.bind(of(client.query(LATEST_BARS), &source));
        query.param("timeframe", timeframe.millis()).param("limit", limit(most))
    });
    Ok(rows.await?.iter().rev().map(|row| codec::bar(timeframe, row)).collect())
}

pub(crate) async fn open_gaps(door: &Door, source: Source, most: usize) -> Result<Vec<Gap>, StoreError> {
    let visible = Visible::read(door).await?;
    if visible.is_empty() || most == 0 {
        return Ok(Vec::new());
    }
    let rows = door.fetch::<StoredGap>(READING, |client| {
        visible.bind(of(client.query(OPEN_GAPS), &source)).param("limit", limit(most))
    });
    rows.await?.iter().map(|row| codec::gap(source, row).map(|record| record.gap)).collect()
}

pub(crate) async fn latest_days(door: &Door, source: Source, most: usize) -> Result<Vec<DayCheck>, StoreError> {
    let visible = Visible::read(door).await?;
    if visible.is_empty() || most == 0 {
        return Ok(Vec::new());
    }
    let rows = door.fetch::<StoredDay>(READING, |client| {
        visible.bind(of(client.query(DAYS), &source)).param("limit", limit(most))
    });
    Ok(rows.await?.iter().rev().map(day).collect())
}

fn day(row: &StoredDay) -> DayCheck {
    let StoredDay { day, terminal, stored, refused, hours, at_ns } = *row;
    DayCheck { day, terminal, stored, refused, hours, at: Timestamp(at_ns) }
}

pub(crate) async fn gaps(door: &Door, source: Source) -> Result<Vec<GapRecord>, StoreError> {
    let visible = Visible::read(door).await?;
    if visible.is_empty() {
        return Ok(Vec::new());
    }
    let rows = door.fetch::<StoredGap>(READING, |client| visible.bind(of(client.query(GAPS), &source)));
    rows.await?.iter().map(|row| codec::gap(source, row)).collect()
}

pub(crate) async fn cursors(door: &Door) -> Result<Vec<(Source, Cursor)>, StoreError> {
    let visible = Visible::read(door).await?;
    if visible.is_empty() {
        return Ok(Vec::new());
    }
    let rows = door.fetch::<StoredCursor>("reading cursors", |client| visible.bind(client.query(CURSORS)));
    rows.await?.into_iter().map(cursor).collect()
}

fn cursor(row: StoredCursor) -> Result<(Source, Cursor), StoreError> {
    let symbol = row.symbol.parse().map_err(|_| StoreError::corrupt("a symbol on the server"))?;
    let source = Source { tenant: TenantId(row.tenant), account: AccountId(row.account), symbol };
    let (epoch, time) = (Epoch(row.epoch), MarketTime(row.time_ms));
    Ok((source, Cursor { epoch, seq: row.seq, time, count_at_time: row.count_at_time }))
}

pub(crate) async fn counts(door: &Door, tenant: TenantId) -> Result<TickCounts, StoreError> {
    let visible = Visible::read(door).await?;
    let mut counts = TickCounts::default();
    if visible.is_empty() {
        return Ok(counts);
    }
    let ask = |client: &clickhouse::Client, sql| visible.bind(client.query(sql)).param("tenant", tenant.0);
    let (stored, imported, rejects, size) = tokio::try_join!(
        door.fetch::<u64>(READING, |client| ask(client, STORED)),
        door.fetch::<u64>(READING, |client| ask(client, IMPORTED)),
        door.fetch::<StoredRejects>(READING, |client| ask(client, REJECTS)),
        door.fetch::<Size>(READING, |client| client.query(SIZE)),
    )?;
    counts.stored = stored.first().copied().unwrap_or_default();
    counts.imported = imported.first().copied().unwrap_or_default();
    counts.bytes = size.first().map(|size| share(size, counts.stored)).unwrap_or_default();
    for row in rejects {
        if row.code == DUPLICATES {
            counts.duplicates = row.total;
        } else {
            let code = TickReject::from_number(row.code);
            let code = code.ok_or_else(|| StoreError::corrupt("a refusal's code on the server"))?;
            counts.rejected.insert(code, row.total);
        }
    }
    Ok(counts)
}

/// Tenants share the table's files, so a tenant's bytes are its share of the ticks.
fn share(size: &Size, stored: u64) -> u64 {
    let bytes = u128::from(size.bytes).saturating_mul(u128::from(stored)).checked_div(u128::from(size.ticks));
    u64::try_from(bytes.unwrap_or_default()).unwrap_or(u64::MAX)
}
