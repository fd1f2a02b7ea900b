//! The tables that were promised by name and columns: they can be asked as they were given, on both databases.

use crate::{
    platform_rows::fill,
    world::{World, block_on},
};
use aitrading_database_service::Settings;
use aitrading_testkit::servers::Postgres;
use sqlx::{Column, Connection, Row, SqliteConnection, TypeInfo, ValueRef, sqlite::SqliteConnectOptions};

/// A promised table as it is asked, and what it shows of the one record of each kind.
const PROMISED: &[(&str, &[&str])] = &[
    (
        "SELECT log_level, retention_days, storage_tier, compression_algo, compliance_required, cost_per_gb_month, created_at,
             updated_at FROM log_retention_policies",
        &["CRITICAL", "365", "cold", "zstd-19", "1", "0.0231", "2023-11-14 22:13:20.500", "2023-11-14 22:13:20.500"],
    ),
    (
        "SELECT tier_name, technology, max_query_latency_ms, cost_per_gb_month, compression_ratio, is_active
         FROM storage_tiers",
        &["cold", "parquet", "2000", "0.0231", "14.5", "1"],
    ),
    (
        "SELECT date, total_logs_gb, hot_storage_cost, warm_storage_cost, cold_storage_cost, total_monthly_cost,
             savings_vs_uniform FROM log_cost_metrics",
        &["2023-11-14", "123.45", "10.5", "NULL", "0", "99999999.99", "-0.25"],
    ),
    (
        "SELECT id, name, category, description, status, metadata, created_at, updated_at, created_by, version
         FROM chain_definitions",
        &[
            "A1",
            "Signal",
            "trading",
            "words",
            "healthy",
            "{\"a\": \"\\ud800\", \"b\": 1e999}",
            "2023-11-14 22:13:20.500",
            "2023-11-14 22:13:20.500",
            "anna",
            "1",
        ],
    ),
    ("SELECT chain_id, node_name, node_type FROM chain_nodes LIMIT 1", &["A1", "engine", "service"]),
    (
        "SELECT source_node, target_node, edge_type, condition, latency_sla, retry_policy FROM chain_edges",
        &["engine", "gateway", "event", "always", "50", "{\"tries\":3}"],
    ),
    ("SELECT chain_id, depends_on, dependency_type FROM chain_dependencies", &["A1", "B2", "data"]),
    ("SELECT tenant, login, role, status, created_at FROM users", &["1", "anna", "0", "1", "1700000000500000000"]),
    (
        "SELECT COUNT(account), COUNT(user_id), COUNT(tier), COUNT(features), COUNT(region), COUNT(payment), COUNT(place)
         FROM subscriptions",
        &["0"; 7],
    ),
    (
        "SELECT leaf_index, created_at, log_level, event, actor, trace_id FROM audit_logs",
        &[
            "0",
            "2023-11-14 22:13:20.500",
            "CRITICAL",
            "signal.issued",
            "01010101010101010101010101010101",
            "09090909090909090909090909090909",
        ],
    ),
    (
        "SELECT tenant, at, kind, severity, subject, origin, detail FROM security_events",
        &["1", "1700000000500000000", "login.refused", "2", "anna", "203.0.113.9", "{\"tries\":3}"],
    ),
];

/// A row as text, as a person's tool would show it.
fn shown(row: &sqlx::sqlite::SqliteRow) -> Vec<String> {
    let column = |n: usize| {
        let value = row.try_get_raw(n).unwrap();
        match (value.is_null(), value.type_info().name()) {
            (true, _) => "NULL".to_owned(),
            (_, "INTEGER") => row.get::<i64, _>(n).to_string(),
            (_, "REAL") => row.get::<f64, _>(n).to_string(),
            (_, "TEXT") => row.get::<String, _>(n),
            (_, other) => panic!("{} is shown as {other}", row.column(n).name()),
        }
    };
    (0..row.len()).map(column).collect()
}

#[test]
fn promised_tables_are_asked_as_they_were_given() {
    let world = World::new();
    block_on(async {
        let database = world.open(Settings::default()).await.unwrap();
        fill(&database.platform()).await.unwrap();
        database.close().await.unwrap();
        let options = SqliteConnectOptions::new().filename(world.dir.path().join("main.db"));
        let mut conn = SqliteConnection::connect_with(&options).await.unwrap();
        for (statement, expected) in PROMISED {
            let rows = sqlx::query(*statement).fetch_all(&mut conn).await.unwrap();
            assert_eq!(rows.iter().map(shown).collect::<Vec<_>>(), [*expected], "{statement}");
        }
    });
}

/// Times and decimals at their ends; a view over any row that the rules let in must not fail.
const EXTREMES: &str = "
    INSERT INTO log_policies VALUES
        ('DEBUG', 1, 'hot', NULL, FALSE, 99999999990000, -9223372036854775808, 9223372036854775807);
    INSERT INTO log_costs VALUES
        (2932896, 9999999999, 9999999999000000, -9999999999000000, NULL, 0, 1000000), (0, 0, 0, 0, 0, 0, 0);
    INSERT INTO chains VALUES (-1, 'A1', '', '', '', 'unknown', '{\"a\": \"\\ud800\", \"b\": 1e999999}', 0, 0, '', 1);
    INSERT INTO log_tiers VALUES ('hot', 'x', NULL, 10000, 999, TRUE);
    INSERT INTO audit_leaves VALUES (0, '\\xab', 1700000000500000000, 4, 'e', '\\x01', '\\x02', '\\x03', '\\x04');
    SELECT cost_per_gb_month, created_at, updated_at FROM log_retention_policies;
    SELECT date, total_logs_gb, hot_storage_cost, warm_storage_cost, cold_storage_cost, savings_vs_uniform
        FROM log_cost_metrics ORDER BY date DESC;
    SELECT id, metadata, created_at, version FROM chain_definitions;
    SELECT cost_per_gb_month, compression_ratio, is_active FROM storage_tiers;
    SELECT leaf_index, leaf_hash, created_at, log_level, actor FROM audit_logs;";

/// Microseconds are exact up to the year 2255 and rounded behind it.
const EXTREMES_SHOWN: &str = "\
999999.9999|1677-09-21 00:12:43.145224|2262-04-11 23:47:16.854776
9999-12-31|99999999.99|99999999.99|-99999999.99||0.01
1970-01-01|0.00|0.00|0.00|0.00|0.00
A1|{\"a\": \"\\ud800\", \"b\": 1e999999}|1970-01-01 00:00:00|1
0.0001|99.9|t
0|ab|2023-11-14 22:13:20.5|CRITICAL|01";

#[test]
fn postgresql_takes_the_schema_and_shows_promised_tables_as_they_were_given() {
    let Some(server) = Postgres::start() else { return };
    let schema = include_str!("../../migrations/postgres/0003_platform.sql");
    let shown = server.sql(&[schema, EXTREMES].concat());
    assert_eq!(shown.trim(), EXTREMES_SHOWN);
    for (statement, _) in PROMISED.iter().filter(|(statement, _)| !statement.contains("subscriptions")) {
        let _rows = server.sql(statement);
    }
}
