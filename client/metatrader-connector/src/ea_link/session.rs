//! One accepted connection: frames in, frames out, until it breaks.

use super::{
    FeedEvent, LinkEvent,
    framed::{Broken, FrameReader, Incoming, write_loop},
    slot::{Place, Slot},
};
use aitrading_env::BoxStream;
use aitrading_wire::{
    WireError,
    ea::{Message, Role},
};
use std::sync::Arc;
use tokio::{
    io::{ReadHalf, WriteHalf},
    sync::watch,
};

/// Runs a connection that was let in, and cleans up behind it.
pub(super) async fn run(
    slot: &Arc<Slot>,
    place: Place,
    reader: FrameReader<ReadHalf<BoxStream>>,
    write: WriteHalf<BoxStream>,
    mut stop: watch::Receiver<bool>,
) {
    let Place { id, role, queue, close } = place;
    let cleanup = Cleanup { slot, role, id };
    let rules = slot.write_rules(role);
    let broken = tokio::select! {
        broken = read_loop(slot, role, reader) => broken,
        broken = write_loop(&slot.env, write, queue, rules, |order| slot.leaves(order)) => broken,
        () = close.notified() => Broken::Ended,
        _ = stop.wait_for(|stop| *stop) => Broken::Ended,
    };
    drop(cleanup);
    tracing::info!(account = %slot.account, role = role.name(), cause = %broken, "connection to the terminal ended");
}

/// Takes the connection off the link even if its task is aborted.
struct Cleanup<'a> {
    slot: &'a Slot,
    role: Role,
    id: u64,
}

impl Drop for Cleanup<'_> {
    fn drop(&mut self) {
        self.slot.unregister(self.role, self.id);
    }
}

async fn read_loop(slot: &Slot, role: Role, mut reader: FrameReader<ReadHalf<BoxStream>>) -> Broken {
    loop {
        let incoming = match reader.next(&slot.env, slot.times.silence).await {
            Ok(incoming) if incoming.role == role as u8 => incoming,
            Ok(_) => return Broken::Wire(WireError::BadValue("role")),
            Err(broken) => return broken,
        };
        if let Err(broken) = take(slot, role, incoming).await {
            return broken;
        }
    }
}

/// Takes one message. Each role has its own few; any other ends the connection.
async fn take(slot: &Slot, role: Role, incoming: Incoming) -> Result<(), Broken> {
    let stands = incoming.stands;
    match (role, incoming.message) {
        (_, Message::Heartbeat(_)) => {}
        (_, Message::Refuse(refuse)) => return Err(Broken::Refused(refuse)),
        (Role::Commands, Message::OrderResult(result)) => slot.take_result(*result),
        (Role::Events, Message::Transaction(transaction)) => slot.tell(LinkEvent::Transaction(transaction)),
        (Role::Events | Role::Control, Message::Account(state)) => {
            if state.account != slot.account {
                return Err(Broken::Wire(WireError::BadValue("account")));
            }
            slot.take_account(*state);
        }
        (Role::Control, Message::Specs(specs)) => slot.take_specs(specs.0),
        (Role::Control, Message::TerminalInfo(info)) => slot.take_info(info),
        (Role::History, Message::LookupResult(result)) => slot.take_lookup(*result),
        (Role::History, Message::HistoryTicks(part)) => slot.take_history(part),
        (Role::History, Message::HistoryEnd(end)) => slot.end_history(end).map_err(Broken::Wire)?,
        (Role::Ticks, Message::Ticks(ticks)) => {
            pass(slot, ticks.feed, FeedEvent::Ticks { ticks: ticks.ticks, stands }, false).await;
        }
        (Role::Ticks, Message::TickEnd(end)) => pass(slot, end.feed, FeedEvent::End { total: end.total }, true).await,
        (Role::Ticks, Message::TickRewritten(r)) => {
            let event = FeedEvent::Rewritten { time: r.time, wanted: r.wanted, found: r.found };
            pass(slot, r.feed, event, true).await;
        }
        (Role::Ticks, Message::TickRefused(refused)) => {
            pass(slot, refused.feed, FeedEvent::Refused { text: refused.text }, true).await;
        }
        _ => return Err(Broken::Wire(WireError::BadValue("message kind"))),
    }
    Ok(())
}

/// Hands an event to its feed, waiting for room: that is how a slow reader slows the terminal down. Frames of a feed that was
/// replaced or dropped go nowhere.
async fn pass(slot: &Slot, number: u32, event: FeedEvent, last: bool) {
    let out = {
        let mut inner = slot.inner();
        if last {
            inner.feeds.remove(&number).map(|feed| feed.out)
        } else {
            inner.feeds.get(&number).map(|feed| feed.out.clone())
        }
    };
    if let Some(out) = out {
        // The reader dropped its end: it has told the terminal to stop.
        out.send(event).await.unwrap_or(());
    }
}
