//! What is missing of the past: which holes and which days are to be asked about, and who asks.
//!
//! A source has one plan, whoever is connected; a session borrows it while it asks. The plan is made anew after a start, from
//! what the tick store says: only holes that are open there, and only days behind the last one that was counted.

mod answer;
mod asker;
mod plan;
#[cfg(test)]
mod tests;
mod trouble;

pub(crate) use asker::{Asker, Hearing};

use aitrading_model::{Cursor, Source};
use plan::Plan;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Figures since the start, for health.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    /// Late ticks that were stored.
    pub(crate) added: AtomicU64,
    pub(crate) settled: AtomicU64,
    pub(crate) given_up: AtomicU64,
    pub(crate) days: AtomicU64,
    /// Days that still differ after their holes were asked about.
    pub(crate) days_differ: AtomicU64,
}

/// All plans.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    /// `None` while somebody has it.
    plans: Mutex<BTreeMap<Source, Option<Plan>>>,
    /// The last question's number.
    asked: AtomicU64,
    /// Open holes that are known, by source.
    open: Mutex<BTreeMap<Source, usize>>,
    pub(crate) totals: Arc<Totals>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gaps {
    /// A source was opened that stood at `cursor`. Only the first time counts.
    pub(crate) fn opened(&self, source: Source, cursor: Cursor) {
        lock(&self.plans).entry(source).or_insert_with(|| Some(Plan::new(cursor)));
    }

    /// Borrows a source's plan; `None` if somebody has it.
    fn take(&self, source: Source) -> Option<Borrowed<'_>> {
        let plan = lock(&self.plans).get_mut(&source)?.take()?;
        Some(Borrowed { gaps: self, source, plan })
    }

    /// The number of a new question.
    fn number(&self) -> u64 {
        self.asked.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Was a question of this number ever asked?
    pub(crate) fn was_asked(&self, id: u64) -> bool {
        id > 0 && id <= self.asked.load(Ordering::Relaxed)
    }

    /// What health shows.
    pub(crate) fn shown(&self) -> String {
        let open: usize = lock(&self.open).values().sum();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let totals = &self.totals;
        format!(
            "{open} open; since the start {} settled with {} ticks added, {} given up; {} days counted, {} differ",
            count(&totals.settled),
            count(&totals.added),
            count(&totals.given_up),
            count(&totals.days),
            count(&totals.days_differ),
        )
    }
}

/// A plan that goes back when it is dropped, also if its borrower is aborted.
struct Borrowed<'a> {
    gaps: &'a Gaps,
    source: Source,
    plan: Plan,
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        lock(&self.gaps.open).insert(self.source, self.plan.open());
        let plan = std::mem::take(&mut self.plan);
        lock(&self.gaps.plans).insert(self.source, Some(plan));
    }
}
