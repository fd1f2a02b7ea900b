//! By which code signals were refused, from the reports in the server's store.

use aitrading_model::{ReportState, Retcode};
use std::collections::BTreeMap;

/// Different codes that are told apart: a client is not trusted, and its reasons are its own words.
const CODES_MAX: usize = 64;
/// What does not look like a code, or comes after too many others.
const OTHER: &str = "OTHER";

/// Refused signals by code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Refusals(BTreeMap<String, u64>);

impl Refusals {
    /// Counts a report that tells a refusal: by the client's own checks, or by terminal or broker.
    pub(crate) fn add(&mut self, state: ReportState, retcode: Retcode, reason: &str) {
        let code = match state {
            ReportState::Refused => client_code(reason),
            ReportState::Rejected => broker_code(retcode).unwrap_or_else(|| client_code(reason)),
            _ => return,
        };
        let known = self.0.contains_key(&code) || self.0.len() < CODES_MAX;
        let count = self.0.entry(if known { code } else { OTHER.to_owned() }).or_default();
        *count = count.saturating_add(1);
    }

    /// The counts. Each signal of `refused` is in them: one that the server took for refused without a report has no code.
    pub(crate) fn of(self, refused: u64) -> BTreeMap<String, u64> {
        let mut counts = self.0;
        let told: u64 = counts.values().sum();
        if refused > told {
            let other = counts.entry(OTHER.to_owned()).or_default();
            *other = other.saturating_add(refused.saturating_sub(told));
        }
        counts
    }
}

/// The trade server's code by its name in MQL5, without `TRADE_RETCODE_`.
fn broker_code(retcode: Retcode) -> Option<String> {
    let name = || retcode.row().map_or_else(|| format!("RETCODE_{}", retcode.0), |row| row.name.to_owned());
    (retcode != Retcode::NONE).then(name)
}

fn client_code(reason: &str) -> String {
    let is_code = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if reason.is_empty() || !reason.chars().all(is_code) { OTHER.to_owned() } else { reason.to_owned() }
}

#[cfg(test)]
mod tests;
