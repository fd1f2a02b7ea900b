//! A similarity index that looks at every pattern.

use super::lock;
use crate::{Match, Near, Pattern, PatternIndex, StoreError, check_patterns};
use aitrading_model::TenantId;
use async_trait::async_trait;
use std::{collections::BTreeMap, sync::Mutex};

/// Keeps patterns in memory.
#[derive(Debug, Default)]
pub struct MemoryPatterns(Mutex<BTreeMap<(TenantId, [u8; 16]), Pattern>>);

/// Cosine distance of two vectors of the same length, in double precision and clamped, so that rounding never leaves 0 to 2.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum() };
    let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    (1.0 - cosine).clamp(0.0, 2.0) as f32
}

impl Near {
    fn wants(&self, pattern: &Pattern) -> bool {
        pattern.tenant == self.tenant
            && self.kind.is_none_or(|kind| kind == pattern.kind)
            && self.since.is_none_or(|since| pattern.at >= since)
            && pattern.vector.len() == self.vector.len()
    }
}

#[async_trait]
impl PatternIndex for MemoryPatterns {
    async fn put(&self, patterns: Vec<Pattern>) -> Result<(), StoreError> {
        check_patterns(&patterns)?;
        let mut kept = lock(&self.0);
        kept.extend(patterns.into_iter().map(|pattern| ((pattern.tenant, pattern.id), pattern)));
        Ok(())
    }

    async fn remove(&self, tenant: TenantId, id: [u8; 16]) -> Result<bool, StoreError> {
        Ok(lock(&self.0).remove(&(tenant, id)).is_some())
    }

    async fn near(&self, near: &Near) -> Result<Vec<Match>, StoreError> {
        near.check()?;
        let kept = lock(&self.0);
        let mut found: Vec<(f32, &Pattern)> = kept
            .values()
            .filter(|pattern| near.wants(pattern))
            .map(|pattern| (distance(&near.vector, &pattern.vector), pattern))
            .filter(|(distance, _)| *distance <= near.distance_max)
            .collect();
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        let found = found.into_iter().take(near.limit);
        Ok(found.map(|(distance, pattern)| Match { pattern: pattern.clone(), distance }).collect())
    }

    async fn count(&self, tenant: TenantId) -> Result<u64, StoreError> {
        Ok(lock(&self.0).keys().filter(|key| key.0 == tenant).count() as u64)
    }
}
