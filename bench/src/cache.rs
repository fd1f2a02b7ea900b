//! A hit in the in-process cache, and one on Redis over TLS.

use crate::{
    figures::{Bar, Report},
    machine::{Stopwatch, median, percentile},
    run::Plan,
    world::{World, settings},
};
use aitrading_database_link::Secrets;
use aitrading_env::Env;
use aitrading_model::TenantId;
use aitrading_store::{CacheKey, SharedCache};
use aitrading_store_redis::RedisCache;
use aitrading_testkit::servers::{Door, Redis};
use anyhow::{Context, Result, ensure};
use std::{sync::Arc, time::Duration};

const TTL: Duration = Duration::from_secs(3_600);
const KEYS: usize = 1_000;
const HITS: usize = 1_000_000;
/// Round trips to the server in one run.
const TRIPS: usize = 5_000;

pub(crate) async fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    in_process(plan, report).await?;
    if let Some(why) = Redis::lacking() {
        report.skip(why);
        return Ok(());
    }
    over_resp(plan, report).await
}

fn key(n: usize) -> CacheKey {
    CacheKey::new(TenantId(1), "bench", format!("entitlement-{n}"))
}

async fn in_process(plan: &Plan, report: &mut Report) -> Result<()> {
    let world = World::open().await?;
    let cache = world.database.stores().cache;
    let keys: Vec<CacheKey> = (0..KEYS).map(key).collect();
    let value: Arc<[u8]> = [7; 64].into();
    keys.iter().for_each(|key| cache.put(key.clone(), Arc::clone(&value), TTL));
    let (mut middle, mut worst) = (Vec::new(), Vec::new());
    for _ in 0..plan.runs {
        let mut hits = Vec::with_capacity(plan.scaled(HITS));
        for key in keys.iter().cycle().take(plan.scaled(HITS)) {
            let watch = Stopwatch::start();
            let found = cache.get(key);
            hits.push(watch.nanos());
            ensure!(found.is_some(), "a value that was just put is gone");
        }
        worst.push(percentile(&mut hits, 99));
        middle.push(percentile(&mut hits, 50));
    }
    report.add("cache_hit_ns", "cache hit in process, p50", "ns", Bar::Below(2_000.0), &middle);
    report.add("cache_hit_p99_ns", "cache hit in process, p99 (aim 1,000)", "ns", Bar::None, &worst);
    world.close().await
}

async fn over_resp(plan: &Plan, report: &mut Report) -> Result<()> {
    let server = Redis::start(Door::Tls).context("AITRADING_EMBEDDED_ONLY=1 keeps Redis from being started")?;
    let settings = settings(&server)?;
    let cache = RedisCache::open(&Env::real(), &settings, &Secrets::default())?;
    cache.put(&key(0), &[7; 64], TTL).await?;
    let (mut middle, mut worst) = (Vec::new(), Vec::new());
    for _ in 0..plan.runs {
        // On a thread of the runtime, as the services ask.
        let mut trips = {
            let (count, key) = (plan.scaled(TRIPS), key(0));
            let asked = async {
                let mut trips = Vec::with_capacity(count);
                for _ in 0..count {
                    let watch = Stopwatch::start();
                    ensure!(cache.get(&key).await?.is_some(), "a value that was just put is gone");
                    trips.push(watch.nanos() / 1e3);
                }
                Ok(trips)
            };
            asked.await?
        };
        worst.push(percentile(&mut trips, 99));
        middle.push(percentile(&mut trips, 50));
    }
    report.add("cache_resp_us", "cache hit over RESP and TLS, p50", "us", Bar::Below(300.0), &[median(&middle)]);
    report.add("cache_resp_p99_us", "cache hit over RESP and TLS, p99", "us", Bar::None, &worst);
    Ok(())
}
