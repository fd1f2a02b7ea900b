//! No two keys are spelt alike, and what is told can be read.

use super::{Keys, change, changed};
use aitrading_model::TenantId;
use aitrading_store::{CacheKey, Invalidation};
use std::collections::BTreeSet;

const NAMES: [&str; 10] = ["", ":", "b", "1", "1:a", "a:b", "a b\r\n", "*", "{x}", "\u{e9}"];
// With them, prefix `a` and space `1` would spell what prefix `a:1` and space `a` do, were prefixes not encoded.
const SPACES: [&str; 4] = ["a", "1", "a.b", "changed"];
const TENANTS: [u64; 4] = [0, 1, 11, u64::MAX];

fn all() -> impl Iterator<Item = CacheKey> {
    TENANTS.into_iter().flat_map(|tenant| {
        SPACES
            .into_iter()
            .flat_map(move |space| NAMES.into_iter().map(move |name| CacheKey::new(TenantId(tenant), space, name)))
    })
}

#[test]
fn different_keys_are_spelt_differently_under_every_prefix() {
    let mut seen = BTreeSet::new();
    for prefix in ["a", "a:1", "a%3a1", "a:1:a", ""] {
        let keys = Keys::new(prefix);
        assert!(seen.insert(keys.channel()), "the channel of {prefix:?}");
        for key in all() {
            assert!(seen.insert(keys.key(&key)), "{prefix:?} {key:?}");
        }
    }
}

#[test]
fn what_is_told_of_a_key_names_that_key() {
    for key in all() {
        let told = Invalidation::Key { tenant: key.tenant, space: key.space.to_string(), name: key.name.clone() };
        assert_eq!(changed(change(&key).as_bytes()), told);
    }
}

#[test]
fn what_cannot_be_read_may_be_about_everything() {
    for message in [b"".as_slice(), b"1", b"1:a", b"x:a:b", b"-1:a:b", b"99999999999999999999999:a:b", b"1:a:\xff"] {
        assert_eq!(changed(message), Invalidation::Everything, "{message:?}");
    }
}
