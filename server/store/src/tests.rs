//! The conformance suite on the in-memory twin.

use crate::{
    EventBus, SequenceStore, SharedCache, StoreError, Stores, Topic,
    conformance::{
        self,
        events::EventWorld,
        race::{Racer, join_all},
        shared_cache::SharedWorld,
    },
    memory,
};
use aitrading_error::Coded;
use aitrading_model::TenantId;
use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

type Checked = Result<(), StoreError>;

/// Remembers that it was called.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A twin waits for nothing but other futures of the same property, so somebody must have woken it by the time it is pending.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let flag = Arc::new(Flag::default());
    let waker = Waker::from(Arc::clone(&flag));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(out) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return out;
        }
        assert!(flag.0.swap(false, Ordering::SeqCst), "a twin waits for what nobody will do");
    }
}

/// A clock that stands until it is moved.
fn clock() -> (impl Fn() -> u64 + Send + Sync + 'static, conformance::Advance) {
    let now = Arc::new(AtomicU64::new(1));
    let moved = Arc::clone(&now);
    let advance = move |by: Duration| -> Pin<Box<dyn Future<Output = ()> + Send>> {
        moved.fetch_add(by.as_nanos() as u64, Ordering::SeqCst);
        Box::pin(std::future::ready(()))
    };
    (move || now.load(Ordering::SeqCst), Box::new(advance))
}

fn check_ticks<F: Future<Output = Result<(), StoreError>>>(property: impl Fn(Arc<dyn crate::TickStore>) -> F) {
    block_on(property(memory::stores(|| 0).ticks)).unwrap();
}

fn check_signals<F: Future<Output = Result<(), StoreError>>>(property: impl Fn(Arc<dyn crate::SignalStore>) -> F) {
    block_on(property(memory::stores(|| 0).signals)).unwrap();
}

fn check_others<F: Future<Output = Result<(), StoreError>>>(property: impl Fn(Stores) -> F) {
    block_on(property(memory::stores(|| 0))).unwrap();
}

mod ticks {
    crate::tick_store_conformance!(super::check_ticks);
}

mod signals {
    crate::signal_store_conformance!(super::check_signals);
}

mod others {
    crate::other_stores_conformance!(super::check_others);
}

fn check_shared<F: Future<Output = Checked>>(property: impl Fn(SharedWorld) -> F) {
    let (now, advance) = clock();
    let one: Arc<dyn crate::SharedCache> = Arc::new(memory::MemorySharedCache::new(now));
    block_on(property(SharedWorld { two: Arc::clone(&one), one, advance })).unwrap();
}

fn event_world() -> EventWorld {
    let one: Arc<dyn crate::EventBus> = Arc::new(memory::MemoryEventBus::new(|| 0));
    EventWorld { two: Arc::clone(&one), one }
}

fn check_events<F: Future<Output = Checked>>(property: impl Fn(EventWorld) -> F) {
    block_on(property(event_world())).unwrap();
}

mod shared_cache {
    crate::shared_cache_conformance!(super::check_shared);
}

mod events {
    crate::event_bus_conformance!(super::check_events);
}

/// Makes the tests of one port from a way to make an empty twin.
macro_rules! twin {
    ($module:ident, $conformance:ident, $port:ident, $twin:ident) => {
        mod $module {
            use super::{Checked, Future, block_on, memory};

            fn check<F: Future<Output = Checked>>(property: impl Fn(std::sync::Arc<dyn crate::$port>) -> F) {
                block_on(property(std::sync::Arc::new(memory::$twin::default()))).unwrap();
            }

            crate::$conformance!(check);
        }
    };
}

twin!(patterns, pattern_index_conformance, PatternIndex, MemoryPatterns);
twin!(graph, chain_graph_conformance, ChainGraph, MemoryGraph);
twin!(users, user_store_conformance, UserStore, MemoryUsers);
twin!(invites, invite_store_conformance, InviteStore, MemoryInvites);
twin!(login_sessions, login_session_store_conformance, LoginSessionStore, MemoryLoginSessions);
twin!(revocations, revocation_store_conformance, RevocationStore, MemoryRevocations);
twin!(lockouts, lockout_store_conformance, LockoutStore, MemoryLockouts);
twin!(idempotency, idempotency_store_conformance, IdempotencyStore, MemoryIdempotency);
twin!(orders, order_store_conformance, OrderStore, MemoryOrders);
twin!(positions, position_store_conformance, PositionStore, MemoryPositions);
twin!(risk, risk_store_conformance, RiskStore, MemoryRisk);
twin!(sequences, sequence_store_conformance, SequenceStore, MemorySequences);
twin!(logs, log_store_conformance, LogStore, MemoryLogs);
twin!(log_policies, log_policy_store_conformance, LogPolicyStore, MemoryLogPolicies);
twin!(security_events, security_event_store_conformance, SecurityEventStore, MemorySecurityEvents);
twin!(audit, audit_mirror_conformance, AuditMirror, MemoryAudit);
twin!(chains, chain_store_conformance, ChainStore, MemoryChains);
twin!(chain_traces, chain_trace_store_conformance, ChainTraceStore, MemoryChainTraces);

#[test]
fn threads_never_get_the_same_number() {
    let (store, name) = (memory::MemorySequences::default(), crate::SequenceName::new("threads").unwrap());
    let own = || (0..200).map(|_| block_on(store.next(TenantId(1), &name, 1)).unwrap()).collect::<Vec<_>>();
    let mut numbers = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..4).map(|_| scope.spawn(own)).collect();
        racers.into_iter().flat_map(|racer| racer.join().unwrap()).collect::<Vec<_>>()
    });
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=800).collect::<Vec<_>>());
}

#[test]
fn streams_and_listeners_end_with_their_twin() {
    let bus = memory::MemoryEventBus::new(|| 0);
    let topic = Topic::new("a").unwrap();
    let mut stream = block_on(bus.subscribe(TenantId(1), &topic, "c")).unwrap();
    let ends: Racer<'_, bool> = Box::pin(async { stream.next().await.unwrap().is_none() });
    let closes: Racer<'_, bool> = Box::pin(async {
        drop(bus);
        true
    });
    assert_eq!(block_on(join_all([ends, closes])), [true, true]);
    let cache = memory::MemorySharedCache::new(|| 0);
    let mut listener = block_on(cache.invalidations()).unwrap();
    let ends: Racer<'_, bool> = Box::pin(async { listener.next().await.is_none() });
    let closes: Racer<'_, bool> = Box::pin(async {
        drop(cache);
        true
    });
    assert_eq!(block_on(join_all([ends, closes])), [true, true]);
}

#[test]
fn cached_values_expire() {
    let now = Arc::new(AtomicU64::new(1));
    let clock = Arc::clone(&now);
    let cache = memory::MemoryCache::new(move || clock.load(Ordering::Relaxed));
    let advance = |by: Duration| {
        now.fetch_add(by.as_nanos() as u64, Ordering::Relaxed);
    };
    conformance::accounts::cached_values_expire(&cache, &advance);
}

fn one_of_each_error() -> Vec<StoreError> {
    let (doing, source) = ("reading the mark", || crate::ErrorSource::from("secret detail"));
    vec![
        StoreError::Unavailable { doing, source: source() },
        StoreError::Conflict { what: "a" },
        StoreError::AlreadyDone { stored: crate::JournalMark::START },
        StoreError::Stale { expected: crate::Version(1), stored: crate::Version(2) },
        StoreError::Unauthorised { doing, source: source() },
        StoreError::ReadOnly { doing, source: source() },
        StoreError::TooSlow { doing },
        StoreError::too_old("PostgreSQL", &"9.1\n".repeat(100), "14"),
        StoreError::UsedUp,
        StoreError::Invalid { what: "a" },
        StoreError::Corrupt { what: "a".to_owned(), source: Some(source()) },
        StoreError::CatalogueLost { files: 18, dir: "store/ticks".into() },
        StoreError::SchemaBroken { place: "b", what: "a".to_owned(), source: Some(source()) },
        StoreError::SchemaNewer { place: "b", found: 2, known: 1 },
        StoreError::Full { doing, source: source() },
        StoreError::InUse { dir: "a".into() },
    ]
}

#[test]
fn codes_are_unique_and_texts_do_not_repeat_their_source() {
    let errors = one_of_each_error();
    let codes: std::collections::BTreeSet<_> = errors.iter().map(|error| error.dna().code).collect();
    assert_eq!(codes.len(), errors.len());
    for error in errors {
        let text = error.to_string();
        assert!(!text.contains("secret") && !text.contains('\n') && text.len() < 250, "{text}");
        assert_eq!(error.dna().component, "store");
    }
}

#[test]
fn a_refusal_that_may_have_been_done_asks_to_look_first() {
    use aitrading_error::Retry;
    for error in one_of_each_error() {
        let expected = match error {
            StoreError::TooSlow { .. } | StoreError::Stale { .. } => Retry::VerifyFirst,
            StoreError::Unavailable { .. } | StoreError::ReadOnly { .. } | StoreError::Full { .. } => Retry::Later,
            _ => Retry::Never,
        };
        assert_eq!(error.dna().retry, expected, "{error}");
    }
}

#[test]
fn a_user_is_printed_without_secrets() {
    let user = crate::User {
        tenant: TenantId(1),
        id: crate::UserId([1; 16]),
        login: crate::LoginName::new("anna").unwrap(),
        role: crate::UserRole::Operator,
        status: crate::UserStatus::Active,
        opaque: vec![77; 3],
        second_factor: vec![88; 3],
        note: "note".to_owned(),
        created_at: aitrading_model::Timestamp(0),
        changed_at: aitrading_model::Timestamp(0),
    };
    let shown = format!("{user:?}");
    assert!(shown.contains("anna") && !shown.contains("77") && !shown.contains("88"), "{shown}");
}

#[test]
fn what_sessions_lockouts_and_answers_hold_is_not_printed() {
    let (tenant, at) = (TenantId(1), aitrading_model::Timestamp(0));
    let session = crate::LoginSession {
        tenant,
        id: crate::LoginSessionId([1; 16]),
        user: crate::UserId([2; 16]),
        device: Some([77; 32]),
        state: vec![77; 3],
        created_at: at,
        expires_at: at,
        ended: None,
    };
    let lockout =
        crate::Lockout { tenant, key: crate::LockoutKey([1; 32]), state: vec![77; 3], until: at, changed_at: at };
    let answer = crate::RunAnswer { status: 201, content_type: "77".to_owned(), body: b"77".to_vec() };
    for shown in [format!("{session:?}"), format!("{lockout:?}"), format!("{:?}", crate::Begun::Done(answer))] {
        assert!(!shown.contains("77") && !shown.contains("55, 55"), "{shown}");
    }
}

#[test]
fn json_is_told_from_other_text() {
    for (text, good) in [("{}", true), ("[1, 2.5e3]", true), (" \"a\" ", true), ("", false), ("{} {}", false)] {
        assert_eq!(crate::bounds::is_json(text, 20), good, "{text:?}");
    }
    assert!(!crate::bounds::is_json("[[[[[1]]]]]", 5) && !crate::bounds::is_json(&"[".repeat(500), 1_000));
}

#[test]
fn an_error_tells_cause_and_cure_but_not_its_source() {
    let error = StoreError::Unavailable { doing: "reading the mark", source: "secret detail".into() };
    assert_eq!(error.dna().code, "STORE_UNAVAILABLE");
    assert!(!error.to_string().contains("secret") && error.to_string().contains("try again"));
}

#[test]
fn sequence_runs_break_where_numbers_do() {
    let mut runs = Vec::new();
    for (epoch, seq) in [(1, 1), (1, 2), (1, 4), (2, 5), (2, 6)] {
        crate::SeqRun::push(&mut runs, aitrading_model::Epoch(epoch), seq);
    }
    let counts: Vec<_> = runs.iter().map(|run| (run.epoch.0, run.first_seq, run.count)).collect();
    assert_eq!(counts, [(1, 1, 2), (1, 4, 1), (2, 5, 2)]);
}
