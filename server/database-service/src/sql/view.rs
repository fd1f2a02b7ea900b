//! The stores as the SQL engine sees them.

use crate::ticks::SqlTicks;
use aitrading_model::{TenantId, Timestamp};
use aitrading_sql_engine::{BarRow, BarWish, ListedFile, LogRow, LogWish, Rows, TickFilesView, TickSnapshot, TickWish};
use aitrading_store::{LogLevel, LogPlace, LogQuery, LogStore, PAGE_MAX, StoreError, StoredLogLine};
use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use std::sync::Arc;

/// Ticks and bars of this database, and logs of whoever keeps them.
pub(crate) struct SqlView {
    /// `None`: they are kept elsewhere, and what lies here is old.
    ticks: Option<Arc<SqlTicks>>,
    logs: Option<Arc<dyn LogStore>>,
}

impl SqlView {
    pub(crate) fn new(ticks: Option<Arc<SqlTicks>>, logs: Option<Arc<dyn LogStore>>) -> Self {
        Self { ticks, logs }
    }

    fn here(&self) -> Result<&SqlTicks, StoreError> {
        self.ticks.as_deref().ok_or(StoreError::Invalid { what: "ticks and bars are kept elsewhere" })
    }
}

#[async_trait]
impl TickFilesView for SqlView {
    fn elsewhere(&self) -> Option<&'static str> {
        self.ticks.is_none().then_some("the ClickHouse server that [database.ticks.clickhouse] names")
    }

    async fn ticks(&self, tenant: TenantId, wish: &TickWish) -> Result<TickSnapshot, StoreError> {
        self.here()?.show(tenant, wish).await
    }

    async fn bars(&self, tenant: TenantId, wish: &BarWish) -> Result<Rows<BarRow>, StoreError> {
        self.here()?.show_bars(tenant, wish).await
    }

    async fn logs(&self, tenant: TenantId, wish: &LogWish) -> Result<Rows<LogRow>, StoreError> {
        let Some(logs) = self.logs.clone() else { return Ok(stream::empty().boxed()) };
        let query = LogQuery {
            tenant,
            level_min: LogLevel::Debug,
            from: wish.from.unwrap_or(Timestamp(i64::MIN)),
            to: Timestamp(wish.to.map_or(i64::MAX, |to| to.0.saturating_add(1))),
            trace: None,
            before: None,
            limit: PAGE_MAX,
        };
        Ok(stream::try_unfold(Some((logs, query)), |left| async move {
            let Some((logs, query)) = left else { return Ok(None) };
            let page = logs.query(&query).await?;
            let full = page.len() >= query.limit;
            let before: Option<LogPlace> = page.last().map(|last| last.place);
            let rows: Vec<LogRow> = page.into_iter().map(row).collect();
            let next = full.then_some((logs, LogQuery { before, ..query }));
            Ok(Some((rows, next)))
        })
        .boxed())
    }

    async fn damaged(&self, file: &ListedFile) {
        if let Some(ticks) = &self.ticks {
            let _news = ticks.set_aside.add(file);
        }
    }
}

fn row(StoredLogLine { line, .. }: StoredLogLine) -> LogRow {
    let fields = serde_json::from_str::<serde_json::Value>(&line.fields).unwrap_or_default();
    LogRow {
        at: line.at,
        level: line.level.name().to_owned(),
        service: line.service,
        code: fields.get("code").and_then(serde_json::Value::as_str).map(str::to_owned),
        message: line.message,
        trace: line.trace,
    }
}
