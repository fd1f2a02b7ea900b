//! No server runs: the stores are opened here, and closed as they were.

use super::{sink::Sink, warn};
use crate::{
    config::Config,
    exit::{Exit, Failure},
    layout::Layout,
};
use aitrading_database_service::{Answer, Look, OpenError, Question};
use aitrading_env::{Env, RngExt};
use aitrading_error::{Coded, chain};
use aitrading_model::TraceId;
use aitrading_sql_engine::{Format, SqlEngine, SqlError, SqlSession};
use std::time::Duration;

/// Answers from the directory, which is locked for this process.
pub(super) async fn look(
    env: &Env,
    layout: &Layout,
    config: &Config,
    question: &Question,
    sink: &mut Sink<'_>,
) -> Result<(), Failure> {
    let format = question.format.as_deref().and_then(Question::format_named);
    let format = format.ok_or_else(|| Failure::new(Exit::Usage, "there is no such format"))?;
    let kept = Look::open(env, config.database_service, &layout.store()).await?;
    let Some(kept) = kept else { return Err(OpenError::NothingKept.into()) };
    if let Err(older) = kept.check_current() {
        kept.close().await;
        return Err(older.into());
    }
    let session = SqlSession {
        tenant: config.tenant,
        trace: TraceId(env.rng.bytes()),
        rows: question.max_rows,
        wall: question.timeout_ms.map(Duration::from_millis),
    };
    let elsewhere = config.databases.ticks.is_some();
    let engine = if elsewhere { kept.sql_without_ticks() } else { kept.sql() };
    let answered = write(&engine, question, &session, format, sink).await;
    kept.close().await;
    answered
}

async fn write(
    engine: &SqlEngine,
    question: &Question,
    session: &SqlSession,
    format: Format,
    sink: &mut Sink<'_>,
) -> Result<(), Failure> {
    let mut answer = Answer::begin(engine, &question.sql, session, format).await.map_err(|e| failed(&e))?;
    if !answer.left_out().is_empty() {
        warn(&answer.left_out().join(", "));
    }
    while let Some(chunk) = answer.next().await.map_err(|e| failed(&e))? {
        if !sink.put(&chunk)? {
            return Ok(());
        }
    }
    Ok(())
}

fn failed(error: &SqlError) -> Failure {
    Failure::sql(error.dna().code, &chain(error).to_string())
}
