//! The table `bars`.

use super::{PRICE, millis, pages, prices, wish};
use crate::{
    home::Home,
    view::{BarRow, BarWish},
};
use aitrading_model::{Bar, Price, Timeframe};
use async_trait::async_trait;
use datafusion::{
    arrow::{
        array::{ArrayRef, RecordBatch, StringViewArray, TimestampMillisecondArray, UInt32Array, UInt64Array},
        datatypes::{DataType, Field, Schema, SchemaRef},
    },
    catalog::{Session, TableProvider},
    error::Result,
    logical_expr::{Expr, Operator, TableProviderFilterPushDown, TableType},
    physical_plan::ExecutionPlan,
};
use std::sync::{Arc, LazyLock};

pub(super) static BARS: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("account", DataType::UInt64, false),
        Field::new("symbol", DataType::Utf8View, false),
        Field::new("timeframe", DataType::Utf8View, false),
        Field::new("start", millis(), false),
        Field::new("open", PRICE, false),
        Field::new("high", PRICE, false),
        Field::new("low", PRICE, false),
        Field::new("close", PRICE, false),
        Field::new("ticks", DataType::UInt32, false),
        Field::new("spread_min", PRICE, false),
    ]))
});

/// Finished bars of one tenant.
#[derive(Debug)]
pub(super) struct BarsTable {
    home: Home,
}

impl BarsTable {
    pub(super) fn new(home: Home) -> Self {
        Self { home }
    }
}

fn pack(schema: &SchemaRef, rows: &[BarRow]) -> Result<RecordBatch> {
    let of = |price: fn(&Bar) -> Price| prices(rows.iter().map(move |row| price(&row.bar).raw()));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.source.account.0))),
        Arc::new(StringViewArray::from_iter_values(rows.iter().map(|row| row.source.symbol.as_str().to_owned()))),
        Arc::new(StringViewArray::from_iter_values(rows.iter().map(|row| row.bar.timeframe.name()))),
        Arc::new(
            TimestampMillisecondArray::from_iter_values(rows.iter().map(|row| row.bar.start.0)).with_timezone("UTC"),
        ),
        of(|bar| bar.open),
        of(|bar| bar.high),
        of(|bar| bar.low),
        of(|bar| bar.close),
        Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.bar.ticks))),
        of(|bar| bar.spread_min),
    ];
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

fn wished(filters: &[Expr]) -> BarWish {
    let mut wish = BarWish { ticks: wish::of_ticks(filters, "start"), timeframe: None };
    wish::each_comparison(filters, &mut |column, op, value| {
        if (column, op) == ("timeframe", Operator::Eq) {
            let name = value.try_as_str().flatten();
            wish.timeframe = Timeframe::ALL.into_iter().find(|frame| Some(frame.name()) == name);
        }
    });
    wish
}

#[async_trait]
impl TableProvider for BarsTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&BARS)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.home.keeps_ticks()?;
        let wish = wished(filters);
        let open = move |home: &Home| home.bars(wish.clone());
        pages::plan(&BARS, &self.home, Box::new(open), pack, projection, limit)
    }
}
