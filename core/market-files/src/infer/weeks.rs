//! Weekly closes: the last record of each week, by the file's own wall clock.

use crate::civil::{DAY_MS, HOUR_MS, MINUTE_MS, weekday};
use crate::zone::{Local, Zone};
use crate::{BarRow, Reject, Sink};
use aitrading_model::{MarketTime, Tick};

/// Most weekly closes that are kept (78 years).
pub const WEEKS_MAX: usize = 4096;
const WEEK_MS: i64 = 7 * DAY_MS;
/// Saturday noon, counted from Sunday: in every zone the market is closed from here ...
const SHUT_FROM_MS: i64 = 6 * DAY_MS + 12 * HOUR_MS;
/// ... for so long.
const SHUT_MS: i64 = 20 * HOUR_MS;
/// A week whose last record is longer before Saturday noon had a holiday on Friday, or ends in a hole.
const FRIDAY_MS: i64 = 32 * HOUR_MS;
/// Feeds end up to so long before the hour.
const EARLY_MS: i64 = 15 * MINUTE_MS;
/// Friday's close in New York.
const CLOSE_MS: i64 = 17 * HOUR_MS;
const FRIDAY: i64 = 5;
/// Beyond any calendar; keeps the arithmetic far from its limits.
const WALL_MAX_MS: i64 = 1 << 50;
const NEW_YORK: Zone = Zone::UsDst(-300);

/// Gathers weekly closes from records in time order. Feed it wall-clock times: read the file with [`Zone::Utc`], and this as the sink.
#[derive(Debug, Clone)]
pub struct WeeklyCloses {
    period_ms: i64,
    last: Option<i64>,
    ends: Vec<i64>,
    open: u32,
    open_counted: bool,
}

/// What was gathered.
pub(super) struct Weeks {
    /// Ends of the last records, wall clock.
    pub(super) ends: Vec<i64>,
    pub(super) open: u32,
}

impl WeeklyCloses {
    /// For ticks.
    #[must_use]
    pub fn ticks() -> Self {
        Self::bars(0)
    }

    /// For bars of this length: a bar's end counts, not its start.
    #[must_use]
    pub fn bars(period_ms: i64) -> Self {
        Self { period_ms: period_ms.clamp(0, DAY_MS), last: None, ends: Vec::new(), open: 0, open_counted: false }
    }

    /// One record's time: the wall clock, as if it were UTC.
    pub fn see(&mut self, wall: MarketTime) {
        let wall = wall.0.clamp(-WALL_MAX_MS, WALL_MAX_MS);
        let Some(last) = self.last.replace(wall) else { return };
        if week(last) != week(wall) {
            self.close(last);
            self.open_counted = false;
        }
        // The market's closed hours begin each of these weeks.
        if wall - shut(week(wall)) < SHUT_MS && !self.open_counted {
            self.open_counted = true;
            self.open = self.open.saturating_add(1);
            // What looked like a close was none.
            if week(last) + 1 == week(wall) && self.end(last).is_some() {
                self.ends.pop();
            }
        }
    }

    fn close(&mut self, last: i64) {
        if let Some(end) = self.end(last)
            && self.ends.len() < WEEKS_MAX
        {
            self.ends.push(end);
        }
    }

    fn end(&self, last: i64) -> Option<i64> {
        let noon = shut(week(last) + 1);
        (noon - last <= FRIDAY_MS).then_some(last + self.period_ms)
    }

    pub(super) fn closes(&self) -> Weeks {
        // The last week of a file may be cut off anywhere: only a record after the weekend closes a week.
        Weeks { ends: self.ends.clone(), open: self.open }
    }
}

impl Sink for WeeklyCloses {
    fn tick(&mut self, _line: u64, tick: Tick) {
        self.see(tick.time);
    }

    fn bar(&mut self, _line: u64, bar: BarRow) {
        self.see(bar.start);
    }

    fn reject(&mut self, _reject: Reject) {}
}

/// Weeks run from Saturday noon to Saturday noon.
fn week(wall: i64) -> i64 {
    // 1970-01-01 was a Thursday; the Sunday before it is day -4.
    (wall + 4 * DAY_MS - SHUT_FROM_MS).div_euclid(WEEK_MS)
}

fn shut(week: i64) -> i64 {
    week * WEEK_MS + SHUT_FROM_MS - 4 * DAY_MS
}

/// Is `end` Friday's close in New York, if the clock follows `zone`?
pub(super) fn closes_in_new_york(zone: Zone, end: i64) -> bool {
    let utc = match zone.local(end) {
        Local::Once(utc) => utc,
        Local::Twice { .. } | Local::Never => return false,
    };
    let wall = NEW_YORK.wall(utc);
    let (day, time) = (wall.div_euclid(DAY_MS), wall.rem_euclid(DAY_MS));
    weekday(day) == FRIDAY && time > CLOSE_MS - EARLY_MS && time <= CLOSE_MS
}
