//! How calls to one server went: a few numbers for health, and metrics by role.

use crate::{BreakerState, Role, meters};
use aitrading_error::Coded as _;
use aitrading_store::StoreError;
use metrics::{Counter, Gauge, Histogram};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Each answer moves the average by one part in this many.
const SMOOTHING: u64 = 8;

/// Handles are asked for once: a lookup per call would cost more than the rest of the guard.
pub(super) struct Record {
    answered: Histogram,
    failed: Histogram,
    repeated: Counter,
    refused: Counter,
    state: Gauge,
    sample: Mutex<Sample>,
}

#[derive(Default)]
struct Sample {
    latency_us: Option<u64>,
    trouble: Option<String>,
}

impl Record {
    pub(super) fn new(role: Role, backend: &'static str) -> Self {
        let role = role.as_str();
        meters::describe();
        let took = |outcome: &'static str| meters::call_seconds(role, backend, outcome);
        Self {
            answered: took("answered"),
            failed: took("failed"),
            repeated: meters::retries(role, backend),
            refused: meters::refused(role, backend),
            state: meters::breaker_open(role, backend),
            sample: Mutex::default(),
        }
    }

    pub(super) fn answered(&self, took: Duration) {
        self.answered.record(took.as_secs_f64());
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mut sample = self.sample_now();
        sample.latency_us = Some(sample.latency_us.map_or(us, |before| moved(before, us)));
        sample.trouble = None;
    }

    pub(super) fn failed(&self, took: Duration, error: &StoreError) {
        self.failed.record(took.as_secs_f64());
        // Its own text alone: what a driver said may name users or hosts, and is logged instead.
        self.sample_now().trouble = Some(format!("{error} [{}]", error.dna().code));
    }

    pub(super) fn repeated(&self) {
        self.repeated.increment(1);
    }

    pub(super) fn refused(&self) {
        self.refused.increment(1);
    }

    pub(super) fn entered(&self, state: BreakerState) {
        self.state.set(if state == BreakerState::Closed { 0.0 } else { 1.0 });
    }

    /// Typical latency in microseconds, and the last trouble unless an answer came since.
    pub(super) fn sample(&self) -> (Option<u64>, Option<String>) {
        let sample = self.sample_now();
        (sample.latency_us, sample.trouble.clone())
    }

    fn sample_now(&self) -> MutexGuard<'_, Sample> {
        self.sample.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rounded towards the new value, so that the average reaches it.
const fn moved(before: u64, now: u64) -> u64 {
    if now >= before {
        before.saturating_add((now - before).div_ceil(SMOOTHING))
    } else {
        before - (before - now).div_ceil(SMOOTHING)
    }
}
