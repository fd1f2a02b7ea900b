//! A running query: its batches arrive over a short queue and leave as written chunks.

use crate::{
    SqlError, SqlLimits,
    home::{Home, Time},
    output::{Encoder, Format},
    plan,
    worker::Worker,
};
use aitrading_env::Env;
use datafusion::arrow::{array::RecordBatch, datatypes::SchemaRef};
use futures_util::StreamExt as _;
use std::{fmt, sync::Arc};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot},
    task::AbortHandle,
};

/// Batches that may wait for the reader.
const BATCHES_WAITING: usize = 2;

type Batch = Result<RecordBatch, SqlError>;

/// What travels from the work to the reader. A queue that closes without `Done` is a failure, not an end.
enum Sent {
    Batch(RecordBatch),
    Failed(SqlError),
    Done,
}

/// A query that runs. Dropping it stops the work and frees the files.
pub struct QueryStream {
    env: Env,
    limits: Arc<SqlLimits>,
    schema: SchemaRef,
    batches: mpsc::Receiver<Sent>,
    time: Time,
    rows: u64,
    /// Rows beyond the limit: the proof that there are too many.
    surplus: Option<RecordBatch>,
    ended: bool,
    task: Stop,
    _worker: Arc<Worker>,
}

impl fmt::Debug for QueryStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryStream").field("rows", &self.rows).field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// Ends the work when nobody wants its result.
struct Stop {
    task: Option<AbortHandle>,
    home: Home,
}

impl Stop {
    fn now(&mut self) {
        self.home.stop();
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.now();
    }
}

/// Starts the statement on the worker, and waits until it is planned.
pub(crate) async fn start(
    sql: String,
    worker: Arc<Worker>,
    env: &Env,
    limits: &Arc<SqlLimits>,
    home: Home,
    slot: OwnedSemaphorePermit,
) -> Result<QueryStream, SqlError> {
    let time = home.time();
    let (planned, schema) = oneshot::channel();
    let (send, batches) = mpsc::channel(BATCHES_WAITING);
    let work = {
        let (env, limits, home) = (env.clone(), Arc::clone(limits), home.clone());
        async move {
            // The reader watches the time too; here it ends queries whose reader sleeps.
            let run = drive(&sql, &env, &limits, &home, slot, planned, send);
            env.timeout(time.left(&*env.clock), run).await.unwrap_or(());
        }
    };
    let task = Stop { task: worker.spawn(work), home };
    let lost = || SqlError::Engine { doing: "planning a query", source: "its task ended".into() };
    let schema = match env.timeout(time.left(&*env.clock), schema).await {
        Ok(schema) => schema.map_err(|_| lost())??,
        Err(_) => return Err(SqlError::TimedOut { limit: limits.wall }),
    };
    let (env, limits) = (env.clone(), Arc::clone(limits));
    Ok(QueryStream { env, limits, schema, batches, time, rows: 0, surplus: None, ended: false, task, _worker: worker })
}

/// Plans and runs, on the worker. The last word is said when all that the query held is free again: who hears it may ask the
/// next question.
async fn drive(
    sql: &str,
    env: &Env,
    limits: &SqlLimits,
    home: &Home,
    slot: OwnedSemaphorePermit,
    planned: oneshot::Sender<Result<SchemaRef, SqlError>>,
    send: mpsc::Sender<Sent>,
) {
    let mut stream = match plan::run(sql, limits, env, home).await {
        Ok(stream) => stream,
        Err(error) => {
            home.reported().await;
            drop(slot);
            // A reader that is gone needs no answer, here and below.
            return drop(planned.send(Err(error)));
        }
    };
    if planned.send(Ok(stream.schema())).is_err() {
        return;
    }
    let last = loop {
        match stream.next().await {
            Some(Ok(batch)) => {
                if send.send(Sent::Batch(batch)).await.is_err() {
                    return;
                }
            }
            Some(Err(error)) => break Sent::Failed(plan::describe(&error, home, limits)),
            None => break Sent::Done,
        }
    };
    home.reported().await;
    drop((stream, slot));
    drop(send.send(last).await);
}

impl QueryStream {
    /// Writes the result in one format.
    #[must_use]
    pub fn chunks(self, format: Format) -> Chunks {
        let encoder = Encoder::new(format, &self.schema);
        Chunks { query: self, encoder, written: 0, begun: false, ended: false }
    }

    /// Rows delivered so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Damaged files that the store had set aside before, and that this query would have asked: the result is without them.
    #[must_use]
    pub fn left_out(&self) -> Vec<String> {
        self.task.home.left_out()
    }

    /// The next batch; after an error or the end, `None`.
    async fn next(&mut self) -> Option<Batch> {
        if let Some(batch) = self.surplus.take() {
            return Some(Ok(batch));
        }
        if self.ended {
            return None;
        }
        let left = self.time.left(&*self.env.clock);
        let sent = match left.is_zero() {
            true => Err(aitrading_env::Elapsed),
            false => self.env.timeout(left, self.batches.recv()).await,
        };
        let next = match sent {
            Ok(Some(Sent::Batch(batch))) => return Some(Ok(batch)),
            Ok(Some(Sent::Failed(error))) => Some(Err(error)),
            Ok(Some(Sent::Done)) => None,
            Ok(None) => Some(Err(self.cut_off())),
            Err(aitrading_env::Elapsed) => Some(Err(SqlError::TimedOut { limit: self.limits.wall })),
        };
        self.end();
        next
    }

    /// Why the work ended without a word: its time was over, or it broke.
    fn cut_off(&self) -> SqlError {
        if self.time.left(&*self.env.clock).is_zero() {
            return SqlError::TimedOut { limit: self.limits.wall };
        }
        SqlError::Engine { doing: "running a query", source: "its task ended".into() }
    }

    fn end(&mut self) {
        self.ended = true;
        self.task.now();
        self.batches.close();
    }

    /// The next batch that is within the limit on rows. The rows up to the limit are delivered before the error.
    async fn next_within(&mut self) -> Option<Batch> {
        let batch = match self.next().await? {
            Ok(batch) => batch,
            Err(error) => return Some(Err(error)),
        };
        let room = usize::try_from(self.limits.rows.saturating_sub(self.rows)).unwrap_or(usize::MAX);
        if room == 0 && batch.num_rows() > 0 {
            self.end();
            return Some(Err(SqlError::TooManyRows { limit: self.limits.rows }));
        }
        if batch.num_rows() > room {
            self.surplus = Some(batch.slice(room, batch.num_rows().saturating_sub(room)));
        }
        let kept = batch.slice(0, batch.num_rows().min(room));
        self.rows = self.rows.saturating_add(kept.num_rows() as u64);
        Some(Ok(kept))
    }
}

/// A query's result as bytes.
pub struct Chunks {
    query: QueryStream,
    encoder: Encoder,
    written: u64,
    begun: bool,
    ended: bool,
}

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").field("query", &self.query).field("written", &self.written).finish_non_exhaustive()
    }
}

impl Chunks {
    /// The next bytes of the result; `None` at its end.
    ///
    /// # Errors
    /// [`SqlError`], once. What was delivered before is the beginning of the result, not the result.
    pub async fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, SqlError> {
        if self.ended {
            return Ok(None);
        }
        let chunk = self.encode_next().await;
        if !matches!(chunk, Ok(Some(_))) {
            self.ended = true;
            self.query.end();
        }
        chunk
    }

    /// Rows delivered so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.query.rows
    }

    /// As [`QueryStream::left_out`].
    #[must_use]
    pub fn left_out(&self) -> Vec<String> {
        self.query.left_out()
    }

    async fn encode_next(&mut self) -> Result<Option<Vec<u8>>, SqlError> {
        let mut out = Vec::new();
        if !self.begun {
            self.begun = true;
            self.encoder.begin(&mut out)?;
        }
        while out.is_empty() {
            match self.query.next_within().await.transpose()? {
                Some(batch) => self.encoder.batch(&batch, &mut out)?,
                None => {
                    self.encoder.end(&mut out)?;
                    self.ended = true;
                    break;
                }
            }
        }
        self.written = self.written.saturating_add(out.len() as u64);
        if self.written > self.query.limits.result_bytes {
            return Err(SqlError::TooManyBytes { limit: self.query.limits.result_bytes });
        }
        Ok(Some(out).filter(|out| !out.is_empty()))
    }
}
