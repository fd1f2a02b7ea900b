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

/// Damaged files that one question may meet before it is given up.
const DAMAGED_MAX: usize = 16;

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
    let answered = without_damaged(&engine, question, &session, format, sink).await;
    kept.close().await;
    answered
}

/// Writes the answer. A damaged file is set aside for as long as this process lives, so the question is asked again here: in the
/// next process it would meet the file anew.
async fn without_damaged(
    engine: &SqlEngine,
    question: &Question,
    session: &SqlSession,
    format: Format,
    sink: &mut Sink<'_>,
) -> Result<(), Failure> {
    for _ in 0..DAMAGED_MAX {
        match write(engine, question, session, format, sink).await {
            Err(Ended::Question(error @ SqlError::DamagedFile { .. })) => {
                if !sink.take_back()? {
                    let cure = "what was written is not the whole answer; with --output FILE the rest is served";
                    return Err(Failure::sql(error.dna().code, &format!("{}; {cure}", chain(&error))));
                }
            }
            ended => return ended.map_err(Ended::told),
        }
    }
    write(engine, question, session, format, sink).await.map_err(Ended::told)
}

/// What ends an answer early.
enum Ended {
    Question(SqlError),
    Writing(Failure),
}

impl Ended {
    fn told(self) -> Failure {
        match self {
            Self::Question(error) => Failure::sql(error.dna().code, &chain(&error).to_string()),
            Self::Writing(failure) => failure,
        }
    }
}

async fn write(
    engine: &SqlEngine,
    question: &Question,
    session: &SqlSession,
    format: Format,
    sink: &mut Sink<'_>,
) -> Result<(), Ended> {
    let mut answer = Answer::begin(engine, &question.sql, session, format).await.map_err(Ended::Question)?;
    if !answer.left_out().is_empty() {
        warn(&answer.left_out().join(", "));
    }
    while let Some(chunk) = answer.next().await.map_err(Ended::Question)? {
        if !sink.put(&chunk).map_err(Ended::Writing)? {
            return Ok(());
        }
    }
    Ok(())
}
