//! Holding back an account's signals on suspicion, so that nobody can use the suspicion to stop somebody else's trading.
//!
//! Only what the server has seen itself holds an account. What a client tells holds that client's own installation and
//! nothing else, and not too often. Both edges are events.

use crate::limits::Quota;
use aitrading_error::{Category, Coded, Dna, FaultSide, Retry, Severity};
use aitrading_model::{AccountId, DeviceId, TenantId, Timestamp};
use std::time::Duration;

/// Most installations of one account that are held at the same time.
const DEVICES_MAX: usize = 32;

/// What is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Suspected {
    /// Every signal of the account.
    Account,
    /// What goes to one installation.
    Device(DeviceId),
}

/// Who says that something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witness {
    /// The server's own stores and checks: a report that does not fit its signal, two places at once, a broken signature.
    Server,
    /// A client, over its authenticated session: these are the session's own ids, whatever the message says.
    Client {
        /// Of the session.
        tenant: TenantId,
        /// Of the session.
        account: AccountId,
        /// Of the session.
        device: DeviceId,
    },
}

/// A suspicion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anomaly {
    /// Of what.
    pub suspected: Suspected,
    /// By whom.
    pub witness: Witness,
}

/// How long signals are held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SuspensionPolicy {
    /// The first time; it ends by itself.
    pub hold: Duration,
    /// So many within [`SuspensionPolicy::window`] hold until an operator lifts it.
    pub escalate_at: u32,
    /// How long a suspension is remembered for that.
    pub window: Duration,
    /// How often clients of an account may suspend themselves.
    pub clients: Quota,
}

impl Default for SuspensionPolicy {
    fn default() -> Self {
        Self {
            hold: Duration::from_mins(15),
            escalate_at: 3,
            window: Duration::from_hours(24),
            clients: Quota::of(6, Duration::from_hours(1), 3),
        }
    }
}

/// One that is in force, or was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    /// What is held.
    pub suspected: Suspected,
    /// When it began.
    pub since: Timestamp,
    /// The first moment at which it is over; `None`: when an operator says so.
    pub until: Option<Timestamp>,
    /// How many there were within the window, this one included.
    pub count: u32,
    /// Still in force, and its end was not told.
    pub in_force: bool,
}

/// Both edges, for the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuspensionEvent {
    /// Signals are held back.
    Suspended(Suspension),
    /// They go on.
    Resumed {
        /// For what.
        suspected: Suspected,
        /// By an operator; otherwise by itself.
        by_operator: bool,
    },
}

/// Why a suspicion holds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SuspensionRefused {
    /// A client speaks of another one, or of the whole account.
    #[error("a client's word holds its own installation alone; evidence of the server is needed for anything else")]
    NotItsOwn,
    /// A client suspends itself again and again.
    #[error("clients of this account suspend themselves too often; look at the client")]
    TooOften,
    /// Too many installations are held already.
    #[error("too many installations of this account are held; hold the account")]
    TooMany,
}

impl Coded for SuspensionRefused {
    fn dna(&self) -> Dna {
        let dna = |code, category| {
            Dna::new("security", code, category).side(FaultSide::Caller).severity(Severity::Warning).retry(Retry::Never)
        };
        match self {
            Self::NotItsOwn => dna("SUSPENSION_NOT_ITS_OWN", Category::Access),
            Self::TooOften => dna("SUSPENSION_TOO_OFTEN", Category::Capacity),
            Self::TooMany => dna("SUSPENSION_TOO_MANY", Category::Capacity),
        }
    }
}

/// What is held of one account. A store keeps it and changes it by compare-and-set.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suspensions {
    tenant: TenantId,
    account: AccountId,
    list: Vec<Suspension>,
    clients_empty_at: Timestamp,
}

impl Suspensions {
    /// Of an account of which nothing is held.
    #[must_use]
    pub const fn new(tenant: TenantId, account: AccountId) -> Self {
        Self { tenant, account, list: Vec::new(), clients_empty_at: Timestamp(0) }
    }

    /// May signals go to this installation?
    #[must_use]
    pub fn holds(&self, device: DeviceId, now: Timestamp) -> bool {
        let hit = |s: &Suspension| s.suspected == Suspected::Account || s.suspected == Suspected::Device(device);
        self.list.iter().any(|s| s.in_force && hit(s) && s.until.is_none_or(|until| now < until))
    }

    /// Holds what is suspected. What is held already stays as it is.
    ///
    /// # Errors
    /// [`SuspensionRefused`]; nothing has changed.
    pub fn suspend(
        &mut self,
        policy: &SuspensionPolicy,
        anomaly: Anomaly,
        now: Timestamp,
    ) -> Result<Vec<SuspensionEvent>, SuspensionRefused> {
        let mut after = self.clone();
        let mut events = after.sweep(policy, now);
        let Anomaly { suspected, witness } = anomaly;
        if let Witness::Client { tenant, account, device } = witness
            && ((tenant, account) != (self.tenant, self.account) || suspected != Suspected::Device(device))
        {
            return Err(SuspensionRefused::NotItsOwn);
        }
        if !after.list.iter().any(|s| s.in_force && s.suspected == suspected) {
            if witness != Witness::Server {
                after.charge_clients(policy, now)?;
            }
            events.push(SuspensionEvent::Suspended(after.begin(policy, suspected, witness, now)?));
        }
        *self = after;
        Ok(events)
    }

    /// An operator lifts it.
    pub fn lift(&mut self, suspected: Suspected) -> Option<SuspensionEvent> {
        let found = self.list.iter_mut().find(|s| s.in_force && s.suspected == suspected)?;
        (found.in_force, found.count) = (false, 0);
        Some(SuspensionEvent::Resumed { suspected, by_operator: true })
    }

    /// Ends what is over, and forgets what is old. To be asked now and then, so that ends are told in time.
    pub fn sweep(&mut self, policy: &SuspensionPolicy, now: Timestamp) -> Vec<SuspensionEvent> {
        let mut events = Vec::new();
        for held in &mut self.list {
            if held.in_force && held.until.is_some_and(|until| now >= until) {
                held.in_force = false;
                events.push(SuspensionEvent::Resumed { suspected: held.suspected, by_operator: false });
            }
        }
        self.list.retain(|s| s.in_force || now < s.since.plus(policy.window));
        events
    }

    fn charge_clients(&mut self, policy: &SuspensionPolicy, now: Timestamp) -> Result<(), SuspensionRefused> {
        let ns = |at: Timestamp| u64::try_from(at.0).unwrap_or(0);
        let charged = policy.clients.charge(ns(self.clients_empty_at), ns(now));
        let charged = charged.map_err(|_| SuspensionRefused::TooOften)?;
        self.clients_empty_at = Timestamp(i64::try_from(charged.empty_at_ns).unwrap_or(i64::MAX));
        Ok(())
    }

    fn begin(
        &mut self,
        policy: &SuspensionPolicy,
        suspected: Suspected,
        witness: Witness,
        now: Timestamp,
    ) -> Result<Suspension, SuspensionRefused> {
        let before = self.list.iter().find(|s| s.suspected == suspected).map_or(0, |s| s.count);
        self.list.retain(|s| s.suspected != suspected);
        if self.list.len() >= DEVICES_MAX && suspected != Suspected::Account {
            return Err(SuspensionRefused::TooMany);
        }
        let count = before.saturating_add(1);
        // A client cannot shut itself out for good: it may be the program, and not its owner, that is wrong.
        let ends = witness != Witness::Server || count < policy.escalate_at;
        let until = ends.then(|| now.plus(policy.hold));
        let held = Suspension { suspected, since: now, until, count, in_force: true };
        self.list.push(held);
        Ok(held)
    }
}
