//! A request's body, which can only be read with a bound.

use crate::HttpError;
use aitrading_env::Env;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use std::{fmt, time::Duration};

/// The body of a request. Reading takes it; what is not read is dropped.
pub struct Body(Inner);

enum Inner {
    Given(Bytes),
    Incoming { incoming: hyper::body::Incoming, env: Env, limit: Duration },
}

impl Body {
    /// A body that is already here (tests, and requests made inside the process).
    pub fn given(bytes: impl Into<Bytes>) -> Self {
        Self(Inner::Given(bytes.into()))
    }

    pub(crate) fn incoming(incoming: hyper::body::Incoming, env: Env, limit: Duration) -> Self {
        Self(Inner::Incoming { incoming, env, limit })
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// [`HttpError::BodyTooLarge`] beyond `limit` bytes (told before anything is read if the length was announced),
    /// [`HttpError::BodyTimeout`], [`HttpError::BodyBroken`].
    pub async fn read(self, limit: usize) -> Result<Bytes, HttpError> {
        match self.0 {
            Inner::Given(bytes) => read(Full::new(bytes), limit).await,
            Inner::Incoming { incoming, env, limit: within } => {
                let limit_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
                let late = |_| HttpError::BodyTimeout { limit_ms };
                env.timeout(within, read(incoming, limit)).await.map_err(late)?
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the bounded read")]
async fn read<B>(body: B, limit: usize) -> Result<Bytes, HttpError>
where
    B: hyper::body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if body.size_hint().lower() > limit as u64 {
        return Err(HttpError::BodyTooLarge { limit });
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(HttpError::BodyTooLarge { limit }),
        Err(error) => Err(HttpError::BodyBroken(error)),
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}
