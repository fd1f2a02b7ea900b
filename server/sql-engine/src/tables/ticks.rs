//! The table `ticks`: listed files and waiting ticks of one moment, narrowed to what the filters leave.

use super::{TICKS, wish};
use crate::{
    home::Home,
    scan::{Job, TickScan, Unit, prune},
};
use aitrading_env::Env;
use async_trait::async_trait;
use datafusion::{
    arrow::datatypes::SchemaRef,
    catalog::{Session, TableProvider},
    error::Result,
    logical_expr::{Expr, TableProviderFilterPushDown, TableType},
    physical_plan::{ExecutionPlan, empty::EmptyExec},
};
use std::sync::Arc;

/// Ticks of one tenant.
#[derive(Debug)]
pub(super) struct TicksTable {
    env: Env,
    home: Home,
}

impl TicksTable {
    pub(super) fn new(env: Env, home: Home) -> Self {
        Self { env, home }
    }
}

#[async_trait]
impl TableProvider for TicksTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&TICKS)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match prune::usable(filter) {
            prune::Use::Sources | prune::Use::Times => TableProviderFilterPushDown::Exact,
            prune::Use::Hint => TableProviderFilterPushDown::Inexact,
            prune::Use::Nothing => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.home.keeps_ticks()?;
        let shown = self.home.ticks(wish::of_ticks(filters, "time")).await.map_err(|error| self.home.fail(error))?;
        let files = shown.files.into_iter().map(Unit::file);
        let units = files.chain(shown.waiting.into_iter().filter_map(Unit::waiting)).collect();
        let pruned = prune::prune(state, filters, units)?;
        let all = || (0..TICKS.fields().len()).collect();
        let columns = projection.cloned().unwrap_or_else(all);
        let schema = Arc::new(TICKS.project(&columns)?);
        if pruned.units.is_empty() {
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let job = Job {
            env: self.env.clone(),
            home: self.home.clone(),
            schema,
            columns,
            filter: pruned.filter,
            limit,
            _guard: shown.guard,
        };
        Ok(Arc::new(TickScan::new(job, pruned.units, state.config().target_partitions())))
    }
}
