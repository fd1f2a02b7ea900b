//! Tick files as `docs/specs/tick-files.md` lays them out, written by the test itself.

use aitrading_model::{MarketTime, Price, Source, Tick, TickFlags, Volume};
use datafusion::parquet::{
    basic::{Compression, Encoding, ZstdLevel},
    data_type::{Int32Type, Int64Type},
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties},
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::{parser::parse_message_type, types::ColumnPath},
};
use std::sync::Arc;

/// The epoch of all ticks here.
pub(crate) const EPOCH: u64 = 3;

/// A day's quotes that wander a little, several of them in one millisecond now and then.
pub(crate) fn quotes(start_ms: i64, n: usize, mean_step_ms: i64, seed: u64) -> Vec<Tick> {
    let mut state = seed | 1;
    let mut draw = move |below: i64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(state >> 40).unwrap() % below
    };
    let (mut time, mut bid) = (start_ms, 110_000);
    let step = |_| {
        time += draw(2 * mean_step_ms + 1);
        bid += draw(5) - 2;
        let price = |steps: i64| Price::from_raw(steps * 1_000);
        let traded = draw(4) == 0;
        Tick {
            time: MarketTime(time),
            bid: price(bid),
            ask: price(bid + 3 + draw(9)),
            last: if traded { price(bid + 1) } else { Price::ZERO },
            volume: if traded { Volume::from_raw(1_000_000 * (1 + draw(300))) } else { Volume::ZERO },
            flags: TickFlags::from_bits(6),
        }
    };
    (0..n).map(step).collect()
}

/// A file with these ticks, numbered from `first_seq`; prices have 5 digits.
pub(crate) fn encode(source: &Source, ticks: &[Tick], first_seq: u64) -> Vec<u8> {
    const DIGITS: u8 = 5;
    const UNIT: i64 = 1_000;
    let schema = format!(
        "message ticks {{
            required int64 time_ms (TIMESTAMP(MILLIS,true));
            required int64 bid (DECIMAL(18,{DIGITS}));
            required int64 spread (DECIMAL(18,{DIGITS}));
            optional int64 last (DECIMAL(18,{DIGITS}));
            optional int64 volume (DECIMAL(18,8));
            required int32 flags (INTEGER(8,false));
            required int64 epoch (INTEGER(64,false));
            required int64 seq (INTEGER(64,false));
        }}"
    );
    let labels = [
        ("aitrading.version", "1".to_owned()),
        ("aitrading.tenant", source.tenant.to_string()),
        ("aitrading.account", source.account.to_string()),
        ("aitrading.symbol", source.symbol.to_string()),
        ("aitrading.digits", DIGITS.to_string()),
    ];
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap()))
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(ColumnPath::from("flags"), true)
        .set_data_page_row_count_limit(usize::MAX)
        .set_max_row_group_row_count(None)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_column_statistics_enabled(ColumnPath::from("time_ms"), EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_key_value_metadata(Some(labels.into_iter().map(|(k, v)| KeyValue::new(k.to_owned(), v)).collect()))
        .build();
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    let mut group = file.next_row_group().unwrap();
    required(&mut group, ticks.iter().map(|tick| tick.time.0));
    required(&mut group, ticks.iter().map(|tick| tick.bid.raw() / UNIT));
    required(&mut group, ticks.iter().map(|tick| (tick.ask.raw() - tick.bid.raw()) / UNIT));
    optional(&mut group, ticks.iter().map(|tick| tick.last.raw() / UNIT));
    optional(&mut group, ticks.iter().map(|tick| tick.volume.raw()));
    let flags: Vec<i32> = ticks.iter().map(|tick| i32::from(tick.flags.bits())).collect();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int32Type>().write_batch(&flags, None, None).unwrap();
    column.close().unwrap();
    required(&mut group, ticks.iter().map(|_| EPOCH.cast_signed()));
    required(&mut group, (first_seq..).take(ticks.len()).map(u64::cast_signed));
    group.close().unwrap();
    file.into_inner().unwrap()
}

type Group<'a> = SerializedRowGroupWriter<'a, Vec<u8>>;

fn required(group: &mut Group<'_>, values: impl Iterator<Item = i64>) {
    let values: Vec<i64> = values.collect();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&values, None, None).unwrap();
    column.close().unwrap();
}

fn optional(group: &mut Group<'_>, values: impl Iterator<Item = i64> + Clone) {
    let levels: Vec<i16> = values.clone().map(|value| i16::from(value != 0)).collect();
    let present: Vec<i64> = values.filter(|value| *value != 0).collect();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&present, Some(&levels), None).unwrap();
    column.close().unwrap();
}
