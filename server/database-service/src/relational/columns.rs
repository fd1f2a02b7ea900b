//! Columns to and from the words of the ports, whatever the database.

use aitrading_store::{StoreError, Version};

/// How many rows, as a statement takes it.
pub(super) fn limit(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A number that never exceeds what is stored, as a statement takes it: what is larger finds nothing either way.
pub(super) fn place(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// What comes behind `after` in the order of unsigned numbers, of which those of 2^63 and more are stored as negative ones:
/// compare `(number < 0, number)` with this. `None` lies before all of them.
pub(super) fn unsigned(after: Option<u64>) -> (bool, i64) {
    after.map_or((false, -1), |after| (after.cast_signed() < 0, after.cast_signed()))
}

/// Bytes of a known length.
pub(super) fn exact<const N: usize>(bytes: Vec<u8>, what: &str) -> Result<[u8; N], StoreError> {
    bytes.try_into().map_err(|_| StoreError::corrupt(what))
}

/// A number of a smaller type.
pub(super) fn small<T: TryFrom<i64>>(number: i64, what: &str) -> Result<T, StoreError> {
    T::try_from(number).map_err(|_| StoreError::corrupt(what))
}

/// One of the values of an enum.
pub(super) fn value<T>(number: i64, of: impl FnOnce(u8) -> Option<T>, what: &str) -> Result<T, StoreError> {
    u8::try_from(number).ok().and_then(of).ok_or_else(|| StoreError::corrupt(what))
}

/// The version of a record that may not be there.
pub(super) fn version(stored: Option<i64>) -> Version {
    stored.map_or(Version::NONE, |version| Version(version.cast_unsigned()))
}
