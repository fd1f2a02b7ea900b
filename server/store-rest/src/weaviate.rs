//! Similar errors and threats on a Weaviate server. Unproven against a live one.
//!
//! One collection holds all patterns. It is multi-tenant, and each tenant of ours has a tenant of Weaviate's for each number
//! of dimensions: the server itself keeps tenants apart, and never sees vectors of different lengths in one index.

mod object;
mod query;
mod schema;
mod shard;
#[cfg(test)]
mod tests;

use crate::{
    client::{Login, Request, Rest},
    error::{RestError, refusal_within},
    health, version,
};
use aitrading_database_link::{BackendHealth, Link, Repeat};
use aitrading_model::TenantId;
use aitrading_store::{Match, Near, Pattern, PatternIndex, StoreError, check_patterns};
use async_trait::async_trait;
use object::{Batch, Deleted, Object, Stored, uuid};
use reqwest::Method;
use serde::Deserialize;
use shard::{Shard, Shards};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};
use tokio::sync::OnceCell;

/// Tenants are made by the first write and range filters are indexed since then.
const NEEDED: ((u32, u32), &str) = ((1, 26), "1.26");
/// Numbers in one request: about 2 MB of text.
const NUMBERS_MAX: usize = 131_072;
/// Patterns in one request.
const OBJECTS_MAX: usize = 200;

/// Keeps patterns on a Weaviate server.
///
/// The link's database names the collection (`aitrading`: `AitradingPatterns`), its password is the API key. The search is
/// the server's HNSW index: approximate for many patterns.
#[derive(Debug)]
pub struct WeaviatePatterns {
    rest: Rest,
    class: String,
    set_up: OnceCell<()>,
    version: Mutex<Option<String>>,
    shards: Shards,
}

#[derive(Deserialize)]
struct Meta {
    version: String,
}

impl WeaviatePatterns {
    /// Speaks to the server of `link`. Connects to nothing yet.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a database name that makes no collection's name, [`StoreError::Unavailable`] if there can
    /// be no HTTP client.
    pub fn open(link: Link) -> Result<Self, StoreError> {
        let class = schema::class_name(link.endpoint().database())?;
        let rest = Rest::open(link, Login::Bearer)?;
        Ok(Self { rest, class, set_up: OnceCell::new(), version: Mutex::default(), shards: Shards::default() })
    }

    /// Asks the server for its version.
    ///
    /// # Errors
    /// [`StoreError::VersionTooOld`], and whatever a call answers.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let answer = self.ask("asking for the version of Weaviate", &Request::get("/v1/meta".to_owned())).await?;
        let found = answer.read::<Meta>()?.version;
        version::check("Weaviate", &found, NEEDED.0, NEEDED.1)?;
        *self.version.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        Ok(())
    }

    /// The link's health, the server's version once it is known, and [`UNPROVEN`](crate::UNPROVEN).
    #[must_use]
    pub fn health(&self) -> BackendHealth {
        health(self.rest.health(), self.version.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn ask(&self, doing: &'static str, request: &Request) -> Result<crate::client::Answer, StoreError> {
        self.rest.call(doing, Repeat::Idempotent, request).await
    }

    /// Version and collection are looked after once; after a failure the next call tries again.
    async fn ready(&self) -> Result<(), StoreError> {
        self.set_up.get_or_try_init(|| self.prepare()).await.map(|_| ())
    }

    async fn prepare(&self) -> Result<(), StoreError> {
        const DOING: &str = "setting up the collection of patterns";
        self.probe().await?;
        let look = Request::get(format!("/v1/schema/{}", self.class)).taking(&[404]);
        let mut found = self.ask(DOING, &look).await?;
        if found.status == 404 {
            let wanted = Request::post("/v1/schema".to_owned(), &schema::class(&self.class))?;
            // 422: another instance may have made it meanwhile. Whether it did is looked up.
            self.rest.call(DOING, Repeat::Once, &wanted.taking(&[422])).await?;
            found = self.ask(DOING, &Request::get(format!("/v1/schema/{}", self.class))).await?;
        }
        schema::check(&found.read()?)
    }

    /// The shards that the server has for a tenant.
    async fn shards_of(&self, tenants: &BTreeSet<TenantId>) -> Result<BTreeSet<Shard>, StoreError> {
        let list = Request::get(format!("/v1/schema/{}/tenants", self.class));
        let listed: Vec<shard::Listed> = self.ask("listing the tenants of Weaviate", &list).await?.read()?;
        let own = listed.iter().filter_map(shard::Listed::shard).filter(|shard| tenants.contains(&shard.tenant));
        Ok(own.collect())
    }

    async fn has(&self, shard: Shard) -> Result<bool, StoreError> {
        if self.shards.has(shard) {
            return Ok(true);
        }
        let look = Request::get(format!("/v1/schema/{}/tenants/{shard}", self.class)).taking(&[404]);
        let there = self.ask("looking for a tenant of Weaviate", &look).await?.status != 404;
        if there {
            self.shards.add(shard);
        }
        Ok(there)
    }

    async fn write(&self, patterns: &[&Pattern]) -> Result<(), StoreError> {
        const DOING: &str = "writing patterns";
        let objects: Vec<Object<'_>> = patterns.iter().map(|pattern| Object::new(&self.class, pattern)).collect();
        let request = Request::post("/v1/batch/objects".to_owned(), &Batch { objects })?;
        let stored: Vec<Stored> = self.ask(DOING, &request).await?.read()?;
        if let Some(failed) = stored.iter().find_map(Stored::failure) {
            return Err(refusal_within(DOING, failed));
        }
        let answered: BTreeSet<&str> = stored.iter().map(|stored| stored.id.as_str()).collect();
        if !patterns.iter().all(|pattern| answered.contains(uuid(pattern.id).as_str())) {
            return Err(refusal_within(DOING, "not every pattern was answered for".to_owned()));
        }
        Ok(())
    }

    /// Forgets what earlier patterns with the same ids, but other numbers of dimensions, have left on other shards.
    async fn sweep(&self, patterns: &BTreeMap<(TenantId, [u8; 16]), Pattern>) -> Result<(), StoreError> {
        const DOING: &str = "removing patterns that were replaced";
        let tenants = patterns.keys().map(|(tenant, _)| *tenant).collect();
        for shard in self.shards_of(&tenants).await? {
            let replaced = |pattern: &&Pattern| pattern.tenant == shard.tenant && Shard::of(pattern) != shard;
            let ids: Vec<String> = patterns.values().filter(replaced).map(|pattern| uuid(pattern.id)).collect();
            if ids.is_empty() {
                continue;
            }
            let path = format!("/v1/batch/objects?tenant={shard}");
            let request = Request::new(Method::DELETE, path).with(&query::removal(&self.class, &ids))?;
            let deleted: Deleted = self.ask(DOING, &request).await?.read()?;
            if !deleted.is_complete() {
                return Err(refusal_within(DOING, "not every replaced pattern could be removed".to_owned()));
            }
        }
        Ok(())
    }

    async fn graph<T: serde::de::DeserializeOwned>(&self, doing: &'static str, query: String) -> Result<T, StoreError> {
        let request = Request::post("/v1/graphql".to_owned(), &query::Question { query })?;
        let answer: query::Answer<T> = self.ask(doing, &request).await?.read()?;
        answer.data().map_err(|message| refusal_within(doing, message))
    }
}

/// Cuts what is to be written into requests of bounded size.
fn portions<'a>(patterns: impl Iterator<Item = &'a Pattern>) -> Vec<Vec<&'a Pattern>> {
    let (mut portions, mut numbers) = (Vec::<Vec<&Pattern>>::new(), 0);
    for pattern in patterns {
        numbers += pattern.vector.len();
        match portions.last_mut() {
            Some(last) if numbers <= NUMBERS_MAX && last.len() < OBJECTS_MAX => last.push(pattern),
            _ => {
                numbers = pattern.vector.len();
                portions.push(vec![pattern]);
            }
        }
    }
    portions
}

#[async_trait]
impl PatternIndex for WeaviatePatterns {
    async fn put(&self, patterns: Vec<Pattern>) -> Result<(), StoreError> {
        check_patterns(&patterns)?;
        if patterns.is_empty() {
            return Ok(());
        }
        self.ready().await?;
        let by_key: BTreeMap<_, _> =
            patterns.into_iter().map(|pattern| ((pattern.tenant, pattern.id), pattern)).collect();
        for portion in portions(by_key.values()) {
            self.write(&portion).await?;
        }
        // Last: whatever fails, the newer pattern is there, and the next attempt removes the older one.
        self.sweep(&by_key).await
    }

    async fn remove(&self, tenant: TenantId, id: [u8; 16]) -> Result<bool, StoreError> {
        self.ready().await?;
        let mut removed = false;
        for shard in self.shards_of(&BTreeSet::from([tenant])).await? {
            let path = format!("/v1/objects/{}/{}?tenant={shard}", self.class, uuid(id));
            let request = Request::new(Method::DELETE, path).taking(&[404]);
            // Once: the answer to a second attempt would be that it was not there.
            removed |= self.rest.call("removing a pattern", Repeat::Once, &request).await?.status != 404;
        }
        Ok(removed)
    }

    async fn near(&self, near: &Near) -> Result<Vec<Match>, StoreError> {
        near.check()?;
        self.ready().await?;
        let shard = Shard { tenant: near.tenant, dimensions: near.vector.len() };
        if !self.has(shard).await? {
            return Ok(Vec::new());
        }
        let text = query::near(&self.class, shard, near)
            .map_err(|source| RestError::Form { source }.corrupt("a question for patterns"))?;
        let found: query::Found = self.graph("looking for near patterns", text).await?;
        found.matches(&self.class, near)
    }

    async fn count(&self, tenant: TenantId) -> Result<u64, StoreError> {
        self.ready().await?;
        let mut count = 0;
        for shard in self.shards_of(&BTreeSet::from([tenant])).await? {
            let counted: query::Counted = self.graph("counting patterns", query::count(&self.class, shard)).await?;
            count += counted.count(&self.class)?;
        }
        Ok(count)
    }
}
