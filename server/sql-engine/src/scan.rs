//! Reading ticks: the plan node that turns files and waiting ticks into batches.

mod batch;
mod file;
mod part;
pub(crate) mod prune;
mod unit;

pub(crate) use unit::{Body, Unit};

use crate::home::Home;
use aitrading_env::Env;
use datafusion::{
    arrow::datatypes::SchemaRef,
    common::{ColumnStatistics, Statistics, stats::Precision, tree_node::TreeNodeRecursion},
    error::{DataFusionError, Result},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{EquivalenceProperties, PhysicalExpr},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
        execution_plan::{Boundedness, EmissionType},
        statistics::StatisticsArgs,
        stream::RecordBatchStreamAdapter,
    },
    scalar::ScalarValue,
};
use futures_util::stream;
use std::{any::Any, fmt, sync::Arc};

/// Fewer rows are read by one thread.
const SPLIT_ROWS: u64 = 65_536;

/// What every thread that reads for one scan knows.
pub(crate) struct Job {
    pub(crate) env: Env,
    pub(crate) home: Home,
    /// Columns of the result.
    pub(crate) schema: SchemaRef,
    /// Their places in the table.
    pub(crate) columns: Vec<usize>,
    /// Over a batch of times alone: which rows are wanted.
    pub(crate) filter: Option<Arc<dyn PhysicalExpr>>,
    /// No more rows are wanted.
    pub(crate) limit: Option<usize>,
    /// Keeps the files in place.
    pub(crate) _guard: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("columns", &self.columns).field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// The plan node.
#[derive(Debug)]
pub(crate) struct TickScan {
    job: Arc<Job>,
    parts: Vec<Arc<[Unit]>>,
    properties: Arc<PlanProperties>,
}

impl TickScan {
    pub(crate) fn new(job: Job, units: Vec<Unit>, threads: usize) -> Self {
        let parts = split(units, threads);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&job.schema)),
            Partitioning::UnknownPartitioning(parts.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { job: Arc::new(job), parts, properties: Arc::new(properties) }
    }

    fn units(&self, part: Option<usize>) -> Box<dyn Iterator<Item = &Unit> + '_> {
        match part {
            Some(part) => Box::new(self.parts.get(part).into_iter().flat_map(|units| units.iter())),
            None => Box::new(self.parts.iter().flat_map(|units| units.iter())),
        }
    }
}

/// Neighbouring units together, about as many rows in each part.
fn split(units: Vec<Unit>, threads: usize) -> Vec<Arc<[Unit]>> {
    let total: u64 = units.iter().map(|unit| unit.rows).sum();
    let parts = u64::try_from(threads).unwrap_or(1).min(total / SPLIT_ROWS).max(1);
    let mut out: Vec<Vec<Unit>> = Vec::new();
    let mut before: u64 = 0;
    for unit in units {
        // The part in which the unit's middle row lies.
        let middle = before.saturating_add(unit.rows / 2);
        let part = middle.saturating_mul(parts).checked_div(total).unwrap_or(0);
        before = before.saturating_add(unit.rows);
        match out.last_mut() {
            Some(last) if last.first().is_some_and(|first| first.part == part) => last.push(Unit { part, ..unit }),
            _ => out.push(vec![Unit { part, ..unit }]),
        }
    }
    out.into_iter().map(Arc::from).collect()
}

impl DisplayAs for TickScan {
    /// Counts only: where the files are is nobody's business.
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.units(None).filter(|unit| matches!(unit.body, Body::File(_))).count();
        let rows: u64 = self.units(None).map(|unit| unit.rows).sum();
        write!(f, "TickScan: files={files}, ticks={rows}, threads={}", self.parts.len())?;
        if let Some(filter) = &self.job.filter {
            write!(f, ", filter={filter}")?;
        }
        match self.job.limit {
            Some(limit) => write!(f, ", limit={limit}"),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for TickScan {
    fn name(&self) -> &'static str {
        "TickScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.job.filter.as_ref().map_or(Ok(TreeNodeRecursion::Continue), f)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let units = self.parts.get(partition).cloned();
        let units =
            units.ok_or_else(|| DataFusionError::Internal("a part of the scan that is not there".to_owned()))?;
        let mut part = part::Part::new(Arc::clone(&self.job), units, &context);
        let batches = stream::iter(std::iter::from_fn(move || part.step().transpose()));
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.job.schema), batches)))
    }

    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let units = || self.units(args.partition());
        let rows = usize::try_from(units().map(|unit| unit.rows).sum::<u64>()).unwrap_or(usize::MAX);
        let whole = self.job.limit.is_none() && units().all(|unit| unit.inside);
        let mut statistics = Statistics::new_unknown(&self.job.schema);
        statistics.num_rows = if whole { Precision::Exact(rows) } else { Precision::Inexact(rows) };
        let bound = |ms: Option<i64>| {
            let value = ScalarValue::TimestampMillisecond(Some(ms?), Some("UTC".into()));
            Some(if whole { Precision::Exact(value) } else { Precision::Inexact(value) })
        };
        let min = bound(units().map(|unit| unit.min).min()).unwrap_or(Precision::Absent);
        let max = bound(units().map(|unit| unit.max).max()).unwrap_or(Precision::Absent);
        let time = self.job.columns.iter().position(|column| *column == batch::TIME);
        if let Some(column) = time.and_then(|place| statistics.column_statistics.get_mut(place)) {
            *column = ColumnStatistics {
                null_count: Precision::Exact(0),
                min_value: min,
                max_value: max,
                ..ColumnStatistics::new_unknown()
            };
        }
        Ok(Arc::new(statistics))
    }
}
