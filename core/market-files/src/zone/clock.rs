//! Wall clock to UTC for many records in a row: one day's offset is remembered, days on which clocks change are not.

use super::{Local, Zone};
use crate::civil::{DAY_MS, HOUR_MS};
use crate::reject::RejectCode;
use aitrading_model::MarketTime;

/// A change within this distance of a day, by whichever offset, may touch its wall-clock times.
const MARGIN_MS: i64 = 26 * HOUR_MS;

/// One file's clock.
#[derive(Debug)]
pub(crate) struct ZoneClock {
    zone: Zone,
    day_start: i64,
    /// Of the whole day that begins at `day_start`; `None` if it changes near it.
    offset: Option<i64>,
}

/// One reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) utc: MarketTime,
    /// The wall clock showed it twice.
    pub(crate) twice: bool,
}

impl ZoneClock {
    pub(crate) fn new(zone: Zone) -> Self {
        Self { zone, day_start: i64::MIN, offset: None }
    }

    /// The instant of `wall`. A time that the clock showed twice is the earlier one, unless records have passed that already
    /// (`floor` is the earliest time that is in order); a time that it never showed is refused.
    pub(crate) fn read(&mut self, wall: i64, floor: Option<MarketTime>) -> Result<Read, RejectCode> {
        let start = wall.saturating_sub(wall.rem_euclid(DAY_MS));
        if start != self.day_start {
            let around = |at: i64| self.zone.offset_ms(MarketTime(at));
            let (before, after) =
                (around(start.saturating_sub(MARGIN_MS)), around(start.saturating_add(DAY_MS + MARGIN_MS)));
            self.day_start = start;
            self.offset = (before == after).then_some(before);
        }
        if let Some(offset) = self.offset {
            return Ok(Read { utc: MarketTime(wall.saturating_sub(offset)), twice: false });
        }
        match self.zone.local(wall) {
            Local::Once(utc) => Ok(Read { utc, twice: false }),
            Local::Twice { earlier, later } => {
                let passed = floor.is_some_and(|floor| earlier < floor);
                Ok(Read { utc: if passed { later } else { earlier }, twice: true })
            }
            Local::Never => Err(RejectCode::TimeNonexistent),
        }
    }
}
