//! Compare-and-set by `WATCH`, on connections that belong to one comparison at a time.
//!
//! `WATCH` belongs to a connection: on a shared one, the `EXEC` of one caller would end the watch of another, so that a
//! change goes unnoticed. A script would need one round trip less, but the right to run scripts (on many servers withheld),
//! and DragonflyDB runs scripts by rules of its own; these six commands mean the same on both.

use crate::{errors::told, keys::change, line::Line};
use aitrading_database_link::{Link, PoolUse};
use aitrading_env::Env;
use aitrading_store::{CacheKey, StoreError};
use redis::RedisResult;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;

/// Connections for comparisons at most, however large the configured pool is.
const LINES_MAX: u32 = 8;
/// How often a comparison is made anew because the value was touched meanwhile.
const ROUNDS_MAX: u32 = 64;

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change<'a> {
    pub(crate) key: &'a CacheKey,
    /// The key as the server has it.
    pub(crate) spelt: &'a str,
    pub(crate) channel: &'a str,
    pub(crate) expected: Option<&'a [u8]>,
    pub(crate) new: Option<&'a [u8]>,
    pub(crate) ttl: Duration,
}

/// A few connections for comparisons.
#[derive(Debug)]
pub(crate) struct Comparers {
    permits: Semaphore,
    max: u32,
    // Held for a few instructions, never across an await.
    idle: Mutex<Vec<Line>>,
}

impl Comparers {
    pub(crate) fn new(link: &Link) -> Self {
        let max = link.pool().max.clamp(1, LINES_MAX);
        Self { permits: Semaphore::new(max as usize), max, idle: Mutex::default() }
    }

    /// Compares and changes. A comparison that fails or is given up takes its connection, and so its watch, with it.
    pub(crate) async fn run(
        &self,
        env: &Env,
        link: &Link,
        generation: u64,
        doing: &'static str,
        change: Change<'_>,
    ) -> Result<bool, StoreError> {
        let closed = |error| StoreError::Unavailable { doing, source: Box::new(error) };
        let _permit = self.permits.acquire().await.map_err(closed)?;
        let line = match self.take(generation) {
            Some(line) => line,
            None => Line::open(env, link, None).await?,
        };
        let done = rounds(&line, change).await.map_err(|error| told(doing, error))?;
        self.idle().push(line);
        done.ok_or(StoreError::Conflict { what: "the shared value is changed all the time; try again" })
    }

    /// Connections that are open, and how many of them wait for work.
    pub(crate) fn pool(&self) -> PoolUse {
        let free = u32::try_from(self.permits.available_permits()).unwrap_or(self.max);
        let idle = u32::try_from(self.idle().len()).unwrap_or(u32::MAX);
        PoolUse { size: idle.saturating_add(self.max.saturating_sub(free)), idle, max: self.max }
    }

    fn take(&self, generation: u64) -> Option<Line> {
        let mut idle = self.idle();
        while let Some(line) = idle.pop() {
            if line.is_good(generation) {
                return Some(line);
            }
        }
        None
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Line>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `None` if somebody was faster every time, although the value was as expected again.
async fn rounds(line: &Line, change: Change<'_>) -> RedisResult<Option<bool>> {
    for _ in 0..ROUNDS_MAX {
        let look = redis::pipe().cmd("WATCH").arg(change.spelt).ignore().cmd("GET").arg(change.spelt).to_owned();
        let (found,): (Option<Vec<u8>>,) = line.ask_all(&look).await?;
        let as_expected = found.as_deref() == change.expected;
        if !as_expected || (change.expected.is_none() && change.new.is_none()) {
            line.ask::<()>(&redis::cmd("UNWATCH")).await?;
            return Ok(Some(as_expected));
        }
        if line.ask_all::<Option<()>>(&transaction(change)).await?.is_some() {
            return Ok(Some(true));
        }
    }
    Ok(None)
}

fn transaction(change: Change<'_>) -> redis::Pipeline {
    match change.new {
        Some(value) => put(change.key, change.spelt, change.channel, value, change.ttl),
        None => remove(change.key, change.spelt, change.channel).atomic().to_owned(),
    }
}

/// Sets and tells, both or neither.
pub(crate) fn put(key: &CacheKey, spelt: &str, channel: &str, value: &[u8], ttl: Duration) -> redis::Pipeline {
    let ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
    let mut pipe = redis::pipe();
    pipe.atomic().cmd("SET").arg(spelt).arg(value).arg("PX").arg(ms).ignore();
    pipe.cmd("PUBLISH").arg(channel).arg(change(key)).ignore();
    pipe
}

/// Removes, then tells. Not in a transaction, which a server without free memory refuses as a whole, although removing would
/// help it. A connection that ends in between fails the call, and a removal can be repeated.
pub(crate) fn remove(key: &CacheKey, spelt: &str, channel: &str) -> redis::Pipeline {
    let mut pipe = redis::pipe();
    pipe.cmd("DEL").arg(spelt).ignore();
    pipe.cmd("PUBLISH").arg(channel).arg(change(key)).ignore();
    pipe
}
