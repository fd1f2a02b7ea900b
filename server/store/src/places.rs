//! Places of changes: how an instance asks for what is new since it asked last, and misses nothing.

use crate::StoreError;
use std::fmt;

/// Where a change stands among all changes of its kind and tenant.
///
/// A place is given inside the transaction that makes the change, under a lock that every other writer of the kind waits for
/// until that transaction has ended: changes become visible in the order of their places, whoever writes them. Who has seen a
/// place never finds anything new at or before it. A record that changes again leaves its place for a new one behind all
/// others. No place is given twice, also when what stood there was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
pub struct Place(pub u64);

impl Place {
    /// Before all of them.
    pub const START: Self = Self(0);

    /// The one behind it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// What one is told who asks for what is behind a place that this store never gave: it is not the store that was asked
    /// before, or it was restored, and what it gives next may lie before that place.
    ///
    /// # Errors
    /// [`StoreError::Conflict`].
    pub fn check_given(self, last: Self) -> Result<(), StoreError> {
        if self <= last {
            return Ok(());
        }
        Err(StoreError::Conflict { what: "the store never gave this place (was it restored?); read all of it anew" })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A record and its place.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placed<T> {
    /// The record.
    pub value: T,
    /// Its place.
    pub place: Place,
}
