//! All ticks of a source as a stream of frames.
//!
//! The scan is looked after only when the caller has taken what it gave: so a slow caller slows the scan, and no more waits here
//! than the store shows between two of its own waits.

use super::{DoorError, Refusal};
use crate::{
    arrow,
    carried::PART_ROWS,
    message::{FrameKind, Malformed, frame},
};
use aitrading_env::BoxFuture;
use aitrading_model::{Source, Tick};
use aitrading_store::{StoreError, TickStore};
use bytes::Bytes;
use serde_json::json;
use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};
use tokio::sync::OwnedSemaphorePermit;

type Made = Result<Bytes, Malformed>;
type Shown = Arc<Mutex<VecDeque<Made>>>;

/// A scan under way.
pub(super) struct Frames {
    /// Gone when it has ended.
    work: Option<BoxFuture<'static, Result<u64, StoreError>>>,
    shown: Shown,
    _permit: OwnedSemaphorePermit,
}

fn queue(shown: &Shown) -> MutexGuard<'_, VecDeque<Made>> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Frames {
    pub(super) fn begin(store: Arc<dyn TickStore>, source: Source, permit: OwnedSemaphorePermit) -> Self {
        let shown = Shown::default();
        let into = Arc::clone(&shown);
        let work = async move {
            let mut visit = |ticks: &[Tick]| {
                for part in ticks.chunks(PART_ROWS) {
                    let made = arrow::encode(part).and_then(|rows| frame(FrameKind::Rows, &rows));
                    queue(&into).push_back(made);
                }
            };
            store.scan(source, &mut visit).await
        };
        Self { work: Some(Box::pin(work)), shown, _permit: permit }
    }

    /// The next frame; the last one says how many ticks there were.
    pub(super) async fn next(&mut self) -> Option<Result<Bytes, Refusal>> {
        poll_fn(|context| self.poll(context)).await
    }

    /// The same, with an error as the last frame.
    pub(super) async fn next_or_error(&mut self) -> Option<Bytes> {
        match self.next().await? {
            Ok(frame) => Some(frame),
            Err(refusal) => {
                self.work = None;
                queue(&self.shown).clear();
                let problem = serde_json::to_vec(&refusal.problem()).ok()?;
                frame(FrameKind::Error, &problem).ok()
            }
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Refusal>>> {
        if let Some(made) = queue(&self.shown).pop_front() {
            return Poll::Ready(Some(made.map_err(Refusal::from)));
        }
        let Some(work) = &mut self.work else { return Poll::Ready(None) };
        let ended = match work.as_mut().poll(context) {
            Poll::Ready(ended) => ended,
            Poll::Pending => {
                let made = queue(&self.shown).pop_front();
                return made.map_or(Poll::Pending, |made| Poll::Ready(Some(made.map_err(Refusal::from))));
            }
        };
        self.work = None;
        let last = match ended {
            Ok(ticks) => frame(FrameKind::Head, json!({ "ticks": ticks }).to_string().as_bytes()),
            Err(error) => return Poll::Ready(Some(Err(error.into()))),
        };
        let mut queue = queue(&self.shown);
        queue.push_back(last);
        let next = queue.pop_front().unwrap_or_else(|| Err(crate::message::malformed("no frame")));
        Poll::Ready(Some(next.map_err(|error| DoorError::Malformed(error).into())))
    }
}
