//! Reads how many tests passed and failed from what the runners print.

use std::fmt;

use anyhow::{Context, Result};

/// How many tests passed, and how many did not.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) passed: u64,
    pub(super) failed: u64,
}

impl Count {
    /// Both counts together.
    pub(super) fn plus(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }

    /// The count after the runner's own verdict: a runner that failed without naming a test is one failure.
    pub(super) fn judged(self, runner_succeeded: bool) -> Self {
        if runner_succeeded || self.failed > 0 { self } else { Self { failed: 1, ..self } }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// Reads nextest's summary: `Summary [ 1.2s] 5/7 tests run: 4 passed (1 slow), 1 failed, 2 skipped`.
///
/// Whatever was meant to run and did not pass counts as failed: failures, time-outs, crashes, tests never reached.
pub(super) fn nextest(said: &str) -> Result<Count> {
    let mut summaries = said.lines().filter_map(|line| line.split_once("tests run:").or(line.split_once("test run:")));
    let (before, after) = summaries
        .next_back()
        .context("nextest printed no summary: read its messages above, most likely the build failed")?;
    let planned = before.trim().rsplit([' ', '/']).next().unwrap_or_default();
    let planned: u64 =
        planned.parse().with_context(|| format!("nextest's summary has no number of tests: {before}"))?;
    let passed = number_before(after, "passed").unwrap_or(0);
    Ok(Count { passed, failed: planned.saturating_sub(passed) })
}

/// Adds up libtest's lines: `test result: ok. 3 passed; 0 failed; 0 ignored; ...`.
pub(super) fn libtest(said: &str) -> Result<Count> {
    let mut total = Count::default();
    for line in said.lines().filter(|line| line.starts_with("test result:")) {
        let passed = number_before(line, "passed").with_context(|| format!("no count of passed tests in: {line}"))?;
        let failed = number_before(line, "failed").with_context(|| format!("no count of failed tests in: {line}"))?;
        total = total.plus(Count { passed, failed });
    }
    Ok(total)
}

/// The number in front of a word, as in `4 passed`.
fn number_before(text: &str, word: &str) -> Option<u64> {
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || ",;().".contains(c)).collect();
    let pairs = words.windows(2).filter_map(|pair| <&[&str; 2]>::try_from(pair).ok());
    pairs.filter(|[_, second]| *second == word).find_map(|[first, _]| first.parse().ok())
}

#[cfg(test)]
mod tests;
