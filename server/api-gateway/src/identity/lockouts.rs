//! Failures, counted durably for each account and source; both edges of a lock are told.

use super::{Identity, IdentityFault, SecurityKind};
use aitrading_error::Severity;
use aitrading_model::{TenantId, Timestamp};
use aitrading_security::{
    lockout::{Lockout, LockoutEvent, Scope, Source},
    sha256,
};
use aitrading_store::{Lockout as Row, LockoutKey, StoreError, Version, Versioned};
use std::net::IpAddr;

/// Tries of a compare-and-set; other processes may count too.
const TRIES: usize = 32;

/// Who is counted: an account by its login name, whether there is one or not.
#[derive(Debug, Clone)]
pub(super) struct Counted {
    /// In events.
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) address: IpAddr,
}

impl Counted {
    fn key(&self, tenant: TenantId) -> LockoutKey {
        LockoutKey(sha256(format!("aitrading/lockout/1\0{tenant}\0{}", self.name).as_bytes()))
    }
}

impl Identity {
    /// Counts a try as failed before anything is looked at. Answers how often this source failed before.
    pub(super) async fn attempt(&self, who: &Counted) -> Result<u32, IdentityFault> {
        let (policy, now) = (self.settings.lockout, self.now());
        let tried = self.count(who, |state| {
            let before = state.failures_of(who.source);
            let (outcome, events) = state.attempt(&policy, who.source, now);
            (outcome.map(|()| before), events)
        });
        Ok(tried.await??)
    }

    /// The try was wrong.
    pub(super) async fn failed(&self, who: &Counted) -> Result<(), IdentityFault> {
        let policy = self.settings.lockout;
        self.count(who, |state| ((), state.failed(&policy, who.source))).await
    }

    /// The try was right.
    pub(super) async fn succeeded(&self, who: &Counted) -> Result<(), IdentityFault> {
        self.count(who, |state| {
            state.succeeded(who.source);
            ((), Vec::new())
        })
        .await
    }

    /// An operator ends every lock of an account.
    ///
    /// # Errors
    /// [`IdentityFault`].
    pub async fn unlock(&self, login: &aitrading_security::login::LoginName) -> Result<(), IdentityFault> {
        let address = IpAddr::from([0, 0, 0, 0]);
        let who = Counted {
            name: login.to_string(),
            source: Source::of(address, None, aitrading_security::lockout::Standing::Stranger),
            address,
        };
        self.count(&who, |state| ((), state.clear())).await
    }

    async fn count<T>(
        &self,
        who: &Counted,
        change: impl Fn(&mut Lockout) -> (T, Vec<LockoutEvent>),
    ) -> Result<T, IdentityFault> {
        let (tenant, key, policy) = (self.settings.tenant, who.key(self.settings.tenant), self.settings.lockout);
        let _one_at_a_time = self.counting.lock().await;
        for _ in 0..TRIES {
            let found = self.stores.lockouts.get(tenant, key).await?;
            let (mut state, version) = match &found {
                Some(Versioned { value, version }) => (Lockout::decode(&value.state)?, *version),
                None => (Lockout::default(), Version::NONE),
            };
            let before = state.clone();
            let (outcome, events) = change(&mut state);
            if state != before {
                let now = self.now();
                let until = state.locked_until(&policy).unwrap_or(Timestamp(0));
                let row = Row { tenant, key, state: state.encode(), until, changed_at: now };
                match self.stores.lockouts.put(row, version).await {
                    Err(StoreError::Stale { .. }) => continue,
                    other => drop(other?),
                }
            }
            // Told when it is durable, so each edge once.
            events.iter().for_each(|event| self.tell(who, event));
            return Ok(outcome);
        }
        Err(IdentityFault::Contended)
    }

    fn tell(&self, who: &Counted, event: &LockoutEvent) {
        let (kind, scope) = match event {
            LockoutEvent::Locked { scope, .. } => (SecurityKind::Locked, scope),
            LockoutEvent::Unlocked { scope, .. } => (SecurityKind::Unlocked, scope),
        };
        let (code, severity) = match (event, scope) {
            (LockoutEvent::Unlocked { .. }, _) => ("OK", Severity::Info),
            (_, Scope::Source(_)) => ("LOGIN_LOCKED", Severity::Warning),
            (_, Scope::Strangers) => ("LOGIN_STRANGERS_HELD", Severity::Error),
        };
        self.note(kind, (code, severity), who.name.clone(), Some(who.address));
    }
}
