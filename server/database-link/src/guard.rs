//! What stands between an adapter and its server: deadline, breaker, repetition, and a record of how it went.

mod record;
#[cfg(test)]
mod tests;

use crate::{
    BackendHealth, Breaker, BreakerState, Limits, LinkError, LinkState, Outcome, Role, Ticket, retry::backoff,
};
use aitrading_env::{Env, RngExt};
use aitrading_store::StoreError;
use record::Record;
use std::{
    fmt,
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// May a call be made again when its answer was lost?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Doing it twice is the same as doing it once.
    Idempotent,
    /// It is sent once; a lost answer leaves the outcome unknown.
    Once,
}

/// Guards the calls to one server.
pub struct Guard {
    env: Env,
    role: Role,
    backend: &'static str,
    limits: Limits,
    // Held for a few instructions, never across an await.
    breaker: Mutex<Breaker>,
    record: Record,
}

impl Guard {
    /// A guard whose breaker is closed and whose server is not known yet.
    #[must_use]
    pub fn new(env: &Env, role: Role, backend: &'static str, limits: Limits) -> Self {
        let breaker = Mutex::new(Breaker::new(limits.breaker));
        Self { env: env.clone(), role, backend, limits, breaker, record: Record::new(role, backend) }
    }

    /// Makes a call within the usual deadline.
    ///
    /// # Errors
    /// As [`Guard::call_within`].
    pub async fn call<T, F, A>(&self, doing: &'static str, repeat: Repeat, attempt: F) -> Result<T, StoreError>
    where
        F: FnMut() -> A,
        A: Future<Output = Result<T, StoreError>>,
    {
        self.call_within(self.limits.deadline, doing, repeat, attempt).await
    }

    /// Makes a call, and makes it again if it may be repeated and the server was not there, all within `deadline`.
    /// [`StoreError::Unavailable`] counts against the server; every other error is an answer and is passed on at once.
    ///
    /// # Errors
    /// What the last attempt said; [`StoreError::Unavailable`] with [`LinkError::Deadline`] or [`LinkError::Paused`].
    pub async fn call_within<T, F, A>(
        &self,
        deadline: Duration,
        doing: &'static str,
        repeat: Repeat,
        mut attempt: F,
    ) -> Result<T, StoreError>
    where
        F: FnMut() -> A,
        A: Future<Output = Result<T, StoreError>>,
    {
        let end = self.now().saturating_add(u64::try_from(deadline.as_nanos()).unwrap_or(u64::MAX));
        let repetitions = if repeat == Repeat::Idempotent { self.limits.retries } else { 0 };
        let mut done = 0;
        loop {
            let pass = self.admit(doing)?;
            let error = match self.attempt(pass, end, deadline, doing, attempt()).await {
                Err(error) if is_outage(&error) => error,
                answered => return answered,
            };
            let pause = backoff(done, self.env.rng.next_u64());
            if done >= repetitions || self.left(end) <= pause {
                return Err(error);
            }
            self.record.repeated();
            self.env.clock.sleep(pause).await;
            done += 1;
        }
    }

    async fn attempt<T>(
        &self,
        mut pass: Pass<'_>,
        end: u64,
        deadline: Duration,
        doing: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let begun = self.now();
        let result = self.env.timeout(self.left(end), call).await;
        let result =
            result.unwrap_or_else(|_| Err(LinkError::Deadline { role: self.role, limit: deadline }.unavailable(doing)));
        let took = Duration::from_nanos(self.now().saturating_sub(begun));
        match &result {
            Err(error) if is_outage(error) => {
                self.record.failed(took, error);
                pass.settle(Outcome::Failed, Some(error));
            }
            _ => {
                self.record.answered(took);
                pass.settle(Outcome::Answered, None);
            }
        }
        result
    }

    /// Role, backend, state, latency and the last trouble. Version, pool and lag are the adapter's to add.
    #[must_use]
    pub fn health(&self) -> BackendHealth {
        let (latency_us, trouble) = self.record.sample();
        let state = match self.breaker().state() {
            BreakerState::Open => LinkState::Down,
            BreakerState::HalfOpen => LinkState::Probing,
            BreakerState::Closed if trouble.is_some() => LinkState::Probing,
            BreakerState::Closed if latency_us.is_none() => LinkState::Unknown,
            BreakerState::Closed => LinkState::Up,
        };
        BackendHealth { state, latency_us, note: trouble, ..BackendHealth::embedded(self.role, self.backend) }
    }

    /// The bounds in force.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    fn admit(&self, doing: &'static str) -> Result<Pass<'_>, StoreError> {
        match self.breaker().admit(self.now()) {
            Ok(ticket) => Ok(Pass { guard: self, ticket: Some(ticket) }),
            Err(again) => {
                self.record.refused();
                Err(LinkError::Paused { role: self.role, again }.unavailable(doing))
            }
        }
    }

    fn now(&self) -> u64 {
        self.env.clock.mono_ns()
    }

    fn left(&self, end: u64) -> Duration {
        Duration::from_nanos(end.saturating_sub(self.now()))
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, state: BreakerState, error: Option<&StoreError>) {
        self.record.entered(state);
        let (role, backend) = (self.role.as_str(), self.backend);
        match (state, error) {
            (BreakerState::Open, Some(error)) => {
                tracing::warn!(role, backend, error = %aitrading_error::chain(error), "database server is left alone");
            }
            (BreakerState::Closed, _) => tracing::info!(role, backend, "database server answers again"),
            _ => {}
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("role", &self.role).field("backend", &self.backend).finish_non_exhaustive()
    }
}

/// One admitted call. Dropped unsettled (the caller went away), it gives its place back.
struct Pass<'a> {
    guard: &'a Guard,
    ticket: Option<Ticket>,
}

impl Pass<'_> {
    fn settle(&mut self, outcome: Outcome, error: Option<&StoreError>) {
        let Some(ticket) = self.ticket.take() else { return };
        let changed = self.guard.breaker().settle(ticket, outcome, self.guard.now());
        if let Some(state) = changed {
            self.guard.tell(state, error);
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.settle(Outcome::Abandoned, None);
    }
}

const fn is_outage(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { .. })
}
