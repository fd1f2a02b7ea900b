//! Which files a query need not open.

use super::Unit;
use crate::tables::{TICKS, millis};
use datafusion::{
    arrow::{
        array::{
            ArrayRef, AsArray, BooleanArray, RecordBatch, StringViewArray, TimestampMillisecondArray, UInt64Array,
        },
        datatypes::{DataType, Field, Schema, SchemaRef},
    },
    catalog::Session,
    common::{Column, DFSchema, pruning::PruningStatistics},
    error::Result,
    logical_expr::{Between, BinaryExpr, Expr, utils::conjunction},
    physical_expr::PhysicalExpr,
    physical_optimizer::pruning::PruningPredicateBuilder,
    scalar::ScalarValue,
};
use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

/// What a filter is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Names account and symbol alone: decides whole files, exactly.
    Sources,
    /// Names time alone: decides most files, and is applied to the rows of the others.
    Times,
    /// May rule out files; rows must still be filtered above.
    Hint,
    /// Cannot be asked here.
    Nothing,
}

/// Times alone, for filters that name nothing else.
pub(super) static TIMES: LazyLock<SchemaRef> =
    LazyLock::new(|| Arc::new(Schema::new(vec![Field::new("time", millis(), false)])));

static SOURCES: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("account", DataType::UInt64, false),
        Field::new("symbol", DataType::Utf8View, false),
    ]))
});

/// What `filter` is good for.
pub(crate) fn usable(filter: &Expr) -> Use {
    let asks = |expr: &Expr| {
        Ok(matches!(
            expr,
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::OuterReferenceColumn(..)
        ))
    };
    let foreign = datafusion::common::tree_node::TreeNode::exists(filter, asks).unwrap_or(true);
    if foreign || filter.is_volatile() {
        return Use::Nothing;
    }
    let columns: BTreeSet<&str> = filter.column_refs().into_iter().map(|column| column.name.as_str()).collect();
    let only = |names: &[&str]| !columns.is_empty() && columns.iter().all(|column| names.contains(column));
    match () {
        () if only(&["account", "symbol"]) => Use::Sources,
        () if only(&["time"]) => Use::Times,
        () => Use::Hint,
    }
}

/// What is left to read, and the filter for rows of units that are not wholly inside.
pub(crate) struct Pruned {
    pub(crate) units: Vec<Unit>,
    pub(crate) filter: Option<Arc<dyn PhysicalExpr>>,
}

/// Drops the units in which no row can pass.
pub(crate) fn prune(state: &dyn Session, filters: &[Expr], mut units: Vec<Unit>) -> Result<Pruned> {
    let mut times = Vec::new();
    for filter in filters {
        match usable(filter) {
            Use::Sources => {
                let kept = of_sources(state, filter, &units)?;
                keep(&mut units, &kept);
            }
            Use::Times => {
                retain_possible(state, filter, &mut units)?;
                times.push(filter.clone());
            }
            Use::Hint => retain_possible(state, filter, &mut units)?,
            Use::Nothing => {}
        }
    }
    for filter in &times {
        // A row that fails the filter passes its opposite: where none can, all rows are inside.
        let outside = match opposite(filter) {
            Some(opposite) => possible(state, &opposite, &units)?,
            None => vec![true; units.len()],
        };
        for (unit, outside) in units.iter_mut().zip(outside) {
            unit.inside &= !outside;
        }
    }
    let filter = conjunction(times).map(|filter| physical(state, filter, &TIMES)).transpose()?;
    Ok(Pruned { units, filter })
}

fn physical(state: &dyn Session, filter: Expr, schema: &SchemaRef) -> Result<Arc<dyn PhysicalExpr>> {
    state.create_physical_expr(bare(filter)?, &DFSchema::try_from(Arc::clone(schema))?)
}

/// The filter with columns that name no table.
fn bare(filter: Expr) -> Result<Expr> {
    use datafusion::common::tree_node::{Transformed, TreeNode};
    let strip = |expr| match expr {
        Expr::Column(column) => Ok(Transformed::yes(Expr::Column(Column::new_unqualified(column.name)))),
        other => Ok(Transformed::no(other)),
    };
    Ok(filter.transform(strip)?.data)
}

fn keep(units: &mut Vec<Unit>, kept: &[bool]) {
    let mut kept = kept.iter();
    units.retain(|_| kept.next().copied().unwrap_or(true));
}

/// Evaluates a filter on account and symbol, once per unit.
fn of_sources(state: &dyn Session, filter: &Expr, units: &[Unit]) -> Result<Vec<bool>> {
    let filter = physical(state, filter.clone(), &SOURCES)?;
    let columns = vec![accounts(units), symbols(units)];
    let kept = filter.evaluate(&RecordBatch::try_new(Arc::clone(&SOURCES), columns)?)?.into_array(units.len())?;
    // Neither true nor false is not true.
    Ok(kept.as_boolean().iter().map(|kept| kept == Some(true)).collect())
}

fn accounts(units: &[Unit]) -> ArrayRef {
    Arc::new(UInt64Array::from_iter_values(units.iter().map(|unit| unit.source.account.0)))
}

fn symbols(units: &[Unit]) -> ArrayRef {
    Arc::new(StringViewArray::from_iter_values(units.iter().map(|unit| unit.source.symbol.to_string())))
}

fn retain_possible(state: &dyn Session, filter: &Expr, units: &mut Vec<Unit>) -> Result<()> {
    let kept = possible(state, filter, units)?;
    keep(units, &kept);
    Ok(())
}

/// For each unit: may a row of it pass?
fn possible(state: &dyn Session, filter: &Expr, units: &[Unit]) -> Result<Vec<bool>> {
    let filter = physical(state, filter.clone(), &TICKS)?;
    let predicate = PruningPredicateBuilder::new().with_file_schema(Arc::clone(&TICKS)).try_build(filter)?;
    predicate.prune(&Known { units })
}

/// The filter that passes exactly the rows that `filter` fails, for filters of the common forms.
fn opposite(filter: &Expr) -> Option<Expr> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            Some(Expr::BinaryExpr(BinaryExpr::new(left.clone(), op.negate()?, right.clone())))
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            Some(Expr::Between(Between::new(expr.clone(), !negated, low.clone(), high.clone())))
        }
        _ => None,
    }
}

/// What is known of the units without opening them.
struct Known<'a> {
    units: &'a [Unit],
}

impl Known<'_> {
    fn times(&self, of: fn(&Unit) -> i64) -> ArrayRef {
        Arc::new(TimestampMillisecondArray::from_iter_values(self.units.iter().map(of)).with_timezone("UTC"))
    }
}

impl PruningStatistics for Known<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        match column.name.as_str() {
            "account" => Some(accounts(self.units)),
            "symbol" => Some(symbols(self.units)),
            "time" => Some(self.times(|unit| unit.min)),
            _ => None,
        }
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        match column.name.as_str() {
            "time" => Some(self.times(|unit| unit.max)),
            _ => self.min_values(column),
        }
    }

    fn num_containers(&self) -> usize {
        self.units.len()
    }

    fn null_counts(&self, _: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(UInt64Array::from_iter_values(self.units.iter().map(|unit| unit.rows))))
    }

    #[expect(clippy::disallowed_types, reason = "the trait's own signature; its order is never looked at")]
    fn contained(&self, _: &Column, _: &std::collections::HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
