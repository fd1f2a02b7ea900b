//! How a connection ends: the application is told at once, the peer within the close timeout.

use super::Link;
use crate::{ChannelError, CloseReason, control::Control, pipe};
use futures_util::SinkExt;
use std::sync::atomic::Ordering;

/// An end without a fault of this side's reading.
#[derive(Debug, Clone, Copy)]
pub(super) enum Finish {
    /// We close.
    Ours(CloseReason),
    /// The peer closed.
    Theirs(CloseReason),
}

impl Link {
    pub(super) async fn finish(mut self, result: Result<Finish, ChannelError>) {
        let (reason, ours, error) = match result {
            Ok(Finish::Ours(reason)) => (reason, true, None),
            Ok(Finish::Theirs(reason)) => (reason, false, None),
            Err(error) => (error.close_reason(), true, Some(error)),
        };
        if let Some(error) = &error {
            tracing::debug!(code = reason.code(), error = %error, "channel closed");
        }
        self.shared.resume.lock().end(self.shared.generation, self.env.clock.mono_ns(), reason, error);
        let (env, limit) = (self.env.clone(), self.limits.close_timeout);
        // A peer that does not answer the close is left behind.
        env.timeout(limit, self.part(reason, ours)).await.unwrap_or(());
        self.shared.done.store(true, Ordering::Release);
        self.shared.bells.moved.notify_waiters();
    }

    async fn part(&mut self, reason: CloseReason, ours: bool) {
        if ours {
            // Inside the encryption first: this is the close that the peer believes.
            drop(self.pipe.feed_control(&Control::Close(reason)));
            pipe::part(&mut self.pipe.socket, reason).await;
        } else {
            drop(self.pipe.socket.close().await);
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // Also when the task is aborted: nobody may wait for a connection that has no task.
        let now = self.env.clock.mono_ns();
        let lost = Some(ChannelError::Truncated);
        self.shared.resume.lock().end(self.shared.generation, now, CloseReason::GoingAway, lost);
        self.shared.done.store(true, Ordering::Release);
        self.shared.bells.moved.notify_waiters();
    }
}
