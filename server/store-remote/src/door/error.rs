//! Why the door does not pass a call on, or a store refused it.

use crate::{message::Malformed, refusal::Told};
use aitrading_error::{Category, Coded, Dna, FaultSide, Retry, Severity, chain};
use aitrading_http::{HeaderValue, HttpError, Response, StatusCode, header, json, status_of};
use aitrading_security::Refused;
use aitrading_store::StoreError;
use serde::{Deserialize, Serialize};

/// What the door itself refuses.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DoorError {
    /// The certificate names nobody of this deployment.
    #[error("the certificate names no service of this deployment")]
    Identity(#[source] Refused),
    /// Somebody who may not call this port.
    #[error("{who} may not call this port; use the certificate of a service that may (docs/specs/ports.md)")]
    Role { who: &'static str },
    /// Another tenant than the certificate's, or none where one has to be named.
    #[error(
        "the certificate speaks for one tenant, and the call is not about that one alone; use tenant 0's certificate of the service"
    )]
    Tenant,
    /// No such port or method.
    #[error("there is no such method of a port; see docs/specs/ports.md")]
    Unknown,
    /// No readable deadline.
    #[error("say in `aitrading-deadline-ms` how many milliseconds you wait, at least 1")]
    Deadline,
    /// The arguments are not those of the method.
    #[error("the arguments cannot be read: {0}")]
    Malformed(Malformed),
    /// Too many calls at a time: nothing was done.
    #[error("too many calls of this kind at a time; nothing was done, call again later")]
    Busy,
    /// Too many subscriptions at a time.
    #[error("there are too many subscriptions; end those that nobody waits for")]
    TooManySubscriptions,
    /// The subscription is not there (any more).
    #[error("there is no such subscription of yours; subscribe again")]
    Gone,
    /// The answer cannot be sent.
    #[error("the answer has more records or bytes than one answer holds; ask for less at once")]
    TooLarge,
    /// The body was too long or did not come.
    #[error("the body of the call was not taken")]
    Body(#[source] HttpError),
}

impl Coded for DoorError {
    fn dna(&self) -> Dna {
        let dna = |code, category| Dna::new("ports", code, category).side(FaultSide::Caller);
        let input = |code| dna(code, Category::Input).severity(Severity::Warning);
        match self {
            Self::Identity(refused) => refused.dna(),
            Self::Role { .. } => dna("PORT_ROLE_REFUSED", Category::Access).severity(Severity::Warning),
            Self::Tenant => dna("PORT_TENANT_REFUSED", Category::Access).severity(Severity::Warning),
            Self::Unknown => input("PORT_UNKNOWN"),
            Self::Deadline => input("PORT_DEADLINE_MISSING"),
            Self::Malformed(_) => input("PORT_CALL_MALFORMED"),
            Self::Busy => Dna::new("ports", "PORT_BUSY", Category::Capacity).retry(Retry::Later),
            Self::TooManySubscriptions => Dna::new("ports", "PORT_SUBSCRIPTIONS_FULL", Category::Capacity),
            Self::Gone => dna("PORT_SUBSCRIPTION_GONE", Category::Input).severity(Severity::Info),
            Self::TooLarge => dna("PORT_ANSWER_TOO_LARGE", Category::Capacity).severity(Severity::Warning),
            Self::Body(error) => error.dna(),
        }
    }
}

/// Why a call has no answer.
#[derive(Debug)]
pub(crate) enum Refusal {
    Door(DoorError),
    Store(StoreError),
}

impl From<Malformed> for Refusal {
    fn from(error: Malformed) -> Self {
        Self::Door(DoorError::Malformed(error))
    }
}

impl From<DoorError> for Refusal {
    fn from(error: DoorError) -> Self {
        Self::Door(error)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A problem (RFC 9457) with the store's error as a further member, from which the client makes the same error again.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Problem {
    r#type: String,
    title: String,
    status: u16,
    detail: String,
    pub(crate) code: String,
    retry: String,
    pub(crate) store: Option<Told>,
}

impl Problem {
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }
}

impl Refusal {
    pub(crate) fn dna(&self) -> Dna {
        match self {
            Self::Door(error) => error.dna(),
            Self::Store(error) => error.dna(),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Door(DoorError::Unknown) => StatusCode::NOT_FOUND,
            Self::Door(DoorError::Body(HttpError::BodyTooLarge { .. })) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Store(StoreError::TooSlow { .. }) => StatusCode::GATEWAY_TIMEOUT,
            Self::Store(StoreError::Stale { .. } | StoreError::Conflict { .. }) => StatusCode::CONFLICT,
            other => status_of(&other.dna()),
        }
    }

    /// As a problem, logged once with what only the log may know.
    pub(crate) fn problem(&self) -> Problem {
        let (dna, status) = (self.dna(), self.status());
        let (detail, store) = match self {
            Self::Door(error) => (error.public_message(), None),
            Self::Store(error) => (error.public_message(), Some(Told::from(error))),
        };
        match self {
            Self::Door(error) => log(&dna, &chain(error)),
            Self::Store(error) => log(&dna, &chain(error)),
        }
        Problem {
            r#type: format!("urn:aitrading:problem:{}", dna.code),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail,
            code: dna.code.to_owned(),
            retry: match dna.retry {
                Retry::Never => "never",
                Retry::Later => "later",
                Retry::VerifyFirst => "verify_first",
            }
            .to_owned(),
            store,
        }
    }

    pub(crate) fn response(&self) -> Response {
        let status = self.status();
        let mut response = json(status, &self.problem());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if matches!(self, Self::Door(DoorError::Body(_))) {
            // The rest of the body may still come: it must not be taken for the next call.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

fn log(dna: &Dna, error: &dyn std::fmt::Display) {
    match dna.severity {
        Severity::Info => tracing::debug!(code = dna.code, %error, "a call of a port was refused"),
        Severity::Warning => tracing::warn!(code = dna.code, %error, "a call of a port was refused"),
        Severity::Error | Severity::Critical => tracing::error!(code = dna.code, %error, "a call of a port failed"),
    }
}
