//! What a store keeps of one account's failures, and what each try does to it.
//!
//! A try is counted as a failure *before* the password is looked at, and cleared when it was right: with a compare-and-set
//! between both, a thousand tries at the same time are a thousand counted tries.

use super::{Ended, LockoutEvent, LockoutPolicy, Scope, Source};
use aitrading_error::{Category, Coded, Dna, FaultSide, Retry, Severity};
use aitrading_model::Timestamp;
use std::{collections::BTreeMap, time::Duration};

/// Most sources of strangers that are remembered of one account.
pub const STRANGERS_MAX: usize = 64;
/// Most known installations that are remembered of one account.
pub const KNOWN_MAX: usize = 32;
/// Most bytes of an encoded state.
pub const ENCODED_MAX: usize = 32 * 1_024;

/// The failures of one account.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lockout {
    /// Of each source.
    sources: Vec<(Source, Failures)>,
    /// The strangers' bucket is empty again at this time.
    strangers_empty_at: Timestamp,
    /// The strangers' lock was told, and its end was not.
    strangers_told: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Failures {
    /// Since the last success or lock.
    count: u32,
    /// The last try.
    last: Timestamp,
    /// Locks so far.
    locks: u32,
    /// This lock was told.
    told: bool,
}

impl Failures {
    /// The end of the lock that the count makes; `None` if it makes none.
    fn locked_until(&self, policy: &LockoutPolicy) -> Option<Timestamp> {
        (self.count >= policy.lock_at()).then(|| self.last.plus(policy.lock_after(self.locks)))
    }
}

/// Why a try is not made. The password was not looked at, and nothing was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LockoutRefused {
    /// Too soon after a failure.
    #[error("too soon after a failed login; wait for the time in Retry-After")]
    TooSoon {
        /// Until the next try.
        retry_after: Duration,
    },
    /// This source is locked out.
    #[error("too many failed logins from here: locked for the time in Retry-After; an operator can end it")]
    Locked {
        /// Until the lock ends.
        retry_after: Duration,
    },
    /// Strangers together tried too often.
    #[error(
        "too many failed logins to this account from unknown devices; log in on a device that is enrolled for it, or wait for the \
         time in Retry-After"
    )]
    StrangersHeld {
        /// Until the next try.
        retry_after: Duration,
    },
}

impl LockoutRefused {
    /// How long to wait.
    #[must_use]
    pub const fn retry_after(&self) -> Duration {
        match self {
            Self::TooSoon { retry_after } | Self::Locked { retry_after } | Self::StrangersHeld { retry_after } => {
                *retry_after
            }
        }
    }
}

impl Coded for LockoutRefused {
    fn dna(&self) -> Dna {
        let code = match self {
            Self::TooSoon { .. } => "LOGIN_TOO_SOON",
            Self::Locked { .. } => "LOGIN_LOCKED",
            Self::StrangersHeld { .. } => "LOGIN_STRANGERS_HELD",
        };
        let dna = Dna::new("security", code, Category::Capacity).side(FaultSide::Caller).retry(Retry::Later);
        dna.severity(Severity::Warning)
    }
}

/// Bytes that are no state. Whoever cannot read it refuses the login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored failures of an account cannot be read; restore them, or let an operator clear them")]
pub struct LockoutUnreadable;

impl Coded for LockoutUnreadable {
    fn dna(&self) -> Dna {
        Dna::new("security", "LOCKOUT_UNREADABLE", Category::Storage).severity(Severity::Critical)
    }

    fn public_message(&self) -> String {
        "logins to this account cannot be checked at the moment; try again later, or ask the operator".into()
    }
}

impl Lockout {
    /// A try from `source` is about to be made: counts it as failed until [`Lockout::succeeded`] says otherwise. Write the
    /// new state before the password is looked at. The events are due in either case.
    ///
    /// # Errors
    /// [`LockoutRefused`]; the password is not to be looked at.
    pub fn attempt(
        &mut self,
        policy: &LockoutPolicy,
        source: Source,
        now: Timestamp,
    ) -> (Result<(), LockoutRefused>, Vec<LockoutEvent>) {
        let mut events = self.sweep(policy, now);
        let stranger = matches!(source, Source::Stranger { .. });
        let outcome = self.may_try(policy, source, now);
        let outcome = match outcome {
            Ok(()) if stranger => self.charge_strangers(policy, now),
            other => other,
        };
        match outcome {
            Ok(()) => match self.entry(policy, source, now) {
                Some(failures) => {
                    failures.count = failures.count.saturating_add(1);
                    failures.last = now;
                }
                // Every place is taken by a source that is locked.
                None => return (Err(LockoutRefused::StrangersHeld { retry_after: policy.lock_after(0) }), events),
            },
            Err(LockoutRefused::StrangersHeld { .. }) => events.extend(self.tell_strangers()),
            Err(_) => events.extend(self.tell(policy, source)),
        }
        (outcome, events)
    }

    /// The try from `source` was wrong.
    pub fn failed(&mut self, policy: &LockoutPolicy, source: Source) -> Vec<LockoutEvent> {
        self.tell(policy, source).into_iter().collect()
    }

    /// The try from `source` was right: its failures are forgotten.
    pub fn succeeded(&mut self, source: Source) {
        self.sources.retain(|(known, failures)| *known != source || failures.told);
    }

    /// Ends what is over, and forgets what is old. To be asked now and then, so that ends are told in time.
    pub fn sweep(&mut self, policy: &LockoutPolicy, now: Timestamp) -> Vec<LockoutEvent> {
        self.bring_back(policy, now);
        let mut events = Vec::new();
        for (source, failures) in &mut self.sources {
            if failures.locked_until(policy).is_some_and(|until| now >= until) {
                if failures.told {
                    events.push(LockoutEvent::Unlocked { scope: Scope::Source(*source), ended: Ended::Time });
                }
                let locks = failures.locks.saturating_add(1);
                *failures = Failures { count: 0, last: failures.last, locks, told: false };
            }
        }
        self.sources.retain(|(_, failures)| failures.told || now < failures.last.plus(policy.forget()));
        if self.strangers_told && now >= self.strangers_empty_at {
            self.strangers_told = false;
            events.push(LockoutEvent::Unlocked { scope: Scope::Strangers, ended: Ended::Time });
        }
        events
    }

    /// An operator ends every lock of the account and forgets its failures.
    pub fn clear(&mut self) -> Vec<LockoutEvent> {
        let ended = |scope| LockoutEvent::Unlocked { scope, ended: Ended::Operator };
        let told = self.sources.iter().filter(|(_, failures)| failures.told);
        let mut events: Vec<_> = told.map(|(source, _)| ended(Scope::Source(*source))).collect();
        events.extend(self.strangers_told.then(|| ended(Scope::Strangers)));
        *self = Self::default();
        events
    }

    /// Failures of a source since its last success or lock, the try that is under way included: a sign of risk.
    #[must_use]
    pub fn failures_of(&self, source: Source) -> u32 {
        self.failures(source).map_or(0, |failures| failures.count)
    }

    /// The end of the last lock that is in force, if one is.
    #[must_use]
    pub fn locked_until(&self, policy: &LockoutPolicy) -> Option<Timestamp> {
        self.sources.iter().filter_map(|(_, failures)| failures.locked_until(policy)).max()
    }

    /// Nothing is remembered: the store may forget it too.
    #[must_use]
    pub fn is_empty(&self, now: Timestamp) -> bool {
        self.sources.is_empty() && !self.strangers_told && self.strangers_empty_at <= now
    }

    /// As the store keeps it: JSON of at most [`ENCODED_MAX`] bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // The keys are a list, not a map, so there is nothing that JSON could not say.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// # Errors
    /// [`LockoutUnreadable`]; no bytes at all are unreadable too, the state of a new account is [`Lockout::default`].
    pub fn decode(bytes: &[u8]) -> Result<Self, LockoutUnreadable> {
        if bytes.len() > ENCODED_MAX {
            return Err(LockoutUnreadable);
        }
        let state: Self = serde_json::from_slice(bytes).map_err(|_| LockoutUnreadable)?;
        let distinct: BTreeMap<&Source, ()> = state.sources.iter().map(|(source, _)| (source, ())).collect();
        let good = distinct.len() == state.sources.len() && state.sources.len() <= STRANGERS_MAX + KNOWN_MAX;
        if good { Ok(state) } else { Err(LockoutUnreadable) }
    }

    /// A clock that was set back leaves stamps in the future; they count as now, so that no lock outlives its length.
    fn bring_back(&mut self, policy: &LockoutPolicy, now: Timestamp) {
        for (_, failures) in &mut self.sources {
            failures.last = failures.last.min(now);
        }
        let quota = policy.strangers();
        self.strangers_empty_at = self.strangers_empty_at.min(now.plus(quota.refill()));
    }

    fn may_try(&self, policy: &LockoutPolicy, source: Source, now: Timestamp) -> Result<(), LockoutRefused> {
        let Some(failures) = self.failures(source) else { return Ok(()) };
        let left = |until: Timestamp| Duration::from_nanos(u64::try_from(until.since(now)).unwrap_or(0));
        if let Some(until) = failures.locked_until(policy) {
            return Err(LockoutRefused::Locked { retry_after: left(until) });
        }
        let next = failures.last.plus(policy.delay_after(failures.count));
        if now < next { Err(LockoutRefused::TooSoon { retry_after: left(next) }) } else { Ok(()) }
    }

    fn charge_strangers(&mut self, policy: &LockoutPolicy, now: Timestamp) -> Result<(), LockoutRefused> {
        match policy.strangers().charge(ns(self.strangers_empty_at), ns(now)) {
            Ok(charged) => {
                self.strangers_empty_at = Timestamp(i64::try_from(charged.empty_at_ns).unwrap_or(i64::MAX));
                Ok(())
            }
            Err(wait_ns) => Err(LockoutRefused::StrangersHeld { retry_after: Duration::from_nanos(wait_ns) }),
        }
    }

    fn failures(&self, source: Source) -> Option<&Failures> {
        self.sources.iter().find(|(known, _)| *known == source).map(|(_, failures)| failures)
    }

    /// The failures of a source, which takes the place of the one with the least to remember if there is no other. A lock is
    /// never forgotten. That a stranger's failures can be, costs nothing: the strangers' pace bounds them all.
    fn entry(&mut self, policy: &LockoutPolicy, source: Source, now: Timestamp) -> Option<&mut Failures> {
        if self.failures(source).is_none() {
            let alike = |other: &Source| matches!(other, Source::Known(_)) == matches!(source, Source::Known(_));
            let most = if matches!(source, Source::Known(_)) { KNOWN_MAX } else { STRANGERS_MAX };
            if self.sources.iter().filter(|(other, _)| alike(other)).count() >= most {
                let loose = self.sources.iter().filter(|(other, f)| alike(other) && f.locked_until(policy).is_none());
                let victim = loose.min_by_key(|(_, f)| (f.count, f.locks, f.last)).map(|(other, _)| *other)?;
                self.sources.retain(|(other, _)| *other != victim);
            }
            self.sources.push((source, Failures { count: 0, last: now, locks: 0, told: false }));
        }
        self.sources.iter_mut().find(|(other, _)| *other == source).map(|(_, failures)| failures)
    }

    /// The lock of a source, if it is there and was not told.
    fn tell(&mut self, policy: &LockoutPolicy, source: Source) -> Option<LockoutEvent> {
        let (_, failures) = self.sources.iter_mut().find(|(other, f)| *other == source && !f.told)?;
        let until = failures.locked_until(policy)?;
        failures.told = true;
        Some(LockoutEvent::Locked { scope: Scope::Source(source), until, failures: failures.count })
    }

    fn tell_strangers(&mut self) -> Option<LockoutEvent> {
        let first = !std::mem::replace(&mut self.strangers_told, true);
        let until = self.strangers_empty_at;
        first.then_some(LockoutEvent::Locked { scope: Scope::Strangers, until, failures: 0 })
    }
}

/// Before 1970 there is no time.
fn ns(at: Timestamp) -> u64 {
    u64::try_from(at.0).unwrap_or(0)
}
