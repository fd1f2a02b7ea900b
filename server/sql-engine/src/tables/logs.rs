//! The table `logs`.

use super::{pages, wish};
use crate::{
    home::Home,
    view::{LogRow, LogWish},
};
use aitrading_model::Timestamp;
use async_trait::async_trait;
use datafusion::{
    arrow::{
        array::{ArrayRef, RecordBatch, StringViewArray, TimestampNanosecondArray},
        datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
    },
    catalog::{Session, TableProvider},
    error::Result,
    logical_expr::{Expr, TableProviderFilterPushDown, TableType},
    physical_plan::ExecutionPlan,
};
use std::sync::{Arc, LazyLock};

const NANOS_PER_MS: i64 = 1_000_000;

pub(super) static LOGS: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("at", DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), false),
        Field::new("level", DataType::Utf8View, false),
        Field::new("service", DataType::Utf8View, false),
        Field::new("code", DataType::Utf8View, true),
        Field::new("message", DataType::Utf8View, false),
        Field::new("trace", DataType::Utf8View, true),
    ]))
});

/// Log lines that one tenant may see.
#[derive(Debug)]
pub(super) struct LogsTable {
    home: Home,
}

impl LogsTable {
    pub(super) fn new(home: Home) -> Self {
        Self { home }
    }
}

fn pack(schema: &SchemaRef, rows: &[LogRow]) -> Result<RecordBatch> {
    let text = |of: fn(&LogRow) -> &str| Arc::new(StringViewArray::from_iter_values(rows.iter().map(of)));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(TimestampNanosecondArray::from_iter_values(rows.iter().map(|row| row.at.0)).with_timezone("UTC")),
        text(|row| &row.level),
        text(|row| &row.service),
        Arc::new(rows.iter().map(|row| row.code.as_deref()).collect::<StringViewArray>()),
        text(|row| &row.message),
        Arc::new(rows.iter().map(|row| row.trace.map(|trace| trace.to_string())).collect::<StringViewArray>()),
    ];
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

fn wished(filters: &[Expr]) -> LogWish {
    let bounds = wish::of_ticks(filters, "at");
    // Bounds are whole milliseconds: the first nanosecond of the lower, the last of the upper.
    let from = bounds.from.map(|ms| Timestamp(ms.0.saturating_mul(NANOS_PER_MS)));
    let to = bounds.to.map(|ms| Timestamp(ms.0.saturating_add(1).saturating_mul(NANOS_PER_MS).saturating_sub(1)));
    LogWish { from, to }
}

#[async_trait]
impl TableProvider for LogsTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&LOGS)
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
        let wish = wished(filters);
        let open = move |home: &Home| home.logs(wish.clone());
        pages::plan(&LOGS, &self.home, Box::new(open), pack, projection, limit)
    }
}
