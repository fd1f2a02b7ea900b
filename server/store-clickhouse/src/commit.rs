//! The rows of one commit.

use crate::{
    codec::{check_time, kind_number, scaled},
    door::{Door, Insert},
    rows::{BarRow, CursorRow, DayRow, GapRow, RejectRow, Stamp, TickRow, key},
};
use aitrading_model::Epoch;
use aitrading_store::{LATE_EPOCH, SeqRun, SourceCommit, StoreError, TickCommit};
use clickhouse::{RowOwned, RowWrite};

const STORING: &str = "storing a commit of ticks";
/// Ticks that one insert carries: some 14 MB before compression.
const INSERT_TICKS: usize = 131_072;
/// Stands among the states of holes for a row that says nothing about it.
pub(crate) const RECORDED: u8 = 255;
/// Stands for duplicates among the codes of refusals.
pub(crate) const DUPLICATES: u8 = 0;

/// The port's rules, and the calendar's.
pub(crate) fn check(commit: &TickCommit) -> Result<(), StoreError> {
    check_parts(&commit.sources)
}

pub(crate) fn check_parts(parts: &[SourceCommit]) -> Result<(), StoreError> {
    for part in parts {
        part.check()?;
        let times =
            part.ticks.iter().chain(&part.late).map(|tick| tick.time).chain(part.bars.iter().map(|bar| bar.start));
        times.chain([part.cursor.time]).try_for_each(check_time)?;
    }
    Ok(())
}

/// Stores all rows under the attempt's stamp; they do not count yet.
pub(crate) async fn store(door: &Door, commit: &TickCommit, stamp: Stamp) -> Result<(), StoreError> {
    store_from(door, &commit.sources, stamp, 0, Insert::Gathered).await
}

/// As [`store`], with places that begin at `first`. The tables are independent of each other, so they are written side by
/// side.
pub(crate) async fn store_from(
    door: &Door,
    parts: &[SourceCommit],
    stamp: Stamp,
    first: u32,
    how: Insert,
) -> Result<(), StoreError> {
    tokio::try_join!(
        store_ticks(door, parts, stamp, first, how),
        store_some(door, "bars", how, bars(parts, stamp, first)),
        store_some(door, "gaps", how, gaps(parts, stamp, first)),
        store_some(door, "rejects", how, rejects(parts, stamp)),
        store_some(door, "cursors", how, cursors(parts, stamp, first)),
        store_some(door, "day_checks", how, days(parts, stamp, first)),
    )?;
    Ok(())
}

/// Rows that can be made again should the request have to be repeated.
trait Rows<T>: Iterator<Item = T> + Clone + Send + Sync {}
impl<T, I: Iterator<Item = T> + Clone + Send + Sync> Rows<T> for I {}

/// An insert of no rows would be a request for nothing.
async fn store_some<T, I>(door: &Door, table: &'static str, how: Insert, rows: I) -> Result<(), StoreError>
where
    T: RowOwned + RowWrite + Send + Sync,
    I: Rows<T>,
{
    if rows.clone().next().is_none() {
        return Ok(());
    }
    door.insert(STORING, table, how, rows).await
}

async fn store_ticks(
    door: &Door,
    parts: &[SourceCommit],
    stamp: Stamp,
    first: u32,
    how: Insert,
) -> Result<(), StoreError> {
    let count: usize = parts.iter().map(|part| part.ticks.len().saturating_add(part.late.len())).sum();
    for skipped in (0..count).step_by(INSERT_TICKS) {
        let rows = ticks(parts, stamp, first).skip(skipped).take(INSERT_TICKS);
        door.insert::<TickRow, _>(STORING, "ticks", how, rows).await?;
    }
    Ok(())
}

fn numbers(runs: &[SeqRun]) -> impl Iterator<Item = (Epoch, u64)> + Clone + Send + Sync {
    runs.iter().flat_map(|run| (0..u64::from(run.count)).map(move |i| (run.epoch, run.first_seq.saturating_add(i))))
}

/// `pos` counts through the commit, so that ticks of one time keep their order.
fn ticks(parts: &[SourceCommit], stamp: Stamp, first: u32) -> impl Rows<TickRow> {
    let all = parts.iter().flat_map(|part| {
        // A later commit's ticks stand behind those of their millisecond, which is where late ones belong.
        let late = part.late.iter().zip((part.late_seq..).map(|seq| (LATE_EPOCH, seq)));
        let numbered = part.ticks.iter().zip(numbers(&part.runs)).chain(late);
        numbered.map(move |(tick, (epoch, seq))| (part, tick, epoch, seq))
    });
    all.zip(first..).map(move |((part, tick, epoch, seq), pos)| {
        let (tenant, account) = key(&part.source);
        let prices = scaled(tick, part.digits);
        TickRow {
            tenant,
            account,
            symbol: part.source.symbol,
            time_ms: tick.time.0,
            number: stamp.number,
            pos,
            bid: prices.bid,
            spread: prices.spread,
            last: prices.last,
            volume: tick.volume.raw(),
            flags: tick.flags.bits(),
            scale: prices.scale,
            epoch: epoch.0,
            seq,
            rank: stamp.rank,
        }
    })
}

// Each kind of row is made by a function of its own: inside an asynchronous one the compiler cannot see that the iterators
// may go to another thread.

fn bars(parts: &[SourceCommit], stamp: Stamp, first: u32) -> impl Rows<BarRow> {
    let all = parts.iter().flat_map(|part| part.bars.iter().map(move |bar| (part, bar)));
    all.zip(first..).map(move |((part, bar), pos)| {
        let (tenant, account) = key(&part.source);
        BarRow {
            tenant,
            account,
            symbol: part.source.symbol,
            timeframe_ms: bar.timeframe.millis(),
            start_ms: bar.start.0,
            number: stamp.number,
            pos,
            open: bar.open.raw(),
            high: bar.high.raw(),
            low: bar.low.raw(),
            close: bar.close.raw(),
            ticks: bar.ticks,
            spread_min: bar.spread_min.raw(),
            rank: stamp.rank,
        }
    })
}

fn gaps(parts: &[SourceCommit], stamp: Stamp, first: u32) -> impl Rows<GapRow> {
    let all = parts.iter().flat_map(|part| {
        let recorded = part.gaps.iter().map(|gap| (gap, (RECORDED, 0), 0));
        let changed = part.changes.iter().map(|change| (&change.gap, change.state.numbers(), change.added));
        recorded.chain(changed).map(move |row| (part, row))
    });
    all.zip(first..).map(move |((part, (gap, (state, attempts), added)), pos)| {
        let (tenant, account) = key(&part.source);
        GapRow {
            tenant,
            account,
            symbol: part.source.symbol,
            from_ms: gap.from.0,
            to_ms: gap.to.0,
            kind: kind_number(gap.kind),
            number: stamp.number,
            pos,
            rank: stamp.rank,
            state,
            attempts,
            added,
        }
    })
}

fn days(parts: &[SourceCommit], stamp: Stamp, first: u32) -> impl Rows<DayRow> {
    let all = parts.iter().flat_map(|part| part.days.iter().map(move |day| (part, day)));
    all.zip(first..).map(move |((part, day), pos)| {
        let (tenant, account) = key(&part.source);
        DayRow {
            tenant,
            account,
            symbol: part.source.symbol,
            day: day.day,
            terminal: day.terminal,
            stored: day.stored,
            refused: day.refused,
            hours: day.hours,
            at_ns: day.at.0,
            number: stamp.number,
            pos,
            rank: stamp.rank,
        }
    })
}

fn rejects(parts: &[SourceCommit], stamp: Stamp) -> impl Rows<RejectRow> {
    parts.iter().flat_map(move |part| {
        let refused = part.rejected.iter().map(|(code, ticks)| (*code as u8, *ticks));
        let all = refused.chain((part.duplicates > 0).then_some((DUPLICATES, part.duplicates)));
        all.map(move |(code, ticks)| {
            let (tenant, account) = key(&part.source);
            let symbol = part.source.symbol;
            RejectRow { tenant, account, symbol, code, ticks, number: stamp.number, rank: stamp.rank }
        })
    })
}

fn cursors(parts: &[SourceCommit], stamp: Stamp, first: u32) -> impl Rows<CursorRow> {
    parts.iter().zip(first..).map(move |(part, pos)| {
        let (tenant, account) = key(&part.source);
        CursorRow {
            tenant,
            account,
            symbol: part.source.symbol,
            number: stamp.number,
            pos,
            epoch: part.cursor.epoch.0,
            seq: part.cursor.seq,
            time_ms: part.cursor.time.0,
            count_at_time: part.cursor.count_at_time,
            rank: stamp.rank,
        }
    })
}
