//! What is said to a caller about its quota.

use super::{Action, Quota};
use aitrading_error::{Category, Coded, Dna, FaultSide, Retry, Severity};
use std::time::Duration;

/// Go on, or wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Allowed {
        /// The quota of the key that has least left.
        quota: Quota,
        /// How many more at once.
        remaining: u32,
        /// Until every key of the caller is as if it had asked nothing.
        reset: Duration,
    },
    /// Wait.
    Limited(Limited),
}

/// Why a caller has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Limited {
    /// A quota is used up.
    #[error("too many requests of the kind `{}`: at most {} in {} s; wait for the time in Retry-After", .action.name(), .quota.count(), .quota.period().as_secs())]
    Quota {
        /// Of this.
        action: Action,
        /// The quota whose recovery takes longest.
        quota: Quota,
        /// Until it fits.
        retry_after: Duration,
    },
    /// Too many callers are new at the same time, and none of those before has recovered.
    #[error("too many new callers at the same time; wait for the time in Retry-After, or log in first")]
    Crowded {
        /// Of this.
        action: Action,
        /// Until a place may be free.
        retry_after: Duration,
    },
    /// The caller has no key that this action is counted by.
    #[error("requests of the kind `{}` are not taken from callers like this one; log in first", .action.name())]
    Uncounted {
        /// Of this.
        action: Action,
    },
}

impl Coded for Limited {
    fn dna(&self) -> Dna {
        let dna = |code| {
            let dna = Dna::new("security", code, Category::Capacity).side(FaultSide::Caller).severity(Severity::Info);
            dna.retry(Retry::Later)
        };
        match self {
            Self::Quota { .. } => dna("RATE_LIMITED"),
            Self::Crowded { .. } => dna("RATE_LIMITER_FULL").severity(Severity::Warning),
            Self::Uncounted { .. } => dna("RATE_UNCOUNTED").retry(Retry::Never),
        }
    }
}

impl Limited {
    /// How long to wait; `None` if waiting does not help.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Quota { retry_after, .. } | Self::Crowded { retry_after, .. } => Some(*retry_after),
            Self::Uncounted { .. } => None,
        }
    }
}

impl Verdict {
    /// Names and values of the headers that say so, in whole seconds rounded up: who waits as long as they say is not
    /// refused again for the same reason.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::with_capacity(5);
        match self {
            Self::Allowed { quota, remaining, reset } => about(&mut headers, quota, *remaining, *reset),
            Self::Limited(Limited::Quota { quota, retry_after, .. }) => {
                about(&mut headers, quota, 0, *retry_after);
                headers.push(("retry-after", seconds(*retry_after)));
            }
            Self::Limited(Limited::Crowded { retry_after, .. }) => headers.push(("retry-after", seconds(*retry_after))),
            Self::Limited(Limited::Uncounted { .. }) => {}
        }
        headers
    }
}

fn about(headers: &mut Vec<(&'static str, String)>, quota: &Quota, remaining: u32, reset: Duration) {
    let (count, window, burst) = (quota.count(), quota.period().as_secs(), quota.burst());
    headers.push(("ratelimit-limit", count.to_string()));
    headers.push(("ratelimit-remaining", remaining.to_string()));
    headers.push(("ratelimit-reset", seconds(reset)));
    headers.push(("ratelimit-policy", format!("{count};w={window};burst={burst}")));
}

fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    let up = u64::from(time.subsec_nanos() > 0);
    whole.saturating_add(up).max(1).to_string()
}
