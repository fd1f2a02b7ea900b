//! How far a source's data lag behind their market. The clocks of a broker and of this server differ by nobody knows how much, so
//! the smallest lag of the last hours passes for none at all, and only what comes on top of it is age.
//!
//! Ticks and account snapshots are heard alike: after an outage the ticks of the gap come first, all of them old, but the snapshot
//! that opens the session is of now.

use aitrading_model::{MarketTime, Timestamp};

/// The smallest lag is taken over this window of receive time and the one before it: a clock that is corrected counts anew after
/// two of them.
const WINDOW_NS: i64 = 3_600_000_000_000;
const NS_PER_MS: i64 = 1_000_000;

/// From market time to receive time, in nanoseconds; negative if the market's clock is ahead.
pub(super) const fn lag_ns(market: MarketTime, received: Timestamp) -> i64 {
    received.0.saturating_sub(market.0.saturating_mul(NS_PER_MS))
}

/// The smallest lag of an account's data.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct UsualLag {
    window: i64,
    current: Option<i64>,
    before: Option<i64>,
}

impl UsualLag {
    /// Hears of a lag that was measured at `received`.
    pub(crate) fn hear(&mut self, lag_ns: i64, received: Timestamp) {
        let window = received.0.div_euclid(WINDOW_NS);
        if window != self.window {
            let next = window.saturating_sub(self.window) == 1;
            self.before = self.current.take().filter(|_| next);
            self.window = window;
        }
        self.current = Some(self.current.map_or(lag_ns, |least| least.min(lag_ns)));
    }

    /// How much larger than usual a lag is, in milliseconds, rounded up; 0 if nothing is known.
    pub(crate) fn behind_ms(&self, lag_ns: i64) -> i64 {
        let usual = self.current.into_iter().chain(self.before).min().unwrap_or(lag_ns);
        let behind = lag_ns.saturating_sub(usual).max(0);
        behind.div_euclid(NS_PER_MS).saturating_add(i64::from(behind.rem_euclid(NS_PER_MS) != 0))
    }
}
