//! What a statement may be: one question over the three tables. Everything that is not known to be harmless is refused.

mod dialect;
mod parts;
mod size;
mod weight;

use crate::{SqlError, SqlLimits};
use datafusion::{
    error::DataFusionError,
    sql::{
        parser::{DFParserBuilder, Statement},
        sqlparser::{
            ast::{
                BinaryOperator, Expr, Ident, ObjectName, ObjectNamePart, Query, Select, SetExpr, Statement as Sql,
                TableFactor, Value, ValueWithSpan, Visit, Visitor,
            },
            parser::ParserError,
            tokenizer::{Token, TokenWithSpan, Tokenizer},
        },
    },
};
use dialect::{NESTING_MAX, Questions};
use std::ops::ControlFlow;

/// Catalogue and schema of the three tables.
pub(crate) const CATALOG: &str = "aitrading";
pub(crate) const SCHEMA: &str = "public";
const INFORMATION_SCHEMA: &str = "information_schema";
/// What may be read of the information schema. Its other tables tell of the engine, not of the data.
const INFORMATION_TABLES: [&str; 2] = ["tables", "columns"];
/// Queries inside queries.
const DEPTH_MAX: usize = 16;
/// UNION, EXCEPT and INTERSECT in one statement.
const SET_OPERATIONS_MAX: usize = 64;

/// The statement, if it only reads.
pub(crate) fn check(sql: &str, limits: &SqlLimits) -> Result<Statement, SqlError> {
    let dialect = Questions::default();
    let tokens = Tokenizer::new(&dialect, sql).tokenize_with_location().map_err(|e| invalid(&e))?;
    let words = |token: &&TokenWithSpan| !matches!(token.token, Token::Whitespace(_));
    if tokens.iter().filter(words).count() > limits.sql_words {
        return Err(SqlError::TooLong { limit: limits.sql_words, unit: "words and signs" });
    }
    let parser = DFParserBuilder::new(tokens).with_dialect(&dialect).with_recursion_limit(NESTING_MAX).build();
    let statements = parser.and_then(|mut parser| parser.parse_statements());
    let mut statements = statements.map_err(|e| unread(&e))?;
    let statement = statements.pop_front().ok_or_else(|| SqlError::refused("an empty statement"))?;
    if !statements.is_empty() {
        return Err(SqlError::refused("more than one statement"));
    }
    top(&statement)?;
    Ok(statement)
}

fn unread(error: &DataFusionError) -> SqlError {
    match error.find_root() {
        DataFusionError::SQL(error, _) if matches!(**error, ParserError::RecursionLimitExceeded) => {
            SqlError::refused("nesting that deep")
        }
        _ => invalid(&error.strip_backtrace()),
    }
}

fn invalid(what: &dyn ToString) -> SqlError {
    let what = what.to_string();
    SqlError::Invalid { what: what.lines().next().unwrap_or_default().to_owned() }
}

fn top(statement: &Statement) -> Result<(), SqlError> {
    match statement {
        Statement::Statement(sql) => walk(sql),
        Statement::Explain(explain) => match explain.statement.as_ref() {
            Statement::Statement(sql) if matches!(**sql, Sql::Query(_)) => walk(sql),
            other => Err(SqlError::refused(format!("EXPLAIN of {}", first_words(other)))),
        },
        other => Err(SqlError::refused(first_words(other))),
    }
}

/// The statement's first two words: enough to know it by, too few to repeat secrets.
fn first_words(statement: &dyn ToString) -> String {
    let text = statement.to_string();
    let words: Vec<&str> = text.split_whitespace().take(2).collect();
    words.join(" ")
}

fn walk(sql: &Sql) -> Result<(), SqlError> {
    match sql.visit(&mut Reads::default()) {
        ControlFlow::Continue(()) => size::check(sql),
        ControlFlow::Break(error) => Err(error),
    }
}

/// Walks a statement and stops at the first thing that does more than read.
#[derive(Default)]
struct Reads {
    depth: usize,
    set_operations: usize,
}

type Step = ControlFlow<SqlError>;

fn refuse(what: impl Into<String>) -> Step {
    ControlFlow::Break(SqlError::refused(what))
}

fn unless(bad: bool, what: &str) -> Step {
    if bad { refuse(what) } else { ControlFlow::Continue(()) }
}

impl Visitor for Reads {
    type Break = SqlError;

    fn pre_visit_statement(&mut self, statement: &Sql) -> Step {
        match statement {
            Sql::Query(_) | Sql::ExplainTable { .. } => ControlFlow::Continue(()),
            Sql::ShowTables { terse, history, extended, full, external, show_options } => {
                let options = [*terse, *history, *extended, *full, *external].contains(&true);
                unless(options || !show_options.to_string().trim().is_empty(), "SHOW TABLES with options")
            }
            Sql::Explain { statement, .. } if matches!(**statement, Sql::Query(_)) => ControlFlow::Continue(()),
            other => refuse(first_words(other)),
        }
    }

    fn pre_visit_query(&mut self, query: &Query) -> Step {
        self.depth = self.depth.saturating_add(1);
        unless(self.depth > DEPTH_MAX, "nesting queries that deep")?;
        let recursive = query.with.as_ref().is_some_and(|with| with.recursive);
        unless(recursive, "WITH RECURSIVE")?;
        unless(!query.locks.is_empty(), "locking rows")?;
        unless(query.for_clause.is_some(), "FOR XML, JSON or BROWSE")?;
        unless(query.settings.is_some(), "SETTINGS")?;
        unless(query.format_clause.is_some(), "FORMAT")?;
        unless(!query.pipe_operators.is_empty(), "a pipe operator")?;
        self.body(&query.body)
    }

    fn post_visit_query(&mut self, _: &Query) -> Step {
        self.depth = self.depth.saturating_sub(1);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> Step {
        unless(select.into.is_some(), "SELECT INTO")
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> Step {
        match factor {
            TableFactor::Table { args, version, json_path, sample, .. } => {
                unless(args.is_some(), "a table function")?;
                unless(version.is_some() || json_path.is_some() || sample.is_some(), "a versioned or sampled table")
            }
            TableFactor::Derived { .. } | TableFactor::NestedJoin { .. } => ControlFlow::Continue(()),
            _ => refuse("a table function"),
        }
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> Step {
        let parts: Vec<String> = name.0.iter().map(part).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let known = match *parts.as_slice() {
            // One word is a table or a query's own name; the planner knows which names there are.
            [_] | [SCHEMA, _] | [CATALOG, SCHEMA, _] => true,
            [INFORMATION_SCHEMA, table] | [CATALOG, INFORMATION_SCHEMA, table] => INFORMATION_TABLES.contains(&table),
            _ => false,
        };
        unless(!known, &format!("the table {name}"))
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> Step {
        unless(matches!(value.value, Value::Placeholder(_)), "a placeholder")
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> Step {
        // Text that grows with every step of a query is not counted by the memory limit.
        let joins = matches!(expr, Expr::BinaryOp { op: BinaryOperator::StringConcat, .. });
        unless(joins, "joining text with ||")?;
        // A few letters make an automaton of millions of states, and nothing stops its making.
        unless(is_pattern(expr), "a regular expression")
    }
}

fn is_pattern(expr: &Expr) -> bool {
    use BinaryOperator as Op;
    let op = match expr {
        Expr::SimilarTo { .. } | Expr::RLike { .. } => return true,
        Expr::BinaryOp { op, .. } | Expr::AnyOp { compare_op: op, .. } | Expr::AllOp { compare_op: op, .. } => op,
        _ => return false,
    };
    matches!(op, Op::PGRegexMatch | Op::PGRegexIMatch | Op::PGRegexNotMatch | Op::PGRegexNotIMatch | Op::Regexp)
}

/// A name as the planner reads it: without quotes it is lower case.
fn part(part: &ObjectNamePart) -> String {
    part.as_ident().map(ident).unwrap_or_default()
}

fn ident(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_ascii_lowercase(),
    }
}

impl Reads {
    /// The derived walk does not tell these apart, so the tree of set operations is walked here.
    fn body(&mut self, body: &SetExpr) -> Step {
        let mut todo = vec![body];
        while let Some(body) = todo.pop() {
            match body {
                // A query in parentheses is visited as a query of its own.
                SetExpr::Select(_) | SetExpr::Values(_) | SetExpr::Query(_) | SetExpr::Table(_) => {}
                SetExpr::SetOperation { left, right, .. } => {
                    self.set_operations = self.set_operations.saturating_add(1);
                    unless(self.set_operations > SET_OPERATIONS_MAX, "that many UNION, EXCEPT or INTERSECT")?;
                    todo.extend([left.as_ref(), right.as_ref()]);
                }
                _ => return refuse("INSERT, UPDATE, DELETE or MERGE"),
            }
        }
        ControlFlow::Continue(())
    }
}
