//! What the server's heartbeats told: the subscription, and the audit log as far as this client could check it.

use aitrading_wire::link::SubscriptionState;

/// The account's subscription, as the server said last in this session.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct SubscriptionStatus {
    /// `unknown`, `none`, `active`, `lapsed` or `suspended`. Without a session it is unknown.
    pub state: SubscriptionWord,
    /// The end of an active one.
    pub until: Option<String>,
}

/// The state in one word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionWord {
    /// Nobody said.
    #[default]
    Unknown,
    /// There is none.
    None,
    /// In force.
    Active,
    /// Ended.
    Lapsed,
    /// Stopped by an operator.
    Suspended,
}

impl SubscriptionWord {
    /// As JSON has it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::None => "none",
            Self::Active => "active",
            Self::Lapsed => "lapsed",
            Self::Suspended => "suspended",
        }
    }
}

impl From<SubscriptionState> for SubscriptionStatus {
    fn from(state: SubscriptionState) -> Self {
        let word = |state| Self { state, until: None };
        match state {
            SubscriptionState::Unknown => word(SubscriptionWord::Unknown),
            SubscriptionState::None => word(SubscriptionWord::None),
            SubscriptionState::Active { until } => {
                Self { state: SubscriptionWord::Active, until: Some(until.to_string()) }
            }
            SubscriptionState::Lapsed => word(SubscriptionWord::Lapsed),
            SubscriptionState::Suspended => word(SubscriptionWord::Suspended),
        }
    }
}

/// The server's audit log, as this client has seen it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct AuditStatus {
    /// What the last heartbeat's checkpoint was worth.
    pub state: AuditState,
    /// Leaves of the largest checkpoint that was ever verified here.
    pub size: Option<u64>,
    /// The first digits of its root.
    pub root: Option<String>,
    /// Seconds since it was first seen here.
    pub age_s: Option<u64>,
    /// Refusals since the program started.
    pub alarms: AuditAlarms,
    /// The newest of them.
    pub last_alarm: Option<&'static str>,
    /// Two checkpoints that contradict each other are kept beside the ledger, of this run or an earlier one.
    pub evidence: bool,
}

/// What the last heartbeat's checkpoint was worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditState {
    /// No heartbeat came in this session.
    #[default]
    Unseen,
    /// The settings name no key to check it with.
    NoKey,
    /// The server showed none.
    Missing,
    /// Verified.
    Current,
    /// Verified, and the same for longer than a minute: nothing was logged, or the log stands still.
    Unchanged,
    /// Not verified, or it contradicts the largest one that was.
    Refused,
}

/// Refused checkpoints by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct AuditAlarms {
    /// Smaller than one that the log signed before.
    pub rollback: u64,
    /// Another root or another log than one of the same key.
    pub fork: u64,
    /// Not signed by the log's key, or no checkpoint at all.
    pub signature: u64,
}

impl AuditAlarms {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.rollback.saturating_add(self.fork).saturating_add(self.signature)
    }
}
