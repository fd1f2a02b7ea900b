//! The way of every request: trace, page, endpoint, who asks, how often, may he, and for changes: under which key, taken down
//! before it is made, and made to its end.

use crate::{
    api::{Api, NOBODY, actor_id},
    assets,
    call::{Call, KIND, Reply},
    endpoint::{Endpoint, Gate},
    error::ApiError,
    router::{Found, PathValues, Router},
    table::ENDPOINTS,
    trace::{REQUEST_ID, TRACEPARENT, Trace},
};
use aitrading_http::{
    Bytes, Handler, HeaderMap, HeaderName, HeaderValue, HttpError, JSON_BYTES_MAX, Observability, Request, Response,
    header,
};
use aitrading_model::Timestamp;
use aitrading_security::{
    access::{Actor, Subject, permit},
    limits::{Caller, Verdict},
    sha256,
};
use aitrading_store::{Begun, IdempotencyKey, RunAnswer, RunAsked, RunName, Version};
use aitrading_wire::services::ChangeAsked;
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};
use tokio::sync::oneshot;

#[cfg(test)]
mod tests;

/// How long the answer to a change is kept for whoever sends it again.
const ANSWERS_KEPT: Duration = Duration::from_hours(24);
/// How the caller names a change.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Answers the gateway's requests.
pub(crate) struct Pipeline {
    observability: Observability,
    api: Arc<Api>,
    router: Router,
}

impl Pipeline {
    pub(crate) fn new(observability: Observability, api: Arc<Api>) -> Self {
        Self { observability, api, router: Router::new(ENDPOINTS) }
    }
}

#[async_trait]
impl Handler for Pipeline {
    async fn handle(&self, request: Request) -> Response {
        if let Some(answer) = self.observability.answer(&request) {
            return answer;
        }
        let trace = Trace::of(request.headers(), &*self.api.env.rng);
        let mut origin = HeaderMap::new();
        request.headers().get_all(header::ORIGIN).iter().for_each(|value| {
            origin.append(header::ORIGIN, value.clone());
        });
        let preflight = self.api.pages.preflight(request.method(), request.headers());
        let mut answer = match preflight {
            Some(answer) => answer,
            None => {
                let mut answer = self.answer(request, &trace).await;
                self.api.pages.dress(&origin, &mut answer);
                answer
            }
        };
        let said = answer.headers_mut();
        for (name, value) in [(TRACEPARENT, trace.traceparent()), (REQUEST_ID, trace.request_id())] {
            value.map(|value| said.insert(name, value));
        }
        answer
    }
}

impl Pipeline {
    async fn answer(&self, request: Request, trace: &Trace) -> Response {
        if let Some(asset) = assets::find(request.method(), request.path()) {
            return asset;
        }
        let (endpoint, path) = match self.router.find(request.method(), request.path()) {
            Found::Endpoint(endpoint, path) => (endpoint, path),
            Found::OtherMethods(allow) => return HttpError::MethodNotAllowed { allow }.into(),
            Found::Nothing => return HttpError::NotFound.into(),
        };
        let now = self.api.env.clock.wall_ns();
        let now = Timestamp(now);
        let recognised = self.api.recognise(&request, now).await;
        let known = recognised.as_ref().ok().and_then(|actor| actor.as_ref()?.known());
        let caller = Caller { known, address: Some(self.api.address(&request)) };
        let verdict = self.api.limiter.check(endpoint.limit, &caller, self.api.env.clock.mono_ns());
        let mut answer = match (&verdict, recognised) {
            (Verdict::Limited(limited), _) => ApiError::Limited(*limited).into(),
            (_, Err(error)) => error.into(),
            (_, Ok(actor)) => match self.gated(request, (endpoint, path), actor, trace, now).await {
                Ok((reply, replayed)) => reply.into_response(replayed),
                Err(error) => error.into(),
            },
        };
        for (name, value) in verdict.headers() {
            if let Ok(value) = HeaderValue::try_from(value) {
                answer.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        answer
    }

    async fn gated(
        &self,
        request: Request,
        (endpoint, path): (&'static Endpoint, PathValues),
        actor: Option<Actor>,
        trace: &Trace,
        now: Timestamp,
    ) -> Result<(Reply, bool), ApiError> {
        match (endpoint.gate, &actor) {
            (Gate::Anybody, _) | (Gate::Recognised, Some(_)) => {}
            (_, None) => return Err(ApiError::Unknown),
            // The rows come later, with the id that the call names.
            (Gate::May(permission), Some(actor)) => {
                let _permit = permit(actor, permission, Subject::Any, now).map_err(ApiError::Denied)?;
            }
        }
        let query = request.head.uri.query().map(str::to_owned);
        let mut call = Call { endpoint, path, query, body: Bytes::new(), actor, trace: trace.id, now };
        if !endpoint.verb.changes() {
            return (endpoint.handle)(Arc::clone(&self.api), call).await.map(|reply| (reply, false));
        }
        let key = request.header(IDEMPOTENCY_KEY).ok_or(ApiError::KeyMissing)?;
        let key = IdempotencyKey::new(key).map_err(|_| ApiError::KeyMissing)?;
        let target = request.head.uri.to_string();
        call.body = body(request, endpoint).await?;
        let run = Run { name: run_name(&call, key), request: request_hash(&call, &target) };
        self.run_to_its_end(call, run).await
    }

    /// On a task of its own: a caller that goes away does not leave a change half made.
    async fn run_to_its_end(&self, call: Call, run: Run) -> Result<(Reply, bool), ApiError> {
        let (told, hear) = oneshot::channel();
        let api = Arc::clone(&self.api);
        let work = async move {
            // Who asked may have gone; the answer is kept under the key.
            drop(told.send(change(api, call, run).await));
        };
        // Detached on purpose.
        drop(self.api.env.spawn.task("api-change", Box::pin(work)));
        hear.await.map_err(|_| ApiError::Broken)?
    }
}

/// A change under its key.
struct Run {
    name: RunName,
    request: [u8; 32],
}

async fn change(api: Arc<Api>, call: Call, run: Run) -> Result<(Reply, bool), ApiError> {
    let asked = RunAsked {
        name: run.name.clone(),
        request: run.request,
        at: call.now,
        expires_at: call.now.plus(ANSWERS_KEPT),
    };
    let begun = match api.platform.idempotency.begin(asked).await? {
        // An operation compares and sets, or says the same twice: it may be begun again.
        Begun::Fresh(version) | Begun::TakenOver(version) => version,
        Begun::Running => return Err(ApiError::KeyBusy),
        Begun::Mismatch => return Err(ApiError::KeyReused),
        Begun::Done(answer) => return again(answer).map(|reply| (reply, true)),
    };
    match make(&api, call, &run).await {
        Ok(reply) => {
            keep(&api, run.name, begun, &reply).await?;
            Ok((reply, false))
        }
        Err(error) => {
            // The key is taken over later if even this fails.
            if let Err(error) = api.platform.idempotency.abandon(run.name, begun).await {
                tracing::warn!(error = %aitrading_error::chain(&error), "an idempotency key stays taken for a while");
            }
            Err(error)
        }
    }
}

/// Taken down first, then made.
async fn make(api: &Arc<Api>, call: Call, run: &Run) -> Result<Reply, ApiError> {
    let asked = ChangeAsked {
        tenant: run.name.tenant,
        actor: run.name.actor,
        what: call.endpoint.id,
        request: run.request,
        trace: call.trace,
    };
    api.changes.asked(asked).await.map_err(|error| ApiError::unavailable("the audit log", error))?;
    (call.endpoint.handle)(Arc::clone(api), call).await
}

async fn keep(api: &Api, name: RunName, run: Version, reply: &Reply) -> Result<(), ApiError> {
    let answer = RunAnswer { status: reply.status.as_u16(), content_type: KIND.to_owned(), body: reply.body.clone() };
    api.platform.idempotency.finish(name, run, answer).await.map_err(ApiError::from)
}

fn again(answer: RunAnswer) -> Result<Reply, ApiError> {
    let status = aitrading_http::StatusCode::from_u16(answer.status).map_err(|_| ApiError::Broken)?;
    Ok(Reply { status, body: answer.body })
}

fn run_name(call: &Call, key: IdempotencyKey) -> RunName {
    let (tenant, actor) = call.actor.as_ref().map_or(NOBODY, |actor| (actor.tenant(), actor_id(actor)));
    RunName { tenant, actor, key }
}

fn request_hash(call: &Call, target: &str) -> [u8; 32] {
    // The operation's name holds no NUL and a target neither.
    sha256(&[call.endpoint.id.as_bytes(), b"\0", target.as_bytes(), b"\0", &call.body].concat())
}

/// The body of an operation that takes one; anything else has to come without.
async fn body(request: Request, endpoint: &Endpoint) -> Result<Bytes, ApiError> {
    if endpoint.body.is_none() {
        let extra = request.body.read(0).await;
        return extra.map_err(|_| ApiError::body("this operation takes none; leave it away"));
    }
    if !request.is_json() {
        return Err(ApiError::Http(HttpError::MediaTypeRefused));
    }
    Ok(request.body.read(JSON_BYTES_MAX).await?)
}
