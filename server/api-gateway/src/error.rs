//! What the interface refuses, and how it says so.

use aitrading_error::{Category, Coded, Dna, Fault, FaultSide, Retry, Severity};
use aitrading_http::{HeaderValue, HttpError, Response, StatusCode, header, problem, status_of};
use aitrading_security::{Refused, access::Denied, limits::Limited, token::TokenRefused};
use aitrading_store::StoreError;
use std::fmt;

/// Most characters of a name that are repeated to the caller.
const NAMED_MAX: usize = 64;

/// Why a request is not answered as asked. Texts name cause and cure; what a stranger sends is repeated shortened, or not at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// A value of the query.
    #[error("`{name}` in the query cannot be used: {cure}")]
    Query {
        /// Which.
        name: String,
        /// What to do.
        cure: &'static str,
    },
    /// A part of the path.
    #[error("`{name}` in the path cannot be used: {cure}")]
    Path {
        /// Which.
        name: &'static str,
        /// What to do.
        cure: &'static str,
    },
    /// The body.
    #[error("the body cannot be used: {why}")]
    Body {
        /// What is wrong, where, and what to do.
        why: String,
    },
    /// Nobody said who asks.
    #[error("say who you are: send `Authorization: Bearer` with a token that was issued for your client certificate")]
    Unknown,
    /// A token on a connection without the certificate that it is bound to.
    #[error(
        "a token is taken together with the client certificate that it was issued for; connect with that certificate"
    )]
    Unbound,
    /// The token is not good.
    #[error(transparent)]
    Token(TokenRefused),
    /// The certificate names nobody of ours.
    #[error(transparent)]
    Certificate(Refused),
    /// The installation is not known, was revoked, or shows a certificate of before.
    #[error("this installation is not admitted; enrol it again")]
    DeviceRefused,
    /// The right, the row or the proof is missing.
    #[error(transparent)]
    Denied(Denied),
    /// There is no such thing. It says the same as a row that is somebody else's.
    #[error(transparent)]
    Absent(Denied),
    /// Too many requests.
    #[error(transparent)]
    Limited(Limited),
    /// Another change came first.
    #[error("it was changed meanwhile: read it again, then decide")]
    Stale,
    /// It contradicts what stands.
    #[error("it contradicts what stands: {what}")]
    Conflict {
        /// The contradiction.
        what: &'static str,
    },
    /// A mutating call without a key that names it.
    #[error("send `Idempotency-Key`: 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', new for each change that you mean")]
    KeyMissing,
    /// The key was used for another request.
    #[error("this idempotency key was used for another request; choose a new key for a new change")]
    KeyReused,
    /// The first request under the key is still at work.
    #[error("the first request under this idempotency key is still at work; ask again in a moment")]
    KeyBusy,
    /// A part behind the gateway does not answer.
    #[error("{what} is not available at the moment; try again later")]
    Unavailable {
        /// Which.
        what: &'static str,
        /// Why, for the log.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An answer that has no JSON form: a defect of ours.
    #[error("the answer could not be written; report this")]
    Unwritable(#[source] serde_json::Error),
    /// The work on a change ended without an answer: a defect of ours.
    #[error("the work on this change broke off; look what stands before you ask again")]
    Broken,
    /// The store's own words, where they are the caller's business.
    #[error("the request is not taken: {what}")]
    Refused {
        /// The rule.
        what: &'static str,
    },
    /// The door's own refusals.
    #[error(transparent)]
    Http(#[from] HttpError),
}

impl ApiError {
    pub(crate) fn query(name: &str, cure: &'static str) -> Self {
        Self::Query { name: name.chars().filter(|c| !c.is_control()).take(NAMED_MAX).collect(), cure }
    }

    pub(crate) fn body(why: impl fmt::Display) -> Self {
        Self::Body { why: why.to_string() }
    }

    /// A part of ours that does not answer.
    pub(crate) fn unavailable(what: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Unavailable { what, source: Box::new(source) }
    }

    /// There is no such thing, or it is somebody else's: nobody is told which.
    pub(crate) const fn absent() -> Self {
        Self::Absent(Denied::NotFound)
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Query { .. } | Self::Path { .. } | Self::Body { .. } | Self::KeyMissing => StatusCode::BAD_REQUEST,
            Self::Absent(_) | Self::Denied(Denied::NotFound) => StatusCode::NOT_FOUND,
            Self::Token(TokenRefused::RevocationUnknown) | Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unknown | Self::Unbound | Self::Token(_) | Self::Certificate(_) | Self::DeviceRefused => {
                StatusCode::UNAUTHORIZED
            }
            Self::Denied(_) => StatusCode::FORBIDDEN,
            Self::Limited(Limited::Uncounted { .. }) => StatusCode::FORBIDDEN,
            Self::Limited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Stale | Self::Conflict { .. } | Self::KeyBusy => StatusCode::CONFLICT,
            Self::KeyReused | Self::Refused { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unwritable(_) | Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Http(error) => status_of(&error.dna()),
        }
    }
}

impl From<StoreError> for ApiError {
    /// A store that refuses is the caller's business; a store that fails is ours, and its words stay in the log.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale { .. } => Self::Stale,
            StoreError::Conflict { what } => Self::Conflict { what },
            StoreError::Invalid { what } => Self::Refused { what },
            other => Self::Unavailable { what: "the database", source: Box::new(other) },
        }
    }
}

impl From<ApiError> for Response {
    fn from(error: ApiError) -> Self {
        let error = match error {
            ApiError::Http(error) => return error.into(),
            other => other,
        };
        let status = error.status();
        let mut response = problem(status, &Fault::new(error));
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110, section 11.6.1: who refuses for want of credentials names their kind.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl Coded for ApiError {
    fn dna(&self) -> Dna {
        let caller = |code, category| Dna::new("api", code, category).side(FaultSide::Caller).severity(Severity::Info);
        match self {
            Self::Query { .. } => caller("API_QUERY", Category::Input),
            Self::Path { .. } => caller("API_PATH", Category::Input),
            Self::Body { .. } => caller("API_BODY", Category::Input),
            Self::Unknown => caller("API_UNKNOWN", Category::Access),
            Self::Unbound => caller("API_TOKEN_UNBOUND", Category::Access).severity(Severity::Warning),
            Self::Token(refused) => refused.dna(),
            Self::Certificate(refused) => refused.dna(),
            Self::DeviceRefused => caller("API_DEVICE_REFUSED", Category::Access).severity(Severity::Warning),
            Self::Denied(denied) | Self::Absent(denied) => denied.dna(),
            Self::Limited(limited) => limited.dna(),
            Self::Unwritable(_) => Dna::new("api", "API_UNWRITABLE", Category::Internal),
            Self::Broken => Dna::new("api", "API_BROKEN", Category::Internal).retry(Retry::VerifyFirst),
            Self::Stale => caller("API_STALE", Category::Input).retry(Retry::VerifyFirst),
            Self::Conflict { .. } => caller("API_CONFLICT", Category::Input),
            Self::KeyMissing => caller("API_KEY_MISSING", Category::Input),
            Self::KeyReused => caller("API_KEY_REUSED", Category::Input),
            Self::KeyBusy => caller("API_KEY_BUSY", Category::Input).retry(Retry::Later),
            Self::Unavailable { .. } => {
                Dna::new("api", "API_UNAVAILABLE", Category::Storage).side(FaultSide::Dependency).retry(Retry::Later)
            }
            Self::Refused { .. } => caller("API_REFUSED", Category::Input),
            Self::Http(error) => error.dna(),
        }
    }

    fn public_message(&self) -> String {
        match self {
            Self::Token(refused) => refused.public_message(),
            Self::Certificate(refused) => refused.public_message(),
            Self::Denied(denied) | Self::Absent(denied) => denied.public_message(),
            other => other.to_string(),
        }
    }
}
