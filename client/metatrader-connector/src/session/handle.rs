//! What to do with each event of a session.

use super::{ACCOUNT_EVERY, Inbox, Keeper, SignalFrame, WELCOME_TIMEOUT, given};
use crate::{error::ConnectorError, execution::Terms, history::Question};
use aitrading_channel::{CloseReason, Event, Sender, Session, StreamId};
use aitrading_model::{AccountState, HistoryFault, PositionTicket, Volume};
use aitrading_security::signing::{KeyRing, VerifyingKey};
use aitrading_wire::link::{Control, History, Welcome, stream};

impl Keeper {
    /// Waits for the answer to the hello. On a resumed session what was under way comes first.
    pub(super) async fn welcome(&mut self, session: &mut Session, resumed: bool) -> Result<(), ConnectorError> {
        let env = self.parts.env.clone();
        let answer = async {
            loop {
                match session.receiver.recv().await? {
                    Event::Frame { stream, seq, kind, body } if stream.0 == stream::CONTROL => {
                        let message = Control::decode(kind, &body).map_err(ConnectorError::Message)?;
                        let welcome = matches!(message, Control::Welcome(_));
                        if !(welcome || resumed || matches!(message, Control::Refused { .. })) {
                            return Err(ConnectorError::NoWelcome);
                        }
                        self.control_message(message).await?;
                        session.sender.ack(stream, seq);
                        if welcome {
                            return Ok(());
                        }
                    }
                    event => self.handle(&session.sender, event).await?,
                }
            }
        };
        env.timeout(WELCOME_TIMEOUT, answer).await.map_err(|_| ConnectorError::NoWelcome)?
    }

    fn accept(&mut self, welcome: &Welcome) -> Result<(), ConnectorError> {
        if welcome.last_report_seq >= self.parts.ledger.next_report_seq() {
            return Err(ConnectorError::LedgerBehind);
        }
        let mut keys = welcome.signal_keys.iter().map(VerifyingKey::from_bytes);
        let missing = || ConnectorError::SignalKeys(aitrading_security::SecurityError::UnknownKey);
        let current = keys.next().ok_or_else(missing)?.map_err(ConnectorError::SignalKeys)?;
        let next = keys.next().transpose().map_err(ConnectorError::SignalKeys)?;
        let terms = Terms { fence: welcome.fence, policy: welcome.policy, keys: KeyRing { current, next } };
        self.terms = Some((terms, welcome.pacing));
        Ok(())
    }

    /// Frames both ways until the session ends or the stop is given.
    pub(super) async fn flow(&mut self, session: &mut Session) -> Result<(), ConnectorError> {
        let mut stop = self.parts.stop.clone();
        let mut accounts = self.parts.terminal.accounts();
        let mut specs = self.parts.terminal.specs();
        let mut status = self.parts.terminal.status();
        let mut tick = self.parts.env.clock.sleep(ACCOUNT_EVERY);
        loop {
            tokio::select! {
                biased;
                () = given(&mut stop) => {
                    self.flush(session).await;
                    return Ok(());
                }
                Some(error) = self.alarm.1.recv() => return Err(error),
                event = session.receiver.recv() => self.handle(&session.sender, event?).await?,
                Ok(()) = accounts.changed() => self.tell_account(false).await?,
                Ok(()) = status.changed() => self.tell_account(false).await?,
                Ok(()) = specs.changed() => self.tell_specs().await?,
                () = &mut tick => {
                    self.tell_account(true).await?;
                    tick = self.parts.env.clock.sleep(ACCOUNT_EVERY);
                }
            }
        }
    }

    async fn handle(&mut self, sender: &Sender, event: Event) -> Result<(), ConnectorError> {
        match event {
            Event::Frame { stream, seq, kind, body } => match stream.0 {
                stream::CONTROL => {
                    let message = Control::decode(kind, &body).map_err(ConnectorError::Message)?;
                    self.control_message(message).await?;
                    sender.ack(stream, seq);
                }
                stream::HISTORY => {
                    let message = History::decode(kind, &body).map_err(ConnectorError::Message)?;
                    self.question(sender, message).await?;
                    sender.ack(stream, seq);
                }
                stream::SIGNALS => self.signal(sender, stream, seq, body).await,
                _ => return Err(ConnectorError::Message(aitrading_wire::WireError::BadValue("stream"))),
            },
            Event::Acked { stream, through } => self.acked(stream, through)?,
            Event::Heartbeat { extra } => self.parts.witness.heartbeat(&extra),
            Event::Closed { reason } => return Err(ConnectorError::Closed(reason)),
        }
        Ok(())
    }

    pub(super) fn acked(&self, stream: StreamId, through: u64) -> Result<(), ConnectorError> {
        match stream.0 {
            stream::TICKS => self.parts.pump.acked(through),
            stream::REPORTS => self.parts.reports.acked(through)?,
            _ => {}
        }
        Ok(())
    }

    /// While flushing only acknowledgements matter: signals stay unacknowledged, and come again. True if the session is over.
    pub(super) fn flush_event(&self, event: Event) -> bool {
        match event {
            Event::Acked { stream, through } => self.acked(stream, through).is_err(),
            Event::Closed { .. } => true,
            Event::Frame { .. } | Event::Heartbeat { .. } => false,
        }
    }

    async fn control_message(&mut self, message: Control) -> Result<(), ConnectorError> {
        match message {
            Control::TickCursors(cursors) => {
                let Some((_, pacing)) = self.terms else { return Err(ConnectorError::NoWelcome) };
                self.parts.pump.start(self.line, &cursors, pacing).await?;
            }
            Control::Settled { symbol, epoch, seq } => self.parts.pump.settled(symbol, epoch, seq).await,
            Control::Refused { code, message } => return Err(ConnectorError::Refused { code, message }),
            Control::Welcome(welcome) => self.accept(&welcome)?,
            // A client's messages: the server has no business sending them.
            _ => return Err(ConnectorError::Message(aitrading_wire::WireError::BadValue("control kind"))),
        }
        Ok(())
    }

    /// Puts a question with the others. It must not keep signals waiting: with too many of them it is refused at once.
    async fn question(&self, sender: &Sender, message: History) -> Result<(), ConnectorError> {
        let History::Ask { id, symbol, wanted, from, to, expires_ms } = message else {
            // A client's messages: the server has no business sending them.
            return Err(ConnectorError::Message(aitrading_wire::WireError::BadValue("history kind")));
        };
        let question = Question { line: self.line, id, symbol, wanted, span: (from, to), expires_ms };
        if self.parts.questions.try_send(question).is_err() {
            let refused = History::Failed { id, fault: HistoryFault::Busy };
            sender.send(StreamId(stream::HISTORY), refused.kind(), refused.encode().into()).await?;
        }
        Ok(())
    }

    async fn signal(&self, sender: &Sender, stream: StreamId, seq: u64, body: bytes::Bytes) {
        let Some((terms, _)) = self.terms else { return };
        let (sender, alarm) = (sender.clone(), self.alarm.0.clone());
        let frame = SignalFrame {
            terms,
            body,
            acknowledge: Box::new(move || sender.ack(stream, seq)),
            alarm: Box::new(move |error| {
                // Full: other reasons to end the session wait already.
                drop(alarm.try_send(error));
            }),
        };
        // The queue is bounded: a client that cannot keep up stops acknowledging, and the server stops sending.
        self.parts.inbox.send(Inbox::Signal(Box::new(frame))).await.unwrap_or(());
    }

    /// Tells the account if it changed in a way that decisions depend on, or in any case if the time has come.
    async fn tell_account(&mut self, due: bool) -> Result<(), ConnectorError> {
        let Some(state) = self.parts.terminal.accounts().borrow().clone() else { return Ok(()) };
        // A terminal that is gone has no permissions: the server must see that, so this is not `Terminal::account`.
        let permissions = self.parts.terminal.permissions();
        let state = AccountState { permissions, ..(*state).clone() };
        if due || self.told.as_ref().is_none_or(|told| essence(told) != essence(&state)) {
            self.control(&Control::Account(Box::new(state.clone()))).await?;
            self.told = Some(state);
        }
        Ok(())
    }

    /// New specifications, and the feeds of symbols that were not there before.
    async fn tell_specs(&self) -> Result<(), ConnectorError> {
        let specs = self.parts.terminal.specs().borrow().to_vec();
        let known = self.parts.pump.status();
        let fresh: Vec<_> = specs.iter().map(|s| s.symbol).filter(|s| !known.contains_key(s.as_str())).collect();
        self.control(&Control::Specs(specs)).await?;
        if fresh.is_empty() { Ok(()) } else { self.control(&Control::TickOpen(fresh)).await }
    }
}

/// What decisions depend on: floating profit moves with every tick, and waits for the next snapshot.
fn essence(state: &AccountState) -> impl PartialEq {
    let positions: Vec<(PositionTicket, Volume)> = state.positions.iter().map(|p| (p.ticket, p.volume)).collect();
    (state.permissions, state.balance, state.leverage, positions)
}

/// How a session's end is told to the server.
pub(super) const fn close_reason(error: &ConnectorError) -> CloseReason {
    match error {
        ConnectorError::Hostile(_) | ConnectorError::LedgerBehind => CloseReason::Policy,
        ConnectorError::Message(_) => CloseReason::BadFrame,
        _ => CloseReason::GoingAway,
    }
}
