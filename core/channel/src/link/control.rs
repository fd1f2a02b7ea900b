//! The channel's own frames in a running session: heartbeats, acknowledgements, key renewal, close.

use super::{Finish, Link, Side, nanos};
use crate::{
    ChannelError,
    control::Control,
    frame::CONTROL,
    noise::{self, Finished},
    pipe::binary,
};
use bytes::Bytes;
use std::sync::{PoisonError, atomic::Ordering};

impl Link {
    /// Writes what is due: heartbeat, its answer, a key renewal.
    pub(super) fn write_control(&mut self, now: u64) -> Result<(), ChannelError> {
        let extra = || self.shared.extra();
        let wanted = self.shared.beat.swap(false, Ordering::AcqRel);
        let due = match &mut self.side {
            Side::Server { pong } => {
                pong.take().map(|echo_ns| Control::Pong { echo_ns, wall_ns: self.env.clock.wall_ns(), extra: extra() })
            }
            Side::Client { next_ping, .. } if wanted || now >= *next_ping => {
                *next_ping = now.saturating_add(nanos(self.limits.heartbeat));
                Some(Control::Ping { mono_ns: now, extra: extra() })
            }
            Side::Client { .. } => None,
        };
        if let Some(control) = due {
            self.control(&control)?;
        }
        self.begin_renewal(now)
    }

    /// The client asks for new keys by age or by count; traffic goes on under the old ones meanwhile.
    fn begin_renewal(&mut self, now: u64) -> Result<(), ChannelError> {
        let old = now.saturating_sub(self.keyed_at) >= nanos(self.limits.rehandshake_after);
        let many = self.pipe.messages() >= self.limits.rehandshake_messages;
        let Side::Client { server_key, renewal, .. } = &mut self.side else { return Ok(()) };
        if renewal.is_some() || !(old || many) {
            return Ok(());
        }
        // The prologue is the hash so far: the new keys grow from the old session and from no other.
        let mut handshake = noise::initiator(&self.env, &self.noise_static, server_key, &self.hash)?;
        let message = handshake.write()?;
        *renewal = Some(handshake);
        self.control(&Control::RekeyInit(message))
    }

    /// Decrypts and sorts what was read.
    pub(super) fn read_batch(&mut self) -> Result<Option<Finish>, ChannelError> {
        let mut messages = std::mem::take(&mut self.io.inbound);
        let mut result = Ok(None);
        for message in messages.drain(..) {
            result = self.read(message);
            if !matches!(result, Ok(None)) {
                break;
            }
        }
        messages.clear();
        // The buffer goes back for the next batch.
        self.io.inbound = messages;
        result
    }

    fn read(&mut self, message: tokio_websockets::Message) -> Result<Option<Finish>, ChannelError> {
        let message = match binary(message) {
            Err(ChannelError::Closed { reason }) => return Ok(Some(Finish::Theirs(reason))),
            other => other?,
        };
        let frame = self.pipe.open(&message)?;
        if frame.stream != CONTROL {
            self.data.push(frame);
            return Ok(None);
        }
        let control = self.pipe.control(frame)?;
        self.obey(control)
    }

    fn obey(&mut self, control: Control) -> Result<Option<Finish>, ChannelError> {
        match (control, &mut self.side) {
            (Control::Ack(acks), _) => {
                let mut state = self.shared.resume.lock();
                if state.holds(self.shared.generation) {
                    state.take_peer_acks(acks)?;
                }
            }
            (Control::Ping { mono_ns, extra }, Side::Server { pong }) => {
                // A client that asks faster than it reads gets one answer.
                *pong = Some(mono_ns);
                self.heartbeat(extra);
            }
            (Control::Pong { echo_ns, wall_ns, extra }, Side::Client { .. }) => {
                let mut keeper = self.shared.keeper.lock().unwrap_or_else(PoisonError::into_inner);
                keeper.add(echo_ns, wall_ns, self.env.clock.mono_ns());
                drop(keeper);
                self.heartbeat(extra);
            }
            (Control::RekeyInit(message), Side::Server { .. }) => self.answer_renewal(&message)?,
            (Control::RekeyReply(message), Side::Client { renewal, .. }) => {
                let renewal = renewal.take().ok_or(ChannelError::BadFrame("a key renewal that was not asked for"))?;
                self.complete_renewal(renewal, &message)?;
            }
            (Control::RekeySwitch, Side::Server { .. }) => self.pipe.renewed()?,
            (Control::Close(reason), _) => return Ok(Some(Finish::Theirs(reason))),
            _ => return Err(ChannelError::BadFrame("a control frame that this side does not expect")),
        }
        Ok(None)
    }

    fn heartbeat(&self, extra: Bytes) {
        let mut state = self.shared.resume.lock();
        if state.holds(self.shared.generation) {
            state.take_heartbeat(extra);
        }
    }

    /// Server: answers under the old keys, writes under the new ones, and reads under the old ones until the client's switch.
    fn answer_renewal(&mut self, message: &[u8]) -> Result<(), ChannelError> {
        if self.pipe.renewing() {
            return Err(ChannelError::BadFrame("a key renewal within another"));
        }
        let mut handshake = noise::responder(&self.env, &self.noise_static, &self.hash)?;
        handshake.read(message)?;
        let reply = handshake.write()?;
        let finished = handshake.finish()?;
        self.control(&Control::RekeyReply(reply))?;
        self.adopt(finished, true);
        Ok(())
    }

    /// Client: the server writes under the new keys already; ours follow right after the switch.
    fn complete_renewal(&mut self, mut renewal: Box<dyn noise::Handshake>, message: &[u8]) -> Result<(), ChannelError> {
        renewal.read(message)?;
        let finished = renewal.finish()?;
        self.control(&Control::RekeySwitch)?;
        self.adopt(finished, false);
        Ok(())
    }

    fn adopt(&mut self, finished: Finished, peer_follows: bool) {
        self.hash = finished.hash;
        self.keyed_at = self.env.clock.mono_ns();
        self.pipe.renew(finished.transport, peer_follows);
    }
}
