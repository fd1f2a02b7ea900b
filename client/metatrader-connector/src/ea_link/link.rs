//! The handle through which the connector sees one account's terminal.

use super::{
    EaLinkError, FeedEvent, LinkEvent, LinkStatus, OrderLinkError, TickFrom,
    framed::Outgoing,
    permissions_of,
    slot::{Collecting, Feed, ORDERS_MAX, OrderAnswer, PendingOrder, Slot},
};
use aitrading_model::{AccountId, AccountState, HistoryFault, MarketTime, Permissions, Symbol, SymbolSpec, Tick};
use aitrading_wire::ea::{
    FeedMode, FeedNumber, HistoryRequest, Lookup, LookupResult, Message, OrderRequest, OrderResult, Role, TerminalInfo,
    TickSubscribe,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// Batches that may wait in a feed. Beyond it the ticks connection is not read any more, and the terminal waits.
const FEED_QUEUE: usize = 32;

/// One account's terminal. Clones show the same one.
#[derive(Debug, Clone)]
pub struct EaLink {
    pub(super) slot: Arc<Slot>,
}

/// Ticks of one symbol. Dropping it ends the feed.
#[derive(Debug)]
pub struct TickFeed {
    slot: Arc<Slot>,
    number: u32,
    symbol: Symbol,
    events: mpsc::Receiver<FeedEvent>,
}

/// Takes an order off the waiting list when its caller stops waiting, for whatever reason.
struct Waiting<'a> {
    slot: &'a Slot,
    request_id: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.slot.inner().orders.remove(&self.request_id);
    }
}

/// Closes a request for history when its caller stops waiting, for whatever reason.
struct Asking<'a> {
    slot: &'a Slot,
    request_id: u64,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        drop(self.slot.inner().collecting.take_if(|open| open.request_id == self.request_id));
    }
}

impl EaLink {
    /// The account.
    #[must_use]
    pub fn account_id(&self) -> AccountId {
        self.slot.account
    }

    /// Phase and connections; "never connected" is the first value.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<LinkStatus> {
        self.slot.status.subscribe()
    }

    /// The latest snapshot; `None` before the first. It stays when the link is lost.
    #[must_use]
    pub fn account(&self) -> watch::Receiver<Option<Arc<AccountState>>> {
        self.slot.state.subscribe()
    }

    /// The latest specifications.
    #[must_use]
    pub fn specs(&self) -> watch::Receiver<Arc<[SymbolSpec]>> {
        self.slot.specs.subscribe()
    }

    /// Permissions and connection of the terminal; `None` while it is not there.
    #[must_use]
    pub fn terminal_info(&self) -> watch::Receiver<Option<TerminalInfo>> {
        self.slot.info.subscribe()
    }

    /// The five flags; all false while the terminal is not there.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        permissions_of(*self.slot.info.borrow())
    }

    /// What happens from now on. A listener that falls behind by 1,024 events misses the oldest and is told so.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<LinkEvent> {
        self.slot.events.subscribe()
    }

    /// Sends an order and waits for its answer, at most `timeout`. Dropping the future counts as giving up: an order that has
    /// not left then stays here; the answer to one that has left becomes [`LinkEvent::LateResult`].
    ///
    /// # Errors
    /// [`OrderLinkError::NotSent`] if surely not one byte of it left; [`OrderLinkError::Unknown`] otherwise.
    pub async fn order(&self, request: OrderRequest, timeout: Duration) -> Result<OrderResult, OrderLinkError> {
        let request_id = request.request_id;
        let mut answer = self.begin(request)?;
        let waiting = Waiting { slot: &self.slot, request_id };
        if let Ok(answered) = self.slot.env.timeout(timeout, &mut answer).await {
            return answered.unwrap_or(Err(OrderLinkError::Unknown("the link was shut down")));
        }
        // Off the list and judged under one lock: the writer cannot send it in between.
        let gave_up = self.slot.inner().orders.remove(&request_id);
        drop(waiting);
        match (answer.try_recv(), gave_up) {
            // It came in this very moment.
            (Ok(answered), _) => answered,
            (Err(_), Some(order)) if !order.sent => {
                Err(OrderLinkError::NotSent("the connection to the terminal was busy for too long"))
            }
            _ => Err(OrderLinkError::Unknown("the terminal did not answer in time")),
        }
    }

    fn begin(&self, request: OrderRequest) -> Result<oneshot::Receiver<OrderAnswer>, OrderLinkError> {
        let request_id = request.request_id;
        let frame = Message::OrderRequest(Box::new(request)).frame(Role::Commands as u8);
        let mut inner = self.slot.inner();
        if !inner.is_ready() {
            return Err(OrderLinkError::NotSent("the terminal is not connected"));
        }
        if inner.orders.len() >= ORDERS_MAX || inner.orders.contains_key(&request_id) {
            return Err(OrderLinkError::NotSent(
                "an order with this number, or too many orders, wait for their answer",
            ));
        }
        let outbox = inner.outbox(Role::Commands).ok_or(OrderLinkError::NotSent("the terminal is not connected"))?;
        outbox
            .try_send(Outgoing::Order { request_id, frame })
            .map_err(|_| OrderLinkError::NotSent("the terminal takes no orders at the moment"))?;
        // The writer asks for the entry under the same lock: it cannot be faster than this line.
        let (answer, receiver) = oneshot::channel();
        inner.orders.insert(request_id, PendingOrder { sent: false, answer });
        Ok(receiver)
    }

    /// What the terminal knows under a magic number. "Nothing" is no proof: after a fill there is a moment in which an order is
    /// in no list, so look twice.
    ///
    /// # Errors
    /// [`EaLinkError`] if there is no answer.
    pub async fn lookup(&self, magic: u64, timeout: Duration) -> Result<LookupResult, EaLinkError> {
        let (answer, receiver) = oneshot::channel();
        let lookup_id = {
            let mut inner = self.slot.inner();
            inner.next_lookup += 1;
            let lookup_id = inner.next_lookup;
            let frame = Message::Lookup(Lookup { lookup_id, magic }).frame(Role::History as u8);
            let outbox = inner.outbox(Role::History).ok_or(EaLinkError::NotConnected)?;
            outbox.try_send(Outgoing::Frame(frame)).map_err(|_| EaLinkError::Busy)?;
            inner.lookups.insert(lookup_id, answer);
            lookup_id
        };
        let answered = self.slot.env.timeout(timeout, receiver).await;
        self.slot.inner().lookups.remove(&lookup_id);
        answered.map_err(|_| EaLinkError::Timeout)?.map_err(|_| EaLinkError::Lost)
    }

    /// Every tick that the terminal has with `from <= time <= to`, at most an hour, in order. One request is open at a time.
    ///
    /// # Errors
    /// [`HistoryFault`]: there is no answer, or what there is is not all.
    pub async fn history(
        &self,
        symbol: Symbol,
        (from, to): (MarketTime, MarketTime),
        timeout: Duration,
    ) -> Result<Vec<Tick>, HistoryFault> {
        let (answer, receiver) = oneshot::channel();
        let request_id = {
            let mut inner = self.slot.inner();
            if inner.collecting.is_some() {
                return Err(HistoryFault::Busy);
            }
            inner.next_history += 1;
            let request_id = inner.next_history;
            let request = HistoryRequest { request_id, symbol, from, to };
            let frame = Message::HistoryRequest(request).frame(Role::History as u8);
            let outbox = inner.outbox(Role::History).ok_or(HistoryFault::Unavailable)?;
            outbox.try_send(Outgoing::Frame(frame)).map_err(|_| HistoryFault::Busy)?;
            inner.collecting = Some(Collecting { request_id, ticks: Vec::new(), answer });
            request_id
        };
        let asking = Asking { slot: &self.slot, request_id };
        let answered = self.slot.env.timeout(timeout, receiver).await;
        drop(asking);
        let ticks = answered.map_err(|_| HistoryFault::Expired)?.map_err(|_| HistoryFault::Unavailable)??;
        let inside = ticks.iter().all(|tick| from <= tick.time && tick.time <= to);
        if inside && ticks.is_sorted_by_key(|tick| tick.time) { Ok(ticks) } else { Err(HistoryFault::Invalid) }
    }

    /// Starts a feed; one of the same symbol that runs already ends.
    ///
    /// # Errors
    /// [`EaLinkError`] if the terminal is not there.
    pub async fn subscribe(&self, symbol: Symbol, from: TickFrom, mode: FeedMode) -> Result<TickFeed, EaLinkError> {
        let (out, events) = mpsc::channel(FEED_QUEUE);
        let (number, outbox) = {
            let mut inner = self.slot.inner();
            let outbox = inner.outbox(Role::Ticks).ok_or(EaLinkError::NotConnected)?.clone();
            inner.next_feed = inner.next_feed.wrapping_add(1);
            let number = inner.next_feed;
            inner.feeds.retain(|_, feed| feed.symbol != symbol);
            inner.feeds.insert(number, Feed { symbol, out });
            (number, outbox)
        };
        let feed = TickFeed { slot: Arc::clone(&self.slot), number, symbol, events };
        let subscribe = TickSubscribe { feed: number, symbol, time: from.time, skip: from.count, mode };
        let frame = Message::TickSubscribe(subscribe).frame(Role::Ticks as u8);
        outbox.send(Outgoing::Frame(frame)).await.map_err(|_| EaLinkError::Lost)?;
        Ok(feed)
    }

    /// Lets a symbol's feed that stands still go on. Without effect if there is no such feed.
    pub async fn continue_feed(&self, symbol: Symbol) {
        let number = self.slot.inner().feeds.iter().find(|(_, feed)| feed.symbol == symbol).map(|(number, _)| *number);
        if let Some(number) = number {
            go_on(&self.slot, number).await;
        }
    }
}

async fn go_on(slot: &Slot, feed: u32) {
    let outbox = slot.inner().outbox(Role::Ticks).cloned();
    if let Some(outbox) = outbox {
        let frame = Message::TickContinue(FeedNumber { feed }).frame(Role::Ticks as u8);
        // A connection that is gone has ended the feed, which its reader sees.
        outbox.send(Outgoing::Frame(frame)).await.unwrap_or(());
    }
}

impl TickFeed {
    /// The symbol.
    #[must_use]
    pub fn symbol(&self) -> Symbol {
        self.symbol
    }

    /// What comes next. `None`: the feed is over. Without [`FeedEvent::End`], [`FeedEvent::Rewritten`] or
    /// [`FeedEvent::Refused`] before it, the connection was lost, or another subscription took over: subscribe again from the
    /// own cursor.
    pub async fn recv(&mut self) -> Option<FeedEvent> {
        self.events.recv().await
    }

    /// Lets the feed go on after a batch that stands.
    pub async fn go_on(&self) {
        go_on(&self.slot, self.number).await;
    }
}

impl Drop for TickFeed {
    fn drop(&mut self) {
        let mut inner = self.slot.inner();
        if inner.feeds.remove(&self.number).is_some()
            && let Some(outbox) = inner.outbox(Role::Ticks)
        {
            let frame = Message::TickStop(FeedNumber { feed: self.number }).frame(Role::Ticks as u8);
            // Full: the terminal goes on for a while, and its frames are thrown away.
            outbox.try_send(Outgoing::Frame(frame)).unwrap_or(());
        }
    }
}
