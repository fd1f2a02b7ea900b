//! What somebody is, and how surely that is known.

use aitrading_model::Timestamp;

/// What somebody is here. One role each. Tokens write it as [`Role::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs the deployment.
    Operator,
    /// Sets limits and stops trading.
    RiskOfficer,
    /// Reads everything, changes nothing.
    Auditor,
    /// Gets signals.
    Subscriber,
    /// A program of ours.
    Service,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Operator, Self::RiskOfficer, Self::Auditor, Self::Subscriber, Self::Service];

    /// Its name in tokens, tables and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::RiskOfficer => "risk-officer",
            Self::Auditor => "auditor",
            Self::Subscriber => "subscriber",
            Self::Service => "service",
        }
    }
}

/// What was proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// A certificate of ours, on this connection.
    Certificate,
    /// A password as well.
    Password,
    /// And a second factor.
    SecondFactor,
    /// And both again, a moment ago.
    StepUp {
        /// The first moment at which it counts as [`Level::SecondFactor`].
        until: Timestamp,
    },
}

/// What has to be proved. The order is the order of strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Needed {
    /// A certificate is enough.
    Certificate,
    /// A password.
    Password,
    /// A second factor.
    SecondFactor,
    /// A fresh proof.
    StepUp,
}

impl Needed {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Certificate, Self::Password, Self::SecondFactor, Self::StepUp];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Password => "password",
            Self::SecondFactor => "second factor",
            Self::StepUp => "fresh proof",
        }
    }
}

impl Level {
    /// What of it still holds: a fresh proof ends by itself.
    #[must_use]
    pub fn holds(self, now: Timestamp) -> Needed {
        match self {
            Self::Certificate => Needed::Certificate,
            Self::Password => Needed::Password,
            Self::StepUp { until } if now < until => Needed::StepUp,
            Self::SecondFactor | Self::StepUp { .. } => Needed::SecondFactor,
        }
    }
}
