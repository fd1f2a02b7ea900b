//! What an answer of the service says, and what it means that there is none.

use super::DOING;
use crate::{
    carried::Carried,
    door::Problem,
    message::{Malformed, Message},
    refusal::fixed,
};
use aitrading_http::{HttpError, Reply, StatusCode, header};
use aitrading_store::StoreError;

/// Bytes of a problem.
const PROBLEM_MAX: usize = 64 * 1024;

/// How a call ended without its answer.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Nothing arrived at the service.
    NotSent(HttpError),
    /// It may have arrived; the answer did not, or not whole.
    Lost(Box<dyn std::error::Error + Send + Sync>),
    /// No answer in time.
    Late,
    /// The service says so.
    Told(Box<StoreError>),
    /// The service does not know the subscription.
    Gone,
}

impl Ended {
    pub(super) const fn is_lost(&self) -> bool {
        matches!(self, Self::Lost(_))
    }
}

impl From<HttpError> for Ended {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Unreachable { .. } => Self::NotSent(error),
            HttpError::AnswerTimeout { .. } => Self::Late,
            other => Self::Lost(Box::new(other)),
        }
    }
}

impl From<Malformed> for Ended {
    fn from(error: Malformed) -> Self {
        Self::Lost(Box::new(error))
    }
}

impl From<Ended> for StoreError {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::NotSent(error) => Self::Unavailable { doing: DOING, source: Box::new(error) },
            Ended::Lost(source) => Self::Unavailable { doing: DOING, source },
            Ended::Late => Self::TooSlow { doing: DOING },
            Ended::Told(error) => *error,
            Ended::Gone => {
                Self::Unavailable { doing: DOING, source: "the subscription was ended; subscribe again".into() }
            }
        }
    }
}

/// An answer with content; everything else is what it says.
pub(super) async fn good(mut reply: Reply) -> Result<Reply, Ended> {
    if reply.status == StatusCode::OK {
        return Ok(reply);
    }
    let problem = reply.read(PROBLEM_MAX).await?;
    Err(problem_of(&problem))
}

/// What a problem means.
pub(super) fn problem_of(problem: &[u8]) -> Ended {
    let Ok(problem) = serde_json::from_slice::<Problem>(problem) else {
        return Ended::Lost("the answer is neither content nor a problem".into());
    };
    let detail = fixed(problem.detail());
    let told = match (problem.store, problem.code.as_str()) {
        (Some(told), _) => told.into(),
        (None, "PORT_SUBSCRIPTION_GONE") => return Ended::Gone,
        (None, "PORT_BUSY" | "PORT_SUBSCRIPTIONS_FULL") => {
            StoreError::Unavailable { doing: DOING, source: detail.into() }
        }
        (
            None,
            "PORT_CALL_MALFORMED"
            | "PORT_UNKNOWN"
            | "PORT_DEADLINE_MISSING"
            | "PORT_ANSWER_TOO_LARGE"
            | "BODY_TOO_LARGE",
        ) => StoreError::Invalid { what: detail },
        (None, "BODY_TIMEOUT" | "BODY_BROKEN") => StoreError::Unavailable { doing: DOING, source: detail.into() },
        // Whatever else the door says is about who we are.
        (None, _) => StoreError::Unauthorised { doing: DOING, source: detail.into() },
    };
    Ended::Told(Box::new(told))
}

/// All of an answer.
pub(super) async fn message(reply: &mut Reply, limit: usize) -> Result<Message, Ended> {
    let media = reply.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = media.unwrap_or_default().to_owned();
    let bytes = reply.read(limit).await?;
    Ok(Message::decode(&media, bytes.into())?)
}

/// What the answer holds. One that is not what the method answers is damage.
pub(super) fn read<T: Carried>(mut message: Message) -> Result<T, StoreError> {
    let damaged = |source: Malformed| StoreError::Corrupt {
        what: "an answer of the database service".to_owned(),
        source: Some(Box::new(source)),
    };
    let value = T::read(message.head, &mut message.parts).map_err(damaged)?;
    if message.parts.is_empty() {
        Ok(value)
    } else {
        Err(damaged(crate::message::malformed("there are too many rows")))
    }
}
