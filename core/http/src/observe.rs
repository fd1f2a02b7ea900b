//! Health and metrics endpoints, the same at every door and on the loopback listener.

use crate::{Handler, HttpError, Method, Request, Response, StatusCode, json, response::respond};
use async_trait::async_trait;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::Serialize;
use std::{
    fmt,
    sync::{Arc, OnceLock},
};

/// The recorder of this process: the metrics facade knows only one.
static INSTALLED: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// The process's metrics as Prometheus text.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Starts recording, once per process; later calls share the first one's recorder.
    ///
    /// # Errors
    /// [`HttpError::MetricsTaken`] if a recorder of another kind is installed.
    pub fn install() -> Result<Self, HttpError> {
        let installed = INSTALLED.get_or_init(|| {
            let recorder = PrometheusBuilder::new().build_recorder();
            let handle = recorder.handle();
            metrics::set_global_recorder(recorder).ok().map(|()| {
                crate::meters::describe();
                handle
            })
        });
        installed.clone().map(Self).ok_or(HttpError::MetricsTaken)
    }

    /// The exposition text. Also trims the recorder's buffers, so it should be asked for now and then.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

type Ask = Arc<dyn Fn(Option<&str>) -> Option<Response> + Send + Sync>;

/// Where readiness is asked. Cheap to clone.
#[derive(Clone)]
pub struct Probe(Ask);

impl Probe {
    /// `ask` gets a service's name, or `None` for the whole process, and returns whether it is ready together with the
    /// details to show; `None` if there is no such service. The hub's `Health::report` has this shape.
    pub fn new<R: Serialize>(ask: impl Fn(Option<&str>) -> Option<(bool, R)> + Send + Sync + 'static) -> Self {
        Self(Arc::new(move |service| {
            let (ready, details) = ask(service)?;
            let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            Some(json(status, &details))
        }))
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").finish_non_exhaustive()
    }
}

/// Serves `/health/live`, `/health/ready`, `/health/ready/{service}` and `/metrics`. As a [`Handler`] it is the whole
/// loopback listener; a service's own handler asks [`Observability::answer`] first.
#[derive(Debug, Clone)]
pub struct Observability {
    probe: Probe,
    metrics: Metrics,
    service: Option<&'static str>,
}

#[derive(Serialize)]
struct Live {
    status: &'static str,
}

impl Observability {
    /// For the whole process.
    #[must_use]
    pub fn new(probe: Probe, metrics: Metrics) -> Self {
        Self { probe, metrics, service: None }
    }

    /// For one service's door: `/health/ready` speaks of that service alone, and no other one is shown.
    #[must_use]
    pub fn of(&self, service: &'static str) -> Self {
        Self { service: Some(service), ..self.clone() }
    }

    /// Answers if the path is one of ours.
    #[must_use]
    pub fn answer(&self, request: &Request) -> Option<Response> {
        let path = request.path();
        if path != "/metrics" && !path.starts_with("/health/") {
            return None;
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return Some(HttpError::MethodNotAllowed { allow: "GET, HEAD" }.into());
        }
        let answer = match path {
            "/metrics" => {
                Some(respond(StatusCode::OK, Some("text/plain; version=0.0.4"), self.metrics.render().into()))
            }
            "/health/live" => Some(json(StatusCode::OK, &Live { status: "live" })),
            "/health/ready" => (self.probe.0)(self.service),
            other => other.strip_prefix("/health/ready/").and_then(|name| self.ready_of(name)),
        };
        Some(answer.unwrap_or_else(|| HttpError::NotFound.into()))
    }

    fn ready_of(&self, name: &str) -> Option<Response> {
        let shown = self.service.is_none_or(|own| own == name);
        shown.then(|| (self.probe.0)(Some(name))).flatten()
    }
}

#[async_trait]
impl Handler for Observability {
    async fn handle(&self, request: Request) -> Response {
        self.answer(&request).unwrap_or_else(|| HttpError::NotFound.into())
    }
}
