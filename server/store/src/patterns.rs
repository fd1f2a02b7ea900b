//! The port for similarity: errors and threats as vectors, and which of them are near.

use crate::StoreError;
use aitrading_model::{TenantId, Timestamp};
use async_trait::async_trait;

/// What kind of thing a pattern describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum PatternKind {
    /// An error's fingerprint.
    Error = 0,
    /// A threat indicator.
    Threat = 1,
}

impl PatternKind {
    /// From its number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Error,
            1 => Self::Threat,
            _ => return None,
        })
    }
}

/// One remembered pattern.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    #[serde(with = "crate::hex")]
    pub id: [u8; 16],
    /// What it describes.
    pub kind: PatternKind,
    /// Where it lies: 1 to [`Pattern::DIMENSIONS_MAX`] finite numbers that are not all 0.
    #[serde(with = "crate::hex::floats")]
    pub vector: Vec<f32>,
    /// In words, at most [`Pattern::TEXT_MAX`] bytes.
    pub text: String,
    /// When it was seen last.
    pub at: Timestamp,
}

impl Pattern {
    /// Most dimensions of a vector.
    pub const DIMENSIONS_MAX: usize = 4_096;
    /// Most bytes of a text.
    pub const TEXT_MAX: usize = 8_192;

    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        check_vector(&self.vector)?;
        if self.text.len() > Self::TEXT_MAX {
            return Err(StoreError::Invalid { what: "the text of a pattern has at most 8,192 bytes" });
        }
        Ok(())
    }
}

/// The rule for vectors, of patterns and of questions.
///
/// # Errors
/// [`StoreError::Invalid`].
pub fn check_vector(vector: &[f32]) -> Result<(), StoreError> {
    let length: f32 = vector.iter().map(|x| x * x).sum();
    if vector.is_empty() || vector.len() > Pattern::DIMENSIONS_MAX || !length.is_normal() {
        return Err(StoreError::Invalid { what: "a vector has 1 to 4,096 finite numbers that are not all 0" });
    }
    Ok(())
}

/// The rule for what is put at once.
///
/// # Errors
/// [`StoreError::Invalid`].
pub fn check_patterns(patterns: &[Pattern]) -> Result<(), StoreError> {
    if patterns.len() > Near::LIMIT_MAX {
        return Err(StoreError::Invalid { what: "put at most 1,000 patterns at once" });
    }
    patterns.iter().try_for_each(Pattern::check)
}

/// A question for what is near.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Near {
    /// Whose patterns.
    pub tenant: TenantId,
    /// Of which kind; `None`: of any.
    pub kind: Option<PatternKind>,
    /// Near to what. Patterns with another number of dimensions are never near.
    #[serde(with = "crate::hex::floats")]
    pub vector: Vec<f32>,
    /// Seen at or after; `None`: whenever.
    pub since: Option<Timestamp>,
    /// At most this cosine distance (0: same direction, 2: opposite).
    #[serde(with = "crate::hex::float")]
    pub distance_max: f32,
    /// At most this many, at least 1 and at most [`Near::LIMIT_MAX`].
    pub limit: usize,
}

impl Near {
    /// Most patterns in one answer.
    pub const LIMIT_MAX: usize = 1_000;

    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        check_vector(&self.vector)?;
        if self.limit == 0 || self.limit > Self::LIMIT_MAX || !(0.0..=2.0).contains(&self.distance_max) {
            return Err(StoreError::Invalid { what: "ask for 1 to 1,000 patterns within a distance of 0 to 2" });
        }
        Ok(())
    }
}

/// A pattern that is near.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// The pattern.
    pub pattern: Pattern,
    /// Its cosine distance.
    #[serde(with = "crate::hex::float")]
    pub distance: f32,
}

/// Keeps patterns and finds those that are near.
#[async_trait]
pub trait PatternIndex: Send + Sync {
    /// Writes or replaces patterns by tenant and id, at most [`Near::LIMIT_MAX`] a call; all are checked before any is
    /// written ([`check_patterns`]). Of two with the same id the later one counts.
    async fn put(&self, patterns: Vec<Pattern>) -> Result<(), StoreError>;
    /// Forgets one; answers whether it was there.
    async fn remove(&self, tenant: TenantId, id: [u8; 16]) -> Result<bool, StoreError>;
    /// The nearest patterns, nearest first.
    async fn near(&self, near: &Near) -> Result<Vec<Match>, StoreError>;
    /// How many patterns a tenant has.
    async fn count(&self, tenant: TenantId) -> Result<u64, StoreError>;
}
