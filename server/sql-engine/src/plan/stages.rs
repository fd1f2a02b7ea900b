//! Makes planning stoppable.
//!
//! Planning runs without a pause, so no timer can end it. Each of its rules looks whether the query is still wanted before it
//! begins with a part of the plan, and refuses a plan that has grown beyond what any may be.

use crate::{SqlError, home::Home};
use datafusion::{
    common::{
        config::ConfigOptions,
        tree_node::{Transformed, TreeNode as _, TreeNodeRecursion},
    },
    error::Result,
    execution::session_state::SessionStateBuilder,
    logical_expr::LogicalPlan,
    optimizer::{Analyzer, AnalyzerRule, ApplyOrder, Optimizer, OptimizerConfig, OptimizerRule},
    physical_optimizer::{PhysicalOptimizerContext, PhysicalOptimizerRule, optimizer::PhysicalOptimizer},
    physical_plan::ExecutionPlan,
};
use std::sync::Arc;

/// Steps, columns and expressions of a plan. What is estimated of a statement is far below; rules add some of their own.
const PLAN_PARTS_MAX: u64 = 40_000;

/// A rule that stops when its query is over.
#[derive(Debug)]
struct Stage<R: ?Sized> {
    home: Home,
    rule: Arc<R>,
}

fn stages<R: ?Sized>(rules: Vec<Arc<R>>, home: &Home) -> impl Iterator<Item = Arc<Stage<R>>> {
    let home = home.clone();
    rules.into_iter().map(move |rule| Arc::new(Stage { home: home.clone(), rule }))
}

/// Gives the session its rules.
pub(super) fn install(state: SessionStateBuilder, home: &Home) -> SessionStateBuilder {
    let analyzers = stages(Analyzer::new().rules, home).map(|stage| stage as Arc<dyn AnalyzerRule + Send + Sync>);
    let logical = stages(Optimizer::new().rules, home).map(|stage| stage as Arc<dyn OptimizerRule + Send + Sync>);
    let physical = stages(PhysicalOptimizer::new().rules, home);
    let physical = physical.map(|stage| stage as Arc<dyn PhysicalOptimizerRule + Send + Sync>);
    state
        .with_analyzer_rules(analyzers.collect())
        .with_optimizer_rules(logical.collect())
        .with_physical_optimizer_rules(physical.collect())
}

/// Fails if the query is over, or if its plan is larger than any may be.
pub(super) fn look(plan: &LogicalPlan, home: &Home) -> Result<()> {
    let mut parts = 0_u64;
    plan.apply_with_subqueries(|node| {
        home.check()?;
        parts = parts.saturating_add(node.schema().fields().len() as u64);
        add_own(node, &mut parts, home)?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// Adds what one step of a plan has of its own.
fn add_own(node: &LogicalPlan, parts: &mut u64, home: &Home) -> Result<()> {
    *parts = parts.saturating_add(1);
    node.apply_expressions(|expr| {
        expr.apply(|_| {
            *parts = parts.saturating_add(1);
            match *parts > PLAN_PARTS_MAX {
                true => Err(too_large(home)),
                false => Ok(TreeNodeRecursion::Continue),
            }
        })
    })?;
    if *parts > PLAN_PARTS_MAX { Err(too_large(home)) } else { Ok(()) }
}

fn too_large(home: &Home) -> datafusion::error::DataFusionError {
    home.fail(SqlError::TooLarge { limit: PLAN_PARTS_MAX, unit: "steps, expressions and columns" })
}

/// The same for a plan that can run.
pub(super) fn look_physical(plan: &Arc<dyn ExecutionPlan>, home: &Home) -> Result<()> {
    let mut parts = 0_u64;
    plan.apply(|node| {
        home.check()?;
        parts = parts.saturating_add(1).saturating_add(node.schema().fields().len() as u64);
        match parts > PLAN_PARTS_MAX {
            true => Err(too_large(home)),
            false => Ok(TreeNodeRecursion::Continue),
        }
    })?;
    Ok(())
}

impl AnalyzerRule for Stage<dyn AnalyzerRule + Send + Sync> {
    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        look(&plan, &self.home)?;
        let plan = self.rule.analyze(plan, config)?;
        look(&plan, &self.home)?;
        Ok(plan)
    }

    fn name(&self) -> &str {
        self.rule.name()
    }
}

impl OptimizerRule for Stage<dyn OptimizerRule + Send + Sync> {
    fn name(&self) -> &str {
        self.rule.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.rule.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        // A rule with an order is called for each step of the plan, and the others for all of it.
        match self.rule.apply_order() {
            None => look(&plan, &self.home)?,
            Some(_) => self.home.check()?,
        }
        let plan = self.rule.rewrite(plan, config)?;
        add_own(&plan.data, &mut 0, &self.home)?;
        Ok(plan)
    }
}

impl PhysicalOptimizerRule for Stage<dyn PhysicalOptimizerRule + Send + Sync> {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        look_physical(&plan, &self.home)?;
        self.rule.optimize(plan, config)
    }

    fn optimize_with_context(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        context: &dyn PhysicalOptimizerContext,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        look_physical(&plan, &self.home)?;
        self.rule.optimize_with_context(plan, context)
    }

    fn name(&self) -> &str {
        self.rule.name()
    }

    fn schema_check(&self) -> bool {
        self.rule.schema_check()
    }
}
