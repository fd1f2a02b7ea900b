//! Hands durable batches to the engine in order, and tells clients in lock step when the engine is through with them.

use crate::meters;
use aitrading_env::Env;
use aitrading_error::Coded;
use aitrading_model::{Epoch, Source, Symbol};
use aitrading_wire::services::{FeedBatch, TickFeed};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::{mpsc, oneshot};

/// Told when everything of a source up to a tick is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) symbol: Symbol,
    pub(crate) epoch: Epoch,
    pub(crate) seq: u64,
}

/// What happens to a batch after the engine has it.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// In lock step: whom to tell, and about what.
    settle: Option<(Source, Epoch, u64, mpsc::Sender<Settled>)>,
}

impl Outgoing {
    /// Nobody waits.
    pub(crate) const fn none() -> Self {
        Self { settle: None }
    }

    /// The client waits for `(epoch, seq)`.
    pub(crate) const fn settle(source: Source, epoch: Epoch, seq: u64, tell: mpsc::Sender<Settled>) -> Self {
        Self { settle: Some((source, epoch, seq, tell)) }
    }
}

/// A durable batch on its way to the engine; without a batch, only a client that waits.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) batch: Option<FeedBatch>,
    pub(crate) outgoing: Outgoing,
}

/// Serves the queue until it is told to stop, and then what is left in it.
pub(crate) async fn publish(
    env: Env,
    feed: Arc<dyn TickFeed>,
    mut queue: mpsc::Receiver<Published>,
    mut stop: oneshot::Receiver<()>,
) {
    let failed = meters::feed_failed();
    // What the engine was given in this life of the process: it cannot settle what an earlier life saw.
    let mut given: BTreeMap<Source, (Epoch, u64)> = BTreeMap::new();
    loop {
        let published = tokio::select! {
            published = queue.recv() => published,
            _ = &mut stop, if !queue.is_closed() => {
                queue.close();
                continue;
            }
        };
        let Some(Published { batch, outgoing }) = published else { return };
        if let Some(batch) = batch {
            let (source, at) = (batch.source, (batch.epoch, batch.last_seq));
            match feed.publish(batch).await {
                Ok(()) => drop(given.insert(source, at)),
                Err(error) => {
                    failed.increment(1);
                    tracing::warn!(code = error.dna().code, symbol = %source.symbol, "the engine refused durable ticks");
                    // A client in lock step keeps waiting: nobody may tell it that this batch was decided upon.
                    continue;
                }
            }
        }
        if let Some((source, epoch, seq, tell)) = outgoing.settle {
            let reached = given.get(&source).copied();
            let told = Settled { symbol: source.symbol, epoch, seq };
            let feed = Arc::clone(&feed);
            let wait = async move { settle(feed.as_ref(), source, reached, told, &tell).await };
            drop(env.spawn.task("bridge-settle", Box::pin(wait)));
        }
    }
}

async fn settle(
    feed: &dyn TickFeed,
    source: Source,
    reached: Option<(Epoch, u64)>,
    told: Settled,
    tell: &mpsc::Sender<Settled>,
) {
    let outcome = match reached {
        Some((epoch, seq)) => feed.settled(source, epoch, seq).await,
        None => Ok(()),
    };
    match outcome {
        // The session may be gone: then nobody waits.
        Ok(()) => tell.send(told).await.unwrap_or(()),
        // An engine that has ended settles nothing, and nobody is left who waits for it.
        Err(error) if error.dna().code == "ENGINE_CLOSED" => tracing::debug!(symbol = %source.symbol, "no settlement"),
        Err(error) => tracing::warn!(code = error.dna().code, symbol = %source.symbol, "no word of settlement"),
    }
}
