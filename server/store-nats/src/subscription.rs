//! Events of one topic for one consumer.
//!
//! Order: the server counts a message as delivered when it is written to a connection. What a broken connection swallowed
//! comes again, but later than what is new. So whenever a connection was made, events are held back until the server has
//! nothing outstanding but what is in our hands, and then go out by their place.

use crate::{
    bus::Shared,
    codec,
    errors::{told, unavailable},
    pull::{BATCH, Pull},
};
use aitrading_database_link::Repeat;
use aitrading_store::{Delivery, EventStream, StoreError};
use async_nats::{
    Message, Subject,
    jetstream::{
        AckKind, Message as Acknowledgeable,
        consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull::Config},
    },
};
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;

const SUBSCRIBING: &str = "subscribing to events";
const WAITING: &str = "waiting for events";
const ACKNOWLEDGING: &str = "acknowledging an event";
/// Events that one consumer may have without acknowledging them; the server sends no more until it does.
pub(crate) const UNACKNOWLEDGED_MAX: i64 = 4_096;
/// Acknowledged places that are remembered, in case the server sends one again that crossed its acknowledgement.
const ACKNOWLEDGED_MAX: usize = 8_192;
/// Between two looks at what the server has outstanding.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Between two attempts while the server is not there.
const PAUSE: Duration = Duration::from_millis(250);
/// What is added to the time after which the server sends again, before it is no longer waited for.
const MARGIN: Duration = Duration::from_secs(1);

/// What a consumer is called, and what it hears.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub(crate) name: String,
    pub(crate) subject: String,
}

/// A stream of one consumer.
#[derive(Debug)]
pub(crate) struct Subscription {
    shared: Arc<Shared>,
    address: Address,
    closed: watch::Receiver<()>,
    pull: Option<Pull>,
    connections: u64,
    /// While this is set, places may be missing before those that we have.
    hold_until_ns: Option<u64>,
    /// Received, not handed out.
    held: BTreeMap<u64, Message>,
    /// Handed out, not acknowledged: where to acknowledge it.
    out: BTreeMap<u64, Subject>,
    acknowledged: BTreeSet<u64>,
}

/// Finds or makes the consumer. A new one begins with the next event.
pub(crate) async fn consumer(shared: &Shared, address: &Address) -> Result<PullConsumer, StoreError> {
    let ready = shared.ready().await?;
    let config = Config {
        durable_name: Some(address.name.clone()),
        filter_subject: address.subject.clone(),
        deliver_policy: DeliverPolicy::New,
        ack_policy: AckPolicy::Explicit,
        ack_wait: shared.limits.acknowledge_within,
        max_deliver: -1,
        max_ack_pending: UNACKNOWLEDGED_MAX,
        ..Config::default()
    };
    let found = ready.stream.get_or_create_consumer(&address.name, config).await;
    found.map_err(|error| told(SUBSCRIBING, error))
}

impl Subscription {
    pub(crate) fn new(shared: Arc<Shared>, address: Address, closed: watch::Receiver<()>) -> Self {
        Self {
            shared,
            address,
            closed,
            pull: None,
            connections: 0,
            hold_until_ns: None,
            held: BTreeMap::new(),
            out: BTreeMap::new(),
            acknowledged: BTreeSet::new(),
        }
    }

    /// Waits for the next event in order, through outages.
    async fn wait(&mut self) -> Result<(u64, Message), StoreError> {
        loop {
            match self.step().await {
                Ok(Some(next)) => return Ok(next),
                Ok(None) => {}
                Err(StoreError::Unavailable { .. }) => {
                    self.pull = None;
                    self.shared.env.clock.sleep(PAUSE).await;
                }
                Err(other) => return Err(other),
            }
        }
    }

    async fn step(&mut self) -> Result<Option<(u64, Message)>, StoreError> {
        self.open().await?;
        self.restore_order().await?;
        if let Some(next) = self.held.pop_first() {
            return Ok(Some(next));
        }
        let Some(pull) = self.pull.as_mut() else { return Ok(None) };
        let message = pull.next().await?;
        self.take(message);
        Ok(None)
    }

    async fn open(&mut self) -> Result<(), StoreError> {
        if self.pull.is_some() {
            return Ok(());
        }
        let (shared, address) = (&self.shared, &self.address);
        let attempt = || async {
            let consumer = consumer(shared, address).await?;
            let wire = shared.ready().await?.wire;
            Pull::open(&shared.env, consumer, &wire.client).await
        };
        self.pull = Some(shared.link.call(WAITING, Repeat::Idempotent, attempt).await?);
        self.connections = 0;
        Ok(())
    }

    /// After a connection was made, waits until nothing is missing before what we have.
    async fn restore_order(&mut self) -> Result<(), StoreError> {
        let connections = self.shared.connections().await;
        let Some(pull) = self.pull.as_mut() else { return Ok(()) };
        if connections != self.connections {
            self.connections = connections;
            pull.reconnected();
            let wait = self.shared.limits.acknowledge_within.saturating_add(MARGIN);
            let now = self.shared.env.clock.mono_ns();
            self.hold_until_ns = Some(now.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)));
        }
        while let Some(until) = self.hold_until_ns {
            self.receive().await?;
            if self.shared.env.clock.mono_ns() >= until || self.has_all().await? {
                self.hold_until_ns = None;
            }
        }
        Ok(())
    }

    /// Receives for a moment.
    async fn receive(&mut self) -> Result<(), StoreError> {
        let env = self.shared.env.clone();
        let Some(pull) = self.pull.as_mut() else { return Ok(()) };
        let Ok(first) = env.timeout(LOOK_AGAIN, pull.next()).await else { return Ok(()) };
        let mut messages = vec![first?];
        messages.extend(std::iter::from_fn(|| pull.here()).take(BATCH));
        messages.into_iter().for_each(|message| self.take(message));
        Ok(())
    }

    /// Is everything that the server has sent and not seen acknowledged in our hands?
    async fn has_all(&self) -> Result<bool, StoreError> {
        let Some(pull) = &self.pull else { return Ok(true) };
        let attempt = || async { pull.consumer().get_info().await.map_err(|error| told(WAITING, error)) };
        let info = self.shared.link.call(WAITING, Repeat::Idempotent, attempt).await?;
        Ok(info.num_ack_pending <= self.held.len().saturating_add(self.out.len()))
    }

    /// Sorts a message in. One that was handed out already is not handed out again, but is acknowledged by its new name.
    fn take(&mut self, message: Message) {
        let Some((place, reply)) = place(&message) else {
            tracing::warn!(subject = %message.subject, "a message without a place was sent to a consumer");
            return;
        };
        if let Some(known) = self.out.get_mut(&place) {
            *known = reply;
        } else if !self.acknowledged.contains(&place) {
            self.held.insert(place, message);
        }
    }

    /// Sets a message aside that is no event; it stays in the stream, but comes no more.
    async fn set_aside(&self, message: Message) {
        let Ok(ready) = self.shared.ready().await else { return };
        let message = Acknowledgeable { message, context: ready.wire.jetstream };
        if let Err(error) = message.ack_with(AckKind::Term).await {
            tracing::warn!(%error, "a message that is no event could not be set aside");
        }
    }
}

/// The place in the stream, and where to acknowledge it.
fn place(message: &Message) -> Option<(u64, Subject)> {
    let reply = message.reply.clone()?;
    // `$JS.ACK.STREAM.CONSUMER.DELIVERED.PLACE.SEQUENCE.TIME.PENDING`, or the same after a domain and an account.
    let parts: Vec<&str> = reply.as_str().split('.').collect();
    let at = if parts.len() > 9 { 7 } else { 5 };
    let place = parts.get(at)?.parse().ok()?;
    Some((place, reply))
}

#[async_trait]
impl EventStream for Subscription {
    async fn next(&mut self) -> Result<Option<Delivery>, StoreError> {
        let mut closed = self.closed.clone();
        let (place, message) = tokio::select! {
            biased;
            _ = closed.changed() => return Ok(None),
            next = self.wait() => next?,
        };
        let (headers, payload) = (message.headers.as_ref(), &message.payload);
        match codec::event(&self.shared.names, &message.subject, headers, payload) {
            Ok(event) => {
                if let Some(reply) = message.reply {
                    self.out.insert(place, reply);
                }
                Ok(Some(Delivery { place, event }))
            }
            Err(error) => {
                self.set_aside(message).await;
                Err(error)
            }
        }
    }

    async fn acknowledge(&mut self, place: u64) -> Result<(), StoreError> {
        let Some(reply) = self.out.get(&place).cloned() else { return Ok(()) };
        let shared = &self.shared;
        let attempt = || async {
            let wire = shared.ready().await?.wire;
            let answer = wire.client.request(reply.clone(), AckKind::Ack.into()).await;
            answer.map_err(|error| told(ACKNOWLEDGING, error))
        };
        shared.link.call(ACKNOWLEDGING, Repeat::Idempotent, attempt).await?;
        self.out.remove(&place);
        self.acknowledged.insert(place);
        if self.acknowledged.len() > ACKNOWLEDGED_MAX {
            self.acknowledged.pop_first();
        }
        Ok(())
    }
}

impl Drop for Subscription {
    /// Gives back what was not acknowledged, so that the consumer's next stream need not wait for it.
    fn drop(&mut self) {
        let Some(mut pull) = self.pull.take() else { return };
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let mut back = std::mem::take(&mut self.out);
        let held = std::mem::take(&mut self.held);
        back.extend(held.values().filter_map(place));
        let shared = Arc::clone(&self.shared);
        let task = async move {
            pull.close().await;
            let rest = std::iter::from_fn(|| pull.here()).take(BATCH.saturating_mul(4));
            back.extend(rest.filter_map(|message| place(&message)));
            if let Err(error) = give_back(&shared, back).await {
                tracing::debug!(error = %aitrading_error::chain(&error), "events come again only after a while");
            }
        };
        drop(self.shared.env.spawn.task("events-give-back", Box::pin(task)));
    }
}

async fn give_back(shared: &Shared, replies: BTreeMap<u64, Subject>) -> Result<(), StoreError> {
    let Some(wire) = shared.connected().await else { return Err(unavailable(WAITING, "not connected")) };
    for reply in replies.into_values() {
        let sent = wire.client.publish(reply, AckKind::Nak(None).into()).await;
        sent.map_err(|error| told(WAITING, error))?;
    }
    Ok(())
}
