//! The bounded table of what is counted.

use super::{Action, Limited, Prefix, Quota, Verdict, Who};
use aitrading_model::{DeviceId, TenantId};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Most keys that are remembered, about 20 MB.
pub const KEYS_MAX: usize = 65_536;
/// Keys that have recovered and are forgotten with each question, so that an idle table shrinks.
const FORGET_EACH: usize = 4;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Who(TenantId, Who),
    Device(TenantId, DeviceId),
    Address(Prefix),
}

pub(super) type Slot = (Action, Key);

/// A key and its quota.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) slot: Slot,
    pub(super) quota: Quota,
}

#[derive(Debug)]
struct Entry {
    empty_at_ns: u64,
    /// Made by somebody whom nobody knew.
    stranger: bool,
}

#[derive(Debug)]
pub(super) struct Table {
    entries: BTreeMap<Slot, Entry>,
    /// The same keys by the time at which they may be forgotten.
    by_recovery: BTreeSet<(u64, Slot)>,
    strangers: usize,
    keys_max: usize,
    strangers_max: usize,
}

impl Table {
    pub(super) const fn new(keys_max: usize) -> Self {
        let strangers_max = keys_max - keys_max / 4;
        Self { entries: BTreeMap::new(), by_recovery: BTreeSet::new(), strangers: 0, keys_max, strangers_max }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Charges all that is wanted, or nothing.
    pub(super) fn take(&mut self, action: Action, wanted: &[Wanted], known: bool, now_ns: u64) -> Verdict {
        self.forget(now_ns, FORGET_EACH);
        let mut tightest: Option<(Wanted, super::quota::Charged)> = None;
        let mut slowest_ns = 0;
        let mut refused: Option<(u64, Wanted)> = None;
        for want in wanted {
            match want.quota.charge(self.empty_at(&want.slot), now_ns) {
                Ok(charged) => {
                    slowest_ns = slowest_ns.max(charged.reset_ns);
                    if tightest.is_none_or(|(_, t)| charged.remaining < t.remaining) {
                        tightest = Some((*want, charged));
                    }
                }
                Err(wait_ns) if refused.is_none_or(|(longest, _)| wait_ns > longest) => {
                    refused = Some((wait_ns, *want))
                }
                Err(_) => {}
            }
        }
        if let Some((wait_ns, want)) = refused {
            let retry_after = Duration::from_nanos(wait_ns);
            return Verdict::Limited(Limited::Quota { action: want.slot.0, quota: want.quota, retry_after });
        }
        let Some((want, charged)) = tightest else {
            return Verdict::Limited(Limited::Uncounted { action });
        };
        if let Err(wait_ns) = self.make_room(wanted, known, now_ns) {
            return Verdict::Limited(Limited::Crowded { action, retry_after: Duration::from_nanos(wait_ns) });
        }
        for want in wanted {
            if let Ok(charged) = want.quota.charge(self.empty_at(&want.slot), now_ns) {
                self.put(want.slot, charged.empty_at_ns, known);
            }
        }
        let reset = Duration::from_nanos(slowest_ns);
        Verdict::Allowed { quota: want.quota, remaining: charged.remaining, reset }
    }

    fn empty_at(&self, slot: &Slot) -> u64 {
        self.entries.get(slot).map_or(0, |entry| entry.empty_at_ns)
    }

    fn put(&mut self, slot: Slot, empty_at_ns: u64, known: bool) {
        match self.entries.get_mut(&slot) {
            Some(entry) => {
                self.by_recovery.remove(&(entry.empty_at_ns, slot));
                entry.empty_at_ns = empty_at_ns;
            }
            None => {
                self.entries.insert(slot, Entry { empty_at_ns, stranger: !known });
                self.strangers = self.strangers.saturating_add(usize::from(!known));
            }
        }
        self.by_recovery.insert((empty_at_ns, slot));
    }

    /// Makes room for the keys that are new. A key is forgotten only when it owes nothing any more: forgetting a debt would
    /// be the way around it.
    ///
    /// # Errors
    /// Nanoseconds until the next key recovers.
    fn make_room(&mut self, wanted: &[Wanted], known: bool, now_ns: u64) -> Result<(), u64> {
        let new = wanted.iter().filter(|want| !self.entries.contains_key(&want.slot)).count();
        while self.is_short_of(new, known) {
            if self.forget(now_ns, 1) == 0 {
                let next = self.by_recovery.first().map_or(u64::MAX, |(at, _)| at.saturating_sub(now_ns));
                return Err(next);
            }
        }
        Ok(())
    }

    fn is_short_of(&self, new: usize, known: bool) -> bool {
        let all = self.entries.len().saturating_add(new) > self.keys_max;
        all || (!known && new > 0 && self.strangers.saturating_add(new) > self.strangers_max)
    }

    /// Forgets up to `most` keys that have recovered; answers how many.
    fn forget(&mut self, now_ns: u64, most: usize) -> usize {
        let mut forgotten = 0;
        while forgotten < most
            && let Some((at, slot)) = self.by_recovery.first().copied()
            && at <= now_ns
        {
            self.by_recovery.remove(&(at, slot));
            let entry = self.entries.remove(&slot);
            self.strangers = self.strangers.saturating_sub(usize::from(entry.is_some_and(|entry| entry.stranger)));
            forgotten += 1;
        }
        forgotten
    }
}
