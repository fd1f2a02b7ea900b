//! Deadlines, lost answers, cut streams, restarts: what is told is never more than what is known.

use crate::world::{Hand, World, block_on, env};
use aitrading_http::{Handler, Request, Response, StatusCode, json, streamed};
use aitrading_model::{MarketTime, TenantId, Timestamp, TraceId};
use aitrading_store::{
    CacheKey, Event, Invalidation, MetaStore, StoreError, Stores, Topic, conformance::sample, memory,
};
use aitrading_store_remote::{CALLS_MAX, RemoteSettings, RemoteStores};
use async_trait::async_trait;
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{Semaphore, watch},
};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// A store whose calls wait until they are let through, and are counted.
struct Gated {
    inner: Arc<dyn MetaStore>,
    gate: Semaphore,
    begun: watch::Sender<usize>,
    done: AtomicUsize,
}

impl Gated {
    async fn pass(&self) {
        self.begun.send_modify(|n| *n += 1);
        self.gate.acquire().await.unwrap().forget();
        self.done.fetch_add(1, Ordering::SeqCst);
    }

    async fn until_begun(&self, n: usize) {
        drop(self.begun.subscribe().wait_for(|begun| *begun >= n).await.unwrap());
    }
}

#[async_trait]
impl MetaStore for Gated {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.pass().await;
        self.inner.get(key).await
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.pass().await;
        self.inner.put(key, value).await
    }

    async fn put_if_absent(&self, key: &str, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.pass().await;
        self.inner.put_if_absent(key, value).await
    }
}

async fn gated() -> (World, Arc<Gated>) {
    let stores = memory::stores(|| 0);
    let (inner, gate) = (Arc::clone(&stores.meta), Semaphore::new(0));
    let meta = Arc::new(Gated { inner, gate, begun: watch::Sender::new(0), done: AtomicUsize::new(0) });
    let stores = Stores { meta: Arc::<Gated>::clone(&meta), ..stores };
    (World::over(stores, memory::platform_stores(|| 0), Hand::default()).await, meta)
}

fn within(world: &World, deadline: Duration) -> RemoteSettings {
    let mut settings = world.settings(&world.service(0, "operator"));
    settings.limits.deadline = deadline;
    settings
}

async fn open(settings: RemoteSettings) -> Stores {
    RemoteStores::open(&env(), settings).await.unwrap().stores()
}

#[test]
fn a_read_ends_with_its_deadline_and_a_write_goes_on_to_its_end() {
    block_on(async {
        let (world, meta) = gated().await;
        let stores = open(within(&world, MS(300))).await;
        let late = stores.meta.get("a").await;
        assert!(matches!(late, Err(StoreError::TooSlow { .. })), "{late:?}");
        let late = stores.meta.put("a", b"1").await;
        assert!(matches!(late, Err(StoreError::TooSlow { .. })), "{late:?}");
        assert_eq!(*meta.begun.borrow(), 2, "neither was repeated");
        meta.gate.add_permits(1);
        let written = async {
            while meta.inner.get("a").await.unwrap().is_none() {
                tokio::task::yield_now().await;
            }
        };
        env().timeout(MS(10_000), written).await.unwrap();
        assert_eq!(meta.done.load(Ordering::SeqCst), 1, "the read is not under way any more");
    });
}

#[test]
fn a_service_that_ends_in_the_middle_of_a_write_leaves_the_outcome_unknown() {
    block_on(async {
        let (mut world, meta) = gated().await;
        let stores = open(within(&world, MS(20_000))).await;
        let writing = stores.meta.put("a", b"1");
        let gone = async {
            meta.until_begun(1).await;
            world.close().await;
        };
        let (lost, ()) = tokio::join!(writing, gone);
        assert!(matches!(lost, Err(StoreError::TooSlow { .. })), "{lost:?}");
        let none = stores.meta.put("a", b"2").await;
        assert!(matches!(none, Err(StoreError::Unavailable { .. })), "nothing was sent: {none:?}");
        assert_eq!(*meta.begun.borrow(), 1, "neither was repeated");
        // The service is there again, and so is its client.
        world.open().await;
        meta.gate.add_permits(2);
        assert_eq!(stores.meta.get("a").await.unwrap().as_deref(), Some(b"1".as_slice()));
    });
}

#[test]
fn after_a_lost_answer_only_that_is_repeated_which_the_table_says() {
    block_on(async {
        let (world, meta) = gated().await;
        let proxy = Proxy::new(world.addr).await;
        let settings = RemoteSettings { addr: proxy.addr, ..within(&world, MS(20_000)) };
        let meta_store = open(settings).await.meta;
        for (kind, begun) in [("read", 2), ("same", 4), ("once", 5)] {
            let before = *meta.begun.borrow();
            // A read that nobody waits for any more leaves its permit behind.
            meta.gate.forget_permits(2);
            let call = async {
                match kind {
                    "read" => meta_store.get("b").await.map(|_| ()),
                    "same" => meta_store.put_if_absent("a", b"1").await.map(|_| ()),
                    _ => meta_store.put("a", b"2").await,
                }
            };
            let cut = async {
                meta.until_begun(before + 1).await;
                proxy.cut_all().await;
                meta.gate.add_permits(2);
            };
            let (told, ()) = tokio::join!(call, cut);
            assert_eq!(*meta.begun.borrow(), begun, "{kind}: {told:?}");
            match kind {
                "once" => assert!(matches!(told, Err(StoreError::TooSlow { .. })), "{told:?}"),
                _ => told.unwrap(),
            }
        }
    });
}

#[test]
fn so_many_calls_at_a_time_and_no_more() {
    block_on(async {
        let (world, meta) = gated().await;
        let mut patient = within(&world, MS(60_000));
        patient.connections = CALLS_MAX;
        let patient = open(patient).await;
        let impatient = open(within(&world, MS(300))).await;
        let calls: Vec<_> = (0..CALLS_MAX)
            .map(|n| {
                let stores = patient.clone();
                tokio::spawn(async move { stores.meta.put(&n.to_string(), b"").await })
            })
            .collect();
        meta.until_begun(CALLS_MAX).await;
        let busy = impatient.meta.put("one too many", b"").await;
        assert!(matches!(busy, Err(StoreError::Unavailable { .. })), "{busy:?}");
        assert_eq!(*meta.begun.borrow(), CALLS_MAX, "it did not begin");
        meta.gate.add_permits(CALLS_MAX);
        for call in calls {
            call.await.unwrap().unwrap();
        }
    });
}

const TICKS: i64 = 300_000;

#[test]
fn a_scan_that_is_cut_is_an_error_wherever_it_is_cut() {
    block_on(async {
        let world = World::new().await;
        let source = sample::source(1, "GBPJPY");
        let commit = sample::commit(1, sample::part(source, 1, sample::ticks(0, TICKS)));
        world.stores.ticks.commit(commit).await.unwrap();
        let proxy = Proxy::new(world.addr).await;
        let settings = RemoteSettings { addr: proxy.addr, ..within(&world, MS(20_000)) };
        let ticks = open(settings).await.ticks;
        let scan = async || {
            let mut seen = Vec::new();
            let told = ticks.scan(source, &mut |part| seen.extend_from_slice(part)).await;
            (told, seen)
        };
        let (told, seen) = scan().await;
        assert_eq!(told.unwrap(), TICKS.unsigned_abs());
        assert_eq!(seen, sample::ticks(0, TICKS), "whole, through the proxy");
        for bytes in [100_000, 1_000_000, 5_000_000] {
            proxy.cut();
            proxy.cut_after(bytes);
            let (told, seen) = scan().await;
            assert!(matches!(told, Err(StoreError::Unavailable { .. })), "cut after {bytes}: {told:?}");
            assert!(seen.len() < sample::ticks(0, TICKS).len(), "cut after {bytes}");
        }
    });
}

#[test]
fn one_connection_serves_call_after_call() {
    block_on(async {
        let world = World::new().await;
        let proxy = Proxy::new(world.addr).await;
        let meta = open(RemoteSettings { addr: proxy.addr, ..within(&world, MS(20_000)) }).await.meta;
        for n in 0..50_u8 {
            meta.put("a", &[n]).await.unwrap();
            assert_eq!(meta.get("a").await.unwrap(), Some(vec![n]));
        }
        assert_eq!(proxy.state.accepted.load(Ordering::SeqCst), 1);
    });
}

/// Answers everything with the same bytes.
struct Says(&'static [u8]);

#[async_trait]
impl Handler for Says {
    async fn handle(&self, request: Request) -> Response {
        if request.path().ends_with("is_durable") {
            return json(StatusCode::OK, &false);
        }
        let bytes = bytes::Bytes::from_static(self.0);
        let frames = futures_util::stream::iter([Ok::<_, io::Error>(aitrading_http::Frame::data(bytes))]);
        streamed(StatusCode::OK, "application/vnd.aitrading.frames", frames)
    }
}

#[test]
fn a_stream_that_does_not_say_that_it_has_ended_has_not() {
    block_on(async {
        let source = sample::source(1, "GBPJPY");
        for (said, damaged) in [
            (b"".as_slice(), false),
            (b"H\0\0\0\x0b{\"ticks\":0", false),
            (b"H\0\0\0\x0b{\"ticks\":1}", true),
            (b"H\0\0\0\x0b{\"ticks\":0}H", true),
            (b"R\0\0\0\x04\xff\xff\xff\xff", true),
            (b"R\xff\xff\xff\xff", true),
            (b"X\0\0\0\0", true),
        ] {
            let mut world = World::new().await;
            world.close().await;
            world.open_with(Arc::new(Says(said))).await;
            let ticks = open(within(&world, MS(20_000))).await.ticks;
            let told = ticks.scan(source, &mut |_| panic!("rows out of nothing")).await;
            let good = match &told {
                Err(StoreError::Corrupt { .. }) => damaged,
                Err(StoreError::Unavailable { .. }) => !damaged,
                _ => false,
            };
            assert!(good, "{said:?}: {told:?}");
            let range = ticks.range(source, MarketTime(0), MarketTime(1), 1).await;
            assert!(range.is_err(), "{said:?}: {range:?}");
        }
    });
}

fn event(n: u8) -> Event {
    let topic = Topic::new("signals.issued").unwrap();
    Event { tenant: TenantId(1), topic, id: [n; 16], trace: TraceId([7; 16]), at: Timestamp(1), body: vec![n] }
}

#[test]
fn a_lost_answer_loses_no_event() {
    block_on(async {
        let world = World::new().await;
        let proxy = Proxy::new(world.addr).await;
        let settings = RemoteSettings { addr: proxy.addr, ..within(&world, MS(20_000)) };
        let bus = RemoteStores::open(&env(), settings).await.unwrap().platform().events;
        let mut stream = bus.subscribe(TenantId(1), &event(0).topic, "reader").await.unwrap();
        for n in 0..5 {
            // The answer is swallowed on its way: the service has handed the event over, and nobody got it.
            proxy.swallow(true);
            let lost = async {
                world.platform.events.publish(event(n)).await.unwrap();
                proxy.swallowed().await;
                proxy.cut();
                proxy.swallow(false);
            };
            let (told, ()) = tokio::join!(stream.next(), lost);
            assert!(matches!(told, Err(StoreError::Unavailable { .. })), "{told:?}");
            let next = env().timeout(MS(15_000), stream.next()).await.expect("the event comes with the next wait");
            assert_eq!(next.unwrap().unwrap().event, event(n), "event {n}");
        }
    });
}

#[test]
fn a_subscription_that_the_service_forgot_says_that_something_may_be_missing() {
    block_on(async {
        let mut world = World::new().await;
        let platform = world.remote().await.platform();
        let mut events = platform.events.subscribe(TenantId(1), &event(0).topic, "reader").await.unwrap();
        let mut changes = platform.shared.invalidations().await.unwrap();
        world.close().await;
        world.open().await;
        let told = events.next().await;
        assert!(matches!(told, Err(StoreError::Unavailable { .. })), "once: {told:?}");
        world.platform.events.publish(event(1)).await.unwrap();
        assert_eq!(events.next().await.unwrap().unwrap().event, event(1));
        assert_eq!(changes.next().await, Some(Invalidation::Everything), "at once");
        assert_eq!(changes.next().await, Some(Invalidation::Everything), "and when it listens again");
        let key = CacheKey::new(TenantId(1), "test", "a");
        world.platform.shared.put(&key, b"1", MS(1_000)).await.unwrap();
        let told = Invalidation::Key { tenant: TenantId(1), space: "test".to_owned(), name: "a".to_owned() };
        assert_eq!(changes.next().await, Some(told));
    });
}

/// Passes bytes on, and loses them when it is told to.
struct Proxy {
    addr: SocketAddr,
    state: Arc<State>,
}

struct State {
    /// Connections of another number are cut.
    life: watch::Sender<u64>,
    /// Bytes of answers that may still pass.
    left: AtomicUsize,
    swallow: AtomicBool,
    accepted: AtomicUsize,
    ended: watch::Sender<usize>,
    swallowed: watch::Sender<usize>,
}

impl Proxy {
    async fn new(to: SocketAddr) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let state = Arc::new(State {
            life: watch::Sender::new(0),
            left: AtomicUsize::new(usize::MAX),
            swallow: AtomicBool::new(false),
            accepted: AtomicUsize::new(0),
            ended: watch::Sender::new(0),
            swallowed: watch::Sender::new(0),
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                shared.accepted.fetch_add(1, Ordering::SeqCst);
                let far = tokio::net::TcpStream::connect(to).await.unwrap();
                tokio::spawn(pass(near, far, Arc::clone(&shared)));
            }
        });
        Self { addr, state }
    }

    fn cut(&self) {
        self.state.left.store(usize::MAX, Ordering::SeqCst);
        self.state.life.send_modify(|life| *life += 1);
    }

    /// Returns when no connection so far brings anything any more.
    async fn cut_all(&self) {
        let accepted = self.state.accepted.load(Ordering::SeqCst);
        self.cut();
        drop(self.state.ended.subscribe().wait_for(|ended| *ended >= accepted).await.unwrap());
    }

    fn cut_after(&self, bytes: usize) {
        self.state.left.store(bytes, Ordering::SeqCst);
    }

    fn swallow(&self, on: bool) {
        self.state.swallow.store(on, Ordering::SeqCst);
        self.state.swallowed.send_replace(0);
    }

    /// Until something was swallowed that is more than a TLS message of its own.
    async fn swallowed(&self) {
        drop(self.state.swallowed.subscribe().wait_for(|bytes| *bytes > 100).await.unwrap());
    }
}

async fn pass(near: tokio::net::TcpStream, far: tokio::net::TcpStream, state: Arc<State>) {
    let mut life = state.life.subscribe();
    life.mark_unchanged();
    let (mut near_read, mut near_write) = near.into_split();
    let (mut far_read, mut far_write) = far.into_split();
    let asked = async { tokio::io::copy(&mut near_read, &mut far_write).await.map(|_| ()) };
    let answered = async {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let n = far_read.read(&mut buffer).await?;
            if n == 0 {
                return Ok(());
            }
            if state.swallow.load(Ordering::SeqCst) {
                state.swallowed.send_modify(|all| *all += n);
                continue;
            }
            let left = state.left.load(Ordering::SeqCst);
            near_write.write_all(&buffer[..n.min(left)]).await?;
            if left < n {
                return Err(io::Error::other("cut"));
            }
            state.left.store(if left == usize::MAX { left } else { left - n }, Ordering::SeqCst);
        }
    };
    tokio::select! {
        _ = life.changed() => {}
        _ = asked => {}
        _ = answered => {}
    }
    drop((near_read, near_write, far_read, far_write));
    state.ended.send_modify(|ended| *ended += 1);
}
