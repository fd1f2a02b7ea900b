//! The three tables as queries see them.

mod bars;
mod logs;
mod pages;
mod ticks;
mod wish;

use crate::{check::SCHEMA, home::Home};
use aitrading_env::Env;
use aitrading_model::SCALE;
use datafusion::{
    arrow::{
        array::{ArrayRef, Decimal128Array},
        datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
    },
    catalog::{CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider, TableProvider},
    error::Result,
};
use std::sync::{Arc, LazyLock};

/// Digits of a price: all that 64 bits in units of 10^-8 can have.
const PRICE_PRECISION: u8 = 19;
const PRICE_DECIMALS: i8 = 8;
const _: () = assert!(SCALE == 100_000_000);

/// Prices and volumes are exact.
pub(crate) const PRICE: DataType = DataType::Decimal128(PRICE_PRECISION, PRICE_DECIMALS);

/// Market time.
pub(crate) fn millis() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}

/// A column of prices from units of 10^-8.
pub(crate) fn prices(raw: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Decimal128Array::from_iter_values(raw.map(i128::from)).with_data_type(PRICE))
}

/// Columns of `ticks`, in this order.
pub(crate) static TICKS: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("account", DataType::UInt64, false),
        Field::new("symbol", DataType::Utf8View, false),
        Field::new("time", millis(), false),
        Field::new("bid", PRICE, false),
        Field::new("ask", PRICE, false),
        Field::new("spread", PRICE, false),
        Field::new("last", PRICE, true),
        Field::new("volume", PRICE, true),
        Field::new("flags", DataType::UInt8, false),
        Field::new("epoch", DataType::UInt64, false),
        Field::new("seq", DataType::UInt64, false),
    ]))
});

/// The columns of one of the three tables.
pub(crate) fn columns(table: &str) -> Option<Vec<String>> {
    let schema: &SchemaRef = match table {
        "ticks" => &TICKS,
        "bars" => &bars::BARS,
        "logs" => &logs::LOGS,
        _ => return None,
    };
    Some(schema.fields().iter().map(|field| field.name().clone()).collect())
}

/// A catalogue that holds the three tables of one tenant, for one query.
pub(crate) fn catalog(env: &Env, home: &Home) -> Result<Arc<dyn CatalogProvider>> {
    let schema = MemorySchemaProvider::new();
    let tables: [(&str, Arc<dyn TableProvider>); 3] = [
        ("ticks", Arc::new(ticks::TicksTable::new(env.clone(), home.clone()))),
        ("bars", Arc::new(bars::BarsTable::new(home.clone()))),
        ("logs", Arc::new(logs::LogsTable::new(home.clone()))),
    ];
    for (name, table) in tables {
        schema.register_table(name.to_owned(), table)?;
    }
    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema(SCHEMA, Arc::new(schema))?;
    Ok(Arc::new(catalog))
}
