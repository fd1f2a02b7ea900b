//! The circuit breaker: after repeated failures a server is left alone for a while, then probed by one call at a time.

#[cfg(test)]
mod tests;

use std::time::Duration;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Failures in a row that open it; at least one.
    pub failures: u32,
    /// The first pause; twice as long after each failed probe.
    pub pause: Duration,
    /// The longest pause.
    pub pause_max: Duration,
}

/// What a breaker does with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Lets all through.
    Closed,
    /// One probe is under way, others are refused.
    HalfOpen,
    /// Refuses all until its pause is over.
    Open,
}

/// How an admitted call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The server answered, be it with a refusal.
    Answered,
    /// The server did not answer.
    Failed,
    /// The caller went away before either: says nothing about the server.
    Abandoned,
}

/// The right to one call. It belongs to the state that it was given in: what comes back later counts for nothing.
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket {
    epoch: u64,
}

/// A state machine without a clock of its own. `now` is monotonic nanoseconds.
#[derive(Debug)]
pub struct Breaker {
    policy: BreakerPolicy,
    state: State,
    /// Changes with the state.
    epoch: u64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed { failures: u32 },
    HalfOpen { pause: Duration },
    Open { until: u64, pause: Duration },
}

impl Breaker {
    /// Closed.
    #[must_use]
    pub const fn new(policy: BreakerPolicy) -> Self {
        Self { policy, state: State::Closed { failures: 0 }, epoch: 0 }
    }

    /// Asks for a call.
    ///
    /// # Errors
    /// If none is let through now: after how long to ask again.
    pub fn admit(&mut self, now: u64) -> Result<Ticket, Duration> {
        match self.state {
            State::Closed { .. } => {}
            State::HalfOpen { pause } => return Err(pause),
            State::Open { until, .. } if now < until => return Err(Duration::from_nanos(until - now)),
            State::Open { pause, .. } => self.enter(State::HalfOpen { pause }),
        }
        Ok(Ticket { epoch: self.epoch })
    }

    /// Takes in how a call ended. Returns the state if it changed.
    pub fn settle(&mut self, ticket: Ticket, outcome: Outcome, now: u64) -> Option<BreakerState> {
        if ticket.epoch != self.epoch {
            return None;
        }
        let before = self.state();
        match (self.state, outcome) {
            (State::Closed { .. }, Outcome::Answered) => self.state = State::Closed { failures: 0 },
            (State::Closed { failures }, Outcome::Failed) => self.count(failures.saturating_add(1), now),
            (State::HalfOpen { .. }, Outcome::Answered) => self.enter(State::Closed { failures: 0 }),
            (State::HalfOpen { pause }, Outcome::Failed) => self.open(pause.saturating_mul(2), now),
            // The next caller is the probe.
            (State::HalfOpen { pause }, Outcome::Abandoned) => self.enter(State::Open { until: now, pause }),
            (State::Closed { .. }, Outcome::Abandoned) | (State::Open { .. }, _) => {}
        }
        Some(self.state()).filter(|after| *after != before)
    }

    /// What it does with calls, as far as it knows.
    #[must_use]
    pub const fn state(&self) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
            State::Open { .. } => BreakerState::Open,
        }
    }

    fn count(&mut self, failures: u32, now: u64) {
        if failures >= self.policy.failures {
            self.open(self.policy.pause, now);
        } else {
            self.state = State::Closed { failures };
        }
    }

    fn open(&mut self, pause: Duration, now: u64) {
        let pause = pause.min(self.policy.pause_max);
        let until = now.saturating_add(u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX));
        self.enter(State::Open { until, pause });
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.epoch = self.epoch.wrapping_add(1);
    }
}
