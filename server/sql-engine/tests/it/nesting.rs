//! Statements that are short and nested are read, or refused, in a moment, and without breaking the stack.

use crate::{
    layout::quotes,
    world::{MONDAY, World, source},
};
use aitrading_env::Env;
use aitrading_sql_engine::{Format, SqlLimits};
use std::time::Duration;

/// Without optimisation and beside other tests; unbounded, each takes hours.
const SOON: Duration = Duration::from_secs(20);
const DEPTHS: [usize; 5] = [8, 16, 20, 40, 60];

/// What opens a level, what is innermost, and what closes a level.
const NESTED: &[(&str, &str, &str)] = &[
    ("SELECT (", "1", ")"),
    ("SELECT NOT (", "1 2 3", ")"),
    ("SELECT not(", ",", "> x"),
    ("SELECT ARRAY[", "bad bad bad", "]"),
    ("SELECT [", "bad bad bad", "]"),
    ("SELECT POSITION(", "x", ", 1)"),
    ("SELECT CAST(", "1 2 3", " AS INT)"),
    ("SELECT CASE WHEN ", "1", " THEN 1 END"),
    ("SELECT CASE WHEN (", "1 2", ") THEN 1 END"),
    ("SELECT TRIM(FLOOR(", "1 2 3", "))"),
    ("SELECT EXTRACT(YEAR FROM (", "1 2 3", "))"),
    ("SELECT INTERVAL (", "1 2 3", ")"),
    ("SELECT MAP {", "1 2 3", "}"),
    ("SELECT STRUCT(", "1 2 3", ")"),
    ("SELECT f(NOT (", "1 2 3", "))"),
    ("SELECT 1 IN ((", "1 2 3", "))"),
    ("SELECT EXISTS (SELECT ", "1 2 3", ")"),
    ("SELECT f(x -> ", "1 2 3", ")"),
    ("SELECT CAST(1 AS ARRAY<", "INT", ">)"),
    ("SELECT CAST(1 AS STRUCT<a ", "INT 1", ">)"),
    ("SELECT - ", "1 2 3", ""),
    ("SELECT * FROM (", "ticks", ")"),
    ("SELECT * FROM ((", "SELECT 1 1", "))"),
    ("SELECT * FROM (", "ticks", " JOIN bars ON 1)"),
    ("SELECT * FROM ((SELECT * FROM ", "1 2 3", "))"),
    ("SELECT * FROM ((((SELECT * FROM ", "1 2 3", "))))"),
    ("SELECT * FROM ((SELECT * FROM ", "ticks", ") a JOIN ticks ON 1)"),
    ("(", "SELECT 1 2 3", ")"),
    ("(SELECT 1) UNION (", "SELECT 1 2", ")"),
    ("WITH a AS (", "SELECT 1 2", ")"),
    ("EXPLAIN ", "SELECT 1 2", ""),
    ("EXPLAIN (", "SELECT 1 2", ")"),
];

/// The head once, the rest as often as asked.
fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    let (head, open) = match open.strip_prefix("SELECT * FROM ").map(|open| ("SELECT * FROM ", open)) {
        Some(found) => found,
        None => open.strip_prefix("SELECT ").map_or(("", open), |open| ("SELECT ", open)),
    };
    format!("{head}{}{inner}{}", open.repeat(depth), close.repeat(depth))
}

#[tokio::test]
async fn nested_statements_are_answered_or_refused_at_once() {
    let (world, clock) = (World::new(), Env::real());
    for (open, inner, close) in NESTED {
        for depth in DEPTHS {
            let sql = nested(open, inner, close, depth);
            let asked = clock.timeout(SOON, world.bytes(&sql, Format::Csv)).await;
            let answer = asked.unwrap_or_else(|_| panic!("nothing was said for {SOON:?} of {sql}"));
            if let Err(error) = answer {
                let code = aitrading_error::Coded::dna(&error).code;
                assert!(["SQL_INVALID", "SQL_NOT_ALLOWED", "SQL_TOO_LARGE"].contains(&code), "{sql}: {error:?}");
            }
        }
    }
}

#[tokio::test]
async fn nesting_beyond_the_bound_is_refused_as_such() {
    let world = World::new();
    for sql in [nested("SELECT (", "1", ")", 60), nested("SELECT not(", ",", "> x", 60)] {
        let (code, message) = world.code(&sql).await;
        assert_eq!(code, "SQL_NOT_ALLOWED", "{sql}");
        assert!(message.contains("nesting that deep"), "{message}");
    }
}

#[tokio::test]
async fn chains_as_long_as_a_statement_may_be_do_not_break_the_stack() {
    let (world, clock) = (World::new(), Env::real());
    world.add_file(source(1, 7, "EURUSD"), &quotes(MONDAY, 10, 1_000, 54), 1);
    let words = SqlLimits::default().sql_words;
    for (head, part, size) in [
        ("SELECT seq", " IS NULL", 2),
        ("SELECT seq", "::INT", 2),
        ("SELECT seq", "[1]", 3),
        ("SELECT a", ".a", 2),
        ("SELECT CAST(1 AS INT", "[]", 2),
        ("SELECT seq", " BETWEEN 1 AND 2", 4),
        ("SELECT seq", " AT TIME ZONE 'UTC'", 4),
        ("SELECT seq FROM ticks WHERE seq = 1", " AND NOT seq = 1", 5),
        ("SELECT 1 FROM ticks", " NATURAL JOIN ticks", 3),
        ("", "EXPLAIN ", 1),
        ("", "BEGIN ", 1),
    ] {
        let mut sql = head.to_owned() + &part.repeat((words - 20) / size);
        if head.contains("CAST") {
            sql.push(')');
        }
        if head == "SELECT seq" {
            sql.push_str(" FROM ticks");
        }
        let asked = clock.timeout(SOON, world.bytes(&sql, Format::Csv)).await;
        let answer = asked.unwrap_or_else(|_| panic!("nothing was said for {SOON:?} of {head}{part}{part}..."));
        if let Err(error) = answer {
            let code = aitrading_error::Coded::dna(&error).code;
            let known = ["SQL_INVALID", "SQL_NOT_ALLOWED", "SQL_TOO_LARGE", "SQL_BAD_VALUE"];
            assert!(known.contains(&code), "{head}{part}: {error:?}");
        }
    }
}
