//! The bytes of a file back into ticks. A file that is not exactly as it was written is refused.

use crate::ticks::rows::Rows;
use aitrading_model::{MarketTime, Price, Source, Tick, TickFlags, Volume};
use aitrading_sql_engine::layout::{self, BID, EPOCH, FLAGS, LAST, SEQ, SPREAD, TIME, VOLUME, unit};
use bytes::Bytes;
use parquet::{
    column::reader::get_typed_column_reader,
    data_type::{DataType, Int32Type, Int64Type},
    errors::{ParquetError, Result},
    file::{
        metadata::ParquetMetaDataReader,
        reader::{FileReader, RowGroupReader},
        serialized_reader::SerializedFileReader,
    },
};

fn bad(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

/// Ticks in a file by its own footer; `tail` is the file's end. `None` if the footer begins before `tail`.
pub(crate) fn rows_in_footer(tail: &[u8]) -> Result<Option<u64>> {
    let (rest, end) = tail.split_last_chunk::<8>().ok_or_else(|| bad("the file is too short"))?;
    let length = parquet::file::metadata::FooterTail::try_new(end)?.metadata_length();
    let Some(footer) = rest.len().checked_sub(length).and_then(|start| rest.get(start..)) else {
        return Ok(None);
    };
    let rows = ParquetMetaDataReader::decode_metadata(footer)?.file_metadata().num_rows();
    u64::try_from(rows).map(Some).map_err(|_| bad("a negative number of rows"))
}

/// The ticks of `source`'s file.
pub(crate) fn decode(source: &Source, bytes: Bytes) -> Result<Rows> {
    let reader = SerializedFileReader::new(bytes)?;
    let digits = layout::check(source, reader.metadata().file_metadata())?;
    let mut rows = Rows::default();
    for index in 0..reader.num_row_groups() {
        read_group(&*reader.get_row_group(index)?, unit(digits), &mut rows)?;
    }
    Ok(rows)
}

fn read_group(group: &dyn RowGroupReader, unit: i64, rows: &mut Rows) -> Result<()> {
    let n = usize::try_from(group.metadata().num_rows()).map_err(|_| bad("a negative number of rows"))?;
    let column = |place| required::<Int64Type>(group, place, n);
    let times = column(TIME)?;
    let (bids, spreads) = (column(BID)?, column(SPREAD)?);
    let (last, volume) = (optional(group, LAST, n)?, optional(group, VOLUME, n)?);
    let flags = required::<Int32Type>(group, FLAGS, n)?;
    let (epochs, seqs) = (column(EPOCH)?, column(SEQ)?);
    rows.ticks.reserve(n);
    let prices = bids.into_iter().zip(spreads);
    for (((time, (bid, spread)), (last, volume)), flags) in
        times.into_iter().zip(prices).zip(last.into_iter().zip(volume)).zip(flags)
    {
        let price = |steps: i64| Price::from_raw(steps.wrapping_mul(unit));
        rows.ticks.push(Tick {
            time: MarketTime(time),
            bid: price(bid),
            ask: price(bid.wrapping_add(spread)),
            last: price(last),
            volume: Volume::from_raw(volume),
            flags: TickFlags::from_bits(flags.cast_unsigned()),
        });
    }
    rows.epochs.extend(epochs.into_iter().map(i64::cast_unsigned));
    rows.seqs.extend(seqs.into_iter().map(i64::cast_unsigned));
    Ok(())
}

fn required<T: DataType>(group: &dyn RowGroupReader, place: usize, n: usize) -> Result<Vec<T::T>> {
    let mut reader = get_typed_column_reader::<T>(group.get_column_reader(place)?);
    let mut values = Vec::with_capacity(n);
    reader.read_records(n, None, None, &mut values)?;
    if values.len() == n { Ok(values) } else { Err(bad("a column is too short")) }
}

fn optional(group: &dyn RowGroupReader, place: usize, n: usize) -> Result<Vec<i64>> {
    let mut reader = get_typed_column_reader::<Int64Type>(group.get_column_reader(place)?);
    let (mut levels, mut values) = (Vec::with_capacity(n), Vec::new());
    reader.read_records(n, Some(&mut levels), None, &mut values)?;
    let mut values = values.into_iter();
    let value = |level: &i16| if *level == 0 { Some(0) } else { values.next() };
    let all: Option<Vec<i64>> = levels.iter().map(value).collect();
    all.filter(|all| all.len() == n).ok_or_else(|| bad("a column is too short"))
}
