//! `POST /v1/ports/PORT/METHOD`: who may call, within which time and how many at once. docs/specs/ports.md describes it.

mod admit;
mod error;
mod feeds;
mod scan;
mod sessions;

pub(crate) use admit::Scope;
pub(crate) use error::{DoorError, Problem, Refusal};

use crate::{
    carried::Whose,
    message::{Asked, Message},
    meters,
    ports::{self, Served},
    table::{ANSWER_MAX, DEADLINE, Kind, Method, PATH, Port, Size},
};
use admit::Admitted;
use aitrading_env::Env;
use aitrading_http::{
    Handler, HeaderValue, HttpError, Method as Verb, Request, Response, StatusCode, header, streamed,
};
use aitrading_store::{PlatformStores, StoreError, Stores};
use async_trait::async_trait;
use futures_util::stream;
use sessions::Sessions;
pub use sessions::{ITEMS_MAX, LEASE, SUBSCRIPTIONS_MAX};
use std::{fmt, io, sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// The longest time that a call is waited for, whatever its caller says.
pub const DEADLINE_MAX: Duration = Duration::from_secs(120);
/// Calls of one record or a few arguments at a time.
pub const CALLS_MAX: usize = 64;
/// Calls of a page at a time.
pub const PAGES_MAX: usize = 8;
/// Calls of a batch at a time.
pub const BATCHES_MAX: usize = 2;

/// What a call's error is about.
const DOING: &str = "waiting for the database service";

/// Serves the ports of one set of stores.
pub struct PortsDoor {
    env: Env,
    served: Arc<Served>,
    calls: Arc<Semaphore>,
    pages: Arc<Semaphore>,
    batches: Arc<Semaphore>,
    sessions: Sessions,
}

/// A call that may be made.
struct Call {
    admitted: Admitted,
    port: &'static Port,
    method: &'static Method,
    end_ns: u64,
}

impl PortsDoor {
    /// A door over these stores.
    #[must_use]
    pub fn new(env: &Env, trading: Stores, platform: PlatformStores) -> Self {
        meters::describe();
        let permits = |n| Arc::new(Semaphore::new(n));
        Self {
            env: env.clone(),
            served: Arc::new(Served { trading, platform }),
            calls: permits(CALLS_MAX),
            pages: permits(PAGES_MAX),
            batches: permits(BATCHES_MAX),
            sessions: Sessions::new(env),
        }
    }

    /// Waits until nothing is being changed any more: for the end of the service, when nobody comes in.
    pub async fn rest(&self) {
        for (places, all) in [(&self.calls, CALLS_MAX), (&self.pages, PAGES_MAX), (&self.batches, BATCHES_MAX)] {
            // Nobody closes the semaphores.
            drop(places.acquire_many(u32::try_from(all).unwrap_or(u32::MAX)).await);
        }
    }

    /// Is this path one of the door's?
    #[must_use]
    pub fn is_for(path: &str) -> bool {
        path.starts_with(PATH)
    }

    async fn answer(&self, request: Request) -> Result<Response, Refusal> {
        let begun = self.env.clock.mono_ns();
        let admitted = Admitted::of(&request.peer)?;
        let path = request.path().strip_prefix(PATH).ok_or(DoorError::Unknown)?;
        let (port, method) = ports::find(path).ok_or(DoorError::Unknown)?;
        admitted.check(port)?;
        let end_ns = begun.saturating_add(deadline(&request)?);
        let call = Call { admitted, port, method, end_ns };
        let media = request.header(header::CONTENT_TYPE.as_str()).unwrap_or_default().to_owned();
        if method.kind == Kind::Wait {
            let asked = read(&media, request, method.size).await?;
            return self.wait(call, asked).await;
        }
        let permit = self.permit(&call).await?;
        let asked = read(&media, request, method.size).await?;
        if (port.name, method.name) == ("ticks", "scan") {
            return self.scan(call, asked, permit).await;
        }
        if (port.name, method.name) == ("events", "is_durable") {
            asked.end()?;
            return respond(&Message::of(&self.served.platform.events.is_durable())?);
        }
        respond(&self.run(&call, asked, permit).await?)
    }

    /// A read ends with its caller or its deadline. What changes something goes on to its end behind both, and keeps its place
    /// among the calls until then.
    async fn run(&self, call: &Call, asked: Asked, permit: OwnedSemaphorePermit) -> Result<Message, Refusal> {
        let (served, port, method) = (Arc::clone(&self.served), call.port, call.method);
        let scope = call.admitted.scope();
        let work = async move { ports::serve(&served, port, method, asked, scope).await };
        let late = || Refusal::Store(StoreError::TooSlow { doing: DOING });
        let left = self.left(call.end_ns);
        if !method.kind.is_write() {
            return self.env.timeout(left, work).await.map_err(|_| late())?;
        }
        let (tell, told) = oneshot::channel();
        let detached = async move {
            let outcome = work.await;
            drop(permit);
            // The caller may have gone meanwhile.
            drop(tell.send(outcome));
        };
        drop(self.env.spawn.task("port-write", Box::pin(detached)));
        match self.env.timeout(left, told).await {
            Ok(Ok(outcome)) => outcome,
            // It ended without a word: what it has done is not known either.
            Ok(Err(_)) | Err(_) => Err(late()),
        }
    }

    async fn scan(&self, call: Call, mut asked: Asked, permit: OwnedSemaphorePermit) -> Result<Response, Refusal> {
        let source = asked.take("source")?;
        asked.end()?;
        call.admitted.scope().check(&Whose::default().and(&source))?;
        let mut frames = scan::Frames::begin(Arc::clone(&self.served.trading.ticks), source, permit);
        let late = || Refusal::Store(StoreError::TooSlow { doing: DOING });
        let first = self.env.timeout(self.left(call.end_ns), frames.next()).await.map_err(|_| late())?;
        let first = match first {
            Some(Ok(first)) => Some(first),
            Some(Err(refusal)) => return Err(refusal),
            None => None,
        };
        let rest = stream::unfold((first, frames), |(first, mut frames)| async move {
            let frame = match first {
                Some(first) => first,
                None => frames.next_or_error().await?,
            };
            Some((Ok::<_, io::Error>(aitrading_http::Frame::data(frame)), (None, frames)))
        });
        Ok(streamed(StatusCode::OK, crate::message::FRAMES, rest))
    }

    /// A place among the calls of its size. Who gets none in time has done nothing.
    async fn permit(&self, call: &Call) -> Result<OwnedSemaphorePermit, Refusal> {
        let places = match call.method.size {
            Size::Small | Size::Row => &self.calls,
            Size::Page => &self.pages,
            Size::Batch => &self.batches,
        };
        match self.env.timeout(self.left(call.end_ns), Arc::clone(places).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            // Nobody closes the semaphore.
            Ok(Err(_)) | Err(_) => Err(DoorError::Busy.into()),
        }
    }

    fn left(&self, end_ns: u64) -> Duration {
        Duration::from_nanos(end_ns.saturating_sub(self.env.clock.mono_ns()))
    }
}

/// The caller's deadline in nanoseconds from now, at most [`DEADLINE_MAX`].
fn deadline(request: &Request) -> Result<u64, DoorError> {
    let given = request.header(DEADLINE).and_then(|text| text.parse::<u64>().ok()).filter(|ms| *ms > 0);
    let given = Duration::from_millis(given.ok_or(DoorError::Deadline)?).min(DEADLINE_MAX);
    Ok(u64::try_from(given.as_nanos()).unwrap_or(u64::MAX))
}

async fn read(media: &str, request: Request, size: Size) -> Result<Asked, Refusal> {
    let body = request.body.read(size.body_max()).await.map_err(DoorError::Body)?;
    Ok(Asked::read(Message::decode(media, body)?)?)
}

fn respond(message: &Message) -> Result<Response, Refusal> {
    let (media, bytes) = message.encode()?;
    if bytes.len() > ANSWER_MAX {
        return Err(DoorError::TooLarge.into());
    }
    let mut response = aitrading_http::text(StatusCode::OK, bytes);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    Ok(response)
}

#[async_trait]
impl Handler for PortsDoor {
    async fn handle(&self, request: Request) -> Response {
        if request.method() != Verb::POST {
            return HttpError::MethodNotAllowed { allow: "POST" }.into();
        }
        let port = request.path().strip_prefix(PATH).and_then(ports::find).map_or("none", |(port, _)| port.name);
        match self.answer(request).await {
            Ok(response) => {
                meters::calls(port, "OK").increment(1);
                response
            }
            Err(refusal) => {
                meters::calls(port, refusal.dna().code).increment(1);
                refusal.response()
            }
        }
    }
}

impl fmt::Debug for PortsDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortsDoor").finish_non_exhaustive()
    }
}
