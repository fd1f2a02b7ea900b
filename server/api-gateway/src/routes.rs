//! What the gateway answers.

use aitrading_http::{Handler, HttpError, Method, Observability, Request, Response, StatusCode, json};
use async_trait::async_trait;
use serde::Serialize;

/// What is here, for the index.
const HERE: [Entry; 5] = [
    Entry { path: "/", what: "this index" },
    Entry { path: "/health/live", what: "the process runs" },
    Entry { path: "/health/ready", what: "the gateway may get traffic, with its parts" },
    Entry { path: "/health/ready/api-gateway", what: "the same, under its name" },
    Entry { path: "/metrics", what: "figures as Prometheus text" },
];

#[derive(Serialize)]
struct Entry {
    path: &'static str,
    what: &'static str,
}

#[derive(Serialize)]
struct Index {
    name: &'static str,
    service: &'static str,
    version: &'static str,
    here: &'static [Entry],
}

/// Answers the gateway's requests.
pub(crate) struct Routes(pub(crate) Observability);

#[async_trait]
impl Handler for Routes {
    async fn handle(&self, request: Request) -> Response {
        if let Some(answer) = self.0.answer(&request) {
            return answer;
        }
        match (request.path(), request.method()) {
            ("/", &Method::GET | &Method::HEAD) => json(StatusCode::OK, &index()),
            ("/", _) => HttpError::MethodNotAllowed { allow: "GET, HEAD" }.into(),
            _ => HttpError::NotFound.into(),
        }
    }
}

fn index() -> Index {
    Index { name: "aitrading", service: crate::SERVICE, version: env!("CARGO_PKG_VERSION"), here: &HERE }
}
