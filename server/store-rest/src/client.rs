//! HTTP towards one server: every call guarded, logged in anew, and its answer bounded.

use crate::error::{Complaint, RestError, refusal};
use aitrading_database_link::{BackendHealth, Link, Repeat};
use aitrading_store::StoreError;
use reqwest::{Client, Method, RequestBuilder, Response, header::CONTENT_TYPE, redirect};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use secrecy::ExposeSecret;
use serde::{Serialize, de::DeserializeOwned};
use std::{sync::Arc, time::Duration};

/// Most bytes of an answer: a thousand of the longest vectors with their texts.
pub const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Connections that nobody used for this long are closed.
const IDLE: Duration = Duration::from_secs(30);

/// How the password is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Login {
    /// The password is an API key.
    Bearer,
    /// User and password.
    Basic,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: Method,
    path: String,
    header: Option<(&'static str, String)>,
    body: Option<Vec<u8>>,
    takes: &'static [u16],
}

impl Request {
    /// `path` is made of constants, numbers and names that were checked.
    pub(crate) fn new(method: Method, path: String) -> Self {
        Self { method, path, header: None, body: None, takes: &[] }
    }

    pub(crate) fn get(path: String) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: String, body: &impl Serialize) -> Result<Self, StoreError> {
        Self::new(Method::POST, path).with(body)
    }

    pub(crate) fn with(self, body: &impl Serialize) -> Result<Self, StoreError> {
        let body = serde_json::to_vec(body).map_err(|source| RestError::Form { source }.corrupt("a request"))?;
        Ok(Self { body: Some(body), ..self })
    }

    pub(crate) fn header(self, name: &'static str, value: &str) -> Self {
        Self { header: Some((name, value.to_owned())), ..self }
    }

    /// Statuses that are answers and no refusals, beside those from 200 to 299.
    pub(crate) fn taking(self, takes: &'static [u16]) -> Self {
        Self { takes, ..self }
    }
}

/// An answer that is no refusal.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        serde_json::from_slice(&self.body)
            .map_err(|source| RestError::Form { source }.corrupt("an answer of the database server"))
    }
}

/// A client of one server.
#[derive(Debug)]
pub(crate) struct Rest {
    link: Link,
    client: Client,
    base: String,
    login: Login,
}

impl Rest {
    pub(crate) fn open(link: Link, login: Login) -> Result<Self, StoreError> {
        let client = client(&link).map_err(|error| error.unavailable("making the HTTP client"))?;
        let base = link.endpoint().url("http", "https");
        Ok(Self { link, client, base, login })
    }

    /// Makes a call; `repeat` says whether it may be made again when no answer came.
    pub(crate) async fn call(
        &self,
        doing: &'static str,
        repeat: Repeat,
        request: &Request,
    ) -> Result<Answer, StoreError> {
        self.link.call(doing, repeat, || self.once(doing, request)).await
    }

    async fn once(&self, doing: &'static str, request: &Request) -> Result<Answer, StoreError> {
        let lost = |error: reqwest::Error| RestError::Transport { source: error.without_url() }.unavailable(doing);
        let response = self.prepare(doing, request)?.send().await.map_err(lost)?;
        let status = response.status();
        let body = bounded(response).await.map_err(|unread| match unread {
            Unread::Lost(error) => lost(error),
            Unread::TooLong => {
                RestError::TooLong { limit: ANSWER_BYTES_MAX }.corrupt("an answer of the database server")
            }
        })?;
        if status.is_success() || request.takes.contains(&status.as_u16()) {
            return Ok(Answer { status: status.as_u16(), body });
        }
        Err(refusal(doing, status.as_u16(), &Complaint::read(&body)))
    }

    /// Credentials are fetched for every request: a rotated password counts at once.
    fn prepare(&self, doing: &'static str, request: &Request) -> Result<RequestBuilder, StoreError> {
        let credentials = self.link.credentials().map_err(|error| error.unavailable(doing))?;
        let mut builder = self.client.request(request.method.clone(), format!("{}{}", self.base, request.path));
        if let Some(password) = credentials.password.as_ref().map(ExposeSecret::expose_secret) {
            builder = match self.login {
                Login::Bearer => builder.bearer_auth(password),
                Login::Basic => builder.basic_auth(&credentials.user, Some(password)),
            };
        }
        if let Some((name, value)) = &request.header {
            builder = builder.header(*name, value);
        }
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        Ok(builder)
    }

    pub(crate) fn database(&self) -> &str {
        self.link.endpoint().database()
    }

    pub(crate) fn deadline(&self) -> Duration {
        self.link.guard().limits().deadline
    }

    pub(crate) fn health(&self) -> BackendHealth {
        self.link.health()
    }
}

enum Unread {
    Lost(reqwest::Error),
    TooLong,
}

async fn bounded(mut response: Response) -> Result<Vec<u8>, Unread> {
    let limit = u64::try_from(ANSWER_BYTES_MAX).unwrap_or(u64::MAX);
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(Unread::TooLong);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Unread::Lost)? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Unread::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// No proxy and no redirection: credentials go to the configured server and to nobody else.
fn client(link: &Link) -> Result<Client, RestError> {
    let tls = match link.endpoint().tls() {
        Some(tls) => Arc::unwrap_or_clone(tls.config()),
        None => nobody_trusted()?,
    };
    let idle = usize::try_from(link.pool().max).unwrap_or(usize::MAX);
    let builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(link.endpoint().tls().is_some())
        .no_proxy()
        .redirect(redirect::Policy::none())
        .connect_timeout(link.connect_limit())
        .pool_max_idle_per_host(idle)
        .pool_idle_timeout(IDLE);
    builder.build().map_err(|source| RestError::Client { source: Box::new(source) })
}

/// The library wants TLS settings for plain text too: with these no certificate is good.
fn nobody_trusted() -> Result<ClientConfig, RestError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|source| RestError::Client { source: Box::new(source) })?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}
