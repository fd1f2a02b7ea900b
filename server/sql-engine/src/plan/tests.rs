//! Planning stops by itself, whatever the look at the statement's size would have said of it.

use super::{planned, session};
use crate::{
    BarRow, BarWish, ListedFile, LogRow, LogWish, Rows, SqlError, SqlLimits, TickFilesView, TickSnapshot, TickWish,
    home::Home, worker::Worker,
};
use aitrading_env::Env;
use aitrading_error::Coded;
use aitrading_model::TenantId;
use aitrading_store::StoreError;
use async_trait::async_trait;
use datafusion::sql::parser::DFParser;
use futures_util::{StreamExt as _, stream};
use std::{sync::Arc, time::Duration};

const WALL: Duration = Duration::from_millis(300);
/// One rule's breath, without optimisation and beside other tests. Unwatched, each of the plans takes minutes or all memory.
const SOON_NS: u64 = 30_000_000_000;

/// A store without ticks: what is planned is never run.
struct Nothing;

#[async_trait]
impl TickFilesView for Nothing {
    async fn ticks(&self, _: TenantId, _: &TickWish) -> Result<TickSnapshot, StoreError> {
        Ok(TickSnapshot { files: Vec::new(), waiting: Vec::new(), set_aside: Vec::new(), guard: Box::new(()) })
    }
    async fn bars(&self, _: TenantId, _: &BarWish) -> Result<Rows<BarRow>, StoreError> {
        Ok(stream::empty().boxed())
    }
    async fn logs(&self, _: TenantId, _: &LogWish) -> Result<Rows<LogRow>, StoreError> {
        Ok(stream::empty().boxed())
    }
    async fn damaged(&self, _: &ListedFile) {}
}

/// A statement that does `step` to itself so many times.
fn doubled(first: &str, step: &str, times: usize, last: &str) -> String {
    let at = |n: usize| format!("t{n}");
    let steps = (1..=times).map(|n| format!(", {} AS ({})", at(n), step.replace("{t}", &at(n - 1))));
    format!("WITH t0 AS ({first}){} {}", steps.collect::<String>(), last.replace("{t}", &at(times)))
}

async fn check_stopped(sql: String) {
    let (env, limits) = (Env::real(), SqlLimits { wall: WALL, ..SqlLimits::default() });
    let began = env.clock.mono_ns();
    let home = Home::new(Arc::new(Nothing), TenantId(1), &env, limits.wall);
    let worker = Worker::start(1).unwrap();
    let (ended, end) = tokio::sync::oneshot::channel();
    let statement = DFParser::parse_sql(&sql).unwrap().pop_front().unwrap();
    let work = {
        let env = env.clone();
        async move {
            let state = session(&limits, &env, &home).unwrap();
            let plan = planned(statement, &state, &limits, &home).await;
            ended.send(plan.map(drop)).unwrap();
        }
    };
    worker.spawn(work).unwrap();
    // This is the end of the work itself, not of somebody's patience with it.
    let error: SqlError = end.await.unwrap().expect_err("that is planned");
    let code = error.dna().code;
    assert!(["SQL_TIMED_OUT", "SQL_TOO_LARGE"].contains(&code), "{sql}: {error:?}");
    let took = env.clock.mono_ns() - began;
    assert!(took < SOON_NS, "{sql}: the worker stopped after {} ms", took / 1_000_000);
}

#[tokio::test]
async fn a_plan_that_doubles_in_unions_is_stopped() {
    let step = "SELECT * FROM {t} UNION ALL SELECT * FROM {t}";
    check_stopped(doubled("SELECT bid FROM ticks", step, 14, "SELECT count(*) FROM {t}")).await;
    let explain = doubled("SELECT bid FROM ticks", step, 14, "SELECT count(*) FROM {t}");
    check_stopped(format!("EXPLAIN {explain}")).await;
}

#[tokio::test]
async fn a_plan_that_doubles_in_joins_is_stopped() {
    let step = "SELECT a.seq FROM {t} a JOIN {t} b ON a.seq = b.seq";
    check_stopped(doubled("SELECT seq FROM ticks", step, 12, "SELECT count(*) FROM {t}")).await;
}

#[tokio::test]
async fn a_plan_whose_columns_double_is_stopped() {
    let case = "SELECT CASE WHEN a > 1 THEN a ELSE a END AS a FROM {t}";
    check_stopped(doubled("SELECT seq AS a FROM ticks", case, 14, "SELECT * FROM {t} WHERE a > 1")).await;
    let sum = "SELECT a + a AS a FROM {t}";
    check_stopped(doubled("SELECT seq AS a FROM ticks", sum, 18, "SELECT * FROM {t} WHERE a > 1")).await;
}
