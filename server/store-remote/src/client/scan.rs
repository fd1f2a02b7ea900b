//! All ticks of a source, as they arrive. A stream that breaks off is an error, never a short answer.

use super::{Call, DOING, answer};
use crate::{
    arrow,
    carried::PART_ROWS,
    message::{FrameKind, Frames, Malformed},
};
use aitrading_model::Tick;
use aitrading_store::{StoreError, Visit};
use serde::Deserialize;

/// Bytes of one frame: its rows, and what Arrow puts around them.
const FRAME_MAX: usize = PART_ROWS.saturating_mul(64).saturating_add(64 * 1024);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Last {
    ticks: u64,
}

fn broken(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable { doing: DOING, source: source.into() }
}

fn damaged(error: Malformed) -> StoreError {
    StoreError::Corrupt { what: "a stream of the database service".to_owned(), source: Some(Box::new(error)) }
}

/// Shows what arrives. Only its beginning is repeated: nothing is shown twice.
pub(crate) async fn scan(call: Call<'_>, visit: &mut Visit<'_>) -> Result<u64, StoreError> {
    let mut reply = call.begin().await?;
    let mut frames = Frames::default();
    let mut shown = 0_u64;
    loop {
        while let Some((kind, content)) = frames.next(FRAME_MAX).map_err(damaged)? {
            match kind {
                FrameKind::Rows => {
                    let ticks: Vec<Tick> = arrow::decode(&content).map_err(damaged)?;
                    shown = shown.saturating_add(ticks.len() as u64);
                    visit(&ticks);
                }
                FrameKind::Error => return Err(answer::problem_of(&content).into()),
                FrameKind::Head => {
                    let last: Last = serde_json::from_slice(&content).map_err(|error| damaged(error.into()))?;
                    let ended = frames.is_empty() && reply.chunk().await.map_err(broken)?.is_none();
                    if !ended || last.ticks != shown {
                        return Err(damaged(crate::message::malformed("the stream is not as long as it says")));
                    }
                    return Ok(shown);
                }
            }
        }
        match reply.chunk().await.map_err(broken)? {
            Some(chunk) => frames.push(chunk),
            None => return Err(broken("the stream ended before its end")),
        }
    }
}
