//! Ticks into the bytes of a file.

use super::chunk::{Columns, ZSTD_LEVEL};
use crate::ticks::rows::Rows;
use aitrading_model::{Source, Tick};
use aitrading_sql_engine::layout::{labels, schema, unit};
use parquet::{
    basic::{Compression, Encoding, ZstdLevel},
    errors::Result,
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties},
        writer::SerializedFileWriter,
    },
};
use std::sync::Arc;

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

/// For what the columns do not say themselves. One page and one row group: the whole file is a few hundred kilobytes, and is
/// always read whole.
fn properties(source: &Source, digits: u8) -> Result<WriterProperties> {
    let labels = labels(source, digits).into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value));
    Ok(WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::DELTA_BINARY_PACKED)
        .set_data_page_row_count_limit(usize::MAX)
        .set_max_row_group_row_count(None)
        .set_statistics_enabled(EnabledStatistics::None)
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
    let columns = file.schema_descr().columns().to_vec();
    let mut columns = Columns::new(file.next_row_group()?, columns)?;
    let numbers = |of: fn(&Tick) -> i64| rows.ticks.iter().map(of).collect::<Vec<i64>>();
    let bids: Vec<i64> = rows.ticks.iter().map(|tick| steps(tick.bid.raw(), unit)).collect();
    // A spread that does not fit wraps here and wraps back when it is read.
    let spread = |(tick, bid): (&Tick, &i64)| steps(tick.ask.raw(), unit).wrapping_sub(*bid);
    let spreads: Vec<i64> = rows.ticks.iter().zip(&bids).map(spread).collect();
    columns.numbers(&numbers(|tick| tick.time.0), true)?;
    columns.numbers(&bids, false)?;
    columns.numbers(&spreads, false)?;
    columns.optional(&rows.ticks.iter().map(|tick| steps(tick.last.raw(), unit)).collect::<Vec<i64>>())?;
    columns.optional(&numbers(|tick| tick.volume.raw()))?;
    columns.bytes(&rows.ticks.iter().map(|tick| tick.flags.bits()).collect::<Vec<u8>>())?;
    columns.numbers(&rows.epochs.iter().map(|epoch| epoch.cast_signed()).collect::<Vec<i64>>(), false)?;
    columns.numbers(&rows.seqs.iter().map(|seq| seq.cast_signed()).collect::<Vec<i64>>(), false)?;
    columns.close()?;
    file.into_inner()
}
