//! The bridge over files that forget what was not synced, an in-memory store, and an engine that takes notes.

mod away;
mod durability;
mod heartbeats;
mod history;
mod sessions;

use crate::*;
use aitrading_channel::{Limits, ServerSettings};
use aitrading_env::{Env, sim::MemFs};
use aitrading_model::{
    AccountId, AccountState, DeviceId, Epoch, Fence, MarketTime, PolicyHash, Price, SignalId, Source, SymbolSpec,
    TenantId, Tick, TickBatch, TickFlags, Timestamp, TraceId, Volume,
};
use aitrading_security::{NoiseKeyPair, SanAuthenticator};
use aitrading_store::{
    Device, DeviceStore, SubscriptionStore, TickStore,
    memory::{MemoryDevices, MemorySubscriptions, MemoryTicks},
};
use aitrading_wire::{
    ReportEnvelope,
    services::{
        AuditEvent, AuditSink, CheckpointSource, FeedBatch, ReportSink, Seat, ServiceError, SessionGrant,
        SessionOpened, TickFeed,
    },
};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, atomic::AtomicBool},
};
use tokio::sync::Semaphore;

/// 2012-12-03 00:00 UTC, a Monday.
const MONDAY: i64 = 1_354_492_800_000;
const DEVICE_KEY: [u8; 32] = [3; 32];
const SEAT: Seat = Seat { tenant: TenantId(1), account: AccountId(42), device: DeviceId([5; 16]) };

/// Plays engine and audit log.
struct Notes {
    fed: Mutex<Vec<FeedBatch>>,
    said: Mutex<Vec<String>>,
    /// Permits to process reports.
    reports: Semaphore,
    /// Permits to settle.
    settle: Semaphore,
    refuse_hello: bool,
    checkpoint: Mutex<Option<String>>,
}

impl Notes {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            fed: Mutex::default(),
            said: Mutex::default(),
            reports: Semaphore::new(Semaphore::MAX_PERMITS),
            settle: Semaphore::new(0),
            refuse_hello: false,
            checkpoint: Mutex::default(),
        })
    }

    fn say(&self, what: impl Into<String>) {
        self.said.lock().unwrap().push(what.into());
    }

    fn has(&self, what: &str) -> bool {
        self.said.lock().unwrap().iter().any(|said| said == what)
    }

    async fn wait_for(&self, what: &str) {
        eventually(what, || self.has(what)).await;
    }
}

/// Waits for other tasks and threads, not for time.
async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let env = Env::real();
    for _ in 0..10_000 {
        if holds() {
            return;
        }
        env.clock.sleep(std::time::Duration::from_millis(1)).await;
    }
    panic!("never came: {what}");
}

#[async_trait::async_trait]
impl TickFeed for Notes {
    async fn publish(&self, batch: FeedBatch) -> Result<(), ServiceError> {
        self.fed.lock().unwrap().push(batch);
        Ok(())
    }
    async fn settled(&self, _: Source, _: Epoch, _: u64) -> Result<(), ServiceError> {
        self.settle.acquire().await.unwrap().forget();
        Ok(())
    }
}

impl CheckpointSource for Notes {
    fn newest(&self) -> Option<String> {
        self.checkpoint.lock().unwrap().clone()
    }
}

#[async_trait::async_trait]
impl AuditSink for Notes {
    async fn append(&self, event: AuditEvent) -> Result<u64, ServiceError> {
        self.say(format!("audit {:?}", event.kind));
        Ok(0)
    }
}

#[async_trait::async_trait]
impl ReportSink for Notes {
    async fn session_opened(&self, session: SessionOpened) -> Result<SessionGrant, ServiceError> {
        self.say(format!("opened {}", session.last_signal_seq));
        if self.refuse_hello {
            return Err(ServiceError::from_coded(&BridgeError::NotAdmitted));
        }
        Ok(SessionGrant {
            fence: Fence(7),
            policy: PolicyHash([1; 32]),
            signal_keys: vec![[2; 32]],
            last_report_seq: 3,
        })
    }
    async fn session_ready(&self, _: Seat, fence: Fence) -> Result<(), ServiceError> {
        self.say(format!("ready {fence}"));
        Ok(())
    }
    async fn session_closed(&self, _: Seat, _: Fence, code: &'static str) -> Result<(), ServiceError> {
        self.say(format!("closed {code}"));
        Ok(())
    }
    async fn account(&self, _: Seat, _: AccountState, _: Timestamp) -> Result<(), ServiceError> {
        self.say("account");
        Ok(())
    }
    async fn specs(&self, _: Seat, specs: Vec<SymbolSpec>, _: Timestamp) -> Result<(), ServiceError> {
        self.say(format!("specs {}", specs.len()));
        Ok(())
    }
    async fn delivered(&self, _: Seat, signal: SignalId, _: Timestamp) -> Result<(), ServiceError> {
        self.say(format!("delivered {signal}"));
        Ok(())
    }
    async fn report(&self, _: Seat, envelope: ReportEnvelope, _: Timestamp) -> Result<(), ServiceError> {
        self.reports.acquire().await.unwrap().forget();
        self.say(format!("report {}", envelope.bytes.len()));
        Ok(())
    }
}

fn source() -> Source {
    Source { tenant: SEAT.tenant, account: SEAT.account, symbol: "GBPJPY".parse().unwrap() }
}

fn tick(n: u64) -> Tick {
    let price = |p: u64| Price::from_raw(i64::try_from(p).unwrap() * 100_000);
    Tick {
        time: MarketTime(MONDAY + i64::try_from(n).unwrap() * 250),
        bid: price(132_000 + n % 100),
        ask: price(132_010 + n % 100),
        last: Price::ZERO,
        volume: Volume::ZERO,
        flags: TickFlags::BID,
    }
}

/// Ticks `range` (1-based, as sequence numbers are) of epoch 1.
fn batch(range: std::ops::Range<u64>) -> TickBatch {
    let ticks = range.clone().map(tick).collect();
    TickBatch { trace: TraceId([1; 16]), source: source(), epoch: Epoch(1), first_seq: range.start, ticks }
}

/// One world: files, store, engine. The bridge may be opened in it again and again.
struct World {
    fs: MemFs,
    env: Env,
    store: Arc<MemoryTicks>,
    /// Is the store away?
    cut: Arc<AtomicBool>,
    devices: Arc<MemoryDevices>,
    subscriptions: Arc<dyn SubscriptionStore>,
    notes: Arc<Notes>,
    raw: RawSettings,
}

impl World {
    fn new() -> Self {
        let fs = MemFs::new();
        let env = Env { fs: Arc::new(fs.clone()), ..Env::real() };
        let raw = RawSettings { segment_kib: 256, drain_interval_ms: 1, ..RawSettings::default() };
        Self {
            fs,
            env,
            store: Arc::default(),
            cut: Arc::default(),
            devices: Arc::default(),
            subscriptions: Arc::new(MemorySubscriptions::default()),
            notes: Notes::new(),
            raw,
        }
    }

    /// Writes the seat's device into the registry.
    async fn enrol(&self, public_key: [u8; 32], revoked: bool) {
        let Seat { tenant, account, device } = SEAT;
        let device = Device { revoked, ..Device::new(tenant, account, device, public_key) };
        self.devices.put(device).await.unwrap();
    }

    async fn open_with(&self, seats: Arc<Seats>) -> Result<Bridge, BridgeError> {
        let settings = Settings::resolve(&self.raw, PathBuf::from("/data/bridge")).unwrap();
        self.enrol(DEVICE_KEY, false).await;
        let ports = Ports {
            ticks: Arc::new(away::Line { store: Arc::clone(&self.store), cut: Arc::clone(&self.cut) }),
            devices: Arc::clone(&self.devices) as Arc<dyn DeviceStore>,
            feed: Arc::clone(&self.notes) as Arc<dyn TickFeed>,
            reports: Arc::clone(&self.notes) as Arc<dyn ReportSink>,
            audit: Arc::clone(&self.notes) as Arc<dyn AuditSink>,
            subscriptions: Arc::clone(&self.subscriptions),
            checkpoints: Arc::clone(&self.notes) as Arc<dyn CheckpointSource>,
        };
        let channel = ServerSettings {
            noise_static: NoiseKeyPair::generate(&self.env),
            policy_id: b"test".to_vec(),
            limits: Limits::default(),
        };
        let keys = Keys { channel, authenticator: Arc::new(SanAuthenticator) };
        Bridge::open(&self.env, settings, ports, keys, seats).await
    }

    async fn open(&self) -> Bridge {
        self.open_with(Seats::new()).await.unwrap()
    }

    async fn stored(&self) -> Vec<Tick> {
        let mut all = Vec::new();
        self.store.scan(source(), &mut |ticks| all.extend_from_slice(ticks)).await.unwrap();
        all
    }
}

fn numbered(range: std::ops::Range<u64>) -> Vec<Tick> {
    range.map(tick).collect()
}

fn by_code(codes: &[(&str, u64)]) -> BTreeMap<String, u64> {
    codes.iter().map(|(code, n)| ((*code).to_owned(), *n)).collect()
}
