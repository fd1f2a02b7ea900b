//! What is remembered of each account between two questions to the store.

use super::{AccountKey, Facts};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// Most accounts that are remembered. One more makes the one that was read longest ago be asked for again.
pub const ACCOUNTS_MAX: usize = 16_384;

/// The facts of an account; `None` inside: it has no subscription.
pub(super) type Read = Option<Arc<Facts>>;

#[derive(Debug, Clone)]
struct Entry {
    read: Read,
    /// When the question was put: what it answers is at least as new.
    read_at_ns: u64,
    /// When the store was asked in vain for something newer.
    failed_at_ns: Option<u64>,
}

/// The turn to ask the store about one account; those who come later wait for it.
pub(super) type Flight = Arc<tokio::sync::Mutex<()>>;

/// A question that is under way.
#[derive(Debug, Default)]
struct Asking {
    flight: Flight,
    /// How many hold a pass.
    passes: usize,
    /// Changes that were pushed meanwhile.
    changes: u64,
    /// When it failed.
    failed_at_ns: Option<u64>,
}

/// The cache, under one lock that is never held while the store is asked.
#[derive(Debug, Default)]
pub(super) struct Cache {
    entries: BTreeMap<AccountKey, Entry>,
    by_age: BTreeSet<(u64, AccountKey)>,
    /// Accounts that somebody asks the store about now; at most as many as there are questions at the same time.
    asking: BTreeMap<AccountKey, Asking>,
    /// Grows when everything becomes void.
    ages: u64,
    /// The feed of changes was whole up to here.
    confirmed_ns: Option<u64>,
}

/// What the cache says.
pub(super) enum Found {
    /// Good, and needs no question.
    Fresh(Read),
    /// Good for a while, but a question is due.
    Aging(Read),
    /// Nothing that may be believed.
    Nothing,
}

/// What has to be unchanged when the answer comes: changes of the account, and the age of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(u64, u64);

impl Cache {
    pub(super) fn find(
        &self,
        key: AccountKey,
        now_ns: u64,
        (refresh, stale, pause): (Duration, Duration, Duration),
    ) -> Found {
        let Some(entry) = self.entries.get(&key) else { return Found::Nothing };
        // A confirmed feed makes everything that it did not touch as new as the confirmation.
        let as_of = self.confirmed_ns.map_or(entry.read_at_ns, |confirmed| confirmed.max(entry.read_at_ns));
        let since = |ns: u64| Duration::from_nanos(now_ns.saturating_sub(ns));
        let pausing = entry.failed_at_ns.is_some_and(|at| since(at) < pause);
        if since(as_of) >= stale {
            Found::Nothing
        } else if since(as_of) >= refresh && !pausing {
            Found::Aging(entry.read.clone())
        } else {
            Found::Fresh(entry.read.clone())
        }
    }

    pub(super) fn mark(&self, key: AccountKey) -> Mark {
        Mark(self.asking.get(&key).map_or(0, |asking| asking.changes), self.ages)
    }

    /// One more holds a pass.
    pub(super) fn flight(&mut self, key: AccountKey) -> Flight {
        let asking = self.asking.entry(key).or_default();
        asking.passes = asking.passes.saturating_add(1);
        Arc::clone(&asking.flight)
    }

    /// A pass is given back; behind the last one nothing of the question is kept.
    pub(super) fn land(&mut self, key: AccountKey) {
        if let Some(asking) = self.asking.get_mut(&key) {
            asking.passes = asking.passes.saturating_sub(1);
            if asking.passes == 0 {
                self.asking.remove(&key);
            }
        }
    }

    /// Takes an answer, if nothing has changed since its question was put.
    pub(super) fn put(
        &mut self,
        key: AccountKey,
        mark: Mark,
        read: Read,
        asked_at_ns: u64,
        accounts_max: usize,
    ) -> bool {
        if self.mark(key) != mark {
            return false;
        }
        self.remove(key);
        while self.entries.len() >= accounts_max.max(1)
            && let Some((_, oldest)) = self.by_age.first().copied()
        {
            self.remove(oldest);
        }
        self.entries.insert(key, Entry { read, read_at_ns: asked_at_ns, failed_at_ns: None });
        self.by_age.insert((asked_at_ns, key));
        true
    }

    /// Something about the account has changed: what is remembered is void at once.
    pub(super) fn invalidate(&mut self, key: AccountKey) {
        self.remove(key);
        if let Some(asking) = self.asking.get_mut(&key) {
            asking.changes = asking.changes.saturating_add(1);
        }
    }

    /// Changes may have been missed.
    pub(super) fn invalidate_all(&mut self) {
        self.entries.clear();
        self.by_age.clear();
        self.ages = self.ages.saturating_add(1);
        self.confirmed_ns = None;
    }

    pub(super) fn confirm(&mut self, at_ns: u64) {
        self.confirmed_ns = Some(self.confirmed_ns.map_or(at_ns, |before| before.max(at_ns)));
    }

    pub(super) fn failed(&mut self, key: AccountKey, at_ns: u64) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.failed_at_ns = Some(at_ns);
        }
        if let Some(asking) = self.asking.get_mut(&key) {
            asking.failed_at_ns = Some(at_ns);
        }
    }

    /// Did the question fail that was under way when somebody came?
    pub(super) fn failed_since(&self, key: AccountKey, came_ns: u64) -> bool {
        self.asking.get(&key).and_then(|asking| asking.failed_at_ns).is_some_and(|at| at >= came_ns)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn remove(&mut self, key: AccountKey) {
        if let Some(entry) = self.entries.remove(&key) {
            self.by_age.remove(&(entry.read_at_ns, key));
        }
    }
}
