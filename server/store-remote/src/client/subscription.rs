//! Subscriptions: each asks for what comes next, and says with it what has arrived.

use super::{Call, Ended, Remote};
use crate::{
    carried::Carried,
    message::{Malformed, Parts},
    table::Port,
};
use aitrading_database_link::backoff;
use aitrading_env::RngExt;
use aitrading_model::TenantId;
use aitrading_store::{Delivery, EventStream, Invalidation, Invalidations, StoreError, Topic};
use async_trait::async_trait;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{collections::VecDeque, sync::atomic::Ordering, time::Duration};

/// How long one question waits for something to come.
const WAIT: Duration = Duration::from_secs(20);
/// How long a waiting caller rests at most between two attempts to reach the service.
const ATTEMPTS_COUNTED: u32 = 8;

/// The answer to a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Opened {
    session: String,
    #[serde(default)]
    durable: bool,
}

/// The answer to a wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Items {
    items: Vec<(u64, Value)>,
    closed: bool,
}

macro_rules! answers {
    ($($type:ty)*) => {$(
        impl Carried for $type {
            fn write(&self, _parts: &mut Parts) -> Result<Value, Malformed> {
                Ok(serde_json::to_value(self)?)
            }

            fn read(value: Value, _parts: &mut Parts) -> Result<Self, Malformed> {
                Ok(serde_json::from_value(value)?)
            }
        }
    )*};
}

answers!(Opened Items);

/// What is kept of a subscription between two questions.
struct Feed<T> {
    remote: Remote,
    port: &'static Port,
    /// `None` if the service has forgotten it.
    session: Option<String>,
    /// Number of the last item that has arrived.
    got: u64,
    fetched: VecDeque<T>,
    closed: bool,
}

impl<T: DeserializeOwned> Feed<T> {
    fn new(remote: &Remote, port: &'static Port, opened: Opened) -> Self {
        let (remote, session) = (remote.clone(), Some(opened.session));
        Self { remote, port, session, got: 0, fetched: VecDeque::new(), closed: false }
    }

    /// The next item. A wait that is given up loses nothing: what arrived is kept here, what did not is kept by the service.
    async fn next(&mut self) -> Result<Option<T>, Ended> {
        loop {
            if let Some(item) = self.fetched.pop_front() {
                return Ok(Some(item));
            }
            if self.closed {
                return Ok(None);
            }
            let session = self.session.clone().ok_or(Ended::Gone)?;
            let call = call(&self.remote, self.port, ("next", "got", self.got), &session).map_err(told)?;
            let answer: Items = match call.wait(WAIT).await {
                Ok(answer) => answer,
                Err(ended) => {
                    if matches!(ended, Ended::Gone) {
                        self.session = None;
                    }
                    return Err(ended);
                }
            };
            self.closed = answer.closed;
            for (number, item) in answer.items {
                if self.got.checked_add(1) != Some(number) {
                    return Err(Ended::Told(Box::new(StoreError::corrupt("the numbers of a subscription"))));
                }
                let read = serde_json::from_value(item).map_err(Malformed::from)?;
                self.got = number;
                self.fetched.push_back(read);
            }
        }
    }
}

fn told(error: StoreError) -> Ended {
    Ended::Told(Box::new(error))
}

/// A call of a subscription with one number.
fn call<'a>(
    remote: &'a Remote,
    port: &'static Port,
    (method, name, number): (&str, &str, u64),
    session: &str,
) -> Result<Call<'a>, StoreError> {
    remote.call(port, method)?.put("session", &session)?.put(name, &number)
}

impl<T> Drop for Feed<T> {
    /// Tells the service, if there is somebody to do it; else it forgets the subscription by itself after a while.
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let (remote, port) = (self.remote.clone(), self.port);
        let spawn = std::sync::Arc::clone(&remote.0.env.spawn);
        let leave = async move {
            let call = remote.call(port, "leave").and_then(|call| call.put("session", &session.as_str()));
            if let Ok(call) = call {
                drop(call.wait::<()>(remote.0.limits.deadline).await);
            }
        };
        drop(spawn.task("subscription-leave", Box::pin(leave)));
    }
}

/// Events of one topic for one consumer.
pub(crate) struct Events {
    feed: Feed<Delivery>,
    tenant: TenantId,
    topic: Topic,
    consumer: String,
}

impl Events {
    pub(crate) async fn open(
        remote: &Remote,
        tenant: TenantId,
        topic: &Topic,
        consumer: &str,
    ) -> Result<Self, StoreError> {
        let opened = subscribe(remote, tenant, topic, consumer).await?;
        let feed = Feed::new(remote, &crate::ports::EVENTS, opened);
        Ok(Self { feed, tenant, topic: topic.clone(), consumer: consumer.to_owned() })
    }

    /// Subscribes again after the service has forgotten us. A durable bus goes on behind what was acknowledged; of another one
    /// events may be missing, and that is told, once.
    async fn renew(&mut self) -> Result<(), StoreError> {
        let opened = subscribe(&self.feed.remote, self.tenant, &self.topic, &self.consumer).await?;
        let durable = opened.durable;
        self.feed = Feed::new(&self.feed.remote, self.feed.port, opened);
        if durable { Ok(()) } else { Err(Ended::Gone.into()) }
    }
}

async fn subscribe(remote: &Remote, tenant: TenantId, topic: &Topic, consumer: &str) -> Result<Opened, StoreError> {
    let call = remote.call(&crate::ports::EVENTS, "subscribe")?;
    let call = call.put("tenant", &tenant)?.put("topic", &topic)?.put("consumer", &consumer)?;
    let opened: Opened = call.wait(remote.0.limits.deadline).await?;
    remote.0.durable.store(opened.durable, Ordering::Relaxed);
    Ok(opened)
}

#[async_trait]
impl EventStream for Events {
    async fn next(&mut self) -> Result<Option<Delivery>, StoreError> {
        loop {
            match self.feed.next().await {
                Ok(next) => return Ok(next),
                Err(Ended::Gone) => self.renew().await?,
                Err(ended) => return Err(ended.into()),
            }
        }
    }

    async fn acknowledge(&mut self, place: u64) -> Result<(), StoreError> {
        let session = self.feed.session.clone().ok_or(Ended::Gone)?;
        let call = call(&self.feed.remote, self.feed.port, ("acknowledge", "place", place), &session)?;
        let within = self.feed.remote.0.limits.deadline;
        Ok(call.wait::<()>(within).await?)
    }
}

/// Changes of shared values.
pub(crate) struct Changes {
    feed: Feed<Invalidation>,
    /// Attempts that failed in a row.
    failed: u32,
}

impl Changes {
    pub(crate) async fn open(remote: &Remote) -> Result<Self, StoreError> {
        Ok(Self { feed: Feed::new(remote, &crate::ports::SHARED, listen(remote).await?), failed: 0 })
    }
}

async fn listen(remote: &Remote) -> Result<Opened, StoreError> {
    Ok(remote.call(&crate::ports::SHARED, "invalidations")?.wait(remote.0.limits.deadline).await?)
}

#[async_trait]
impl Invalidations for Changes {
    /// While the service cannot be reached, nobody knows what changed: that is told at once, and once more when a new
    /// subscription begins.
    async fn next(&mut self) -> Option<Invalidation> {
        loop {
            if self.failed > 0 {
                let env = self.feed.remote.0.env.clone();
                env.clock.sleep(backoff(self.failed.min(ATTEMPTS_COUNTED), env.rng.next_u64())).await;
            }
            if self.feed.session.is_none() {
                if let Ok(opened) = listen(&self.feed.remote).await {
                    self.feed = Feed::new(&self.feed.remote, self.feed.port, opened);
                    self.failed = 0;
                    return Some(Invalidation::Everything);
                }
                self.failed = self.failed.saturating_add(1);
                continue;
            }
            match self.feed.next().await {
                Ok(next) => {
                    self.failed = 0;
                    return next;
                }
                Err(_) => {
                    self.failed = self.failed.saturating_add(1);
                    if self.failed == 1 {
                        return Some(Invalidation::Everything);
                    }
                }
            }
        }
    }
}
