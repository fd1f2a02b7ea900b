//! A database server that plays a part, as health sees it.

use crate::PostgresStores;
use aitrading_database_link::{BackendHealth, LinkState};
use aitrading_error::Coded as _;
use aitrading_store::StoreError;
use aitrading_store_clickhouse::ClickHouseTicks;
use aitrading_store_nats::NatsEvents;
use aitrading_store_redis::RedisCache;
use aitrading_store_rest::{ArangoChains, UNPROVEN, WeaviatePatterns};
use std::sync::{Arc, Mutex, PoisonError};

/// An adapter that speaks to a server.
#[derive(Debug)]
pub(crate) enum Adapter {
    Postgres(Box<PostgresStores>),
    ClickHouse(Arc<ClickHouseTicks>),
    Redis(Arc<RedisCache>),
    Weaviate(Arc<WeaviatePatterns>),
    Arango(Arc<ArangoChains>),
    Nats(Arc<NatsEvents>),
}

/// A server and what its last probe told.
#[derive(Debug)]
pub(crate) struct Remote {
    adapter: Adapter,
    refusal: Mutex<Option<String>>,
}

impl Remote {
    pub(crate) const fn new(adapter: Adapter) -> Self {
        Self { adapter, refusal: Mutex::new(None) }
    }

    /// As [`Remote::probe`], for a look from outside, which may also say what a library said: only who runs the command sees it.
    pub(crate) async fn examine(&self) {
        let outcome = match &self.adapter {
            Adapter::Postgres(rows) => rows.examine().await.map(drop),
            _ => self.probe().await,
        };
        self.refused(
            outcome.as_ref().err().map(|error| format!("{} [{}]", aitrading_error::chain(error), error.dna().code)),
        );
    }

    /// Asks the server whether it is there and takes us in.
    pub(crate) async fn probe(&self) -> Result<(), StoreError> {
        let outcome = match &self.adapter {
            Adapter::Postgres(rows) => rows.probe().await.map(drop),
            Adapter::ClickHouse(ticks) => ticks.prepare().await.map(drop),
            Adapter::Redis(cache) => cache.probe().await.map(drop),
            Adapter::Weaviate(patterns) => patterns.probe().await,
            Adapter::Arango(chains) => chains.probe().await,
            Adapter::Nats(events) => events.probe().await.map(drop),
        };
        if let Adapter::ClickHouse(ticks) = &self.adapter
            && outcome.is_ok()
        {
            // Tables that were ready once say nothing about now.
            ticks.probe().await;
        }
        self.refused(outcome.as_ref().err().map(|error| format!("{error} [{}]", error.dna().code)));
        outcome
    }

    fn refused(&self, why: Option<String>) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// How it was at the last calls. A server that answers and refuses does not work either.
    pub(crate) fn health(&self) -> BackendHealth {
        let health = match &self.adapter {
            Adapter::Postgres(rows) => rows.health(),
            Adapter::ClickHouse(ticks) => ticks.health(),
            Adapter::Redis(cache) => cache.health(),
            Adapter::Weaviate(patterns) => patterns.health(),
            Adapter::Arango(chains) => chains.health(),
            Adapter::Nats(events) => events.health(),
        };
        match self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            Some(refusal) => BackendHealth { state: LinkState::Down, note: Some(self.noted(refusal)), ..health },
            None => health,
        }
    }

    /// A refusal does not hide that more may be wrong with an adapter than what is refused.
    fn noted(&self, refusal: String) -> String {
        match self.adapter {
            Adapter::Weaviate(_) | Adapter::Arango(_) => format!("{refusal}; {UNPROVEN}"),
            _ => refusal,
        }
    }

    /// Closes what keeps connections of its own.
    pub(crate) async fn close(&self) {
        if let Adapter::Postgres(rows) = &self.adapter {
            rows.close().await;
        }
    }
}
