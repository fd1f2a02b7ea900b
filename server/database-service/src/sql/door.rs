//! `POST /v1/sql`: who may ask, and how answers leave. docs/specs/sql.md describes it for callers.

use super::{Answer, Question, error::SqlDoorError};
use crate::meters;
use aitrading_env::{Env, RngExt};
use aitrading_error::{Coded, Fault};
use aitrading_http::{
    Frame, Handler, HeaderMap, HeaderName, HeaderValue, HttpError, Method, Observability, Peer, Request, Response,
    StatusCode, header, problem, status_of, streamed,
};
use aitrading_model::{TenantId, TraceId};
use aitrading_security::{Authenticator, PeerIdentity, Refused, SanAuthenticator};
use aitrading_sql_engine::{SqlEngine, SqlError, SqlSession};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{Stream, stream};
use rustls_pki_types::CertificateDer;
use std::{io, time::Duration};

/// Where questions are asked.
pub const PATH: &str = "/v1/sql";
/// Header: damaged files that the answer is without.
pub const LEFT_OUT: &str = "aitrading-left-out";
/// Trailer: the code of what ended an answer that had begun.
pub const ERROR_CODE: &str = "aitrading-error-code";
/// Trailer: the text to that code.
pub const ERROR_DETAIL: &str = "aitrading-error-detail";
/// Services that may ask, by the names in their certificates.
const ROLES: [&str; 2] = ["operator", "auditor"];

/// The database service's door: health, metrics, and SQL.
pub(crate) struct SqlDoor {
    env: Env,
    engine: SqlEngine,
    observability: Observability,
}

impl SqlDoor {
    pub(crate) fn new(env: &Env, engine: SqlEngine, observability: Observability) -> Self {
        Self { env: env.clone(), engine, observability }
    }

    async fn ask(&self, request: Request) -> Response {
        let trailers = request.header("te").is_some_and(|te| te.split(',').any(|word| word.trim() == "trailers"));
        let (role, tenant) = match admit(&request.peer) {
            Ok(admitted) => admitted,
            Err(error) => return refuse(error),
        };
        let (question, format) = match Question::read(request).await {
            Ok(read) => read,
            Err(SqlDoorError::Body(error)) => return error.into(),
            Err(error) => return refuse(error),
        };
        let session = SqlSession {
            tenant,
            trace: TraceId(self.env.rng.bytes()),
            rows: question.max_rows,
            wall: question.timeout_ms.map(Duration::from_millis),
        };
        tracing::info!(role, tenant = tenant.0, trace = %session.trace, "a question in SQL");
        match Answer::begin(&self.engine, &question.sql, &session, format).await {
            Ok(answer) => answered(answer, format.media_type(), trailers),
            Err(error) => refuse(error),
        }
    }
}

/// Whose tables, and as whom. A device speaks for one account alone, and the tables hold all of them.
fn admit(peer: &Peer) -> Result<(&'static str, TenantId), SqlDoorError> {
    let tls = peer.tls.as_ref().ok_or(SqlDoorError::Identity(Refused::NoCertificate))?;
    let chain: Vec<_> = tls.certificates.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    match SanAuthenticator.authenticate(&chain).map_err(SqlDoorError::Identity)? {
        PeerIdentity::Device { .. } => Err(SqlDoorError::Role { who: "a subscriber's device" }),
        PeerIdentity::Service { tenant, name } => {
            let role = ROLES.into_iter().find(|role| *role == name);
            role.map(|role| (role, tenant)).ok_or(SqlDoorError::Role { who: "this service" })
        }
    }
}

fn refuse(error: impl Coded) -> Response {
    let dna = error.dna();
    meters::sql_questions(dna.code).increment(1);
    problem(status_of(&dna), &Fault::new(error))
}

/// Without control characters, which a header cannot carry.
fn header_text(text: &str) -> HeaderValue {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    HeaderValue::from_bytes(text.as_bytes()).unwrap_or_else(|_| HeaderValue::from_static("?"))
}

fn answered(answer: Answer, kind: &'static str, trailers: bool) -> Response {
    let left_out = (!answer.left_out().is_empty()).then(|| header_text(&answer.left_out().join(", ")));
    let mut response = streamed(StatusCode::OK, kind, frames(answer, trailers));
    let headers = response.headers_mut();
    if let Some(names) = left_out {
        headers.insert(HeaderName::from_static(LEFT_OUT), names);
    }
    if trailers {
        headers.insert(header::TRAILER, HeaderValue::from_static("aitrading-error-code, aitrading-error-detail"));
    }
    response
}

/// The answer's pieces. If it breaks off, whoever looks at trailers is told why; for all others the connection is cut.
fn frames(answer: Answer, trailers: bool) -> impl Stream<Item = io::Result<Frame<Bytes>>> + Send + 'static {
    stream::unfold(Some(answer), move |answer| async move {
        let mut answer = answer?;
        match answer.next().await {
            Ok(Some(chunk)) => Some((Ok(Frame::data(Bytes::from(chunk))), Some(answer))),
            Ok(None) => {
                meters::sql_questions("OK").increment(1);
                None
            }
            Err(error) => Some((broken(&error, trailers), None)),
        }
    })
}

fn broken(error: &SqlError, trailers: bool) -> io::Result<Frame<Bytes>> {
    let code = error.dna().code;
    meters::sql_questions(code).increment(1);
    tracing::info!(code, error = %aitrading_error::chain(error), "an answer in SQL broke off");
    if !trailers {
        return Err(io::Error::other("the answer broke off"));
    }
    let mut told = HeaderMap::new();
    told.insert(HeaderName::from_static(ERROR_CODE), HeaderValue::from_static(code));
    told.insert(HeaderName::from_static(ERROR_DETAIL), header_text(&error.public_message()));
    Ok(Frame::trailers(told))
}

#[async_trait]
impl Handler for SqlDoor {
    async fn handle(&self, request: Request) -> Response {
        if let Some(answer) = self.observability.answer(&request) {
            return answer;
        }
        if request.path() != PATH {
            return HttpError::NotFound.into();
        }
        if request.method() != Method::POST {
            return HttpError::MethodNotAllowed { allow: "POST" }.into();
        }
        self.ask(request).await
    }
}
