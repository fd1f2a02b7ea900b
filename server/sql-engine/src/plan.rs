//! From a statement to a running plan: the session that sees three tables and nothing else.

mod stages;
#[cfg(test)]
mod tests;
mod watch;

use crate::{
    SqlError, SqlLimits,
    check::{self, CATALOG, SCHEMA},
    functions,
    home::Home,
    tables,
};
use aitrading_env::Env;
use datafusion::{
    catalog::{CatalogProviderList, MemoryCatalogProviderList},
    common::tree_node::TreeNodeRecursion,
    datasource::object_store::ObjectStoreUrl,
    error::{DataFusionError, Result},
    execution::{
        SendableRecordBatchStream, SessionState,
        config::SessionConfig,
        context::SQLOptions,
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        memory_pool::GreedyMemoryPool,
        runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
        session_state::SessionStateBuilder,
    },
    logical_expr::{LogicalPlan, LogicalPlanBuilder},
    physical_plan::{ExecutionPlan, execute_stream},
    sql::parser::Statement,
};
use std::sync::Arc;

/// Rows that travel together.
const BATCH_ROWS: usize = 8_192;

/// Plans the statement and begins to run it. Nothing of it outlives the stream.
pub(crate) async fn run(
    sql: &str,
    limits: &SqlLimits,
    env: &Env,
    home: &Home,
) -> std::result::Result<SendableRecordBatchStream, SqlError> {
    let statement = check::check(sql, limits)?;
    let explain = |error: DataFusionError| describe(&error, home, limits);
    let state = session(limits, env, home).map_err(explain)?;
    let plan = planned(statement, &state, limits, home).await?;
    execute_stream(plan, state.task_ctx()).map_err(explain)
}

/// Makes a plan of the statement, in stages that can be stopped.
async fn planned(
    statement: Statement,
    state: &SessionState,
    limits: &SqlLimits,
    home: &Home,
) -> std::result::Result<Arc<dyn ExecutionPlan>, SqlError> {
    let explain = |error: DataFusionError| describe(&error, home, limits);
    let plan = state.statement_to_plan(statement).await.map_err(explain)?;
    stages::look(&plan, home).map_err(explain)?;
    reads_only(&plan).map_err(explain)?;
    let plan = bounded(plan, limits).map_err(explain)?;
    let plan = state.create_physical_plan(&plan).await.map_err(explain)?;
    // EXPLAIN shows a plan that failed as far as it came: what stopped it is still told as an error.
    if let Some(ours) = home.take_failure() {
        return Err(ours);
    }
    stages::look_physical(&plan, home).map_err(explain)?;
    watch::watched(plan, home).map_err(explain)
}

fn session(limits: &SqlLimits, env: &Env, home: &Home) -> Result<SessionState> {
    let mut config = SessionConfig::new()
        .with_target_partitions(limits.threads.max(1))
        .with_batch_size(BATCH_ROWS)
        .with_information_schema(true)
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(CATALOG, SCHEMA);
    // A number with a point is a decimal: comparing prices with it is exact.
    config.options_mut().sql_parser.parse_float_as_decimal = true;
    let catalogs = MemoryCatalogProviderList::new();
    catalogs.register_catalog(CATALOG.to_owned(), tables::catalog(env, home)?);
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime(limits)?)
        .with_catalog_list(Arc::new(catalogs));
    Ok(stages::install(functions::install(state), home).build())
}

/// Memory with a bound, no disk, and no way to any file.
fn runtime(limits: &SqlLimits) -> Result<Arc<RuntimeEnv>> {
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(limits.memory_bytes)))
        .with_disk_manager_builder(disk)
        .build_arc()?;
    drop(runtime.deregister_object_store(ObjectStoreUrl::local_filesystem().as_ref())?);
    Ok(runtime)
}

/// The second look, at the plan: whatever the words were, it must not change anything.
fn reads_only(plan: &LogicalPlan) -> Result<()> {
    SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false).verify_plan(plan)?;
    plan.apply_with_subqueries(|node| match node {
        LogicalPlan::Ddl(_)
        | LogicalPlan::Dml(_)
        | LogicalPlan::Copy(_)
        | LogicalPlan::Statement(_)
        | LogicalPlan::Extension(_)
        | LogicalPlan::RecursiveQuery(_)
        | LogicalPlan::Unnest(_) => Err(DataFusionError::Plan("the plan does more than read".to_owned())),
        _ => Ok(TreeNodeRecursion::Continue),
    })?;
    Ok(())
}

/// One row more than the limit shows that there are too many; no more are needed.
fn bounded(plan: LogicalPlan, limits: &SqlLimits) -> Result<LogicalPlan> {
    match plan {
        LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_) => Ok(plan),
        plan => {
            let most = usize::try_from(limits.rows.saturating_add(1)).unwrap_or(usize::MAX);
            LogicalPlanBuilder::from(plan).limit(0, Some(most))?.build()
        }
    }
}

/// Our own error, if one of ours is behind it; else what the library's error means to the one who asked.
pub(crate) fn describe(error: &DataFusionError, home: &Home, limits: &SqlLimits) -> SqlError {
    if let Some(ours) = home.take_failure() {
        return ours;
    }
    let root = error.find_root();
    let first_line = || root.message().lines().next().unwrap_or_default().to_owned();
    match root {
        DataFusionError::ResourcesExhausted(_) => SqlError::OutOfMemory { limit: limits.memory_bytes },
        DataFusionError::Plan(_)
        | DataFusionError::SchemaError(..)
        | DataFusionError::SQL(..)
        | DataFusionError::NotImplemented(_)
        | DataFusionError::Configuration(_) => SqlError::Invalid { what: first_line() },
        DataFusionError::ArrowError(..) | DataFusionError::Execution(_) => SqlError::BadValue { what: first_line() },
        _ => SqlError::Engine { doing: "running a query", source: error.to_string().into() },
    }
}
