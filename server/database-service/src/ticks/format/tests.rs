//! What is written is what every reader of Parquet reads back; and what earlier releases wrote is still read.

use super::{decode, delta, encode};
use crate::ticks::rows::Rows;
use aitrading_model::{Source, Tick};
use aitrading_sql_engine::layout::{labels, schema, unit};
use aitrading_store::conformance::sample::{source, ticks};
use parquet::{
    basic::{Compression, Encoding, ZstdLevel},
    column::reader::get_typed_column_reader,
    data_type::{Int32Type, Int64Type},
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties},
        reader::{FileReader, RowGroupReader},
        serialized_reader::SerializedFileReader,
        statistics::Statistics,
        writer::SerializedFileWriter,
    },
    schema::types::ColumnPath,
};
use std::sync::Arc;

fn rows(ticks: Vec<Tick>) -> Rows {
    let mut rows = Rows::default();
    for (seq, tick) in (1..).zip(ticks) {
        rows.push(tick, 3, seq);
    }
    rows
}

/// The file that releases before the byte-wise layout wrote: the library's own encodings, ZSTD level 3.
fn earlier(owner: &Source, digits: u8, rows: &Rows) -> Vec<u8> {
    let labels = labels(owner, digits).into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value));
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap()))
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(ColumnPath::from("flags"), true)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_column_statistics_enabled(ColumnPath::from("time_ms"), EnabledStatistics::Chunk)
        .set_key_value_metadata(Some(labels.collect()))
        .build();
    let schema = Arc::new(schema(digits).unwrap());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut put = |values: Vec<i64>, levels: Option<&[i16]>| {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&values, levels, None).unwrap();
        column.close().unwrap();
    };
    let step = unit(digits);
    let of = |of: &dyn Fn(&Tick) -> i64| rows.ticks.iter().map(of).collect::<Vec<_>>();
    let none = vec![0_i16; rows.len()];
    put(of(&|tick| tick.time.0), None);
    put(of(&|tick| tick.bid.raw() / step), None);
    put(of(&|tick| (tick.ask.raw() - tick.bid.raw()) / step), None);
    put(Vec::new(), Some(&none));
    put(Vec::new(), Some(&none));
    let mut column = group.next_column().unwrap().unwrap();
    let flags: Vec<i32> = rows.ticks.iter().map(|tick| tick.flags.bits().into()).collect();
    column.typed::<Int32Type>().write_batch(&flags, None, None).unwrap();
    column.close().unwrap();
    let mut put = |values: &[u64]| {
        let values: Vec<i64> = values.iter().map(|value| value.cast_signed()).collect();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&values, None, None).unwrap();
        column.close().unwrap();
    };
    put(&rows.epochs);
    put(&rows.seqs);
    group.close().unwrap();
    file.into_inner().unwrap()
}

#[test]
fn files_of_earlier_releases_are_read() {
    let owner = source(1, "GBPJPY");
    for n in [1, 100, 5_000] {
        let rows = rows(ticks(0, n));
        assert_eq!(decode(&owner, earlier(&owner, 3, &rows).into()).unwrap(), rows, "{n} ticks");
    }
}

/// The numbers of the column `time_ms` as the library reads them.
fn read_back(values: &[i64]) -> Vec<i64> {
    let mut rows = rows(ticks(0, values.len() as i64));
    rows.ticks.iter_mut().zip(values).for_each(|(tick, value)| tick.time.0 = *value);
    let bytes = encode(&source(1, "GBPJPY"), 3, &rows).unwrap();
    let file = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
    let group: Box<dyn RowGroupReader> = file.get_row_group(0).unwrap();
    match group.metadata().column(0).statistics() {
        Some(Statistics::Int64(bounds)) => {
            assert_eq!(bounds.min_opt(), values.iter().min());
            assert_eq!(bounds.max_opt(), values.iter().max());
        }
        other => panic!("readers cannot skip the file: {other:?}"),
    }
    let mut column = get_typed_column_reader::<Int64Type>(group.get_column_reader(0).unwrap());
    let mut found = Vec::new();
    column.read_records(values.len(), None, None, &mut found).unwrap();
    found
}

#[test]
fn differences_of_every_size_come_back() {
    for n in [1, 2, 31, 32, 33, 34, 127, 128, 129, 130, 1_000] {
        let series = |of: &dyn Fn(i64) -> i64| (0..n).map(of).collect::<Vec<i64>>();
        let cases = [
            series(&|_| 7),
            series(&|i| i * 1_000),
            series(&|i| i * i % 61 - 30),
            series(&|i| i * i % 300),
            series(&|i| (i % 2) * 255),
            series(&|i| (i % 2) * 256),
            series(&|i| i * i * 1_000_003 % 5_000_000_007),
            series(&|i| if i % 40 == 0 { i64::MAX } else { i }),
            series(&|i| if i % 2 == 0 { i64::MIN } else { i64::MAX }),
            series(&|i| (i % 7) << (i % 60)),
        ];
        for (case, values) in cases.iter().enumerate() {
            assert_eq!(&read_back(values), values, "case {case}, {n} values");
        }
    }
}

#[test]
fn what_a_byte_means_does_not_change_from_block_to_block() {
    // Two blocks whose least differences are not the same: -3 and -9.
    let mut values = vec![0_i64];
    let steps = (0..256).map(|i| if i < 128 { i % 7 - 3 } else { i % 19 - 9 });
    for step in steps {
        values.push(values.last().unwrap() + step);
    }
    let page = delta::encode(&values);
    let widths = page.windows(4).filter(|window| *window == [8, 8, 8, 8]).count();
    assert_eq!(widths, 2, "small differences have a whole byte each");
    assert_eq!(page.iter().filter(|byte| **byte == 127).count(), 2, "both blocks count from -64, which is written 127");
}
