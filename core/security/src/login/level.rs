//! How much a session has proved, and what that permits. Absence denies: what is not reached is refused with what is
//! missing.

use super::LevelRefused;
use aitrading_model::Timestamp;
use std::time::Duration;

/// How long a fresh proof lasts.
pub const STEP_UP_VALID: Duration = Duration::from_mins(5);

/// What a session has proved. The order is the order of strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The password.
    Password,
    /// The password and the second factor.
    SecondFactor,
    /// Both, again, a moment ago.
    StepUp {
        /// The first moment at which it is no longer fresh; it is a second factor from then on. A token keeps whole seconds of it.
        until: Timestamp,
    },
}

impl Level {
    /// The level right after password and second factor were proved again.
    #[must_use]
    pub fn stepped_up(now: Timestamp) -> Self {
        Self::StepUp { until: now.plus(STEP_UP_VALID) }
    }
}

/// What a route or an action asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needed {
    /// Any session.
    Password,
    /// A session with a second factor.
    SecondFactor,
    /// A fresh proof.
    StepUp,
}

/// Everything that needs a fresh proof. The list is closed: an action that is not here is a route's own [`Needed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SensitiveAction {
    /// Trading goes on after the kill switch.
    KillSwitchReset,
    /// A risk limit becomes wider.
    LimitRaise,
    /// A key is replaced.
    KeyRotation,
    /// A person's data go.
    Erasure,
    /// Data are kept from erasure, or released.
    LegalHold,
    /// A key leaves the vault.
    KeyExport,
}

impl SensitiveAction {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::KillSwitchReset, Self::LimitRaise, Self::KeyRotation, Self::Erasure, Self::LegalHold, Self::KeyExport];

    /// What it asks for. A match without a default: a new action has to be thought about here.
    #[must_use]
    pub const fn needs(self) -> Needed {
        match self {
            Self::KillSwitchReset
            | Self::LimitRaise
            | Self::KeyRotation
            | Self::Erasure
            | Self::LegalHold
            | Self::KeyExport => Needed::StepUp,
        }
    }
}

/// Does `level` permit `action` at `now`?
///
/// # Errors
/// [`LevelRefused`], naming the proof that is missing.
pub fn permits(level: Level, action: SensitiveAction, now: Timestamp) -> Result<(), LevelRefused> {
    reaches(level, action.needs(), now)
}

/// Does `level` reach what a route needs at `now`?
///
/// # Errors
/// [`LevelRefused`], naming the proof that is missing. A step-up that reaches further than [`STEP_UP_VALID`] from now
/// was made by nobody here, or before the clock went back, and is over.
pub fn reaches(level: Level, needed: Needed, now: Timestamp) -> Result<(), LevelRefused> {
    match (needed, level) {
        (Needed::Password, _) | (Needed::SecondFactor, Level::SecondFactor | Level::StepUp { .. }) => Ok(()),
        (Needed::SecondFactor, Level::Password) => Err(LevelRefused::NeedsSecondFactor),
        (Needed::StepUp, Level::Password | Level::SecondFactor) => Err(LevelRefused::NeedsStepUp),
        (Needed::StepUp, Level::StepUp { until }) if now < until && until <= now.plus(STEP_UP_VALID) => Ok(()),
        (Needed::StepUp, Level::StepUp { .. }) => Err(LevelRefused::StepUpOver),
    }
}
