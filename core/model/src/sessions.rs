//! When a symbol trades: sessions per weekday on the clock of the broker's trade server, and how far that clock is from UTC.
//!
//! Market times are UTC everywhere in the product, because a source that stamps ticks with another clock translates them before
//! they are sent. Only the broker's sessions are told in the broker's own day, so the table carries the step between both.

#[cfg(test)]
mod tests;

use crate::MarketTime;
use serde::{Deserialize, Serialize};

/// Most sessions of one weekday.
pub const SESSIONS_PER_DAY_MAX: usize = 8;
/// Weekdays, Sunday first.
pub const WEEKDAYS: usize = 7;
/// Furthest that a trade server's clock may be from UTC, in seconds: no zone is further.
pub const SERVER_AHEAD_MAX_S: i32 = 14 * 3_600;
/// Zones lie on quarters of an hour: another number is a measurement that nobody rounded.
pub const SERVER_AHEAD_STEP_S: i32 = 900;

const DAY_S: u32 = 86_400;
const DAY_MS: i64 = 86_400_000;
/// 1970-01-01 was a Thursday.
const EPOCH_WEEKDAY: i64 = 4;

/// One session: seconds of its weekday, `from_s` inclusive, `to_s` exclusive. It may end on the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Session {
    /// First second, below 86,400.
    pub from_s: u32,
    /// The second at which it is over, at most 172,800.
    pub to_s: u32,
}

impl Session {
    const fn is_sound(self) -> bool {
        self.from_s < DAY_S && self.from_s < self.to_s && self.to_s <= DAY_S.saturating_mul(2)
    }

    /// Does it hold a moment so many milliseconds after the beginning of its weekday?
    const fn holds(self, ms: i64) -> bool {
        self.starts_ms() <= ms && ms < (self.to_s as i64).saturating_mul(1_000)
    }

    const fn starts_ms(self) -> i64 {
        (self.from_s as i64).saturating_mul(1_000)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Day {
    len: u8,
    /// Behind `len` there are defaults alone, so that equal tables are equal.
    sessions: [Session; SESSIONS_PER_DAY_MAX],
}

impl Day {
    fn sessions(&self) -> &[Session] {
        self.sessions.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// Why a table of sessions is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadSessions;

impl std::fmt::Display for BadSessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "a weekday has at most 8 sessions, each begins before it ends, begins within its day and ends at the latest \
             with the next one; the server's clock is whole quarters of an hour, at most 14 h, from UTC",
        )
    }
}

impl std::error::Error for BadSessions {}

/// The trade sessions of a symbol. A weekday without one is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Plain", into = "Plain")]
pub struct TradeSessions {
    server_ahead_s: i32,
    days: [Day; WEEKDAYS],
}

impl TradeSessions {
    /// A table from its weekdays, Sunday first. `server_ahead_s`: seconds by which the trade server's clock is ahead of UTC.
    ///
    /// # Errors
    /// [`BadSessions`] if a bound is broken.
    pub fn new<D: AsRef<[Session]>>(server_ahead_s: i32, days: &[D; WEEKDAYS]) -> Result<Self, BadSessions> {
        let off_step = server_ahead_s.checked_rem(SERVER_AHEAD_STEP_S) != Some(0);
        if off_step || !(-SERVER_AHEAD_MAX_S..=SERVER_AHEAD_MAX_S).contains(&server_ahead_s) {
            return Err(BadSessions);
        }
        let mut table = Self { server_ahead_s, days: [Day::default(); WEEKDAYS] };
        for (day, given) in table.days.iter_mut().zip(days) {
            let given = given.as_ref();
            let place = day.sessions.get_mut(..given.len()).ok_or(BadSessions)?;
            if !given.iter().all(|session| session.is_sound()) {
                return Err(BadSessions);
            }
            place.copy_from_slice(given);
            day.len = u8::try_from(given.len()).map_err(|_| BadSessions)?;
        }
        Ok(table)
    }

    /// Seconds by which the trade server's clock is ahead of UTC.
    #[must_use]
    pub const fn server_ahead_s(&self) -> i32 {
        self.server_ahead_s
    }

    /// The weekdays' sessions, Sunday first.
    pub fn days(&self) -> impl Iterator<Item = &[Session]> {
        self.days.iter().map(Day::sessions)
    }

    /// What the trade server's clock shows at a market time, in milliseconds since 1970 as that clock counts; `None` beyond all
    /// time.
    #[must_use]
    pub fn server_clock(&self, at: MarketTime) -> Option<i64> {
        at.0.checked_add(i64::from(self.server_ahead_s).saturating_mul(1_000))
    }

    /// Is a trade session open at a market time?
    #[must_use]
    pub fn is_open(&self, at: MarketTime) -> bool {
        self.server_clock(at).is_some_and(|ms| self.is_open_on_server_clock(ms))
    }

    /// The same for what the trade server's clock shows. Yesterday's sessions count while they last beyond midnight.
    #[must_use]
    pub fn is_open_on_server_clock(&self, ms: i64) -> bool {
        let (day, of_day) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
        let holds = |day, ms: i64| self.weekday(day).iter().any(|session| session.holds(ms));
        holds(day, of_day) || holds(day.saturating_sub(1), of_day.saturating_add(DAY_MS))
    }

    /// `at` if a session is open then, else the beginning of the next one; `None` if there is never one.
    #[must_use]
    pub fn next_open(&self, at: MarketTime) -> Option<MarketTime> {
        let now = self.server_clock(at)?;
        if self.is_open_on_server_clock(now) {
            return Some(at);
        }
        let (day, of_day) = (now.div_euclid(DAY_MS), now.rem_euclid(DAY_MS));
        // A week later the first weekday comes again.
        let waits = (0..=7_i64).flat_map(|ahead| {
            let sessions = self.weekday(day.saturating_add(ahead)).iter();
            sessions.map(move |s| s.starts_ms().saturating_add(ahead.saturating_mul(DAY_MS)).saturating_sub(of_day))
        });
        waits.filter(|wait| *wait > 0).min().and_then(|wait| at.0.checked_add(wait)).map(MarketTime)
    }

    /// Sessions of a day, counted from 1970-01-01.
    fn weekday(&self, day: i64) -> &[Session] {
        let weekday = day.rem_euclid(7).saturating_add(EPOCH_WEEKDAY).rem_euclid(7);
        usize::try_from(weekday).ok().and_then(|n| self.days.get(n)).map(Day::sessions).unwrap_or_default()
    }
}

/// The table as it is written down.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    server_ahead_s: i32,
    days: [Vec<(u32, u32)>; WEEKDAYS],
}

impl TryFrom<Plain> for TradeSessions {
    type Error = BadSessions;

    fn try_from(plain: Plain) -> Result<Self, BadSessions> {
        let session = |(from_s, to_s): (u32, u32)| Session { from_s, to_s };
        let days = plain.days.map(|day| day.into_iter().map(session).collect::<Vec<_>>());
        Self::new(plain.server_ahead_s, &days)
    }
}

impl From<TradeSessions> for Plain {
    fn from(table: TradeSessions) -> Self {
        let plain = |day: &Day| day.sessions().iter().map(|s| (s.from_s, s.to_s)).collect();
        Self { server_ahead_s: table.server_ahead_s, days: table.days.each_ref().map(plain) }
    }
}
