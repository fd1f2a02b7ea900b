//! `aitrading sql`: read-only questions, to the running server or to the directory's own stores.

mod ask;
mod look;
mod sink;

use crate::{
    cli,
    config::{self, Config, Flags},
    exit::{Exit, Failure},
    layout::Layout,
};
use aitrading_config::Environment;
use aitrading_database_service::Question;
use aitrading_env::Env;
use sink::Sink;
use std::{
    io::{IsTerminal as _, Read as _, Write},
    path::Path,
    time::Duration,
};

/// Bytes of a statement that are read; the engine takes fewer.
const STATEMENT_BYTES: u64 = 128 << 10;
/// A directory that somebody else has is tried so long: its server may be starting or ending.
const PATIENCE: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(100);
const TABLES: &str = "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
    WHERE table_schema = 'public' ORDER BY table_name, ordinal_position";

/// Asks, and writes the answer.
pub(crate) async fn run(
    env: &Env,
    out: &mut dyn Write,
    variables: &Environment,
    args: &cli::Sql,
) -> Result<(), Failure> {
    let question = question(env, args)?;
    let layout = Layout::new(&args.data_dir);
    let config = config::of_directory(env, &layout, variables, &Flags { port_offset: args.port_offset })?;
    if args.output.is_none() && question.format.as_deref() == Some("arrow") && std::io::stdout().is_terminal() {
        let text = "an Arrow stream is not for a terminal; write it to a file with --output, or into a pipe";
        return Err(Failure::new(Exit::Usage, text));
    }
    let mut sink = Sink::open(env, out, args.output.as_deref())?;
    answer(env, &layout, config, &question, &mut sink).await?;
    sink.finish()
}

/// From the server if one runs, else from the stores.
async fn answer(
    env: &Env,
    layout: &Layout,
    config: Config,
    question: &Question,
    sink: &mut Sink<'_>,
) -> Result<(), Failure> {
    let began = env.clock.mono_ns();
    let patience = u64::try_from(PATIENCE.as_nanos()).unwrap_or(u64::MAX);
    loop {
        match layout.lock(env) {
            Ok(lock) => {
                let looked = look::look(env, layout, &config, question, sink).await;
                drop(lock);
                return looked;
            }
            Err(failure) if failure.exit == Exit::Busy as u8 => {}
            Err(failure) => return Err(failure),
        }
        match ask::ask(env, layout, &config, question, sink).await {
            ask::Asked::Answered(ended) => return ended,
            ask::Asked::NobodyThere(why) => {
                if env.clock.mono_ns().saturating_sub(began) > patience {
                    return Err(nobody(layout, &why));
                }
            }
        }
        env.clock.sleep(LOOK_EVERY).await;
    }
}

fn nobody(layout: &Layout, why: &str) -> Failure {
    let text = format!(
        "another process is using the data directory {}, and no server answers: {why}; give --port-offset if the server was \
         started with it, or ask again when the other command has ended",
        layout.root().display()
    );
    Failure::new(Exit::Unavailable, text)
}

fn question(env: &Env, args: &cli::Sql) -> Result<Question, Failure> {
    let sql = match (&args.statement, &args.file) {
        _ if args.tables => TABLES.to_owned(),
        (Some(text), _) if text != "-" => text.clone(),
        (None, Some(path)) if path != Path::new("-") => {
            let bytes = env.fs.read(path, STATEMENT_BYTES).map_err(|e| Failure::io("cannot read", path, &e))?;
            utf8(bytes)?
        }
        _ => {
            let mut bytes = Vec::new();
            let read = std::io::copy(&mut std::io::stdin().lock().take(STATEMENT_BYTES), &mut bytes);
            read.map_err(|e| Failure::new(Exit::Io, format!("cannot read the standard input: {e}")))?;
            utf8(bytes)?
        }
    };
    let format = if args.json { "json" } else { &args.format };
    Ok(Question {
        sql,
        format: Some(format.to_owned()),
        max_rows: args.max_rows,
        timeout_ms: args.timeout.map(|seconds| u64::from(seconds).saturating_mul(1_000)),
    })
}

fn utf8(bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|_| Failure::new(Exit::Data, "the statement is not text in UTF-8"))
}

/// Says on the standard error what the answer is without.
fn warn(left_out: &str) {
    let text = "warning: damaged tick files are left out of this answer; restore them, or ask without their days";
    // Nothing else can be told if stderr is closed.
    writeln!(std::io::stderr(), "{text}: {left_out}").unwrap_or(());
}
