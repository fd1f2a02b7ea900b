//! The history service: what `CopyTicksRange` would return, with both ends included.

use super::desk::Desk;
use crate::ea_link::framed::{Broken, Outgoing};
use aitrading_model::Tick;
use aitrading_wire::{
    ea::{HistoryEnd, HistoryRequest, HistoryTicks, Message, Role},
    limits::TICKS_PER_BATCH_MAX,
};
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;

/// Answers one request: the ticks that the market has seen, without those that were rewritten away.
pub(super) async fn answer(
    desk: &Desk,
    request: HistoryRequest,
    outbox: &mpsc::Sender<Outgoing>,
) -> Result<(), Broken> {
    let HistoryRequest { request_id, symbol, from, to } = request;
    let Some(feed) = desk.settings.feeds.iter().find(|feed| feed.symbol == symbol) else {
        return say(outbox, HistoryEnd { request_id, total: 0, error: HistoryEnd::UNKNOWN_SYMBOL }).await;
    };
    let seen = feed.history.ticks().get(..desk.released(symbol)).unwrap_or_default();
    let first = seen.partition_point(|tick| tick.time < from);
    let end = seen.partition_point(|tick| tick.time <= to);
    let kept = |tick: &&Tick| !desk.is_rewritten(symbol, tick.time);
    let mut ticks: Vec<Tick> = seen.get(first..end).unwrap_or_default().iter().filter(kept).copied().collect();
    let mut error = 0;
    let loading = |left: u32| left.checked_sub(1);
    if desk.loading.fetch_update(Ordering::Relaxed, Ordering::Relaxed, loading).is_ok() {
        ticks.truncate(ticks.len() / 2);
        error = HistoryEnd::TIMEOUT;
    }
    for part in ticks.chunks(TICKS_PER_BATCH_MAX) {
        let message = Message::HistoryTicks(HistoryTicks { request_id, ticks: part.to_vec() });
        let frame = message.frame(Role::History as u8);
        outbox.send(Outgoing::Frame(frame)).await.map_err(|_| Broken::Ended)?;
    }
    say(outbox, HistoryEnd { request_id, total: ticks.len() as u64, error }).await
}

async fn say(outbox: &mpsc::Sender<Outgoing>, end: HistoryEnd) -> Result<(), Broken> {
    let frame = Message::HistoryEnd(end).frame(Role::History as u8);
    outbox.send(Outgoing::Frame(frame)).await.map_err(|_| Broken::Ended)
}
