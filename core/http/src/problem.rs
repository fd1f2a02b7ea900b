//! Errors as RFC 9457 problems: code, message and retry verdict for the peer, the rest for the log.

use crate::{HttpError, Response, response::json_as};
use aitrading_error::{Category, Dna, Fault, FaultSide, Retry, Severity, chain};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// The body of a problem. `type` is a name, not an address: nothing needs to be fetched to understand it.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    retry: Retry,
}

/// An answer that says what went wrong. Only the public face leaves; the internal one is logged here, once, at the error's
/// own severity.
#[must_use]
pub fn problem(status: StatusCode, fault: &Fault) -> Response {
    let dna = fault.dna();
    log(&dna, fault);
    let body = Problem {
        r#type: format!("urn:aitrading:problem:{}", dna.code),
        title: status.canonical_reason().unwrap_or("Error"),
        status: status.as_u16(),
        detail: fault.public(),
        code: dna.code,
        retry: dna.retry,
    };
    json_as(status, "application/problem+json", &body)
}

/// The HTTP status that fits an error's facts, for errors without one of their own.
#[must_use]
pub fn status_of(dna: &Dna) -> StatusCode {
    match (dna.side, dna.category) {
        (FaultSide::Caller, Category::Access | Category::Crypto) => StatusCode::FORBIDDEN,
        (FaultSide::Caller, Category::Capacity) => StatusCode::TOO_MANY_REQUESTS,
        (FaultSide::Caller, Category::Trading) => StatusCode::UNPROCESSABLE_ENTITY,
        (FaultSide::Caller, _) => StatusCode::BAD_REQUEST,
        (FaultSide::Own, Category::Capacity) | (FaultSide::Dependency, _) => StatusCode::SERVICE_UNAVAILABLE,
        (FaultSide::Own, _) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<HttpError> for Response {
    fn from(error: HttpError) -> Self {
        let (status, allow) = (status(&error), allow(&error));
        let mut response = problem(status, &Fault::new(error));
        if let Some(methods) = allow {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
        }
        if matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE) {
            // The rest of the body may still come: it must not be taken for the next request.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

fn status(error: &HttpError) -> StatusCode {
    use aitrading_error::Coded;
    match error {
        HttpError::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        HttpError::BodyTimeout { .. } => StatusCode::REQUEST_TIMEOUT,
        HttpError::EncodingRefused | HttpError::MediaTypeRefused => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        HttpError::NotFound => StatusCode::NOT_FOUND,
        HttpError::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
        HttpError::UpgradeRefused { .. } => StatusCode::UPGRADE_REQUIRED,
        other => status_of(&other.dna()),
    }
}

fn allow(error: &HttpError) -> Option<&'static str> {
    if let HttpError::MethodNotAllowed { allow } = error { Some(allow) } else { None }
}

fn log(dna: &Dna, fault: &Fault) {
    let error = chain(fault.internal());
    match dna.severity {
        Severity::Info => tracing::debug!(code = dna.code, %error, "request refused"),
        Severity::Warning => tracing::warn!(code = dna.code, %error, "request failed"),
        Severity::Error | Severity::Critical => tracing::error!(code = dna.code, %error, "request failed"),
    }
}
