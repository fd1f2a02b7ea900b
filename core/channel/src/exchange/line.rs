//! Questions and answers over an open exchange.

use super::{CLOSE_WITHIN, MESSAGE_MAX, QUESTIONS_MAX};
use crate::{
    ChannelError, CloseReason,
    noise::{Finished, Transport},
    pipe::{self, Socket},
};
use aitrading_env::Env;
use bytes::Bytes;
use std::{fmt, time::Duration};

/// Bytes that Noise adds to a message.
const TAG: usize = 16;

/// Either end of an exchange.
pub(super) struct Line {
    env: Env,
    socket: Socket,
    transport: Box<dyn Transport>,
    hash: [u8; 32],
    peer: [u8; 32],
    whole: Duration,
    until_ns: u64,
    left: u32,
}

impl Line {
    pub(super) fn new(env: &Env, whole: Duration, begun_ns: u64, mut socket: Socket, finished: Finished) -> Self {
        socket.limits_mut().set_max_payload_len(Some(MESSAGE_MAX + TAG));
        let until_ns = begun_ns.saturating_add(u64::try_from(whole.as_nanos()).unwrap_or(u64::MAX));
        let Finished { hash, peer, transport } = finished;
        Self { env: env.clone(), socket, transport, hash, peer, whole, until_ns, left: QUESTIONS_MAX }
    }

    /// One of the questions that are left.
    fn take_turn(&mut self) -> Result<(), ChannelError> {
        self.left = self.left.checked_sub(1).ok_or(ChannelError::ExchangeTurns)?;
        Ok(())
    }

    async fn send(&mut self, body: &[u8]) -> Result<(), ChannelError> {
        if body.len() > MESSAGE_MAX {
            return Err(ChannelError::FrameTooLarge { len: body.len(), limit: MESSAGE_MAX });
        }
        let sealed = self.transport.seal(body)?.freeze();
        let (env, left) = (self.env.clone(), self.time_left()?);
        let sent = env.timeout(left, pipe::send(&mut self.socket, sealed)).await;
        sent.unwrap_or(Err(ChannelError::ExchangeTimeout(self.whole)))
    }

    async fn receive(&mut self) -> Result<Bytes, ChannelError> {
        let (env, left) = (self.env.clone(), self.time_left()?);
        let message = env.timeout(left, pipe::receive(&mut self.socket)).await;
        self.transport.open(&message.unwrap_or(Err(ChannelError::ExchangeTimeout(self.whole)))?)
    }

    fn time_left(&self) -> Result<Duration, ChannelError> {
        match self.until_ns.saturating_sub(self.env.clock.mono_ns()) {
            0 => Err(ChannelError::ExchangeTimeout(self.whole)),
            left => Ok(Duration::from_nanos(left)),
        }
    }

    async fn close(&mut self, reason: CloseReason) {
        let env = self.env.clone();
        // A peer that does not answer the close is left behind.
        env.timeout(CLOSE_WITHIN, pipe::part(&mut self.socket, reason)).await.unwrap_or(());
    }
}

#[cfg(test)]
impl Line {
    /// What a question becomes on the way.
    pub(super) fn transport_for_test(&mut self, body: &[u8]) -> Vec<u8> {
        self.transport.seal(body).unwrap().to_vec()
    }

    pub(super) fn socket_for_test(&mut self) -> &mut Socket {
        &mut self.socket
    }
}

/// The client's end.
pub struct Asking(pub(super) Line);

impl Asking {
    /// The hash of the handshake: the same at both ends of this exchange, and at no other.
    #[must_use]
    pub const fn hash(&self) -> [u8; 32] {
        self.0.hash
    }

    /// The server's static Noise key.
    #[must_use]
    pub const fn peer_key(&self) -> [u8; 32] {
        self.0.peer
    }

    /// Asks, and waits for the answer. After an error the exchange is of no use any more.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub async fn ask(&mut self, question: &[u8]) -> Result<Bytes, ChannelError> {
        self.0.take_turn()?;
        self.0.send(question).await?;
        self.0.receive().await
    }

    /// Ends it in good order.
    pub async fn close(mut self) {
        self.0.close(CloseReason::Normal).await;
    }
}

/// The server's end.
pub struct Answering {
    line: Line,
    /// A question waits for its answer.
    owing: bool,
}

impl Answering {
    pub(super) const fn new(line: Line) -> Self {
        Self { line, owing: false }
    }

    /// The hash of the handshake: the same at both ends of this exchange, and at no other.
    #[must_use]
    pub const fn hash(&self) -> [u8; 32] {
        self.line.hash
    }

    /// The client's static Noise key.
    #[must_use]
    pub const fn peer_key(&self) -> [u8; 32] {
        self.line.peer
    }

    /// Waits for the next question. The first one proves that the client is there now: until it came nothing may have any effect.
    ///
    /// # Errors
    /// [`ChannelError::Truncated`] when the client has left; [`ChannelError::ExchangeTurns`] after the last question, and before
    /// the last one was answered.
    pub async fn question(&mut self) -> Result<Bytes, ChannelError> {
        if std::mem::replace(&mut self.owing, true) {
            return Err(ChannelError::ExchangeTurns);
        }
        let question = self.line.receive().await?;
        self.line.take_turn()?;
        Ok(question)
    }

    /// Answers the question.
    ///
    /// # Errors
    /// [`ChannelError::ExchangeTurns`] without a question; the others mean that the client has left.
    pub async fn answer(&mut self, answer: &[u8]) -> Result<(), ChannelError> {
        if !std::mem::replace(&mut self.owing, false) {
            return Err(ChannelError::ExchangeTurns);
        }
        self.line.send(answer).await
    }

    /// Ends it, and says why.
    pub async fn close(mut self, reason: CloseReason) {
        self.line.close(reason).await;
    }
}

impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking").field("left", &self.0.left).finish_non_exhaustive()
    }
}

impl fmt::Debug for Answering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answering").field("left", &self.line.left).finish_non_exhaustive()
    }
}
