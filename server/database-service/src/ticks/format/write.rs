//! Ticks into the bytes of a file.

use crate::ticks::rows::Rows;
use aitrading_model::{Source, Tick};
use aitrading_sql_engine::layout::{labels, schema, unit};
use parquet::{
    basic::{Compression, Encoding, ZstdLevel},
    column::writer::ColumnWriter,
    data_type::{Int32Type, Int64Type},
    errors::{ParquetError, Result},
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties},
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::types::ColumnPath,
};
use std::sync::Arc;

const ZSTD_LEVEL: i32 = 3;
const CREATED_BY: &str = concat!("aitrading ", env!("CARGO_PKG_VERSION"));

/// The least number of digits, at least `hint`, at which every price is a whole number of steps.
fn digits(hint: u8, ticks: &[Tick]) -> u8 {
    let mut digits = hint.min(8);
    for tick in ticks {
        for price in [tick.bid, tick.ask, tick.last] {
            while digits < 8 && price.raw().checked_rem(unit(digits)) != Some(0) {
                digits = digits.saturating_add(1);
            }
        }
    }
    digits
}

fn properties(source: &Source, digits: u8) -> Result<WriterProperties> {
    let labels = labels(source, digits).into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value));
    let flags = ColumnPath::from("flags");
    Ok(WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(flags, true)
        // One page and one row group: the whole file is a few hundred kilobytes, and is always read whole.
        .set_data_page_row_count_limit(usize::MAX)
        .set_max_row_group_row_count(None)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_column_statistics_enabled(ColumnPath::from("time_ms"), EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_key_value_metadata(Some(labels.collect()))
        .build())
}

/// Whole steps; `digits` was chosen so that nothing is lost.
fn steps(raw: i64, unit: i64) -> i64 {
    raw.checked_div(unit).unwrap_or(raw)
}

/// The bytes of a file with these ticks.
pub(crate) fn encode(source: &Source, hint: u8, rows: &Rows) -> Result<Vec<u8>> {
    let digits = digits(hint, &rows.ticks);
    let unit = unit(digits);
    let properties = Arc::new(properties(source, digits)?);
    let mut file = SerializedFileWriter::new(Vec::new(), Arc::new(schema(digits)?), properties)?;
    let mut group = file.next_row_group()?;
    let ticks = || rows.ticks.iter();
    // A spread that does not fit wraps here and wraps back when it is read.
    let spread = |tick: &Tick| steps(tick.ask.raw(), unit).wrapping_sub(steps(tick.bid.raw(), unit));
    required(&mut group, ticks().map(|tick| tick.time.0).collect())?;
    required(&mut group, ticks().map(|tick| steps(tick.bid.raw(), unit)).collect())?;
    required(&mut group, ticks().map(spread).collect())?;
    optional(&mut group, ticks().map(|tick| steps(tick.last.raw(), unit)))?;
    optional(&mut group, ticks().map(|tick| tick.volume.raw()))?;
    flags(&mut group, ticks().map(|tick| i32::from(tick.flags.bits())).collect())?;
    required(&mut group, rows.epochs.iter().map(|epoch| epoch.cast_signed()).collect())?;
    required(&mut group, rows.seqs.iter().map(|seq| seq.cast_signed()).collect())?;
    group.close()?;
    file.into_inner()
}

type Group<'a> = SerializedRowGroupWriter<'a, Vec<u8>>;

fn no_column() -> ParquetError {
    ParquetError::General("the schema has no further column".to_owned())
}

fn required(group: &mut Group<'_>, values: Vec<i64>) -> Result<()> {
    let mut column = group.next_column()?.ok_or_else(no_column)?;
    column.typed::<Int64Type>().write_batch(&values, None, None)?;
    column.close()
}

/// Zero stands for "has none", and becomes a null.
fn optional(group: &mut Group<'_>, values: impl Iterator<Item = i64> + Clone) -> Result<()> {
    let levels: Vec<i16> = values.clone().map(|value| i16::from(value != 0)).collect();
    let present: Vec<i64> = values.filter(|value| *value != 0).collect();
    let mut column = group.next_column()?.ok_or_else(no_column)?;
    column.typed::<Int64Type>().write_batch(&present, Some(&levels), None)?;
    column.close()
}

fn flags(group: &mut Group<'_>, values: Vec<i32>) -> Result<()> {
    let mut column = group.next_column()?.ok_or_else(no_column)?;
    if !matches!(column.untyped(), ColumnWriter::Int32ColumnWriter(_)) {
        return Err(no_column());
    }
    column.typed::<Int32Type>().write_batch(&values, None, None)?;
    column.close()
}
