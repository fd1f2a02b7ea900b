//! What the interface refuses, and how it says so.

use aitrading_error::{Category, Coded, Dna, Fault, FaultSide, Retry, Severity};
use aitrading_http::{HeaderValue, HttpError, Response, StatusCode, header, problem, status_of};
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
    /// There is no such thing, or it is somebody else's: the two look alike.
    #[error("there is no such {what}")]
    Absent {
        /// What was asked for.
        what: &'static str,
    },
    /// Nobody said who asks.
    #[error("say who you are: send `Authorization: Bearer` with a token that was issued for your client certificate")]
    Unknown,
    /// The right is missing.
    #[error("your role does not include this; ask an operator of the desk")]
    Forbidden,
    /// The right is there, the second proof is not.
    #[error("this asks for a fresh second factor; confirm it at /api/v1/auth/step-up, then send the request again")]
    StepUp,
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

    fn status(&self) -> StatusCode {
        match self {
            Self::Query { .. } | Self::Path { .. } | Self::Body { .. } | Self::KeyMissing => StatusCode::BAD_REQUEST,
            Self::Absent { .. } => StatusCode::NOT_FOUND,
            Self::Unknown => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::StepUp => StatusCode::FORBIDDEN,
            Self::Stale | Self::Conflict { .. } | Self::KeyBusy => StatusCode::CONFLICT,
            Self::KeyReused | Self::Refused { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
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
        let caller =
            |code, category| Dna::new("api", code, category).side(FaultSide::Caller).severity(Severity::Info);
        match self {
            Self::Query { .. } => caller("API_QUERY", Category::Input),
            Self::Path { .. } => caller("API_PATH", Category::Input),
            Self::Body { .. } => caller("API_BODY", Category::Input),
            Self::Absent { .. } => caller("API_ABSENT", Category::Input),
            Self::Unknown => caller("API_UNKNOWN", Category::Access),
            Self::Forbidden => caller("API_FORBIDDEN", Category::Access),
            Self::StepUp => caller("API_STEP_UP", Category::Access),
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
}
