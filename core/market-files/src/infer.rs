//! Which zone a broker's clock follows, told from when its weeks end: markets close on Friday at 17:00 in New York.

#[cfg(test)]
mod tests;
mod weeks;

use crate::Zone;
use weeks::Weeks;

pub use weeks::{WEEKS_MAX, WeeklyCloses};

/// Fewest weekly closes to say anything.
const WEEKS_MIN: u32 = 4;
/// The best zone must explain so many of a hundred weeks; holidays spoil a few.
const FIT_PERCENT: u32 = 80;
/// To rule a zone out, so many weeks must fit the best zone only ...
const ONLY_BEST_MIN: u32 = 2;
/// ... and so many times as many as fit the other zone only.
const ONLY_BEST_TIMES: u32 = 4;
/// Bases that are tried: from 12 hours behind UTC to 14 ahead.
const BASES: std::ops::RangeInclusive<i16> = -12 * 60..=14 * 60;
const FIXED_STEP_MIN: usize = 15;
const SUMMER_STEP_MIN: usize = 30;

/// How many weekly closes a zone explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fit {
    /// Zone.
    pub zone: Zone,
    /// Weeks that end at 17:00 in New York if the clock follows it.
    pub weeks: u32,
}

/// The zone that came nearest to the best one and was ruled out, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Separation {
    /// The zone ruled out.
    pub other: Fit,
    /// Weeks that only the best zone explains.
    pub only_best: u32,
    /// Weeks that only the other one explains.
    pub only_other: u32,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// One zone, all others ruled out.
    Certain(Zone),
    /// The data cannot tell these apart, best first: ask for more months, or ask the user.
    Ambiguous(Vec<Zone>),
    /// Too few weekly closes, or no zone explains enough of them.
    Unknown,
}

/// The answer and its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inference {
    /// Answer.
    pub verdict: Verdict,
    /// Weekly closes seen.
    pub weeks: u32,
    /// Weekends with records: a market that does not close tells nothing.
    pub open_weekends: u32,
    /// Zones that are not ruled out, best first.
    pub fits: Vec<Fit>,
    /// The best of those ruled out.
    pub runner_up: Option<Separation>,
}

impl WeeklyCloses {
    /// The zone, as far as the weeks seen tell.
    #[must_use]
    pub fn infer(&self) -> Inference {
        let weeks = self.closes();
        let mut trials: Vec<Trial> = candidates().map(|zone| Trial::new(zone, &weeks)).collect();
        // Stable, so that equal fits stay in the order of the candidates.
        trials.sort_by_key(|trial| std::cmp::Reverse(trial.fit.weeks));
        let total = u32::try_from(weeks.ends.len()).unwrap_or(u32::MAX);
        let mut inference = Inference {
            verdict: Verdict::Unknown,
            weeks: total,
            open_weekends: weeks.open,
            fits: Vec::new(),
            runner_up: None,
        };
        let Some((best, others)) = trials.split_first() else { return inference };
        inference.fits.push(best.fit);
        for other in others {
            let separation = best.against(other);
            if !separation.rules_out() {
                inference.fits.push(other.fit);
            } else if inference.runner_up.is_none() {
                inference.runner_up = Some(separation);
            }
        }
        let explained = u64::from(best.fit.weeks) * 100 >= u64::from(total) * u64::from(FIT_PERCENT);
        if total < WEEKS_MIN || !explained || weeks.open > total {
            inference.fits.clear();
            inference.fits.extend((best.fit.weeks > 0).then_some(best.fit));
            return inference;
        }
        inference.verdict = match inference.fits.as_slice() {
            [only] => Verdict::Certain(only.zone),
            several => Verdict::Ambiguous(several.iter().map(|fit| fit.zone).collect()),
        };
        inference
    }
}

/// Rules with summer time first: most brokers have one.
fn candidates() -> impl Iterator<Item = Zone> {
    let summer = |rule: fn(i16) -> Zone| BASES.step_by(SUMMER_STEP_MIN).map(rule);
    let fixed = BASES.step_by(FIXED_STEP_MIN).map(|base| match base {
        0 => Zone::Utc,
        -300 => Zone::Est,
        base => Zone::Fixed(base),
    });
    summer(Zone::EuDst).chain(summer(Zone::UsDst)).chain(summer(Zone::AuDst)).chain(fixed)
}

struct Trial {
    fit: Fit,
    by_week: Vec<bool>,
}

impl Trial {
    fn new(zone: Zone, weeks: &Weeks) -> Self {
        let by_week: Vec<bool> = weeks.ends.iter().map(|end| weeks::closes_in_new_york(zone, *end)).collect();
        let count = by_week.iter().filter(|fits| **fits).count();
        Self { fit: Fit { zone, weeks: u32::try_from(count).unwrap_or(u32::MAX) }, by_week }
    }

    fn against(&self, other: &Self) -> Separation {
        let (mut only_best, mut only_other) = (0, 0);
        for pair in self.by_week.iter().zip(&other.by_week) {
            match pair {
                (true, false) => only_best += 1,
                (false, true) => only_other += 1,
                _ => {}
            }
        }
        Separation { other: other.fit, only_best, only_other }
    }
}

impl Separation {
    fn rules_out(&self) -> bool {
        self.only_best >= ONLY_BEST_MIN && self.only_best >= ONLY_BEST_TIMES * self.only_other
    }
}
