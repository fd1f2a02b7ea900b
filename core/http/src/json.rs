//! Request bodies as JSON: bounded in bytes and in levels before anything is made of them (T57).

use crate::{HttpError, Request};
use serde::de::DeserializeOwned;

/// Longest JSON body in bytes.
pub const JSON_BYTES_MAX: usize = 64 * 1024;
/// Most levels of arrays and objects in a JSON body.
pub const JSON_DEPTH_MAX: usize = 32;

impl Request {
    /// Reads the body as JSON of at most [`JSON_BYTES_MAX`] bytes and [`JSON_DEPTH_MAX`] levels. `T` decides what is in it: a
    /// request's type lists its fields and denies unknown ones, so that nobody can set what is not his to set (T32).
    ///
    /// # Errors
    /// [`HttpError::MediaTypeRefused`], [`HttpError::JsonTooDeep`], [`HttpError::JsonInvalid`], and those of
    /// [`crate::Body::read`].
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, HttpError> {
        if !self.is_json() {
            return Err(HttpError::MediaTypeRefused);
        }
        let bytes = self.body.read(JSON_BYTES_MAX).await?;
        from_json(&bytes)
    }

    /// Is the body said to be JSON?
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.header("content-type").is_some_and(is_json)
    }
}

/// Reads JSON of at most [`JSON_DEPTH_MAX`] levels; its length is the caller's to bound.
///
/// # Errors
/// [`HttpError::JsonTooDeep`], [`HttpError::JsonInvalid`].
pub fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, HttpError> {
    if depth(bytes) > JSON_DEPTH_MAX {
        return Err(HttpError::JsonTooDeep { limit: JSON_DEPTH_MAX });
    }
    serde_json::from_slice(bytes)
        .map_err(|e| HttpError::JsonInvalid { line: e.line().max(1), column: e.column().max(1) })
}

fn is_json(kind: &str) -> bool {
    let (kind, parameters) = kind.split_once(';').unwrap_or((kind, ""));
    let parameters = parameters.trim();
    kind.trim().eq_ignore_ascii_case("application/json")
        && (parameters.is_empty() || parameters.eq_ignore_ascii_case("charset=utf-8"))
}

/// The most levels that are open at the same time. What is no JSON has some number too; the parser refuses it later.
fn depth(bytes: &[u8]) -> usize {
    let (mut open, mut most) = (0_usize, 0_usize);
    let (mut text, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if text => escaped = true,
            b'"' => text = !text,
            b'[' | b'{' if !text => {
                open = open.saturating_add(1);
                most = most.max(open);
            }
            b']' | b'}' if !text => open = open.saturating_sub(1),
            _ => {}
        }
    }
    most
}
