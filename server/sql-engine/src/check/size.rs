//! How large a statement becomes when everything that it names is written out, found before anything of it is planned.
//!
//! A planner writes out each reference to a WITH name, to a subquery and to a column that is an expression: a statement that
//! doubles itself in each of twenty steps is short, and its plan has a million parts. The planner cannot be stopped within a
//! step, and its memory is not counted. So what is estimated here errs towards too much, never towards too little.

use super::{
    ident, part, parts,
    weight::{Column, Shape, Weight},
};
use crate::{SqlError, tables};
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Ident, ObjectName, OrderBy, OrderByKind, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, Statement as Sql, TableAlias, TableFactor, TableWithJoins,
};
use std::rc::Rc;

/// Columns of a table that is none of ours: more than any of the information schema has.
const FOREIGN_COLUMNS: usize = 20;

type Found<T> = Result<T, SqlError>;

/// Refuses the statement if its plan would be too large.
pub(super) fn check(sql: &Sql) -> Found<()> {
    parts::of(&mut Sizes::default(), sql, &Rc::default())?.all.check()
}

/// Walks queries, and knows what is in scope.
#[derive(Default)]
pub(super) struct Sizes {
    /// WITH names, the innermost last.
    named: Vec<(String, Rc<Shape>)>,
    /// Columns of the queries around this one.
    pub(super) outer: Vec<Rc<Vec<Column>>>,
    /// What the windows weigh that the SELECT at hand defines by name.
    pub(super) windows: Weight,
}

impl Sizes {
    pub(super) fn query(&mut self, query: &Query) -> Found<Shape> {
        let known = self.named.len();
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let shape = aliased(self.query(&cte.query)?, &cte.alias);
            self.named.push((ident(&cte.alias.name), Rc::new(shape)));
        }
        let mut shape = match query.body.as_ref() {
            SetExpr::Select(select) => self.select(select, query.order_by.as_ref())?,
            body => {
                let mut shape = self.body(body)?;
                let columns = Rc::new(shape.columns.clone());
                shape.weight.add(parts::of(self, &query.order_by, &columns)?.all);
                shape
            }
        };
        shape.weight.add(parts::of(self, &query.limit_clause, &Rc::default())?.all);
        shape.weight.steps = shape.weight.steps.saturating_add(1);
        self.named.truncate(known);
        shape.weight.check()?;
        Ok(shape)
    }

    fn body(&mut self, body: &SetExpr) -> Found<Shape> {
        match body {
            SetExpr::Select(select) => self.select(select, None),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, right, .. } => {
                let (mut shape, other) = (self.body(left)?, self.body(right)?);
                shape.weight.add(other.weight);
                for (column, other) in shape.columns.iter_mut().zip(&other.columns) {
                    column.weight = column.weight.max(other.weight);
                }
                shape.weight.add(Weight::parts(shape.columns.len() as u64));
                shape.weight.check()?;
                Ok(shape)
            }
            SetExpr::Values(values) => {
                let mut weight = parts::of(self, values, &Rc::default())?.all;
                weight.inputs = weight.inputs.saturating_add(1);
                let width = values.rows.first().map_or(0, |row| row.content.len());
                Ok(Shape { weight, columns: vec![Column::default(); width] })
            }
            other => Ok(Shape { weight: parts::of(self, other, &Rc::default())?.all, columns: Vec::new() }),
        }
    }

    fn select(&mut self, select: &Select, order: Option<&OrderBy>) -> Found<Shape> {
        let mut from = Shape::default();
        for tables in &select.from {
            self.joined(tables, &mut from)?;
        }
        let Shape { mut weight, columns: below } = from;
        // A filter is written out at each of the tables below.
        let copies = weight.inputs.max(1);
        weight.inputs = copies;
        let below = Rc::new(below);
        self.windows = Weight::default();
        self.windows = parts::of(self, &select.named_window, &below)?.all;
        let mut columns = Vec::new();
        for item in &select.projection {
            self.item(item, &below, &mut columns, &mut weight)?;
        }
        weight.add(parts::of(self, &select.selection, &below)?.all.times(copies));
        // What follows may name columns of both sides of the SELECT.
        let both = Rc::new(below.iter().chain(&columns).cloned().collect::<Vec<_>>());
        for filter in [&select.having, &select.qualify] {
            weight.add(parts::of(self, filter, &both)?.all.times(copies));
        }
        weight.add(self.grouped(&select.group_by, &both, &columns)?);
        weight.add(parts::of(self, &select.distinct, &both)?.all);
        if let Some(order) = order {
            weight.add(self.ordered(order, &both, &columns)?);
        }
        weight.check()?;
        Ok(Shape { weight, columns })
    }

    fn grouped(&mut self, by: &GroupByExpr, both: &Rc<Vec<Column>>, columns: &[Column]) -> Found<Weight> {
        let mut found = parts::of(self, by, both)?;
        let modifiers = match by {
            GroupByExpr::All(modifiers) => {
                found.all.add(all_of(columns));
                modifiers
            }
            GroupByExpr::Expressions(_, modifiers) => modifiers,
        };
        if !modifiers.is_empty() {
            return Err(SqlError::refused("GROUP BY ... WITH"));
        }
        found.check_sets()?;
        found.all.add(heaviest_of(columns).times(found.numbers));
        Ok(found.all.times(found.sets))
    }

    fn ordered(&mut self, order: &OrderBy, both: &Rc<Vec<Column>>, columns: &[Column]) -> Found<Weight> {
        let found = parts::of(self, order, both)?;
        let mut weight = found.all;
        weight.add(heaviest_of(columns).times(found.numbers));
        if matches!(order.kind, OrderByKind::All(_)) {
            weight.add(all_of(columns));
        }
        Ok(weight)
    }

    /// One item of a SELECT list: its columns, and what they add.
    fn item(
        &mut self,
        item: &SelectItem,
        below: &Rc<Vec<Column>>,
        columns: &mut Vec<Column>,
        weight: &mut Weight,
    ) -> Found<()> {
        let found = parts::of(self, item, below)?;
        weight.add(found.all);
        let column = |name| Column { of: String::new(), name, weight: found.bare };
        match item {
            SelectItem::UnnamedExpr(Expr::Identifier(name)) => columns.push(column(Some(lower(name)))),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => columns.push(column(names.last().map(lower))),
            SelectItem::UnnamedExpr(_) => columns.push(column(None)),
            SelectItem::ExprWithAlias { alias, .. } => columns.push(column(Some(lower(alias)))),
            SelectItem::ExprWithAliases { aliases, .. } => {
                columns.extend(aliases.iter().map(|alias| column(Some(lower(alias)))));
            }
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                let table = match item {
                    SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => last(name),
                    _ => None,
                };
                let meant = |column: &&Column| table.as_ref().is_none_or(|table| column.of == *table);
                for column in below.iter().filter(meant) {
                    // A REPLACE may stand in for any of them.
                    columns.push(Column { weight: column.weight.max(found.bare), ..column.clone() });
                    weight.add(Weight::parts(1));
                }
            }
        }
        weight.check()
    }

    fn joined(&mut self, tables: &TableWithJoins, from: &mut Shape) -> Found<()> {
        let first = self.factor(&tables.relation, from)?;
        from.join(first)?;
        for join in &tables.joins {
            let next = self.factor(&join.relation, from)?;
            from.join(next)?;
            let copies = from.weight.inputs;
            let columns = Rc::new(from.columns.clone());
            from.weight.add(parts::of(self, &join.join_operator, &columns)?.all.times(copies));
            from.weight.check()?;
        }
        Ok(())
    }

    fn factor(&mut self, factor: &TableFactor, from: &Shape) -> Found<Shape> {
        let (shape, alias) = match factor {
            TableFactor::Table { name, alias, .. } => (self.table(name), alias),
            TableFactor::Derived { subquery, alias, .. } => {
                self.outer.push(Rc::new(from.columns.clone()));
                let shape = self.query(subquery)?;
                self.outer.pop();
                (shape, alias)
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let mut inner = Shape::default();
                self.joined(table_with_joins, &mut inner)?;
                (inner, alias)
            }
            _ => return Err(SqlError::refused("a table function")),
        };
        Ok(match alias {
            Some(alias) => aliased(shape, alias),
            None => shape,
        })
    }

    fn table(&self, name: &ObjectName) -> Shape {
        let own = last(name).unwrap_or_default();
        // As the planner looks it up: `a.b` may mean what WITH calls "a.b".
        let whole = name.0.iter().map(part).collect::<Vec<_>>().join(".");
        if let Some((_, shape)) = self.named.iter().rev().find(|(known, _)| *known == whole) {
            return Shape::clone(shape).renamed(&own, std::iter::empty());
        }
        let columns: Vec<Column> = match tables::columns(&own) {
            Some(names) => names.into_iter().map(|name| Column::plain(&own, Some(name))).collect(),
            None => vec![Column::plain(&own, None); FOREIGN_COLUMNS],
        };
        let parts = (columns.len() as u64).saturating_add(1);
        Shape { weight: Weight { inputs: 1, parts, steps: 1 }, columns }
    }
}

fn lower(ident: &Ident) -> String {
    ident.value.to_lowercase()
}

fn last(name: &ObjectName) -> Option<String> {
    name.0.last()?.as_ident().map(lower)
}

fn aliased(shape: Shape, alias: &TableAlias) -> Shape {
    shape.renamed(&lower(&alias.name), alias.columns.iter().map(|column| lower(&column.name)))
}

fn heaviest_of(columns: &[Column]) -> Weight {
    columns.iter().fold(Weight::default(), |most, column| most.max(column.weight))
}

fn all_of(columns: &[Column]) -> Weight {
    let mut all = Weight::parts(columns.len() as u64);
    columns.iter().for_each(|column| all.add(column.weight));
    all
}
