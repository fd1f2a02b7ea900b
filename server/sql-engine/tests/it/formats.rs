//! One result in every format.

use crate::world::{MONDAY, World, source};
use aitrading_model::{MarketTime, Price, Tick, TickFlags, Volume};
use aitrading_sql_engine::{Format, SqlError};
use datafusion::arrow::{datatypes::DataType, ipc::reader::StreamReader};

fn world() -> World {
    let world = World::new();
    let tick = Tick {
        time: MarketTime(MONDAY + 1),
        bid: Price::from_raw(19_843_200_000),
        ask: Price::from_raw(19_843_200_001),
        last: Price::ZERO,
        volume: Volume::from_raw(1_000_000),
        flags: TickFlags::from_bits(6),
    };
    let lowest = Tick { bid: Price::from_raw(i64::MIN), ask: Price::from_raw(i64::MIN), ..tick };
    let highest = Tick { bid: Price::from_raw(i64::MAX), ask: Price::from_raw(i64::MAX), ..tick };
    world.add_waiting(source(1, 7, "GBPJPY"), &[tick, lowest, highest], u64::MAX - 2);
    world
}

const SQL: &str =
    "SELECT seq, time, bid, last, symbol, CAST(1 AS DOUBLE) / 0 AS inf, seq = 18446744073709551613 AS first,
                          nullif(symbol, 'GBPJPY') AS nothing, '' AS empty, '\u{1}a\"b\\,' AS odd
                   FROM ticks ORDER BY seq";

async fn text(format: Format) -> String {
    let sql = SQL;
    String::from_utf8(world().bytes(sql, format).await.unwrap()).unwrap()
}

#[tokio::test]
async fn csv_has_a_header_quotes_and_exact_numbers() {
    let wanted = "seq,time,bid,last,symbol,inf,first,nothing,empty,odd\r\n\
        18446744073709551613,2024-01-01T00:00:00.001Z,198.432,,GBPJPY,inf,true,,\"\",\"\u{1}a\"\"b\\,\"\r\n\
        18446744073709551614,2024-01-01T00:00:00.001Z,-92233720368.54775808,,GBPJPY,inf,false,,\"\",\"\u{1}a\"\"b\\,\"\r\n\
        18446744073709551615,2024-01-01T00:00:00.001Z,92233720368.54775807,,GBPJPY,inf,false,,\"\",\"\u{1}a\"\"b\\,\"\r\n";
    assert_eq!(text(Format::Csv).await, wanted);
}

#[tokio::test]
async fn json_is_json_with_every_digit() {
    let object = |seq: &str, bid: &str, first: bool| {
        format!(
            "{{\"seq\":{seq},\"time\":\"2024-01-01T00:00:00.001Z\",\"bid\":{bid},\"last\":null,\"symbol\":\"GBPJPY\",\
             \"inf\":null,\"first\":{first},\"nothing\":null,\"empty\":\"\",\"odd\":\"\\u0001a\\\"b\\\\,\"}}"
        )
    };
    let objects = [
        object("18446744073709551613", "198.432", true),
        object("18446744073709551614", "-92233720368.54775808", false),
        object("18446744073709551615", "92233720368.54775807", false),
    ];
    assert_eq!(text(Format::JsonLines).await, objects.join("\n") + "\n");
    assert_eq!(text(Format::Json).await, format!("[{}]\n", objects.join(",\n")));
}

#[tokio::test]
async fn a_table_lines_up_and_cuts_texts_never_numbers() {
    let shown = text(Format::Table).await;
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 5, "{shown}");
    assert!(lines[0].starts_with(" seq                  | time                     | bid "), "{shown}");
    assert!(lines[2].contains("|               198.432 | NULL | GBPJPY |"), "{shown}");
    assert!(!shown.contains('\u{1}'), "control characters do not reach a terminal");
    let long = format!("SELECT '{}' AS a, 123456789012345678901234567890123456.78 AS n", "x".repeat(300));
    let shown = String::from_utf8(world().bytes(&long, Format::Table).await.unwrap()).unwrap();
    assert!(shown.lines().all(|line| line.chars().count() < 120), "{shown}");
    assert!(shown.contains("x…") && shown.contains("123456789012345678901234567890123456.78"), "{shown}");
}

#[tokio::test]
async fn arrow_comes_back_with_types_that_every_reader_knows() {
    let bytes = world().bytes("SELECT bid, symbol, time FROM ticks ORDER BY seq", Format::Arrow).await.unwrap();
    let reader = StreamReader::try_new(bytes.as_slice(), None).unwrap();
    let types: Vec<DataType> = reader.schema().fields().iter().map(|field| field.data_type().clone()).collect();
    assert_eq!(types[..2], [DataType::Decimal128(19, 8), DataType::Utf8]);
    let rows: usize = reader.map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 3);
}

#[tokio::test]
async fn a_result_without_rows_is_well_formed_in_every_format() -> Result<(), SqlError> {
    let sql = "SELECT bid, symbol FROM ticks WHERE symbol = 'none'";
    let cases = [
        (Format::Csv, "bid,symbol\r\n"),
        (Format::JsonLines, ""),
        (Format::Json, "[]\n"),
        (Format::Table, " bid | symbol\n-----+--------\n"),
    ];
    for (format, wanted) in cases {
        let bytes = world().bytes(sql, format).await?;
        assert_eq!(String::from_utf8_lossy(&bytes), wanted, "{format:?}");
    }
    let bytes = world().bytes(sql, Format::Arrow).await?;
    assert_eq!(StreamReader::try_new(bytes.as_slice(), None).unwrap().count(), 0);
    Ok(())
}
