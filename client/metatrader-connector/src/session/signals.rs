//! The way of signals from the session to the desk: one after the other until their intent is durable, then side by side.

use crate::{
    error::ConnectorError,
    execution::{Desk, Received, Terms},
    ledger::{Entry, LedgerError},
    status::Board,
};
use aitrading_env::{Env, Task};
use aitrading_error::Coded;
use bytes::Bytes;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Semaphore, mpsc, oneshot};

/// Signals that may be on their way through the terminal, or being looked up, at the same time.
const OPEN_MAX: usize = 64;
/// When stopping: so long for answers to orders that are under way. What is open then is looked up after the next start.
const ANSWERS_TIMEOUT: Duration = Duration::from_secs(2);

/// A signal's frame.
pub(crate) struct SignalFrame {
    pub(crate) terms: Terms,
    pub(crate) body: Bytes,
    pub(crate) acknowledge: Box<dyn FnOnce() + Send>,
    pub(crate) alarm: Box<dyn FnOnce(ConnectorError) + Send>,
}

impl fmt::Debug for SignalFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalFrame").field("terms", &self.terms).finish_non_exhaustive()
    }
}

/// What the signal task is told.
#[derive(Debug)]
pub(crate) enum Inbox {
    Signal(Box<SignalFrame>),
    /// Take nothing more, wait a while for what is open, and answer.
    Stop(oneshot::Sender<()>),
}

/// Works off signals until the stop. What an earlier run left open is looked up first, beside everything else.
#[derive(Debug)]
pub(crate) struct Signals {
    env: Env,
    desk: Arc<Desk>,
    board: Arc<Board>,
    room: Arc<Semaphore>,
    /// What is open, so that a stop can end it.
    open: Vec<(Task, Arc<AtomicBool>)>,
}

impl Signals {
    pub(crate) fn new(env: Env, desk: Arc<Desk>, board: Arc<Board>) -> Self {
        Self { env, desk, board, room: Arc::new(Semaphore::new(OPEN_MAX)), open: Vec::new() }
    }

    pub(crate) async fn run(mut self, unsettled: Vec<Entry>, mut inbox: mpsc::Receiver<Inbox>) {
        for entry in unsettled {
            let desk = Arc::clone(&self.desk);
            // Lookups of an earlier run take no room: new signals must not wait behind them.
            self.spawn(async move { desk.settle_after_restart(&entry).await });
        }
        while let Some(message) = inbox.recv().await {
            match message {
                Inbox::Signal(frame) => self.take(*frame).await,
                Inbox::Stop(done) => {
                    self.stop().await;
                    // Whoever asked may have stopped waiting.
                    done.send(()).unwrap_or(());
                    return;
                }
            }
        }
    }

    async fn take(&mut self, frame: SignalFrame) {
        let Ok(permit) = Arc::clone(&self.room).acquire_owned().await else { return };
        let SignalFrame { terms, body, acknowledge, alarm } = frame;
        match self.desk.receive(&body, &terms).await {
            Ok(Received::Done) => acknowledge(),
            Ok(Received::Execute(intended)) => {
                acknowledge();
                let desk = Arc::clone(&self.desk);
                self.spawn(async move {
                    let executed = desk.execute(*intended).await;
                    drop(permit);
                    executed
                });
            }
            Ok(Received::Hostile(refusal)) => {
                let code = refusal.code();
                tracing::error!(code = "HOSTILE_SIGNAL", reason = code, "a signal was not signed by the server");
                alarm(ConnectorError::Hostile(code));
            }
            Err(error) => alarm(error.into()),
        }
    }

    fn spawn(&mut self, work: impl Future<Output = Result<(), LedgerError>> + Send + 'static) {
        let (board, over) = (Arc::clone(&self.board), Arc::new(AtomicBool::new(false)));
        let ended = Arc::clone(&over);
        let task = async move {
            if let Err(error) = work.await {
                tracing::error!(code = error.dna().code, "{}", aitrading_error::chain(&error));
                board.error(&error);
            }
            ended.store(true, Ordering::Release);
        };
        let task = self.env.spawn.task("order", Box::pin(task));
        self.open.retain(|(_, over)| !over.load(Ordering::Acquire));
        self.open.push((task, over));
    }

    async fn stop(&mut self) {
        let all = u32::try_from(OPEN_MAX).unwrap_or(u32::MAX);
        // In time or not: what is still open is in the ledger.
        drop(self.env.timeout(ANSWERS_TIMEOUT, self.room.acquire_many(all)).await);
        for (task, _) in self.open.drain(..) {
            task.abort();
            // Ended, aborted, panicked: it does nothing more.
            task.join().await.unwrap_or(());
        }
    }
}
