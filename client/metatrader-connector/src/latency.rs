//! A bounded histogram of latencies: 32 steps per doubling, so that a percentile is off by at most 3 percent.

mod file;

pub(crate) use file::Keeping;
pub use file::{LatencyFileError, load};

/// Steps per doubling, as a power of two.
const STEP_BITS: u32 = 5;
const STEPS: usize = 1 << STEP_BITS;
/// Buckets for all of `u64`: one per value below [`STEPS`], then [`STEPS`] per doubling.
const BUCKETS: usize = (64 - STEP_BITS as usize + 1) * STEPS;

/// Counts by value. Its size does not depend on what it counts.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Box<[u64]>,
    total: u64,
    max: u64,
}

/// What a histogram says, in the unit of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Percentiles {
    /// Values counted.
    pub count: u64,
    /// Half of them are not above this.
    pub p50: u64,
    /// 90 percent.
    pub p90: u64,
    /// 99 percent.
    pub p99: u64,
    /// 99.9 percent.
    pub p999: u64,
    /// The largest, exactly.
    pub max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS].into(), total: 0, max: 0 }
    }
}

impl Histogram {
    /// Counts `value` as often as `times` says.
    pub fn add(&mut self, value: u64, times: u64) {
        if let Some(count) = self.counts.get_mut(bucket(value)) {
            *count = count.saturating_add(times);
            self.total = self.total.saturating_add(times);
            self.max = self.max.max(value);
        }
    }

    /// Counts all that `other` counted, as if it had been counted here.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count = count.saturating_add(*more);
        }
        self.total = self.total.saturating_add(other.total);
        self.max = self.max.max(other.max);
    }

    /// Values counted.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Number and count of each bucket that is not empty, in order.
    fn buckets(&self) -> impl Iterator<Item = (usize, u64)> {
        self.counts.iter().copied().enumerate().filter(|(_, count)| *count > 0)
    }

    /// The reverse of [`Histogram::buckets`]. `None` if no histogram has such buckets with such a largest value.
    fn from_buckets(max: u64, buckets: Vec<(usize, u64)>) -> Option<Self> {
        let mut histogram = Self { max, ..Self::default() };
        let ordered = buckets.is_sorted_by(|a, b| a.0 < b.0);
        let last = buckets.last().map_or(0, |(index, _)| *index);
        if !ordered || last != bucket(max) {
            return None;
        }
        for (index, count) in buckets {
            *histogram.counts.get_mut(index).filter(|_| count > 0)? = count;
            histogram.total = histogram.total.checked_add(count)?;
        }
        Some(histogram)
    }

    /// The percentiles.
    #[must_use]
    pub fn percentiles(&self) -> Percentiles {
        let at = |per_mille: u64| self.at(per_mille);
        Percentiles { count: self.total, p50: at(500), p90: at(900), p99: at(990), p999: at(999), max: self.max }
    }

    fn at(&self, per_mille: u64) -> u64 {
        let wanted = (u128::from(self.total) * u128::from(per_mille)).div_ceil(1000);
        let mut seen = 0_u128;
        for (index, count) in self.counts.iter().enumerate() {
            seen += u128::from(*count);
            if seen >= wanted && seen > 0 {
                return upper_bound(index).min(self.max);
            }
        }
        0
    }
}

fn bucket(value: u64) -> usize {
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(STEP_BITS + 1);
    let step = (value >> shift) as usize;
    // Below the first doubling `step` is the value itself; above it has the top bit of STEPS set.
    step + shift as usize * STEPS
}

/// The largest value that falls into a bucket.
fn upper_bound(index: usize) -> u64 {
    let shift = (index / STEPS).saturating_sub(1);
    let step = (index - shift * STEPS) as u64;
    ((step + 1) << shift).wrapping_sub(1)
}

#[cfg(test)]
mod tests;
