//! Makes joins stoppable.
//!
//! A task is stopped when it yields, and yields when it has taken some batches from a leaf. A join can compare one batch from a
//! leaf with millions of rows before it takes the next: so each of its comparisons looks whether the query is still wanted, and
//! each batch that it gives counts towards the next yield.

use crate::home::Home;
use datafusion::{
    arrow::{
        array::RecordBatch,
        datatypes::{FieldRef, Schema},
    },
    common::tree_node::{Transformed, TreeNode},
    error::{DataFusionError, Result},
    logical_expr::ColumnarValue,
    physical_expr::PhysicalExpr,
    physical_plan::{
        ExecutionPlan,
        coop::CooperativeExec,
        joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder, utils::JoinFilter},
    },
};
use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

/// The same plan with joins that stop when the query is over.
pub(super) fn watched(plan: Arc<dyn ExecutionPlan>, home: &Home) -> Result<Arc<dyn ExecutionPlan>> {
    let watch = |filter: Option<&JoinFilter>| filter.map(|filter| watched_filter(filter, home));
    let rewrite = |node: Arc<dyn ExecutionPlan>| {
        let join: Arc<dyn ExecutionPlan> = if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>() {
            let (left, right) = (Arc::clone(join.left()), Arc::clone(join.right()));
            let builder = NestedLoopJoinExecBuilder::new(left, right, *join.join_type());
            let builder = builder.with_projection_ref(join.projection().clone());
            Arc::new(builder.with_filter(watch(join.filter())).build()?)
        } else if let Some(join) = node.downcast_ref::<HashJoinExec>() {
            join.builder().with_filter(watch(join.filter())).build_exec()?
        } else if node.is::<CrossJoinExec>() {
            node
        } else {
            return Ok(Transformed::no(node));
        };
        Ok(Transformed::yes(Arc::new(CooperativeExec::new(join)) as Arc<dyn ExecutionPlan>))
    };
    Ok(plan.transform_up(rewrite)?.data)
}

fn watched_filter(filter: &JoinFilter, home: &Home) -> JoinFilter {
    let watched = Watched { inner: Arc::clone(filter.expression()), home: home.clone() };
    JoinFilter::new(Arc::new(watched), filter.column_indices().to_vec(), Arc::clone(filter.schema()))
}

/// An expression that fails when its query is over, and else is the one inside.
#[derive(Debug, Clone)]
struct Watched {
    inner: Arc<dyn PhysicalExpr>,
    home: Home,
}

impl PartialEq for Watched {
    fn eq(&self, other: &Self) -> bool {
        self.inner.eq(&other.inner)
    }
}

impl Eq for Watched {}

impl Hash for Watched {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl PhysicalExpr for Watched {
    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.home.check()?;
        self.inner.evaluate(batch)
    }

    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.inner.return_field(schema)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        let inner = children.into_iter().next();
        let inner = inner.ok_or_else(|| DataFusionError::Internal("a watched filter without its filter".to_owned()))?;
        Ok(Arc::new(Self { inner, home: self.home.clone() }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(f)
    }
}
