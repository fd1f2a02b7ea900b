//! The port for numbers that are given once.

use crate::{
    StoreError,
    bounds::{is_word, require},
};
use aitrading_model::TenantId;
use async_trait::async_trait;

/// Name of a sequence: 1 to [`SequenceName::BYTES_MAX`] bytes of `a-z`, `0-9`, `_`, `-` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceName(String);

crate::bounds::text_form!(SequenceName);

impl SequenceName {
    /// Most bytes of a name.
    pub const BYTES_MAX: usize = 64;

    /// A name.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn new(name: impl Into<String>) -> Result<Self, StoreError> {
        let name = name.into();
        require(is_word(&name, Self::BYTES_MAX), "a sequence's name has 1 to 64 of a-z, 0-9, '_', '-' and '.'")?;
        Ok(Self(name))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Most numbers that are taken at once.
pub const NUMBERS_MAX: u32 = 1_000_000;
/// The last number of every sequence.
pub const LAST_NUMBER: u64 = i64::MAX as u64;

/// The numbers `last + 1` to `last + n` of a sequence.
///
/// # Errors
/// [`StoreError::Invalid`] if `n` is not 1 to [`NUMBERS_MAX`]; [`StoreError::UsedUp`] behind [`LAST_NUMBER`].
pub fn numbers_after(last: u64, n: u32) -> Result<std::ops::RangeInclusive<u64>, StoreError> {
    require((1..=NUMBERS_MAX).contains(&n), "take 1 to 1,000,000 numbers at once")?;
    let end = last.saturating_add(u64::from(n));
    if end > LAST_NUMBER {
        return Err(StoreError::UsedUp);
    }
    Ok(last.saturating_add(1)..=end)
}

/// Gives numbers, each once, also after a crash. Numbers that were given and not used are lost.
#[async_trait]
pub trait SequenceStore: Send + Sync {
    /// Gives the next `n` numbers and answers the first; a new sequence begins with 1. They are durably gone when this
    /// returns.
    ///
    /// # Errors
    /// As [`numbers_after`].
    async fn next(&self, tenant: TenantId, name: &SequenceName, n: u32) -> Result<u64, StoreError>;
    /// The last number that was given; 0 for none.
    async fn last(&self, tenant: TenantId, name: &SequenceName) -> Result<u64, StoreError>;
    /// Gives no number up to and including `last` any more: for what comes from another store. Never lowers.
    async fn skip_to(&self, tenant: TenantId, name: &SequenceName, last: u64) -> Result<(), StoreError>;
}
