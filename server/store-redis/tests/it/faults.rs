//! Servers that are slow, gone, restarted, emptied; passwords that change.

use crate::world::{
    Ahead, IMPATIENT, LONG, PATIENCE, Stopwatch, admin, eventually, key, open, password_file, run, settings,
    write_password,
};
use aitrading_database_link::{LinkState, Secrets, ServerSettings};
use aitrading_env::Env;
use aitrading_error::Coded;
use aitrading_store::{Invalidation, Invalidations, SharedCache};
use aitrading_store_redis::RedisCache;
use aitrading_testkit::servers::{Door, Proxy, Redis};
use std::{sync::Arc, time::Duration};

/// Far more than the impatient deadline, far less than the delay of a slow server.
const SOON: Duration = Duration::from_secs(5);

async fn check_every_call_ends_soon(cache: &RedisCache) {
    let a = key("a");
    for n in 0..4 {
        let begun = Stopwatch::start();
        let code = match n {
            0 => cache.get(&a).await.map(drop),
            1 => cache.put(&a, b"2", LONG).await,
            2 => cache.compare_and_set(&a, None, Some(b"2"), LONG).await.map(drop),
            _ => cache.remove(&a).await,
        };
        assert_eq!(code.unwrap_err().dna().code, "STORE_UNAVAILABLE", "call {n}");
        assert!(begun.elapsed() < SOON, "call {n} took {:?}", begun.elapsed());
    }
    assert_eq!(cache.health().state, LinkState::Down);
}

/// Reads on until somebody says that everything may have changed.
async fn hear_everything(listener: &mut Box<dyn Invalidations>) {
    let heard = async {
        while let Some(change) = listener.next().await {
            if change == Invalidation::Everything {
                return;
            }
        }
        panic!("the listener ended");
    };
    Env::real().timeout(PATIENCE, heard).await.expect("everything is told");
}

/// Reads on until this very key is told: listening works again.
async fn hear(cache: &RedisCache, listener: &mut Box<dyn Invalidations>, name: &str) {
    eventually(|| async { cache.put(&key(name), b"", LONG).await }).await;
    let heard = async {
        loop {
            match listener.next().await {
                Some(Invalidation::Key { name: told, .. }) if told == name => return,
                Some(_) => {}
                None => panic!("the listener ended"),
            }
        }
    };
    Env::real().timeout(PATIENCE, heard).await.expect("the change is told");
}

#[test]
fn a_frozen_server_holds_nobody_beyond_the_deadline_and_is_used_again_when_it_goes_on() {
    let Some(server) = Redis::start(Door::Open) else { return };
    let settings = ServerSettings { limits: IMPATIENT, ..settings(&server, server.address()) };
    run(async {
        let cache = open(&settings);
        eventually(|| async { cache.put(&key("kept"), b"1", LONG).await }).await;
        server.pause();
        check_every_call_ends_soon(&cache).await;
        server.resume();
        let kept = eventually(|| async { cache.get(&key("kept")).await }).await;
        assert_eq!(kept.as_deref(), Some(b"1".as_slice()));
        eventually(|| async { cache.compare_and_set(&key("b"), None, Some(b"2"), LONG).await }).await;
        assert_eq!(cache.health().state, LinkState::Up);
    });
}

#[test]
fn a_slow_line_of_ten_seconds_holds_nobody_beyond_the_deadline() {
    let Some(server) = Redis::start(Door::Open) else { return };
    let proxy = Proxy::start(server.address());
    let settings = ServerSettings { limits: IMPATIENT, ..settings(&server, proxy.address()) };
    run(async {
        let cache = open(&settings);
        eventually(|| async { cache.put(&key("kept"), b"1", LONG).await }).await;
        proxy.set_delay(Duration::from_secs(10));
        check_every_call_ends_soon(&cache).await;
        proxy.set_delay(Duration::ZERO);
        let kept = eventually(|| async { cache.get(&key("kept")).await }).await;
        assert_eq!(kept.as_deref(), Some(b"1".as_slice()));
    });
}

#[test]
fn a_killed_server_is_used_again_after_its_restart_and_listeners_are_told_everything() {
    let Some(server) = Redis::start(Door::Password) else { return };
    run(async {
        let cache = open(&settings(&server, server.address()));
        cache.put(&key("kept"), b"1", LONG).await.unwrap();
        let mut listener = cache.invalidations().await.unwrap();
        server.kill();
        hear_everything(&mut listener).await;
        let impatient = open(&ServerSettings { limits: IMPATIENT, ..settings(&server, server.address()) });
        let error = impatient.get(&key("kept")).await.unwrap_err();
        assert_eq!(error.dna().code, "STORE_UNAVAILABLE");
        server.restart();
        hear_everything(&mut listener).await;
        hear(&cache, &mut listener, "new").await;
        eventually(|| async { cache.compare_and_set(&key("c"), None, Some(b"2"), LONG).await }).await;
        cache.get(&key("kept")).await.unwrap();
    });
}

#[test]
fn a_line_that_is_cut_tells_listeners_everything_and_is_made_again() {
    let Some(server) = Redis::start(Door::Tls) else { return };
    let proxy = Proxy::start(server.address());
    run(async {
        let cache = open(&settings(&server, proxy.address()));
        let mut listener = cache.invalidations().await.unwrap();
        proxy.cut();
        hear_everything(&mut listener).await;
        proxy.restore();
        hear_everything(&mut listener).await;
        hear(&cache, &mut listener, "new").await;
    });
}

#[test]
fn an_emptied_server_is_only_a_cache_without_values() {
    let Some(server) = Redis::start(Door::Open) else { return };
    run(async {
        let cache = open(&settings(&server, server.address()));
        let a = key("a");
        cache.put(&a, b"1", LONG).await.unwrap();
        assert!(cache.compare_and_set(&a, Some(b"1"), Some(b"2"), LONG).await.unwrap());
        assert_eq!(admin(&server, "FLUSHALL"), "+OK");
        assert_eq!(cache.get(&a).await.unwrap(), None);
        assert!(!cache.compare_and_set(&a, Some(b"2"), Some(b"3"), LONG).await.unwrap());
        assert!(cache.compare_and_set(&a, None, Some(b"3"), LONG).await.unwrap());
    });
}

#[test]
fn a_comparison_that_was_given_up_leaves_no_watch_behind() {
    let Some(server) = Redis::start(Door::Open) else { return };
    let proxy = Proxy::start(server.address());
    run(async {
        let env = Env::real();
        let cache = open(&settings(&server, proxy.address()));
        let a = key("a");
        cache.put(&a, b"1", LONG).await.unwrap();
        assert!(!cache.compare_and_set(&a, None, Some(b"x"), LONG).await.unwrap());
        proxy.set_delay(Duration::from_secs(600));
        let given_up = cache.compare_and_set(&a, Some(b"1"), Some(b"2"), LONG);
        assert!(env.timeout(Duration::from_millis(100), given_up).await.is_err());
        proxy.set_delay(Duration::ZERO);
        let now = cache.get(&a).await.unwrap().unwrap();
        assert_eq!(&*now, b"1", "it was given up before it was compared");
        assert!(cache.compare_and_set(&a, Some(b"1"), Some(b"3"), LONG).await.unwrap());
        assert_eq!(cache.get(&a).await.unwrap().as_deref(), Some(b"3".as_slice()));
        assert_eq!(cache.health().pool.unwrap().in_use(), 0);
    });
}

#[test]
fn a_rotated_password_is_used_without_a_restart() {
    let Some(server) = Redis::start(Door::Password) else { return };
    let settings = settings(&server, server.address());
    let path = server.folder().join("password");
    let clock = Ahead::new();
    let env = Env { clock: Arc::<Ahead>::clone(&clock), ..Env::real() };
    run(async {
        let cache = RedisCache::open(&env, &settings, &Secrets::default()).unwrap();
        cache.put(&key("a"), b"1", LONG).await.unwrap();
        assert!(cache.compare_and_set(&key("b"), None, Some(b"1"), LONG).await.unwrap());
        // The server lets old connections live on: only the file says that it is time.
        write_password(&path, "wrong");
        assert!(cache.get(&key("a")).await.unwrap().is_some(), "not looked at yet");
        clock.advance(Duration::from_secs(6));
        assert_eq!(cache.get(&key("a")).await.unwrap_err().dna().code, "STORE_UNAUTHORISED");
        let compared = cache.compare_and_set(&key("b"), None, Some(b"2"), LONG).await;
        assert_eq!(compared.unwrap_err().dna().code, "STORE_UNAUTHORISED");
        assert_eq!(admin(&server, "ACL SETUSER aitrading >fresh"), "+OK");
        drop(password_file(&server, "fresh"));
        clock.advance(Duration::from_secs(6));
        assert!(cache.get(&key("a")).await.unwrap().is_some());
        assert!(cache.compare_and_set(&key("b"), Some(b"1"), Some(b"2"), LONG).await.unwrap());
    });
}

#[test]
fn listeners_end_with_the_cache() {
    let Some(server) = Redis::start(Door::Open) else { return };
    run(async {
        let cache = open(&settings(&server, server.address()));
        let mut listener = cache.invalidations().await.unwrap();
        drop(cache);
        assert_eq!(listener.next().await, None);
    });
}
