//! Listens to the changes that any instance tells, on a connection of its own, for as long as the cache lives.

use crate::{cache::Inner, errors, keys::changed, line::Line};
use aitrading_database_link::backoff;
use aitrading_env::RngExt;
use aitrading_store::{Invalidation, StoreError};
use redis::{FromRedisValue, PushInfo, PushKind};
use std::{sync::Arc, time::Duration};
use tokio::sync::{Notify, watch};

const DOING: &str = "listening to changes of shared values";
/// How often a quiet connection is asked whether it is still there. Changes of a dead one would be missed unseen.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// How the listening goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum State {
    /// Nobody has asked for it.
    #[default]
    Idle,
    /// Every change is heard.
    Live,
    /// This many attempts have failed in a row; was the last one refused?
    Down { attempts: u64, refused: bool },
}

/// The listening's state, and a way to hurry it.
#[derive(Debug, Default)]
pub(crate) struct Listening {
    state: watch::Sender<State>,
    hurry: Notify,
}

impl Listening {
    /// Waits until every change is heard, or one more attempt has failed.
    pub(crate) async fn live(&self) -> Result<(), StoreError> {
        let mut state = self.state.subscribe();
        let before = *state.borrow_and_update();
        self.hurry.notify_one();
        loop {
            let now = *state.borrow_and_update();
            match now {
                State::Live => return Ok(()),
                State::Down { refused: true, .. } if now != before => {
                    return Err(StoreError::Unauthorised { doing: DOING, source: "the server refuses us".into() });
                }
                State::Down { .. } if now != before => {
                    return Err(StoreError::Unavailable { doing: DOING, source: "the server is not there".into() });
                }
                State::Idle | State::Down { .. } => {}
            }
            if state.changed().await.is_err() {
                return Err(StoreError::Unavailable { doing: DOING, source: "the cache is closed".into() });
            }
        }
    }
}

/// Connects, listens, and connects again. Ends by being aborted.
pub(crate) async fn listen(inner: Arc<Inner>) {
    let listening = &inner.listening;
    let mut attempts = 0_u64;
    loop {
        let ended = session(&inner).await;
        if *listening.state.borrow() == State::Live {
            attempts = 0;
            // From here on nothing is heard.
            inner.hub.tell(&Invalidation::Everything);
        }
        attempts = attempts.saturating_add(1);
        let refused = matches!(ended, Err(StoreError::Unauthorised { .. }));
        if let Err(error) = ended {
            tracing::debug!(error = %aitrading_error::chain(&error), attempts, "changes of shared values are not heard");
        }
        listening.state.send_replace(State::Down { attempts, refused });
        let pause = backoff(u32::try_from(attempts).unwrap_or(u32::MAX), inner.env.rng.next_u64());
        tokio::select! {
            () = inner.env.clock.sleep(pause) => {}
            () = listening.hurry.notified() => {}
        }
    }
}

/// Listens on one connection until it ends.
async fn session(inner: &Arc<Inner>) -> Result<(), StoreError> {
    let hub = Arc::clone(&inner.hub);
    let push = Box::new(move |info| {
        if let Some(change) = heard(info) {
            hub.tell(&change);
        }
    });
    let line = Line::open(&inner.env, &inner.link, Some(push)).await?;
    let limit = inner.link.connect_limit();
    let subscribed = inner.env.timeout(limit, line.subscribe(&inner.channel)).await;
    subscribed.map_err(|_| errors::late(DOING, limit))?.map_err(|error| errors::told(DOING, error))?;
    // What happened before, while nobody listened, is not known.
    inner.hub.tell(&Invalidation::Everything);
    inner.listening.state.send_replace(State::Live);
    while line.is_good(inner.generation()) {
        tokio::select! {
            () = line.ended() => return Ok(()),
            () = inner.env.clock.sleep(ASK_EVERY) => {}
        }
        let ping = redis::cmd("PING");
        let answer = inner.env.timeout(limit, line.ask::<()>(&ping)).await;
        answer.map_err(|_| errors::late(DOING, limit))?.map_err(|error| errors::told(DOING, error))?;
    }
    Ok(())
}

/// What a push says, if it is about a change.
fn heard(push: PushInfo) -> Option<Invalidation> {
    if push.kind != PushKind::Message {
        return None;
    }
    let message = push.data.into_iter().nth(1).and_then(|value| Vec::<u8>::from_redis_value(value).ok());
    Some(message.map_or(Invalidation::Everything, |message| changed(&message)))
}
