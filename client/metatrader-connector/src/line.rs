//! The way out to the server as the connector's parts see it: a place to put frames, and memory of which are under way.

use aitrading_channel::{ChannelError, Sender, StreamId};
use bytes::Bytes;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// Where frames go.
#[async_trait::async_trait]
pub trait Outlet: Send + Sync + fmt::Debug {
    /// Queues a frame, waits while the window is full, and returns its number in the stream.
    ///
    /// # Errors
    /// [`ChannelError`]: the frame was not taken.
    async fn put(&self, stream: u16, kind: u8, body: Bytes) -> Result<u64, ChannelError>;
}

#[async_trait::async_trait]
impl Outlet for Sender {
    async fn put(&self, stream: u16, kind: u8, body: Bytes) -> Result<u64, ChannelError> {
        self.send(StreamId(stream), kind, body).await
    }
}

/// One connection to the server.
#[derive(Debug, Clone)]
pub struct Line {
    /// Grows when frame numbers start from 1 again; a resumed connection keeps it.
    pub number: u64,
    /// Where frames go.
    pub outlet: Arc<dyn Outlet>,
}

/// The present connection, if there is one.
pub type Lines = watch::Receiver<Option<Line>>;

/// Puts a frame on the line of that number, over reconnects as long as they resume it. `None`: the line is gone for good.
pub async fn put(lines: &mut Lines, number: u64, stream: u16, kind: u8, body: &Bytes) -> Option<u64> {
    loop {
        let line = lines.wait_for(Option::is_some).await.ok()?.clone()?;
        if line.number != number {
            return None;
        }
        match line.outlet.put(stream, kind, body.clone()).await {
            Ok(seq) => return Some(seq),
            Err(ChannelError::FrameTooLarge { .. } | ChannelError::BadFrame(_)) => return None,
            // The connection ended; the next one shows up as a change.
            Err(_) => lines.changed().await.ok()?,
        }
    }
}

/// Frames that are not acknowledged yet, and what each stands for.
#[derive(Debug)]
pub struct Flight<T>(Mutex<Frames<T>>);

#[derive(Debug)]
struct Frames<T> {
    line: u64,
    acked: u64,
    open: BTreeMap<u64, T>,
}

impl<T> Default for Flight<T> {
    fn default() -> Self {
        Self(Mutex::new(Frames { line: 0, acked: 0, open: BTreeMap::new() }))
    }
}

impl<T> Flight<T> {
    fn lock(&self) -> MutexGuard<'_, Frames<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line of another number: its frame numbers mean something else, and what was under way is gone.
    pub fn restart(&self, line: u64) {
        *self.lock() = Frames { line, acked: 0, open: BTreeMap::new() };
    }

    /// Notes a frame. Gives its meaning back if the acknowledgement was faster than the sender.
    pub fn sent(&self, line: u64, seq: u64, meaning: T) -> Option<T> {
        let mut frames = self.lock();
        if frames.line != line {
            return None;
        }
        if seq <= frames.acked {
            return Some(meaning);
        }
        frames.open.insert(seq, meaning);
        None
    }

    /// Takes out what is acknowledged, in order.
    pub fn acked(&self, through: u64) -> Vec<T> {
        let mut frames = self.lock();
        frames.acked = frames.acked.max(through);
        let later = frames.open.split_off(&through.saturating_add(1));
        std::mem::replace(&mut frames.open, later).into_values().collect()
    }

    /// Nothing under way?
    pub fn is_empty(&self) -> bool {
        self.lock().open.is_empty()
    }

    /// Is anything under way that `matches`?
    pub fn any(&self, matches: impl Fn(&T) -> bool) -> bool {
        self.lock().open.values().any(matches)
    }
}

#[cfg(test)]
mod tests;
