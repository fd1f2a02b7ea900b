//! The task of one connection: it alone reads, writes, encrypts and decrypts. It never waits for the application, so that
//! heartbeats and acknowledgements flow whatever the application does; the window bounds what it holds.

mod control;
mod finish;
mod io;

use crate::{
    ChannelError, CloseReason, Limits,
    control::{Ack, Control},
    frame::Frame,
    limits::{WRITE_BYTES, WRITE_FRAMES},
    noise::Handshake,
    pipe::Pipe,
    session::Shared,
    transmit::OutFrame,
};
use aitrading_env::{BoxFuture, Env};
use aitrading_security::NoiseKeyPair;
use finish::Finish;
use io::Io;
use std::{sync::Arc, time::Duration};

/// Beyond the agreed number of messages a server tolerates what may be under way.
const RENEWAL_SLACK: u64 = 1 << 16;

/// What only one side does.
pub(crate) enum Side {
    /// Asks for heartbeats and key renewals.
    Client { server_key: [u8; 32], next_ping: u64, renewal: Option<Box<dyn Handshake>> },
    /// Answers.
    Server { pong: Option<u64> },
}

/// One connection.
pub(crate) struct Link {
    env: Env,
    pipe: Pipe,
    shared: Arc<Shared>,
    limits: Limits,
    side: Side,
    noise_static: NoiseKeyPair,
    hash: [u8; 32],
    keyed_at: u64,
    last_heard: u64,
    closing_since: Option<u64>,
    io: Io,
    acks_covered: u64,
    acks: Vec<Ack>,
    out: Vec<OutFrame>,
    data: Vec<Frame>,
    sleep: BoxFuture<'static, ()>,
}

impl Link {
    pub(crate) fn new(
        env: &Env,
        pipe: Pipe,
        shared: Arc<Shared>,
        limits: &Limits,
        side: Side,
        noise_static: &NoiseKeyPair,
        hash: [u8; 32],
    ) -> Self {
        let now = env.clock.mono_ns();
        Self {
            env: env.clone(),
            pipe,
            shared,
            limits: limits.clone(),
            side,
            noise_static: noise_static.clone(),
            hash,
            keyed_at: now,
            last_heard: now,
            closing_since: None,
            io: Io::new(),
            acks_covered: 0,
            acks: Vec::new(),
            out: Vec::new(),
            data: Vec::new(),
            sleep: Box::pin(std::future::ready(())),
        }
    }

    /// Runs in the background until the session ends.
    pub(crate) fn spawn(self) {
        let env = self.env.clone();
        drop(env.spawn.task("channel", Box::pin(self.run())));
    }

    async fn run(mut self) {
        let result = self.drive().await;
        self.finish(result).await;
    }

    async fn drive(&mut self) -> Result<Finish, ChannelError> {
        loop {
            let now = self.env.clock.mono_ns();
            if let Some(finish) = self.write(now)? {
                return Ok(finish);
            }
            let bells = Arc::clone(&self.shared.bells);
            let (pipe, io) = (&mut self.pipe, &mut self.io);
            tokio::select! {
                biased;
                () = std::future::poll_fn(|cx| io.poll(&mut pipe.socket, cx)) => {
                    if let Some(finish) = self.work_off()? {
                        return Ok(finish);
                    }
                }
                () = bells.work.notified() => {}
                () = &mut self.sleep => self.sleep = self.env.clock.sleep(self.until_next(now)),
            }
        }
    }

    /// Checks what is due and queues what is to be written, unless the last batch is still under way.
    fn write(&mut self, now: u64) -> Result<Option<Finish>, ChannelError> {
        self.check_time(now)?;
        if self.io.flushing {
            return Ok(self.closing_overdue(now));
        }
        self.write_control(now)?;
        {
            let mut state = self.shared.resume.lock();
            if !state.holds(self.shared.generation) {
                return Err(ChannelError::Superseded);
            }
            self.acks_covered = state.take_output((WRITE_FRAMES, WRITE_BYTES), &mut self.acks, &mut self.out);
            if let Some(reason) = state.closing.filter(|_| self.out.is_empty() && self.acks.is_empty()) {
                return Ok(Some(Finish::Ours(reason)));
            }
            if state.closing.is_some() && self.closing_since.is_none() {
                self.closing_since = Some(now);
                // The next deadline is nearer than the one that the timer was set for.
                self.sleep = self.env.clock.sleep(self.limits.close_timeout);
            }
        }
        if !self.acks.is_empty() {
            let acks = std::mem::take(&mut self.acks);
            self.control(&Control::Ack(acks))?;
        }
        for frame in self.out.drain(..) {
            self.pipe.feed(frame.stream, frame.kind, frame.seq, &frame.body)?;
            self.io.flushing = true;
        }
        Ok(None)
    }

    /// A peer that does not read must not keep a closing session alive.
    fn closing_overdue(&self, now: u64) -> Option<Finish> {
        let since = self.closing_since?;
        (now.saturating_sub(since) >= nanos(self.limits.close_timeout)).then_some(Finish::Ours(CloseReason::GoingAway))
    }

    fn check_time(&self, now: u64) -> Result<(), ChannelError> {
        let silence = self.limits.silence();
        if now.saturating_sub(self.last_heard) >= nanos(silence) {
            return Err(ChannelError::HeartbeatLost(silence));
        }
        if matches!(self.side, Side::Server { .. }) {
            let old = now.saturating_sub(self.keyed_at) >= nanos(self.limits.rehandshake_after.saturating_mul(2));
            let allowed = self.limits.rehandshake_messages.saturating_mul(2).saturating_add(RENEWAL_SLACK);
            if old || self.pipe.messages() >= allowed {
                return Err(ChannelError::RehandshakeOverdue);
            }
        }
        Ok(())
    }

    /// How long until something may be due.
    fn until_next(&self, now: u64) -> Duration {
        let mut at = self.last_heard.saturating_add(nanos(self.limits.silence()));
        if let Side::Client { next_ping, renewal, .. } = &self.side {
            at = at.min(*next_ping);
            if renewal.is_none() {
                at = at.min(self.keyed_at.saturating_add(nanos(self.limits.rehandshake_after)));
            }
        }
        if let Some(since) = self.closing_since {
            at = at.min(since.saturating_add(nanos(self.limits.close_timeout)));
        }
        // Never zero: what is due is done in the next round, and only a blocked flush can delay it.
        Duration::from_nanos(at.saturating_sub(now)).max(Duration::from_millis(1))
    }

    /// Works off what was read, and notes what was flushed.
    fn work_off(&mut self) -> Result<Option<Finish>, ChannelError> {
        if std::mem::take(&mut self.io.flushed) {
            let mut state = self.shared.resume.lock();
            if state.holds(self.shared.generation) && state.acks_written < self.acks_covered {
                state.acks_written = self.acks_covered;
                self.shared.bells.moved.notify_waiters();
            }
        }
        if self.io.inbound.is_empty() {
            return self.io.broken.take().map_or(Ok(None), Err);
        }
        self.last_heard = self.env.clock.mono_ns();
        let finish = self.read_batch();
        // Frames that came whole before a fault are good.
        self.deliver()?;
        match finish? {
            None => self.io.broken.take().map_or(Ok(None), Err),
            finish => Ok(finish),
        }
    }

    fn deliver(&mut self) -> Result<(), ChannelError> {
        if self.data.is_empty() {
            return Ok(());
        }
        let mut state = self.shared.resume.lock();
        if !state.holds(self.shared.generation) {
            return Err(ChannelError::Superseded);
        }
        state.take_frames(self.data.drain(..))
    }

    pub(crate) fn control(&mut self, control: &Control) -> Result<(), ChannelError> {
        self.io.flushing = true;
        self.pipe.feed_control(control)
    }
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
