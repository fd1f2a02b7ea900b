//! Weaviate's tenants: one for each of ours and each number of dimensions.

use aitrading_model::TenantId;
use aitrading_store::Pattern;
use serde::Deserialize;
use std::{
    collections::BTreeSet,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Shards that are remembered as present.
const KNOWN_MAX: usize = 10_000;

/// One tenant's patterns with one number of dimensions. Its name has letters, digits and hyphens alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shard {
    pub(super) tenant: TenantId,
    pub(super) dimensions: usize,
}

impl Shard {
    pub(super) const fn of(pattern: &Pattern) -> Self {
        Self { tenant: pattern.tenant, dimensions: pattern.vector.len() }
    }

    /// From its name, if it is one of ours.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (tenant, dimensions) = name.strip_prefix("tenant-")?.split_once('-')?;
        let shard = Self { tenant: TenantId(tenant.parse().ok()?), dimensions: dimensions.parse().ok()? };
        // `+1` and `01` are numbers too, but no names that we give.
        (shard.to_string() == name).then_some(shard)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenant-{}-{}", self.tenant.0, self.dimensions)
    }
}

/// A tenant as the server lists it.
#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    name: String,
}

impl Listed {
    pub(super) fn shard(&self) -> Option<Shard> {
        Shard::parse(&self.name)
    }
}

/// Shards that were seen on the server. Nobody of us removes one, so what was there is there.
#[derive(Debug, Default)]
pub(super) struct Shards(Mutex<BTreeSet<Shard>>);

impl Shards {
    pub(super) fn has(&self, shard: Shard) -> bool {
        self.known().contains(&shard)
    }

    pub(super) fn add(&self, shard: Shard) {
        let mut known = self.known();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(shard);
    }

    fn known(&self) -> MutexGuard<'_, BTreeSet<Shard>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
