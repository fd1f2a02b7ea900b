//! The session with the server: connect, say hello, keep frames flowing both ways, come back after every loss.

mod backoff;
mod handle;
mod signals;
#[cfg(test)]
mod tests;

pub(crate) use signals::{Inbox, SignalFrame, Signals};

use crate::{
    error::ConnectorError,
    execution::Terms,
    history::Question,
    ledger::Ledger,
    line::{Line, put},
    port::Terminal,
    pump::Pump,
    reports::Reports,
    server_time::ServerClock,
    status::Board,
    witness::Witness,
};
use aitrading_channel::{ClientSettings, CloseReason, Resume, Session, StreamId, connect};
use aitrading_env::{Env, RngExt};
use aitrading_model::AccountState;
use aitrading_wire::link::{Control, LINK_VERSION, Pacing, stream};
use backoff::Backoff;
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};

/// An account snapshot goes out at least this often.
const ACCOUNT_EVERY: Duration = Duration::from_secs(5);
/// The answer to a hello must come by then.
const WELCOME_TIMEOUT: Duration = Duration::from_secs(10);
/// When stopping: so long for acknowledgements of what was sent.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);
/// How often it is looked whether everything was acknowledged.
const FLUSH_LOOK: Duration = Duration::from_millis(10);

/// What the session works with.
#[derive(Debug)]
pub(crate) struct SessionParts {
    pub(crate) env: Env,
    pub(crate) client: ClientSettings,
    pub(crate) pauses: (Duration, Duration),
    pub(crate) terminal: Arc<dyn Terminal>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) reports: Arc<Reports>,
    pub(crate) pump: Arc<Pump>,
    pub(crate) clock: Arc<ServerClock>,
    pub(crate) board: Arc<Board>,
    pub(crate) witness: Witness,
    pub(crate) lines: watch::Sender<Option<Line>>,
    pub(crate) inbox: mpsc::Sender<Inbox>,
    /// Questions about the terminal's past.
    pub(crate) questions: mpsc::Sender<Question>,
    pub(crate) stop: watch::Receiver<bool>,
}

/// Keeps a session with the server until it is told to stop.
#[derive(Debug)]
pub(crate) struct Keeper {
    parts: SessionParts,
    instance: [u8; 16],
    line: u64,
    terms: Option<(Terms, Pacing)>,
    /// What the server knows of the account.
    told: Option<AccountState>,
    /// Someone found that the session must end.
    alarm: (mpsc::Sender<ConnectorError>, mpsc::Receiver<ConnectorError>),
}

impl Keeper {
    pub(crate) fn new(parts: SessionParts) -> Self {
        let instance = parts.env.rng.bytes();
        Self { parts, instance, line: 0, terms: None, told: None, alarm: mpsc::channel(4) }
    }

    /// Runs until the stop is given and what was sent is flushed.
    pub(crate) async fn run(mut self) {
        let mut backoff = Backoff::new(self.parts.pauses.0, self.parts.pauses.1);
        let resume = Resume::new(&self.parts.env);
        let mut stop = self.parts.stop.clone();
        loop {
            // While connected the stop is seen inside, so that the session is flushed.
            let ended = self.attempt(&resume, &mut backoff).await;
            self.parts.board.connected(false);
            self.parts.witness.forget_session();
            self.parts.lines.send_replace(None);
            if let Err(error) = ended {
                self.note(&error);
            }
            let pause = self.parts.env.clock.sleep(backoff.pause(self.parts.env.rng.as_ref()));
            tokio::select! {
                biased;
                () = given(&mut stop) => return,
                () = pause => {}
            }
        }
    }

    fn note(&self, error: &ConnectorError) {
        use aitrading_error::Coded;
        tracing::warn!(code = error.dna().code, "{}", aitrading_error::chain(error));
        self.parts.board.error(error);
    }

    async fn attempt(&mut self, resume: &Arc<Resume>, backoff: &mut Backoff) -> Result<(), ConnectorError> {
        let mut stop = self.parts.stop.clone();
        tokio::select! {
            biased;
            () = given(&mut stop) => return Ok(()),
            () = self.terminal_ready() => {}
        }
        let mut session = tokio::select! {
            biased;
            () = given(&mut stop) => return Ok(()),
            session = connect(&self.parts.env, &self.parts.client, resume) => session?,
        };
        let served = self.serve(&mut session, backoff).await;
        if let Err(error) = &served {
            session.sender.close(handle::close_reason(error)).await;
        }
        served
    }

    /// Without an account there is nothing to say hello with.
    async fn terminal_ready(&self) {
        let mut status = self.parts.terminal.status();
        let mut accounts = self.parts.terminal.accounts();
        while self.parts.terminal.account().is_none() {
            tokio::select! {
                changed = status.changed() => if changed.is_err() { std::future::pending::<()>().await },
                changed = accounts.changed() => if changed.is_err() { std::future::pending::<()>().await },
            }
        }
    }

    async fn serve(&mut self, session: &mut Session, backoff: &mut Backoff) -> Result<(), ConnectorError> {
        let estimate = session.sender.clone();
        self.parts.clock.follow(move || estimate.clock());
        // Resumed frames need the terms under which they were sent; without them everything is opened anew.
        let resumed = session.resumed && self.terms.is_some();
        if !resumed {
            self.line = self.line.saturating_add(1);
            self.terms = None;
            self.parts.pump.restart(self.line).await;
            self.parts.reports.restart(self.line);
        }
        self.hello(session).await?;
        self.welcome(session, resumed).await?;
        backoff.reset();
        let line = Line { number: self.line, outlet: Arc::new(session.sender.clone()) };
        self.parts.lines.send_replace(Some(line));
        self.parts.board.connected(true);
        // Not in fifteen seconds: what the server has to say of itself is wanted before its signals.
        session.sender.heartbeat_now();
        if !resumed {
            self.open_sources().await?;
        }
        self.flow(session).await
    }

    async fn hello(&mut self, session: &Session) -> Result<(), ConnectorError> {
        let state = self.parts.terminal.account().ok_or(crate::ea_link::EaLinkError::NotConnected)?;
        let view = self.parts.ledger.view();
        self.told = Some(state.clone());
        let hello = Control::Hello(Box::new(aitrading_wire::link::Hello {
            version: LINK_VERSION,
            instance: self.instance,
            ledger_generation: view.generation(),
            last_signal_seq: view.last_signal_seq(),
            state,
            specs: self.parts.terminal.specs().borrow().to_vec(),
        }));
        session.sender.send(StreamId(stream::CONTROL), hello.kind(), hello.encode().into()).await?;
        Ok(())
    }

    async fn open_sources(&self) -> Result<(), ConnectorError> {
        let symbols = self.parts.terminal.specs().borrow().iter().map(|spec| spec.symbol).collect();
        self.control(&Control::TickOpen(symbols)).await
    }

    async fn control(&self, message: &Control) -> Result<(), ConnectorError> {
        let mut lines = self.parts.lines.subscribe();
        // A line that is gone is seen by the receiver, which knows why.
        put(&mut lines, self.line, stream::CONTROL, message.kind(), &message.encode().into()).await;
        Ok(())
    }

    /// Stops the sources, waits for what is under way, and closes.
    async fn flush(&self, session: &mut Session) {
        self.parts.pump.stop_all().await;
        let drained = async {
            while !(self.parts.pump.is_drained() && self.parts.reports.all_confirmed()) {
                let look = self.parts.env.clock.sleep(FLUSH_LOOK);
                tokio::select! {
                    () = look => {}
                    event = session.receiver.recv() => match event {
                        Ok(event) => if self.flush_event(event) { return },
                        Err(_) => return,
                    }
                }
            }
        };
        if self.parts.env.timeout(FLUSH_TIMEOUT, drained).await.is_err() {
            tracing::info!("stopped before everything sent was acknowledged; it is sent again after the next start");
        }
        session.sender.close(CloseReason::Normal).await;
    }
}

/// Waits for the order to stop. If nobody is left who could give it, it counts as given.
pub(super) async fn given(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}
