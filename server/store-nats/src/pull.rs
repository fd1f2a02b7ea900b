//! Asks the server for a consumer's messages in batches.
//!
//! The driver has a stream for this, but what it has fetched cannot be given back when it ends; here it can, in the order
//! that the server needs: first no more interest, then the refusals.

use crate::errors::{told, unavailable};
use aitrading_env::Env;
use aitrading_store::StoreError;
use async_nats::{
    Message, StatusCode, Subject, Subscriber,
    jetstream::consumer::{PullConsumer, pull::BatchConfig},
};
use futures_util::{FutureExt, StreamExt};
use std::time::Duration;

const DOING: &str = "waiting for events";
/// Messages that are asked for at once.
pub(crate) const BATCH: usize = 256;
/// How long the server keeps a request.
const EXPIRES: Duration = Duration::from_secs(30);
/// How often it says meanwhile that it is there.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Silence after which a request counts as lost.
const SILENCE_MAX: Duration = Duration::from_secs(12);
/// Before a request that the server refused is made again.
const PAUSE: Duration = Duration::from_millis(100);

/// Open requests of one consumer.
#[derive(Debug)]
pub(crate) struct Pull {
    env: Env,
    consumer: PullConsumer,
    subscriber: Subscriber,
    inbox: Subject,
    /// Messages that were asked for and have not come.
    awaited: usize,
    heard_ns: u64,
}

impl Pull {
    pub(crate) async fn open(
        env: &Env,
        consumer: PullConsumer,
        client: &async_nats::Client,
    ) -> Result<Self, StoreError> {
        let inbox = Subject::from(client.new_inbox());
        let subscriber = client.subscribe(inbox.clone()).await.map_err(|error| told(DOING, error))?;
        Ok(Self { env: env.clone(), consumer, subscriber, inbox, awaited: 0, heard_ns: env.clock.mono_ns() })
    }

    /// The consumer as it was when this was opened.
    pub(crate) fn consumer(&self) -> &PullConsumer {
        &self.consumer
    }

    /// The connection was made anew: what was asked for may be forgotten.
    pub(crate) fn reconnected(&mut self) {
        self.awaited = 0;
    }

    /// Waits for the next message. Giving up the wait loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Message, StoreError> {
        loop {
            self.ask().await?;
            let left = self.silence_left();
            match self.env.timeout(left, self.subscriber.next()).await {
                Err(_) => self.awaited = 0,
                Ok(None) => return Err(unavailable(DOING, "the subscription has ended")),
                Ok(Some(message)) => {
                    self.heard_ns = self.env.clock.mono_ns();
                    if let Some(message) = self.sort(message).await? {
                        return Ok(message);
                    }
                }
            }
        }
    }

    /// A message that is here already.
    pub(crate) fn here(&mut self) -> Option<Message> {
        while let Some(Some(message)) = self.subscriber.next().now_or_never() {
            if message.status.is_none_or(|status| status == StatusCode::OK) {
                self.awaited = self.awaited.saturating_sub(1);
                return Some(message);
            }
        }
        None
    }

    /// Ends the interest in messages.
    pub(crate) async fn close(&mut self) {
        if let Err(error) = self.subscriber.unsubscribe().await {
            tracing::debug!(%error, "a consumer's subscription could not be ended");
        }
    }

    async fn ask(&mut self) -> Result<(), StoreError> {
        if self.awaited > BATCH / 2 {
            return Ok(());
        }
        let batch =
            BatchConfig { batch: BATCH, expires: Some(EXPIRES), idle_heartbeat: HEARTBEAT, ..BatchConfig::default() };
        self.consumer.request_batch(batch, self.inbox.clone()).await.map_err(|error| told(DOING, error))?;
        self.awaited = self.awaited.saturating_add(BATCH);
        self.heard_ns = self.env.clock.mono_ns();
        Ok(())
    }

    fn silence_left(&self) -> Duration {
        let silent = self.env.clock.mono_ns().saturating_sub(self.heard_ns);
        SILENCE_MAX.saturating_sub(Duration::from_nanos(silent))
    }

    /// Tells messages from what the server says about the request.
    async fn sort(&mut self, message: Message) -> Result<Option<Message>, StoreError> {
        let status = message.status.unwrap_or(StatusCode::OK);
        if status == StatusCode::OK {
            self.awaited = self.awaited.saturating_sub(1);
            return Ok(Some(message));
        }
        let says = |what| message.description.as_deref().is_some_and(|text| text.contains(what));
        if says("Consumer Deleted") || says("Consumer is push based") {
            return Err(unavailable(DOING, "the consumer is gone"));
        }
        if status == StatusCode::IDLE_HEARTBEAT {
            return Ok(None);
        }
        let rest = message.headers.as_ref().and_then(|headers| headers.get("Nats-Pending-Messages"));
        let rest = rest.and_then(|text| text.as_str().parse().ok()).unwrap_or(self.awaited);
        self.awaited = self.awaited.saturating_sub(rest);
        if status != StatusCode::TIMEOUT {
            // Nobody there, a change of the leader, a limit: not at once again.
            self.env.clock.sleep(PAUSE).await;
        }
        Ok(None)
    }
}
