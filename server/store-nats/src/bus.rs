//! The event bus on a server.

use crate::{
    EventLimits, Names, codec,
    errors::{code, told},
    room, stream,
    subscription::{Address, Subscription, consumer},
    wire::Wire,
};
use aitrading_database_link::{BackendHealth, Link, LinkError, Repeat, Role, Secrets, ServerSettings};
use aitrading_env::{Env, RngExt};
use aitrading_model::TenantId;
use aitrading_store::{Event, EventBus, EventStream, StoreError, Topic, check_consumer};
use async_nats::jetstream::{
    ErrorCode,
    context::{PublishError, PublishErrorKind},
    publish::PublishAck,
    stream::Stream,
};
use async_trait::async_trait;
use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};
use tokio::sync::watch;

const BACKEND: &str = "nats";
const PUBLISHING: &str = "publishing an event";
const SUBSCRIBING: &str = "subscribing to events";
const PROBING: &str = "probing the event bus";
const ROOM: &str = "making room for events";

/// Events on a NATS server with JetStream.
///
/// Opening connects to nothing: the first call does, and makes the stream if it is not there. Publishing is repeated when the
/// server was not there, because it recognises the event by its id. Streams end when the bus is dropped.
///
/// A consumer's place is the event's number in the stream of all topics: it grows, with gaps. One stream of a consumer at a
/// time gets its events in order; several of the same name share them. Acknowledgements of the last moments before a crash of
/// the server may be forgotten: then events come again.
pub struct NatsEvents {
    shared: Arc<Shared>,
    // Dropped with the bus: that is what streams wait for.
    open: watch::Sender<()>,
}

/// A connection with its stream.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    pub(crate) wire: Wire,
    pub(crate) stream: Arc<Stream>,
}

/// What calls and subscriptions have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) env: Env,
    pub(crate) link: Arc<Link>,
    pub(crate) names: Names,
    pub(crate) limits: EventLimits,
    wire: tokio::sync::Mutex<Option<Wire>>,
    stream: tokio::sync::Mutex<Option<Arc<Stream>>>,
    is_on_files: AtomicBool,
    version: Mutex<Option<String>>,
}

impl Shared {
    /// The connection and the stream, once both are there.
    pub(crate) async fn ready(&self) -> Result<Ready, StoreError> {
        let wire = self.wire().await?;
        let mut slot = self.stream.lock().await;
        let stream = match slot.as_ref() {
            Some(stream) => Arc::clone(stream),
            None => {
                let stream = stream::open(&wire.jetstream, &self.names, &self.limits).await?;
                self.is_on_files.store(stream::is_on_files(stream.cached_info()), Ordering::Relaxed);
                Arc::clone(slot.insert(Arc::new(stream)))
            }
        };
        Ok(Ready { wire, stream })
    }

    async fn wire(&self) -> Result<Wire, StoreError> {
        let mut slot = self.wire.lock().await;
        let wire = match slot.as_ref() {
            Some(wire) => wire.clone(),
            None => slot.insert(Wire::open(&self.env, &self.link).await?).clone(),
        };
        // Others need not wait for what follows one after the other.
        drop(slot);
        wire.rotate(&self.env, &self.link).await?;
        wire.up(&self.env).await?;
        let version = wire.client.server_info().version;
        *self.version.lock().unwrap_or_else(PoisonError::into_inner) = Some(version);
        Ok(wire)
    }

    /// The connection, if there has been one.
    pub(crate) async fn connected(&self) -> Option<Wire> {
        self.wire.lock().await.clone()
    }

    /// How often a connection was made.
    pub(crate) async fn connections(&self) -> u64 {
        self.connected().await.map_or(0, |wire| wire.connections())
    }

    /// Publishes once. `call` tells whether a known id is known from an earlier attempt of the same call.
    async fn publish(&self, event: &Event, call: u64, repeated: bool) -> Result<bool, StoreError> {
        let ready = self.ready().await?;
        let subject = self.names.subject(event.tenant, &event.topic);
        let (headers, body) = (codec::headers(event, call), event.body.clone().into());
        let sent = ready.wire.jetstream.publish_with_headers(subject, headers, body).await;
        let acknowledged: Result<PublishAck, PublishError> = match sent {
            Ok(acknowledgement) => acknowledgement.await,
            Err(error) => Err(error),
        };
        match acknowledged {
            Ok(known) if known.duplicate && repeated => is_ours(&ready.stream, known.sequence, call).await,
            Ok(known) => Ok(!known.duplicate),
            Err(error) => {
                if error.kind() == PublishErrorKind::StreamNotFound {
                    // Gone, or not there yet after a restart: looked for by the next attempt.
                    *self.stream.lock().await = None;
                }
                Err(told(PUBLISHING, error))
            }
        }
    }

    async fn make_room(&self) -> Result<u64, StoreError> {
        let subjects = self.names.subjects();
        let attempt = || async { room::make(&self.ready().await?.stream, &subjects).await };
        self.link.call(ROOM, Repeat::Idempotent, attempt).await
    }
}

/// Was the event with this number published by this very call, whose answer was lost? An event that is gone was handled by
/// everybody and counts as known.
async fn is_ours(stream: &Stream, number: u64, call: u64) -> Result<bool, StoreError> {
    match stream.get_raw_message(number).await {
        Ok(message) => Ok(codec::is_of_call(&message.headers, call)),
        Err(error) if code(&error) == Some(ErrorCode::NO_MESSAGE_FOUND) => Ok(false),
        Err(error) => Err(told(PUBLISHING, error)),
    }
}

impl NatsEvents {
    /// Checks address, certificates and password. Names begin with the settings' database name, as [`Names`] spells it.
    ///
    /// # Errors
    /// As [`Link::open`].
    pub fn open(
        env: &Env,
        settings: &ServerSettings,
        secrets: &Secrets,
        limits: EventLimits,
    ) -> Result<Self, LinkError> {
        let link = Link::open(env, Role::Events, BACKEND, settings, secrets)?;
        let shared = Shared {
            env: env.clone(),
            names: Names::new(link.endpoint().database()),
            link: Arc::new(link),
            limits,
            wire: tokio::sync::Mutex::default(),
            stream: tokio::sync::Mutex::default(),
            is_on_files: AtomicBool::new(false),
            version: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared), open: watch::Sender::default() })
    }

    /// How the server was at the last calls.
    #[must_use]
    pub fn health(&self) -> BackendHealth {
        let version = self.shared.version.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let health = self.shared.link.health();
        let forgets = version.is_some() && !self.is_durable();
        let note =
            health.note.clone().or_else(|| forgets.then(|| "the stream is in memory, or not seen yet".to_owned()));
        BackendHealth { version, note, ..health }
    }

    /// Asks the server whether it and the stream are there; [`EventBus::is_durable`] is known afterwards.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unauthorised`], [`StoreError::Full`]; [`StoreError::Conflict`] if the stream
    /// on the server is not as the port needs it.
    pub async fn probe(&self) -> Result<BackendHealth, StoreError> {
        let attempt = || async {
            let stream = self.shared.ready().await?.stream;
            stream.get_info().await.map_err(|error| told(PROBING, error))
        };
        self.shared.link.call(PROBING, Repeat::Idempotent, attempt).await?;
        Ok(self.health())
    }

    async fn publish_once(&self, event: &Event) -> Result<bool, StoreError> {
        let call = self.shared.env.rng.next_u64();
        let attempts = AtomicU32::new(0);
        let attempt = || {
            let repeated = attempts.fetch_add(1, Ordering::Relaxed) > 0;
            self.shared.publish(event, call, repeated)
        };
        self.shared.link.call(PUBLISHING, Repeat::Idempotent, attempt).await
    }
}

impl fmt::Debug for NatsEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsEvents").field("at", &self.shared.link.endpoint().authority()).finish_non_exhaustive()
    }
}

#[async_trait]
impl EventBus for NatsEvents {
    /// True once the stream was seen and is on files. See the crate's documentation for the server's part.
    fn is_durable(&self) -> bool {
        self.shared.is_on_files.load(Ordering::Relaxed)
    }

    async fn publish(&self, event: Event) -> Result<bool, StoreError> {
        event.check()?;
        match self.publish_once(&event).await {
            Err(StoreError::Full { doing, source }) => match self.shared.make_room().await {
                Ok(1..) => self.publish_once(&event).await,
                Ok(0) => Err(StoreError::Full { doing, source }),
                Err(error) => Err(error),
            },
            answered => answered,
        }
    }

    async fn subscribe(&self, tenant: TenantId, topic: &Topic, name: &str) -> Result<Box<dyn EventStream>, StoreError> {
        check_consumer(name)?;
        let shared = &self.shared;
        let address =
            Address { name: Names::consumer(tenant, topic, name), subject: shared.names.subject(tenant, topic) };
        shared.link.call(SUBSCRIBING, Repeat::Idempotent, || consumer(shared, &address)).await?;
        Ok(Box::new(Subscription::new(Arc::clone(shared), address, self.open.subscribe())))
    }
}
