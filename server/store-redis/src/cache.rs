//! The shared cache on a server.

use crate::{
    Keys,
    compare::{Change, Comparers, put, remove},
    errors::told,
    hub::Hub,
    line::SharedLine,
    listen::{Listening, listen},
    slot::{Rotation, Slot},
};
use aitrading_database_link::{BackendHealth, Link, LinkError, Repeat, Role, Secrets, ServerSettings};
use aitrading_env::{Env, Task};
use aitrading_store::{
    CacheKey, Invalidations, SharedCache, StoreError, check_shared_key, check_shared_ttl, check_shared_value,
};
use async_trait::async_trait;
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

const BACKEND: &str = "redis";
const READING: &str = "reading a shared value";
const PUTTING: &str = "putting a shared value";
const REMOVING: &str = "removing a shared value";
const COMPARING: &str = "comparing a shared value";
const LISTENING: &str = "listening to changes of shared values";
const PROBING: &str = "probing the shared cache";

/// Shared values on a Redis or DragonflyDB server.
///
/// A server that was emptied or restarted without its data is only a cache without values. Opening connects to nothing: the
/// first call does. Reading and removing are repeated when the server was not there; putting and comparing are sent once,
/// because a late repetition could bring back a value that somebody has replaced meanwhile.
pub struct RedisCache {
    inner: Arc<Inner>,
    // Started by the first listener.
    listener: Mutex<Option<Task>>,
}

/// What calls and the listening have in common.
pub(crate) struct Inner {
    pub(crate) env: Env,
    pub(crate) link: Link,
    pub(crate) channel: String,
    pub(crate) hub: Arc<Hub>,
    pub(crate) listening: Listening,
    keys: Keys,
    slot: Slot,
    comparers: Comparers,
    rotation: Rotation,
}

impl Inner {
    /// The credentials' generation that connections must have.
    pub(crate) fn generation(&self) -> u64 {
        self.rotation.generation(&self.env, &self.link)
    }

    async fn line(&self) -> Result<SharedLine, StoreError> {
        self.slot.line(&self.env, &self.link, self.generation()).await
    }

    /// Sends commands that are done all or not at all.
    async fn send(&self, doing: &'static str, repeat: Repeat, commands: redis::Pipeline) -> Result<(), StoreError> {
        let attempt =
            || async { self.line().await?.ask_all::<()>(&commands).await.map_err(|error| told(doing, error)) };
        self.link.call(doing, repeat, attempt).await
    }
}

impl RedisCache {
    /// Checks address, certificates and password. Keys begin with the settings' database name, as [`Keys`] spells it.
    ///
    /// # Errors
    /// As [`Link::open`].
    pub fn open(env: &Env, settings: &ServerSettings, secrets: &Secrets) -> Result<Self, LinkError> {
        let link = Link::open(env, Role::Cache, BACKEND, settings, secrets)?;
        let keys = Keys::new(link.endpoint().database());
        let inner = Inner {
            env: env.clone(),
            channel: keys.channel(),
            hub: Arc::default(),
            listening: Listening::default(),
            keys,
            slot: Slot::default(),
            comparers: Comparers::new(&link),
            rotation: Rotation::default(),
            link,
        };
        Ok(Self { inner: Arc::new(inner), listener: Mutex::new(None) })
    }

    /// How the server was at the last calls.
    #[must_use]
    pub fn health(&self) -> BackendHealth {
        let line = self.inner.slot.current(0);
        let version = line.and_then(|line| line.version().map(ToOwned::to_owned));
        BackendHealth { version, pool: Some(self.inner.comparers.pool()), ..self.inner.link.health() }
    }

    /// Asks the server whether it is there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Unauthorised`], [`StoreError::VersionTooOld`].
    pub async fn probe(&self) -> Result<BackendHealth, StoreError> {
        let ping = redis::cmd("PING");
        let attempt =
            || async { self.inner.line().await?.ask::<()>(&ping).await.map_err(|error| told(PROBING, error)) };
        self.inner.link.call(PROBING, Repeat::Idempotent, attempt).await?;
        Ok(self.health())
    }

    fn start_listening(&self) {
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        listener.get_or_insert_with(|| {
            self.inner.env.spawn.task("redis-listener", Box::pin(listen(Arc::clone(&self.inner))))
        });
    }
}

impl fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCache").field("at", &self.inner.link.endpoint().authority()).finish_non_exhaustive()
    }
}

impl Drop for RedisCache {
    fn drop(&mut self) {
        if let Some(task) = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
        self.inner.hub.close();
    }
}

#[async_trait]
impl SharedCache for RedisCache {
    async fn get(&self, key: &CacheKey) -> Result<Option<Arc<[u8]>>, StoreError> {
        check_shared_key(key)?;
        let command = redis::cmd("GET").arg(self.inner.keys.key(key)).to_owned();
        let attempt = || async {
            let line = self.inner.line().await?;
            line.ask::<Option<Vec<u8>>>(&command).await.map_err(|error| told(READING, error))
        };
        let value = self.inner.link.call(READING, Repeat::Idempotent, attempt).await?;
        if value.as_deref().is_some_and(|value| check_shared_value(value).is_err()) {
            return Err(StoreError::corrupt("a shared value is larger than any that is put"));
        }
        Ok(value.map(Arc::from))
    }

    async fn put(&self, key: &CacheKey, value: &[u8], ttl: Duration) -> Result<(), StoreError> {
        check_shared_key(key)?;
        check_shared_value(value)?;
        check_shared_ttl(ttl)?;
        let commands = put(key, &self.inner.keys.key(key), &self.inner.channel, value, ttl);
        self.inner.send(PUTTING, Repeat::Once, commands).await
    }

    async fn remove(&self, key: &CacheKey) -> Result<(), StoreError> {
        check_shared_key(key)?;
        let commands = remove(key, &self.inner.keys.key(key), &self.inner.channel);
        self.inner.send(REMOVING, Repeat::Idempotent, commands).await
    }

    async fn compare_and_set(
        &self,
        key: &CacheKey,
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        check_shared_key(key)?;
        check_shared_ttl(ttl)?;
        new.map_or(Ok(()), check_shared_value)?;
        let inner = &self.inner;
        let spelt = inner.keys.key(key);
        let change = Change { key, spelt: &spelt, channel: &inner.channel, expected, new, ttl };
        let attempt = || inner.comparers.run(&inner.env, &inner.link, inner.generation(), COMPARING, change);
        inner.link.call(COMPARING, Repeat::Once, attempt).await
    }

    async fn invalidations(&self) -> Result<Box<dyn Invalidations>, StoreError> {
        self.start_listening();
        self.inner.link.call(LISTENING, Repeat::Idempotent, || self.inner.listening.live()).await?;
        Ok(Box::new(self.inner.hub.listen(LISTENING)?))
    }
}
