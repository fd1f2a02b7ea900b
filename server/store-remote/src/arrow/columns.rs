//! The columns of ticks, bars and log lines. Prices and volumes are whole numbers of 10^-8, as the model keeps them.

use super::Rows;
use aitrading_model::{Bar, MarketTime, Price, Tick, TickFlags, Timeframe, Timestamp, TraceId, Volume};
use aitrading_store::{LogLevel, LogLine, LogPlace, StoredLogLine};
use arrow_array::{
    ArrayRef, FixedSizeBinaryArray, Int64Array, StringArray, UInt8Array, UInt32Array,
    cast::AsArray,
    types::{Int64Type, UInt8Type, UInt32Type},
};
use arrow_schema::{ArrowError, DataType, Field};
use std::sync::Arc;

/// Bytes of an id.
const ID: i32 = 16;

fn fields<const N: usize>(columns: [(&str, DataType); N]) -> Vec<Field> {
    columns.into_iter().map(|(name, kind)| Field::new(name, kind, false)).collect()
}

fn numbers<R>(rows: &[R], number: impl Fn(&R) -> i64) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(rows.iter().map(number)))
}

fn texts<R>(rows: &[R], text: impl Fn(&R) -> &str) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(rows.iter().map(text)))
}

fn i64s(column: &ArrayRef) -> Option<&[i64]> {
    column.as_primitive_opt::<Int64Type>().map(|column| &**column.values())
}

fn u32s(column: &ArrayRef) -> Option<&[u32]> {
    column.as_primitive_opt::<UInt32Type>().map(|column| &**column.values())
}

fn u8s(column: &ArrayRef) -> Option<&[u8]> {
    column.as_primitive_opt::<UInt8Type>().map(|column| &**column.values())
}

fn id(bytes: &[u8]) -> Option<[u8; 16]> {
    bytes.try_into().ok()
}

impl Rows for Tick {
    fn fields() -> Vec<Field> {
        use DataType::{Int64, UInt8};
        fields([
            ("time_ms", Int64),
            ("bid_e8", Int64),
            ("ask_e8", Int64),
            ("last_e8", Int64),
            ("volume_e8", Int64),
            ("flags", UInt8),
        ])
    }

    fn columns(rows: &[Self]) -> Result<Vec<ArrayRef>, ArrowError> {
        Ok(vec![
            numbers(rows, |tick| tick.time.0),
            numbers(rows, |tick| tick.bid.raw()),
            numbers(rows, |tick| tick.ask.raw()),
            numbers(rows, |tick| tick.last.raw()),
            numbers(rows, |tick| tick.volume.raw()),
            Arc::new(UInt8Array::from_iter_values(rows.iter().map(|tick| tick.flags.bits()))),
        ])
    }

    fn rows(columns: &[ArrayRef]) -> Option<Vec<Self>> {
        let [times, bids, asks, lasts, volumes, flags] = columns else { return None };
        let prices = i64s(bids)?.iter().zip(i64s(asks)?).zip(i64s(lasts)?).zip(i64s(volumes)?);
        let rows = i64s(times)?.iter().zip(prices).zip(u8s(flags)?);
        rows.map(|((time, (((bid, ask), last), volume)), bits)| {
            Some(Self {
                time: MarketTime(*time),
                bid: Price::from_raw(*bid),
                ask: Price::from_raw(*ask),
                last: Price::from_raw(*last),
                volume: Volume::from_raw(*volume),
                // Unknown bits would be lost.
                flags: Some(TickFlags::from_bits(u32::from(*bits))).filter(|flags| flags.bits() == *bits)?,
            })
        })
        .collect()
    }
}

impl Rows for Bar {
    fn fields() -> Vec<Field> {
        use DataType::{Int64, UInt32};
        fields([
            ("frame_ms", Int64),
            ("start_ms", Int64),
            ("open_e8", Int64),
            ("high_e8", Int64),
            ("low_e8", Int64),
            ("close_e8", Int64),
            ("spread_min_e8", Int64),
            ("ticks", UInt32),
        ])
    }

    fn columns(rows: &[Self]) -> Result<Vec<ArrayRef>, ArrowError> {
        Ok(vec![
            numbers(rows, |bar| bar.timeframe.millis()),
            numbers(rows, |bar| bar.start.0),
            numbers(rows, |bar| bar.open.raw()),
            numbers(rows, |bar| bar.high.raw()),
            numbers(rows, |bar| bar.low.raw()),
            numbers(rows, |bar| bar.close.raw()),
            numbers(rows, |bar| bar.spread_min.raw()),
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|bar| bar.ticks))),
        ])
    }

    fn rows(columns: &[ArrayRef]) -> Option<Vec<Self>> {
        let [frames, starts, opens, highs, lows, closes, spreads, ticks] = columns else { return None };
        let body = i64s(opens)?.iter().zip(i64s(highs)?).zip(i64s(lows)?).zip(i64s(closes)?);
        let rest = i64s(spreads)?.iter().zip(u32s(ticks)?);
        let rows = i64s(frames)?.iter().zip(i64s(starts)?).zip(body).zip(rest);
        rows.map(|(((frame, start), (((open, high), low), close)), (spread, ticks))| {
            Some(Self {
                timeframe: Timeframe::ALL.into_iter().find(|known| known.millis() == *frame)?,
                start: MarketTime(*start),
                open: Price::from_raw(*open),
                high: Price::from_raw(*high),
                low: Price::from_raw(*low),
                close: Price::from_raw(*close),
                ticks: *ticks,
                spread_min: Price::from_raw(*spread),
            })
        })
        .collect()
    }
}

impl Rows for LogLine {
    fn fields() -> Vec<Field> {
        use DataType::{FixedSizeBinary, Int64, UInt8, Utf8};
        let mut all =
            fields([("level", UInt8), ("at_ns", Int64), ("service", Utf8), ("message", Utf8), ("fields", Utf8)]);
        all.push(Field::new("trace", FixedSizeBinary(ID), true));
        all
    }

    fn columns(rows: &[Self]) -> Result<Vec<ArrayRef>, ArrowError> {
        let traces = rows.iter().map(|line| line.trace.map(|trace| trace.0));
        Ok(vec![
            Arc::new(UInt8Array::from_iter_values(rows.iter().map(|line| line.level as u8))),
            numbers(rows, |line| line.at.0),
            texts(rows, |line| &line.service),
            texts(rows, |line| &line.message),
            texts(rows, |line| &line.fields),
            Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(traces, ID)?),
        ])
    }

    fn rows(columns: &[ArrayRef]) -> Option<Vec<Self>> {
        let [levels, times, services, messages, fields, traces] = columns else { return None };
        let (services, messages) = (services.as_string_opt::<i32>()?, messages.as_string_opt::<i32>()?);
        let (fields, traces) = (fields.as_string_opt::<i32>()?, traces.as_fixed_size_binary_opt()?);
        let texts = services.iter().zip(messages).zip(fields);
        let rows = u8s(levels)?.iter().zip(i64s(times)?).zip(texts).zip(traces);
        rows.map(|(((level, at), ((service, message), fields)), trace)| {
            let trace = match trace {
                Some(bytes) => Some(TraceId(id(bytes)?)),
                None => None,
            };
            Some(Self {
                level: LogLevel::from_number(*level)?,
                at: Timestamp(*at),
                service: service?.to_owned(),
                trace,
                message: message?.to_owned(),
                fields: fields?.to_owned(),
            })
        })
        .collect()
    }
}

/// A line, then its place: time, batch, number in it.
impl Rows for StoredLogLine {
    fn fields() -> Vec<Field> {
        let mut all = LogLine::fields();
        all.push(Field::new("place_at_ns", DataType::Int64, false));
        all.push(Field::new("batch", DataType::FixedSizeBinary(ID), false));
        all.push(Field::new("index", DataType::UInt32, false));
        all
    }

    fn columns(rows: &[Self]) -> Result<Vec<ArrayRef>, ArrowError> {
        let lines: Vec<LogLine> = rows.iter().map(|stored| stored.line.clone()).collect();
        let mut all = LogLine::columns(&lines)?;
        all.push(numbers(rows, |stored| stored.place.at.0));
        let batches = rows.iter().map(|stored| Some(stored.place.batch));
        all.push(Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(batches, ID)?));
        all.push(Arc::new(UInt32Array::from_iter_values(rows.iter().map(|stored| stored.place.index))));
        Ok(all)
    }

    fn rows(columns: &[ArrayRef]) -> Option<Vec<Self>> {
        let (lines, place) = columns.split_at_checked(columns.len().checked_sub(3)?)?;
        let [times, batches, indices] = place else { return None };
        let places = i64s(times)?.iter().zip(batches.as_fixed_size_binary_opt()?).zip(u32s(indices)?);
        let rows = LogLine::rows(lines)?.into_iter().zip(places);
        rows.map(|(line, ((at, batch), index))| {
            Some(Self { place: LogPlace { at: Timestamp(*at), batch: id(batch?)?, index: *index }, line })
        })
        .collect()
    }
}
