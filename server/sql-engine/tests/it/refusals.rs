//! Statements that do more than ask, or ask for more than three tables.

use crate::{
    layout::quotes,
    world::{MONDAY, World, source},
};
use aitrading_sql_engine::SqlLimits;

const NOT_ALLOWED: &[&str] = &[
    // more or less than one question
    "",
    ";",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE ticks",
    // definitions
    "CREATE TABLE t (a INT)",
    "CREATE TABLE t AS SELECT * FROM ticks",
    "CREATE VIEW v AS SELECT * FROM ticks",
    "CREATE OR REPLACE VIEW ticks AS SELECT 1",
    "CREATE SCHEMA s",
    "CREATE DATABASE d",
    "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
    "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 'https://example.org/x.parquet'",
    "CREATE FUNCTION f(DOUBLE) RETURNS DOUBLE RETURN $1 + 1",
    "CREATE INDEX i ON ticks (bid)",
    "DROP TABLE ticks",
    "DROP VIEW ticks",
    "DROP SCHEMA public CASCADE",
    "ALTER TABLE ticks ADD COLUMN a INT",
    "TRUNCATE TABLE ticks",
    // changes
    "INSERT INTO ticks SELECT * FROM ticks",
    "INSERT INTO bars VALUES (1)",
    "UPDATE ticks SET bid = 1",
    "DELETE FROM ticks",
    "MERGE INTO ticks USING bars ON true WHEN MATCHED THEN DELETE",
    "WITH x AS (INSERT INTO ticks SELECT * FROM ticks RETURNING *) SELECT * FROM x",
    "SELECT * INTO copy FROM ticks",
    // files
    "COPY ticks TO '/tmp/out.csv'",
    "COPY (SELECT * FROM ticks) TO '/tmp/out.parquet' STORED AS PARQUET",
    "SELECT * FROM read_parquet('/etc/passwd')",
    "SELECT * FROM parquet_metadata('/data/x.parquet')",
    "SELECT * FROM generate_series(1, 1000000000000)",
    "SELECT * FROM range(1, 10)",
    "SELECT * FROM TABLE(range(1, 10))",
    "SELECT * FROM UNNEST([1, 2, 3])",
    "SELECT * FROM ticks, LATERAL generate_series(1, seq)",
    // settings, sessions, transactions
    "SET datafusion.execution.batch_size = 1",
    "SET memory_limit = '100G'",
    "RESET datafusion.execution.batch_size",
    "SHOW ALL",
    "SHOW datafusion.execution.batch_size",
    "SHOW FUNCTIONS",
    "SHOW CREATE TABLE ticks",
    "SHOW TABLES LIKE 'x%'",
    "USE other",
    "BEGIN",
    "START TRANSACTION",
    "COMMIT",
    "ROLLBACK",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DEALLOCATE p",
    "KILL QUERY 1",
    "ANALYZE TABLE ticks",
    "GRANT SELECT ON ticks TO x",
    "CALL f()",
    "EXPLAIN DELETE FROM ticks",
    "EXPLAIN COPY ticks TO '/tmp/x.csv'",
    "EXPLAIN EXPLAIN SELECT 1",
    "EXPLAIN CREATE TABLE t AS SELECT 1",
    // other places
    "SELECT * FROM information_schema.df_settings",
    "SELECT * FROM information_schema.routines",
    "SELECT * FROM other.public.ticks",
    "SELECT * FROM other.ticks",
    "SELECT * FROM (SELECT * FROM information_schema.parameters)",
    "SELECT (SELECT count(*) FROM information_schema.df_settings)",
    "DESCRIBE information_schema.df_settings",
    // without an end, or growing unseen
    "WITH RECURSIVE n AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM n) SELECT * FROM n",
    "SELECT symbol || symbol FROM ticks",
    "SELECT symbol ~ '(a{1000}){1000}' FROM ticks",
    "SELECT 'x' !~* 'x'",
    "SELECT symbol SIMILAR TO 'x' FROM ticks",
    "SELECT * FROM ticks FOR UPDATE",
    "SELECT $1",
    "SELECT * FROM ticks WHERE seq = ?",
];

const INVALID: &[&str] = &[
    "SELEC 1",
    "SELECT",
    "SELECT * FROM",
    "SELECT * FROM nowhere",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM \"/data/ticks/x.parquet\"",
    "SELECT tenant FROM ticks",
    "SELECT * FROM ticks WHERE",
    "SELECT 'unclosed FROM ticks",
    "SELECT @@version",
    // functions that are not on the list
    "SELECT repeat('x', 1000000000)",
    "SELECT lpad('x', 1000000000)",
    "SELECT concat(symbol, symbol) FROM ticks",
    "SELECT replace(symbol, 'E', symbol) FROM ticks",
    "SELECT array_agg(bid) FROM ticks",
    "SELECT string_agg(symbol, ',') FROM ticks",
    "SELECT random()",
    "SELECT uuid()",
    "SELECT version()",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT load_extension('x')",
];

async fn check_refused(world: &World, statements: &[&str], wanted: &str) {
    for sql in statements {
        let (code, message) = world.code(sql).await;
        assert_eq!(code, wanted, "{sql}: {message}");
        let cure = if wanted == "SQL_NOT_ALLOWED" { "allowed is one SELECT" } else { "SHOW TABLES and DESCRIBE" };
        assert!(message.contains(cure), "{sql}: {message}");
    }
}

#[tokio::test]
async fn whatever_does_more_than_read_is_refused_with_what_is_allowed() {
    let world = World::new();
    world.add_file(source(1, 7, "EURUSD"), &quotes(MONDAY, 10, 1_000, 21), 1);
    check_refused(&world, NOT_ALLOWED, "SQL_NOT_ALLOWED").await;
    check_refused(&world, INVALID, "SQL_INVALID").await;
    assert_eq!(world.opened(), 1, "only the test's own file was ever touched: by the test that wrote it");
}

#[tokio::test]
async fn questions_of_every_allowed_form_are_answered() {
    let world = World::new();
    world.add_file(source(1, 7, "EURUSD"), &quotes(MONDAY, 100, 1_000, 22), 1);
    for sql in [
        "SELECT 1",
        "SELECT 1;",
        "select Bid from Ticks limit 1 -- a comment",
        "SELECT * FROM aitrading.public.ticks LIMIT 1",
        "VALUES (1), (2)",
        "WITH m AS (SELECT max(bid) AS b FROM ticks) SELECT t.seq FROM ticks t JOIN m ON t.bid = m.b",
        "SELECT seq FROM ticks WHERE bid = (SELECT max(bid) FROM ticks)",
        "SELECT time, lag(bid) OVER (PARTITION BY symbol ORDER BY seq) FROM ticks",
        "SELECT symbol, date_trunc('hour', time) AS h, avg(spread) FROM ticks GROUP BY 1, 2 HAVING count(*) > 1",
        "SELECT bid FROM ticks UNION ALL SELECT ask FROM ticks",
        "SELECT extract(hour FROM time), round(bid, 2), CASE WHEN bid > 1 THEN 'x' ELSE lower(symbol) END FROM ticks",
        "EXPLAIN SELECT * FROM ticks",
        "EXPLAIN ANALYZE SELECT max(bid) FROM ticks",
        "SHOW TABLES",
        "DESCRIBE ticks",
        "DESC bars",
        "SELECT table_name FROM information_schema.tables",
    ] {
        assert!(!world.rows(sql).await.is_empty(), "{sql}");
    }
}

#[tokio::test]
async fn statements_that_are_too_long_wide_or_deep_are_refused_before_they_cost() {
    let world = World::new();
    let chain = |n: usize, sign: &str| format!("SELECT {}", vec!["1"; n].join(sign));
    let cases = [
        (format!("SELECT '{}'", "x".repeat(70_000)), "SQL_TOO_LONG"),
        (chain(5_000, "+"), "SQL_TOO_LONG"),
        (format!("SELECT {}1{}", "(".repeat(400), ")".repeat(400)), "SQL_NOT_ALLOWED"),
        (chain(200, " UNION SELECT "), "SQL_NOT_ALLOWED"),
        (format!("SELECT * FROM {}ticks{}", "(SELECT * FROM ".repeat(18), ")".repeat(18)), "SQL_NOT_ALLOWED"),
    ];
    for (sql, wanted) in cases {
        let (code, message) = world.code(&sql).await;
        assert_eq!(code, wanted, "{}: {message}", &sql[..40]);
    }
}

#[tokio::test]
async fn the_longest_chains_within_the_limits_do_not_break_the_stack() {
    let world = World::new();
    let words = SqlLimits::default().sql_words;
    let chain = |part: &str, sign: &str, n: usize| vec![part; n].join(sign);
    assert_eq!(world.rows(&format!("SELECT {}", chain("1", "+", words / 2 - 2))).await, [(words / 2 - 2).to_string()]);
    let either = chain("seq=1", " OR ", words / 4 - 10);
    assert_eq!(world.rows(&format!("SELECT count(*) FROM ticks WHERE {either}")).await, ["0"]);
    let not = format!("SELECT count(*) FROM ticks WHERE {} seq = 1", "NOT ".repeat(30));
    assert_eq!(world.rows(&not).await, ["0"]);
}
