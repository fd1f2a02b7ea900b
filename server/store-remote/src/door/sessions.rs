//! Subscriptions of other processes: kept here between two waits, so that a lost connection loses nothing.
//!
//! Items are numbered as they are handed over, and kept until the next wait says that they have arrived. A wait that comes while
//! an older one of the same subscription still waits ends that one: its caller has given it up.

use super::{
    Call, DOING, DoorError, PortsDoor, Refusal,
    admit::Admitted,
    feeds::{Changes, Events, Feed},
    respond,
};
use crate::{
    carried::{Carried, Whose},
    message::{Asked, Message},
    meters,
};
use aitrading_env::{Env, RngExt};
use aitrading_http::Response;
use aitrading_model::TenantId;
use aitrading_store::{StoreError, Topic};
use futures_util::FutureExt;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;

/// Subscriptions at a time.
pub const SUBSCRIPTIONS_MAX: usize = 256;
/// A subscription that nobody asks for so long is ended.
pub const LEASE: Duration = Duration::from_secs(600);
/// Items of one answer.
pub const ITEMS_MAX: usize = 64;

type Id = [u8; 16];

pub(super) struct Sessions {
    env: Env,
    kept: Mutex<BTreeMap<Id, Arc<Session>>>,
}

struct Session {
    admitted: Admitted,
    port: &'static str,
    used_ns: AtomicU64,
    /// Counts the waits: an older one gives way.
    turn: watch::Sender<u64>,
    held: tokio::sync::Mutex<Held>,
}

struct Held {
    feed: Box<dyn Feed>,
    /// Handed over, not known to have arrived.
    sent: VecDeque<(u64, Value)>,
    last: u64,
    closed: bool,
}

impl Sessions {
    pub(super) fn new(env: &Env) -> Self {
        Self { env: env.clone(), kept: Mutex::default() }
    }

    fn open(&self, call: &Call, feed: Box<dyn Feed>) -> Result<Id, DoorError> {
        let held = Held { feed, sent: VecDeque::new(), last: 0, closed: false };
        let session = Session {
            admitted: call.admitted,
            port: call.port.name,
            used_ns: AtomicU64::new(self.env.clock.mono_ns()),
            turn: watch::Sender::new(0),
            held: tokio::sync::Mutex::new(held),
        };
        let id = self.env.rng.bytes();
        let mut kept = self.swept();
        if kept.len() >= SUBSCRIPTIONS_MAX {
            return Err(DoorError::TooManySubscriptions);
        }
        kept.insert(id, Arc::new(session));
        meters::subscriptions().increment(1);
        Ok(id)
    }

    fn find(&self, call: &Call, id: Id) -> Result<Arc<Session>, DoorError> {
        let kept = self.swept();
        let session = kept.get(&id).filter(|s| s.admitted == call.admitted && s.port == call.port.name);
        let session = session.ok_or(DoorError::Gone)?;
        session.used_ns.store(self.env.clock.mono_ns(), Ordering::Relaxed);
        Ok(Arc::clone(session))
    }

    fn end(&self, id: Id) {
        if self.kept().remove(&id).is_some() {
            meters::subscriptions().decrement(1);
        }
    }

    /// Without those that nobody asks for.
    fn swept(&self) -> MutexGuard<'_, BTreeMap<Id, Arc<Session>>> {
        let lease_ns = u64::try_from(LEASE.as_nanos()).unwrap_or(u64::MAX);
        let now = self.env.clock.mono_ns();
        let mut kept = self.kept();
        kept.retain(|_, session| {
            let lasts = now.saturating_sub(session.used_ns.load(Ordering::Relaxed)) <= lease_ns;
            if !lasts {
                meters::subscriptions().decrement(1);
            }
            lasts
        });
        kept
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<Id, Arc<Session>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// What has not arrived yet; else the next item, and with it all that are there already.
    async fn next(&mut self, got: u64) -> Result<(), StoreError> {
        self.sent.retain(|(number, _)| *number > got);
        if self.closed || !self.sent.is_empty() {
            return Ok(());
        }
        let first = self.feed.next().await?;
        self.take(first);
        while !self.closed && self.sent.len() < ITEMS_MAX {
            match self.feed.next().now_or_never() {
                Some(Ok(item)) => self.take(item),
                // It is told by the next wait, behind what came before it.
                Some(Err(_)) | None => break,
            }
        }
        Ok(())
    }

    fn take(&mut self, item: Option<Value>) {
        match item {
            Some(item) => {
                self.last = self.last.saturating_add(1);
                self.sent.push_back((self.last, item));
            }
            None => self.closed = true,
        }
    }
}

impl PortsDoor {
    /// A call of a subscription.
    pub(super) async fn wait(&self, call: Call, mut asked: Asked) -> Result<Response, Refusal> {
        let answer = match (call.port.name, call.method.name) {
            ("events", "subscribe") => self.subscribe(&call, &mut asked).await?,
            ("shared", "invalidations") => {
                asked.end()?;
                call.admitted.scope().check(&Whose::default())?;
                let opening = self.served.platform.shared.invalidations();
                let opened = self.env.timeout(self.left(call.end_ns), opening).await;
                let feed = Changes(opened.map_err(|_| late())??);
                json!({ "session": hex(self.sessions.open(&call, Box::new(feed))?)? })
            }
            (_, "next") => self.next(&call, &mut asked).await?,
            ("events", "acknowledge") => {
                let (id, place): (Id, u64) = (asked.take("session")?, asked.take("place")?);
                asked.end()?;
                let session = self.sessions.find(&call, id)?;
                session.turn.send_modify(|turn| *turn = turn.wrapping_add(1));
                let acknowledging = async { session.held.lock().await.feed.acknowledge(place).await };
                self.env.timeout(self.left(call.end_ns), acknowledging).await.map_err(|_| late())??;
                Value::Null
            }
            (_, "leave") => {
                let id: Id = asked.take("session")?;
                asked.end()?;
                self.sessions.find(&call, id)?;
                self.sessions.end(id);
                Value::Null
            }
            _ => return Err(DoorError::Unknown.into()),
        };
        respond(&Message { head: answer, ..Message::default() })
    }

    async fn subscribe(&self, call: &Call, asked: &mut Asked) -> Result<Value, Refusal> {
        let (tenant, topic): (TenantId, Topic) = (asked.take("tenant")?, asked.take("topic")?);
        let consumer: String = asked.take("consumer")?;
        asked.end()?;
        call.admitted.scope().check(&Whose::default().and(&tenant))?;
        let bus = &self.served.platform.events;
        let opened = self.env.timeout(self.left(call.end_ns), bus.subscribe(tenant, &topic, &consumer)).await;
        let feed = Events(opened.map_err(|_| late())??);
        let id = self.sessions.open(call, Box::new(feed))?;
        Ok(json!({ "session": hex(id)?, "durable": bus.is_durable() }))
    }

    /// Waits until there is something, or the caller's deadline comes.
    async fn next(&self, call: &Call, asked: &mut Asked) -> Result<Value, Refusal> {
        let (id, got): (Id, u64) = (asked.take("session")?, asked.take("got")?);
        asked.end()?;
        let session = self.sessions.find(call, id)?;
        session.turn.send_modify(|turn| *turn = turn.wrapping_add(1));
        let mut turns = session.turn.subscribe();
        let items = async {
            let mut held = session.held.lock().await;
            held.next(got).await?;
            Ok::<_, StoreError>((held.sent.iter().cloned().collect::<Vec<_>>(), held.closed && held.sent.is_empty()))
        };
        let waited = tokio::select! {
            biased;
            items = items => Some(items?),
            _ = turns.changed() => None,
            () = self.env.clock.sleep(self.left(call.end_ns)) => None,
        };
        let (items, closed) = waited.unwrap_or_default();
        Ok(json!({ "items": items, "closed": closed }))
    }
}

fn late() -> Refusal {
    Refusal::Store(StoreError::TooSlow { doing: DOING })
}

fn hex(id: Id) -> Result<Value, Refusal> {
    Ok(id.write(&mut crate::message::Parts::default())?)
}
