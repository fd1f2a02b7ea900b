//! The conformance suite on the in-memory twin.

use crate::{StoreError, Stores, conformance, memory};
use aitrading_error::Coded;
use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

/// The twins never wait, so one poll must be enough.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(out) => out,
        Poll::Pending => panic!("a twin waited"),
    }
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
