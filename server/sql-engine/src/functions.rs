//! The functions that a statement may call. Only what is listed here exists.
//!
//! Left out are functions that make text or lists grow (their memory is not counted), that draw random numbers, or that tell
//! of the engine.

mod extreme;

use datafusion::{
    execution::session_state::SessionStateBuilder,
    functions, functions_aggregate, functions_window,
    logical_expr::{AggregateUDF, ScalarUDF},
};
use std::sync::Arc;

const SCALAR: &[&str] = &[
    // choice
    "nullif",
    "coalesce",
    "nvl",
    "nvl2",
    "greatest",
    "least",
    "arrow_typeof",
    // time
    "date_bin",
    "date_trunc",
    "date_part",
    "to_date",
    "to_timestamp",
    "to_timestamp_seconds",
    "to_timestamp_millis",
    "to_timestamp_micros",
    "to_timestamp_nanos",
    "from_unixtime",
    "to_unixtime",
    "make_date",
    "now",
    "current_date",
    "current_time",
    // numbers
    "abs",
    "ceil",
    "exp",
    "floor",
    "isnan",
    "iszero",
    "ln",
    "log",
    "log10",
    "log2",
    "power",
    "round",
    "signum",
    "sqrt",
    "trunc",
    // text
    "lower",
    "upper",
    "btrim",
    "ltrim",
    "rtrim",
    "starts_with",
    "ends_with",
    "contains",
    "octet_length",
    "bit_length",
    "character_length",
    "substr",
    "left",
    "right",
    "strpos",
];

const AGGREGATE: &[&str] = &[
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "first_value",
    "last_value",
    "nth_value",
    "median",
    "stddev",
    "stddev_pop",
    "var",
    "var_pop",
    "corr",
    "covar_samp",
    "covar_pop",
    "regr_slope",
    "regr_intercept",
    "regr_r2",
    "bool_and",
    "bool_or",
    "bit_and",
    "bit_or",
    "bit_xor",
    "approx_distinct",
    "approx_median",
    "approx_percentile_cont",
    "percentile_cont",
    "any_value",
    "grouping",
];

/// Whether the function makes one row of many.
pub(crate) fn is_aggregate(name: &str) -> bool {
    AGGREGATE.contains(&name)
}

/// Gives the session its functions.
pub(crate) fn install(state: SessionStateBuilder) -> SessionStateBuilder {
    let scalar = functions::all_default_functions().into_iter().filter(|f: &Arc<ScalarUDF>| SCALAR.contains(&f.name()));
    let aggregate = functions_aggregate::all_default_aggregate_functions()
        .into_iter()
        .filter(|f: &Arc<AggregateUDF>| AGGREGATE.contains(&f.name()))
        .chain(extreme::both());
    state
        .with_scalar_functions(scalar.collect())
        .with_aggregate_functions(aggregate.collect())
        .with_window_functions(functions_window::all_default_window_functions())
        .with_expr_planners(vec![
            Arc::new(functions::core::planner::CoreFunctionPlanner::default()),
            Arc::new(functions::datetime::planner::DatetimeFunctionPlanner),
            Arc::new(functions::unicode::planner::UnicodeFunctionPlanner),
            Arc::new(functions_aggregate::planner::AggregateFunctionPlanner),
            Arc::new(functions_window::planner::WindowFunctionPlanner),
        ])
}
