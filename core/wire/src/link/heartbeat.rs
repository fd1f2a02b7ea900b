//! What the bridge puts into its answer to a heartbeat, besides the time: the account's subscription, and the newest
//! checkpoint of the audit log. What is not known is said to be unknown.

#[cfg(test)]
mod tests;

use crate::{Reader, WireError, Writer, limits::CHECKPOINT_BYTES_MAX};
use aitrading_model::Timestamp;

/// The version of the bytes below.
const VERSION: u8 = 1;
/// Version, state, end, length of the note.
const FIXED_BYTES: usize = 1 + 1 + 8 + 2;

/// Whether an account gets signals, as the server's store has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SubscriptionState {
    /// Nobody could say. It is not to be taken for any of the others.
    #[default]
    Unknown,
    /// There is none on record.
    None,
    /// In force.
    Active {
        /// Its end.
        until: Timestamp,
    },
    /// Ended.
    Lapsed,
    /// Stopped by an operator.
    Suspended,
}

impl SubscriptionState {
    const fn parts(self) -> (u8, i64) {
        match self {
            Self::Unknown => (0, 0),
            Self::None => (1, 0),
            Self::Active { until } => (2, until.0),
            Self::Lapsed => (3, 0),
            Self::Suspended => (4, 0),
        }
    }

    const fn from_parts(number: u8, until: i64) -> Result<Self, WireError> {
        match (number, until) {
            (2, until) => Ok(Self::Active { until: Timestamp(until) }),
            (0, 0) => Ok(Self::Unknown),
            (1, 0) => Ok(Self::None),
            (3, 0) => Ok(Self::Lapsed),
            (4, 0) => Ok(Self::Suspended),
            (0..=4, _) => Err(WireError::BadValue("until")),
            _ => Err(WireError::BadValue("subscription")),
        }
    }
}

/// The application's part of a PONG.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heartbeat {
    /// Of the session's account.
    pub subscription: SubscriptionState,
    /// A signed note, as [`crate::CheckpointNote`] reads it; `None` if the server has none to show.
    pub checkpoint: Option<String>,
}

impl Heartbeat {
    /// `version u8 = 1 | subscription u8 | until i64, 0 unless active | note: length u16, bytes`. A note beyond its limit is
    /// left out: the client then misses it, and says so.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let note = self.checkpoint.as_deref().filter(|note| note.len() <= CHECKPOINT_BYTES_MAX).unwrap_or_default();
        let (subscription, until) = self.subscription.parts();
        let mut out = Writer::with_capacity(FIXED_BYTES + note.len());
        out.u8(VERSION).u8(subscription).i64(until).text(note);
        out.into_bytes()
    }

    /// Reads what [`Heartbeat::encode`] wrote, and nothing else.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut from = Reader::new(bytes);
        let version = from.u8()?;
        if version != VERSION {
            return Err(WireError::Version(u16::from(version)));
        }
        let (number, until) = (from.u8()?, from.i64()?);
        let subscription = SubscriptionState::from_parts(number, until)?;
        let note = from.text("checkpoint", CHECKPOINT_BYTES_MAX)?;
        from.finish()?;
        Ok(Self { subscription, checkpoint: Some(note).filter(|note| !note.is_empty()) })
    }
}
