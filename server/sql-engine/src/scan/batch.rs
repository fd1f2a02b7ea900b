//! Ticks as whole numbers, and how they become columns.

use crate::tables::{PRICE, prices};
use aitrading_model::Source;
use datafusion::{
    arrow::{
        array::{
            ArrayRef, Decimal128Array, RecordBatch, RecordBatchOptions, StringViewArray, TimestampMillisecondArray,
            UInt8Array, UInt64Array,
        },
        datatypes::SchemaRef,
    },
    error::{DataFusionError, Result},
};
use std::sync::Arc;

/// Places of the table's columns.
pub(super) const ACCOUNT: usize = 0;
pub(super) const SYMBOL: usize = 1;
pub(super) const TIME: usize = 2;
pub(super) const BID: usize = 3;
pub(super) const ASK: usize = 4;
pub(super) const SPREAD: usize = 5;
pub(super) const LAST: usize = 6;
pub(super) const VOLUME: usize = 7;
pub(super) const FLAGS: usize = 8;
pub(super) const EPOCH: usize = 9;
pub(super) const SEQ: usize = 10;

/// A stretch of ticks as they are stored. Columns that nobody asked for are empty.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub(super) rows: usize,
    /// Units of 10^-8 in one step of a price.
    pub(super) unit: i64,
    pub(super) time: Vec<i64>,
    pub(super) bid: Vec<i64>,
    pub(super) spread: Vec<i64>,
    pub(super) last: Vec<Option<i64>>,
    pub(super) volume: Vec<Option<i64>>,
    pub(super) flags: Vec<u8>,
    pub(super) epoch: Vec<u64>,
    pub(super) seq: Vec<u64>,
}

fn optional(values: &[Option<i64>], unit: i64) -> ArrayRef {
    let values = values.iter().map(|value| value.map(|steps| i128::from(steps.wrapping_mul(unit))));
    Arc::new(values.collect::<Decimal128Array>().with_data_type(PRICE))
}

impl Raw {
    fn column(&mut self, source: &Source, column: usize) -> Result<ArrayRef> {
        // Prices that do not fit wrapped when they were written and wrap back here.
        let price = |steps: i64| steps.wrapping_mul(self.unit);
        Ok(match column {
            ACCOUNT => Arc::new(UInt64Array::from_value(source.account.0, self.rows)),
            SYMBOL => {
                Arc::new(StringViewArray::from_iter_values(std::iter::repeat_n(source.symbol.as_str(), self.rows)))
            }
            TIME => Arc::new(TimestampMillisecondArray::from(std::mem::take(&mut self.time)).with_timezone("UTC")),
            BID => prices(self.bid.iter().map(|bid| price(*bid))),
            ASK => prices(self.bid.iter().zip(&self.spread).map(|(bid, spread)| price(bid.wrapping_add(*spread)))),
            SPREAD => prices(self.spread.iter().map(|spread| price(*spread))),
            LAST => optional(&self.last, self.unit),
            VOLUME => optional(&self.volume, 1),
            FLAGS => Arc::new(UInt8Array::from(std::mem::take(&mut self.flags))),
            EPOCH => Arc::new(UInt64Array::from(std::mem::take(&mut self.epoch))),
            SEQ => Arc::new(UInt64Array::from(std::mem::take(&mut self.seq))),
            _ => return Err(DataFusionError::Internal("a column that ticks do not have".to_owned())),
        })
    }

    /// The columns at `places` of the table.
    pub(super) fn batch(mut self, source: &Source, places: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
        let columns = places.iter().map(|place| self.column(source, *place)).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
    }
}
