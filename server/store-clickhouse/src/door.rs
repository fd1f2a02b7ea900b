//! The way to the server: HTTP with our own TLS settings, every request behind the link's guard.

use crate::refusal::refusal;
use aitrading_database_link::{Link, LinkError, PoolUse, Repeat};
use aitrading_store::StoreError;
use clickhouse::{Client, Compression, RowOwned, RowRead, RowWrite, error::Error, query::Query};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{
    client::legacy::{Client as Http, connect::HttpConnector},
    rt::TokioExecutor,
};
use std::{
    fmt,
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;

/// Shorter than the shortest time after which a server closes a silent connection, which was 3 s in older releases.
const IDLE: Duration = Duration::from_secs(2);

/// When is an insert acknowledged? Always after it is stored; the question is how soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Insert {
    /// Gathered with others for a moment, so that many small inserts do not make as many small parts.
    Gathered,
    /// At once: the caller waits for this row alone.
    AtOnce,
}

/// Sends requests. Credentials go with each one and are read again when they are refused.
pub(crate) struct Door {
    link: Link,
    client: Client,
    permits: Semaphore,
    // Held to copy, never across an await.
    login: Mutex<Option<Login>>,
}

#[derive(Clone)]
struct Login {
    client: Client,
    generation: u64,
}

impl Door {
    /// Connects to nothing yet.
    pub(crate) fn new(link: Link) -> Self {
        let endpoint = link.endpoint();
        let client = transport(&link)
            .with_url(endpoint.url("http", "https"))
            .with_database(endpoint.database())
            .with_compression(Compression::Lz4);
        let permits = Semaphore::new(usize::try_from(link.pool().max).unwrap_or(1).max(1));
        Self { link, client, permits, login: Mutex::default() }
    }

    pub(crate) const fn link(&self) -> &Link {
        &self.link
    }

    /// Requests under way, of those that may be.
    pub(crate) fn pool(&self) -> PoolUse {
        let max = self.link.pool().max.max(1);
        let free = u32::try_from(self.permits.available_permits()).unwrap_or(max);
        PoolUse { size: max.saturating_sub(free), idle: 0, max }
    }

    /// A statement without an answer that may be made twice.
    pub(crate) async fn execute(
        &self,
        doing: &'static str,
        query: impl Fn(&Client) -> Query + Send + Sync,
    ) -> Result<(), StoreError> {
        self.call(doing, Repeat::Idempotent, |client| query(&client).execute()).await
    }

    /// All rows of an answer.
    pub(crate) async fn fetch<T>(
        &self,
        doing: &'static str,
        query: impl Fn(&Client) -> Query + Send + Sync,
    ) -> Result<Vec<T>, StoreError>
    where
        T: RowOwned + RowRead + Send,
    {
        self.call(doing, Repeat::Idempotent, |client| query(&client).fetch_all::<T>()).await
    }

    /// Sends rows, once: whoever loses the answer must not send them again under the same rank.
    pub(crate) async fn insert<T, I>(
        &self,
        doing: &'static str,
        table: &'static str,
        how: Insert,
        rows: I,
    ) -> Result<(), StoreError>
    where
        T: RowOwned + RowWrite + Send + Sync,
        I: Iterator<Item = T> + Clone + Send + Sync,
    {
        self.call(doing, Repeat::Once, |client| {
            let rows = rows.clone();
            async move {
                let gathered = if how == Insert::Gathered { "1" } else { "0" };
                let mut insert = client
                    .insert::<T>(table)
                    .await?
                    .with_setting("async_insert", gathered)
                    .with_setting("wait_for_async_insert", "1")
                    // Blocks never repeat (each attempt has its own rank), so the server need not look for repetitions.
                    .with_setting("insert_deduplicate", "0")
                    // An import may span many months.
                    .with_setting("max_partitions_per_insert_block", "0");
                for row in rows {
                    insert.write(&row).await?;
                }
                insert.end().await
            }
        })
        .await
    }

    /// Makes a call; after a refusal of the credentials once more, if they have been replaced meanwhile. A request that was
    /// refused did nothing, so that holds for inserts as well.
    pub(crate) async fn call<T, F, A>(&self, doing: &'static str, repeat: Repeat, mut ask: F) -> Result<T, StoreError>
    where
        F: FnMut(Client) -> A + Send,
        A: Future<Output = Result<T, Error>> + Send,
    {
        let login = self.login(doing)?;
        let answer = self.call_as(&login, doing, repeat, &mut ask).await;
        let Err(StoreError::Unauthorised { .. }) = &answer else { return answer };
        *self.kept() = None;
        let renewed = self.login(doing)?;
        if renewed.generation == login.generation {
            return answer;
        }
        self.call_as(&renewed, doing, repeat, &mut ask).await
    }

    async fn call_as<T, F, A>(
        &self,
        login: &Login,
        doing: &'static str,
        repeat: Repeat,
        ask: &mut F,
    ) -> Result<T, StoreError>
    where
        F: FnMut(Client) -> A + Send,
        A: Future<Output = Result<T, Error>> + Send,
    {
        let attempt = || {
            let asked = ask(login.client.clone());
            async move {
                // Nobody closes the semaphore; without a permit the call would merely be unbounded.
                let permit = self.permits.acquire().await.ok();
                let answer = asked.await.map_err(|error| refusal(doing, error));
                drop(permit);
                answer
            }
        };
        self.link.guard().call(doing, repeat, attempt).await
    }

    fn login(&self, doing: &'static str) -> Result<Login, StoreError> {
        if let Some(login) = self.kept().as_ref() {
            return Ok(login.clone());
        }
        let credentials = self.link.credentials().map_err(|error: LinkError| error.unavailable(doing))?;
        let mut client = self.client.clone().with_user(credentials.user);
        if let Some(password) = &credentials.password {
            client = client.with_password(secrecy::ExposeSecret::expose_secret(password));
        }
        let login = Login { client, generation: credentials.generation };
        *self.kept() = Some(login.clone());
        Ok(login)
    }

    fn kept(&self) -> MutexGuard<'_, Option<Login>> {
        self.login.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("endpoint", self.link.endpoint()).finish_non_exhaustive()
    }
}

fn transport(link: &Link) -> Client {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(link.connect_limit()));
    connector.set_nodelay(true);
    let mut http = Http::builder(TokioExecutor::new());
    http.pool_idle_timeout(IDLE).pool_max_idle_per_host(usize::try_from(link.pool().max).unwrap_or(1));
    match link.endpoint().tls() {
        None => Client::with_http_client(http.build(connector)),
        Some(tls) => {
            connector.enforce_http(false);
            let config = (*tls.config()).clone();
            let builder = HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_http1();
            Client::with_http_client(http.build(builder.wrap_connector(connector)))
        }
    }
}
