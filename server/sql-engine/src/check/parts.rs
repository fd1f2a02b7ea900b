//! The expressions in one clause of a query: how many there are when the columns that they name are written out.

use super::{
    size::Sizes,
    weight::{Column, Weight, heaviest},
};
use crate::{SqlError, functions};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, Query, UnaryOperator, Value, ValueWithSpan, Visit, Visitor, WindowSpec, WindowType,
};
use std::{ops::ControlFlow, rc::Rc};

/// Sets that one GROUP BY may have: CUBE doubles them with each of its columns.
const SETS_MAX: u64 = 64;

/// A CASE of fewer conditions, between true and false, is written as AND and OR.
const TRUTHS_MAX: usize = 3;
/// Bytes of a text that weigh as much as an expression.
const TEXT_BYTES: u64 = 64;

/// What a clause holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
    /// All that is written out.
    pub(super) all: Weight,
    /// Of that, what is written out again wherever the clause's column is named. A column of a window or of groups is computed
    /// where it stands, and then is a column like others.
    pub(super) bare: Weight,
    /// Combinations of CUBE, ROLLUP and GROUPING SETS.
    pub(super) sets: u64,
    /// Numbers: in ORDER BY and GROUP BY, each stands for a column.
    pub(super) numbers: u64,
}

impl Parts {
    pub(super) fn check_sets(&self) -> Result<(), SqlError> {
        match self.sets > SETS_MAX {
            true => Err(SqlError::TooLarge { limit: SETS_MAX, unit: "grouping sets" }),
            false => Ok(()),
        }
    }
}

/// Counts a clause of a query that sees `columns`.
pub(super) fn of(sizes: &mut Sizes, clause: &impl Visit, columns: &Rc<Vec<Column>>) -> Result<Parts, SqlError> {
    let found = Parts { all: Weight::default(), bare: Weight::default(), sets: 1, numbers: 0 };
    let mut count = Count { sizes, columns, found, queries: 0, sealed: 0, copies: Vec::new() };
    match clause.visit(&mut count) {
        ControlFlow::Continue(()) => Ok(count.found),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Count<'a> {
    sizes: &'a mut Sizes,
    columns: &'a Rc<Vec<Column>>,
    found: Parts,
    /// Within so many queries; they are counted by themselves.
    queries: usize,
    /// Within so many functions whose result is computed where it stands.
    sealed: usize,
    /// How often what is visited now is written out, by each of the expressions around it.
    copies: Vec<u64>,
}

type Step = ControlFlow<SqlError>;

impl Count<'_> {
    fn add(&mut self, weight: Weight) -> Step {
        let weight = weight.times(self.copies.last().copied().unwrap_or(1));
        self.found.all.add(weight);
        if self.sealed == 0 {
            self.found.bare.add(weight);
        }
        match self.found.all.check() {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn column(&self, name: &str) -> Weight {
        let outer = self.sizes.outer.iter().flat_map(|columns| columns.iter());
        heaviest(self.columns.iter().chain(outer), &name.to_lowercase())
    }

    fn function(&mut self, function: &Function) -> Step {
        let named = match &function.over {
            Some(WindowType::NamedWindow(_) | WindowType::WindowSpec(WindowSpec { window_name: Some(_), .. })) => true,
            Some(WindowType::WindowSpec(_)) | None => false,
        };
        // The window's definition is copied to where it is named.
        if named { self.add(self.sizes.windows) } else { ControlFlow::Continue(()) }
    }
}

fn seals(expr: &Expr) -> bool {
    let Expr::Function(function) = expr else { return false };
    function.over.is_some() || functions::is_aggregate(&name_of(function))
}

/// How often the planner writes out what is within the expression, to make simpler ones of it.
fn copies(expr: &Expr) -> u64 {
    match expr {
        Expr::Between { .. } | Expr::Extract { .. } => 2,
        Expr::AnyOp { .. } | Expr::AllOp { .. } => 3,
        Expr::Case { conditions, else_result, .. } => {
            let results = conditions.iter().map(|when| &when.result).chain(else_result.as_deref());
            if results.clone().any(is_no_truth) {
                1
            } else if conditions.len() < TRUTHS_MAX || results.into_iter().all(is_literal) {
                (conditions.len() as u64).saturating_add(1)
            } else {
                1
            }
        }
        Expr::Function(function) => match name_of(function).as_str() {
            "coalesce" | "nvl" | "ifnull" | "nvl2" | "date_part" | "datepart" | "date_trunc" | "datetrunc"
            | "floor" => 2,
            _ => 1,
        },
        _ => 1,
    }
}

/// Not a value of true and false: a CASE with such a result stays what it is.
fn is_no_truth(expr: &Expr) -> bool {
    use BinaryOperator as Op;
    match expr {
        Expr::Value(value) => !matches!(value.value, Value::Boolean(_) | Value::Null),
        Expr::BinaryOp { op, .. } => matches!(op, Op::Plus | Op::Minus | Op::Multiply | Op::Divide | Op::Modulo),
        Expr::UnaryOp { op, .. } => matches!(op, UnaryOperator::Minus | UnaryOperator::Plus),
        Expr::Nested(inner) => is_no_truth(inner),
        _ => false,
    }
}

fn is_literal(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(_))
}

fn name_of(function: &Function) -> String {
    let name = function.name.0.last().and_then(|last| last.as_ident());
    name.map(|name| name.value.to_lowercase()).unwrap_or_default()
}

fn power(columns: usize) -> u64 {
    u32::try_from(columns).ok().and_then(|columns| 1_u64.checked_shl(columns)).unwrap_or(u64::MAX)
}

impl Visitor for Count<'_> {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &Query) -> Step {
        self.queries = self.queries.saturating_add(1);
        if self.queries > 1 {
            return ControlFlow::Continue(());
        }
        let windows = std::mem::take(&mut self.sizes.windows);
        self.sizes.outer.push(Rc::clone(self.columns));
        let shape = self.sizes.query(query);
        self.sizes.outer.pop();
        self.sizes.windows = windows;
        match shape {
            Ok(shape) => self.add(shape.weight),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_query(&mut self, _: &Query) -> Step {
        self.queries = self.queries.saturating_sub(1);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> Step {
        if self.queries > 0 {
            return ControlFlow::Continue(());
        }
        let sets = match expr {
            Expr::GroupingSets(sets) => sets.len() as u64,
            Expr::Cube(sets) => power(sets.len()),
            Expr::Rollup(sets) => (sets.len() as u64).saturating_add(1),
            _ => 1,
        };
        self.found.sets = self.found.sets.saturating_mul(sets);
        if let Expr::Value(value) = expr
            && matches!(value.value, Value::Number(..))
        {
            self.found.numbers = self.found.numbers.saturating_add(1);
        }
        let mut weight = Weight::parts(1);
        match expr {
            Expr::Identifier(name) => weight = weight.max(self.column(&name.value)),
            Expr::CompoundIdentifier(names) => {
                let name = names.last().map(|name| name.value.as_str()).unwrap_or_default();
                weight = weight.max(self.column(name));
            }
            Expr::Function(function) => self.function(function)?,
            _ => {}
        }
        self.add(weight)?;
        self.sealed = self.sealed.saturating_add(usize::from(seals(expr)));
        self.copies.push(self.copies.last().copied().unwrap_or(1).saturating_mul(copies(expr)));
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> Step {
        if self.queries > 0 {
            return ControlFlow::Continue(());
        }
        // A text is copied with its expression.
        let bytes = value.value.to_string().len() as u64;
        self.add(Weight::parts(bytes.checked_div(TEXT_BYTES).unwrap_or_default()))
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> Step {
        if self.queries == 0 {
            self.sealed = self.sealed.saturating_sub(usize::from(seals(expr)));
            self.copies.pop();
        }
        ControlFlow::Continue(())
    }
}
