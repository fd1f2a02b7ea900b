//! The language that statements are read in, and a bound on how long reading one may take.
//!
//! The parser tries one reading of a word after another, and each try reads what is nested in it anew: `NOT (NOT (NOT (...` is
//! read twice as often with each step, and nothing but its end can stop it. It asks its dialect before each expression, so
//! there the tries are counted. What has no expressions between its parentheses is bounded by [`NESTING_MAX`] alone.

use datafusion::sql::sqlparser::{
    ast::Expr,
    dialect::{Dialect, GenericDialect},
    parser::{Parser, ParserError},
};
use std::{any::TypeId, cell::Cell};

/// Steps from the statement to its innermost part. Reading it takes at most a third more time with each.
pub(super) const NESTING_MAX: usize = 36;
/// Expressions that the parser may begin to read, failed tries included: ten for each word of the longest statement.
const TRIES_MAX: usize = 10_000;

/// The common dialect without what no question over three tables needs.
#[derive(Debug, Default)]
pub(super) struct Questions {
    tries: Cell<usize>,
}

macro_rules! yes {
    ($($form:ident)*) => { $(fn $form(&self) -> bool { true })* };
}

impl Dialect for Questions {
    fn dialect(&self) -> TypeId {
        TypeId::of::<GenericDialect>()
    }

    fn parse_prefix(&self, _: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        self.tries.set(self.tries.get().saturating_add(1));
        // No other error stops the parser from trying on.
        (self.tries.get() > TRIES_MAX).then_some(Err(ParserError::RecursionLimitExceeded))
    }

    fn is_delimited_identifier_start(&self, first: char) -> bool {
        GenericDialect.is_delimited_identifier_start(first)
    }

    fn is_identifier_start(&self, first: char) -> bool {
        GenericDialect.is_identifier_start(first)
    }

    fn is_identifier_part(&self, next: char) -> bool {
        GenericDialect.is_identifier_part(next)
    }

    yes! {
        allow_extract_custom
        allow_extract_single_quotes
        supports_bitwise_shift_operators
        supports_comma_separated_trim
        supports_explain_with_utility_options
        supports_filter_during_aggregation
        supports_from_first_select
        supports_group_by_expr
        supports_group_by_with_modifier
        supports_interval_options
        supports_left_associative_joins_without_parens
        supports_limit_comma
        supports_nested_comments
        supports_parens_around_table_factor
        supports_pipe_operator
        supports_projection_trailing_commas
        supports_select_wildcard_except
        supports_select_wildcard_exclude
        supports_select_wildcard_rename
        supports_select_wildcard_replace
        supports_string_escape_constant
        supports_unicode_string_literal
        supports_values_as_table_factor
        supports_window_clause_named_window_reference
        supports_window_function_null_treatment_arg
    }
}
