//! Writers: MetaTrader exports and our own CSV, such that reading them gives the same records.

use crate::civil::DAY_MS;
use crate::intake::is_plausible;
use crate::number::{push_fixed, push_whole};
use crate::zone::{Zone, ZoneClock};
use crate::{BarRow, MarketFileError, RejectCode, check_bar, check_tick};
use aitrading_model::{MarketTime, Price, Tick, Volume};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dress {
    Mt5,
    Csv,
}

/// Times of one file as they will be read.
#[derive(Debug)]
struct Times {
    zone: Zone,
    clock: ZoneClock,
    floor: Option<MarketTime>,
}

impl Times {
    fn new(zone: Zone) -> Self {
        Self { zone, clock: ZoneClock::new(zone), floor: None }
    }

    /// The wall clock at `time`, if a reader will make the same time of it.
    fn wall(&mut self, time: MarketTime) -> Result<i64, MarketFileError> {
        let refused = |code| MarketFileError::NotWritable { time, code };
        if !is_plausible(time) {
            return Err(refused(RejectCode::TimeImplausible));
        }
        if self.floor.is_some_and(|floor| time < floor) {
            return Err(refused(RejectCode::TimeBackwards));
        }
        let wall = self.zone.wall(time);
        let read = self.clock.read(wall, self.floor).map_err(refused)?;
        if read.utc == time { Ok(wall) } else { Err(refused(RejectCode::TimeBackwards)) }
    }
}

/// Writes ticks of one symbol, in time order.
#[derive(Debug)]
pub struct TickWriter {
    dress: Dress,
    digits: u8,
    times: Times,
    before: Option<Tick>,
}

impl TickWriter {
    /// As MetaTrader 5 exports them, in the wall clock of `zone`; `digits` are the symbol's.
    #[must_use]
    pub fn mt5(zone: Zone, digits: u8) -> Self {
        Self { dress: Dress::Mt5, digits, times: Times::new(zone), before: None }
    }

    /// Our own CSV: `time_msc,bid,ask,last,volume,flags` in UTC.
    #[must_use]
    pub fn csv(digits: u8) -> Self {
        Self { dress: Dress::Csv, digits, times: Times::new(Zone::Utc), before: None }
    }

    /// Appends one tick to `out`, the header before the first.
    ///
    /// # Errors
    /// `NotWritable` if a reader would refuse it or read another time; nothing is appended then.
    pub fn write(&mut self, tick: &Tick, out: &mut Vec<u8>) -> Result<(), MarketFileError> {
        check_tick(tick, true).map_err(|code| MarketFileError::NotWritable { time: tick.time, code })?;
        let wall = self.times.wall(tick.time)?;
        match self.dress {
            Dress::Mt5 => self.mt5_line(tick, wall, out),
            Dress::Csv => self.csv_line(tick, wall, out),
        }
        self.times.floor = Some(tick.time);
        self.before = Some(*tick);
        Ok(())
    }

    /// Sides that did not change stay empty, as in a terminal's export.
    fn mt5_line(&self, tick: &Tick, wall: i64, out: &mut Vec<u8>) {
        if self.before.is_none() {
            out.extend_from_slice(b"<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\r\n");
        }
        let price = |now: Price, before: Option<Price>, out: &mut Vec<u8>| {
            if before != Some(now) {
                push_fixed(out, now.raw(), self.digits);
            }
            out.push(b'\t');
        };
        mt5_time(out, wall, true);
        price(tick.bid, self.before.map(|tick| tick.bid), out);
        price(tick.ask, self.before.map(|tick| tick.ask), out);
        price(tick.last, Some(self.before.map_or(Price::ZERO, |tick| tick.last)), out);
        if tick.volume != self.before.map_or(Volume::ZERO, |tick| tick.volume) {
            push_fixed(out, tick.volume.raw(), 0);
        }
        out.push(b'\t');
        push_whole(out, u64::from(tick.flags.bits()), 1);
        out.extend_from_slice(b"\r\n");
    }

    fn csv_line(&self, tick: &Tick, wall: i64, out: &mut Vec<u8>) {
        if self.before.is_none() {
            out.extend_from_slice(b"time_msc,bid,ask,last,volume,flags\n");
        }
        push_whole(out, wall.unsigned_abs(), 1);
        for (raw, digits) in [(tick.bid.raw(), self.digits), (tick.ask.raw(), self.digits), (tick.last.raw(), 0)] {
            out.push(b',');
            push_fixed(out, raw, digits);
        }
        out.push(b',');
        push_fixed(out, tick.volume.raw(), 0);
        out.push(b',');
        push_whole(out, u64::from(tick.flags.bits()), 1);
        out.push(b'\n');
    }
}

/// Writes bars of one symbol and length, in time order.
#[derive(Debug)]
pub struct BarWriter {
    dress: Dress,
    digits: u8,
    times: Times,
}

impl BarWriter {
    /// As MetaTrader 5 exports them, in the wall clock of `zone`; `digits` are the symbol's.
    #[must_use]
    pub fn mt5(zone: Zone, digits: u8) -> Self {
        Self { dress: Dress::Mt5, digits, times: Times::new(zone) }
    }

    /// Our own CSV: `time_msc,open,high,low,close,tick_volume,volume,spread` in UTC.
    #[must_use]
    pub fn csv(digits: u8) -> Self {
        Self { dress: Dress::Csv, digits, times: Times::new(Zone::Utc) }
    }

    /// Appends one bar to `out`, the header before the first.
    ///
    /// # Errors
    /// `NotWritable` if a reader would refuse it or read another time; nothing is appended then.
    pub fn write(&mut self, bar: &BarRow, out: &mut Vec<u8>) -> Result<(), MarketFileError> {
        check_bar(bar).map_err(|code| MarketFileError::NotWritable { time: bar.start, code })?;
        let first = self.times.floor.is_none();
        let wall = self.times.wall(bar.start)?;
        let (header, mark, end): (&[u8], u8, &[u8]) = match self.dress {
            Dress::Mt5 => {
                (b"<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\r\n", b'\t', b"\r\n")
            }
            Dress::Csv => (b"time_msc,open,high,low,close,tick_volume,volume,spread\n", b',', b"\n"),
        };
        if first {
            out.extend_from_slice(header);
        }
        match self.dress {
            Dress::Mt5 => mt5_time(out, wall, wall.rem_euclid(1_000) != 0),
            Dress::Csv => {
                push_whole(out, wall.unsigned_abs(), 1);
                out.push(mark);
            }
        }
        for price in [bar.open, bar.high, bar.low, bar.close] {
            push_fixed(out, price.raw(), self.digits);
            out.push(mark);
        }
        push_whole(out, bar.ticks, 1);
        out.push(mark);
        push_fixed(out, bar.volume.raw(), 0);
        out.push(mark);
        push_whole(out, u64::from(bar.spread), 1);
        out.extend_from_slice(end);
        // The next bar must be later, not equal.
        self.times.floor = Some(MarketTime(bar.start.0.saturating_add(1)));
        Ok(())
    }
}

/// `2022.11.10<tab>15:00:00.017<tab>`.
fn mt5_time(out: &mut Vec<u8>, wall: i64, with_ms: bool) {
    let (year, month, day) = MarketTime(wall).civil_date();
    let ms = wall.rem_euclid(DAY_MS).unsigned_abs();
    push_whole(out, year.unsigned_abs(), 4);
    out.push(b'.');
    push_whole(out, u64::from(month), 2);
    out.push(b'.');
    push_whole(out, u64::from(day), 2);
    out.push(b'\t');
    push_whole(out, ms / 3_600_000, 2);
    out.push(b':');
    push_whole(out, ms / 60_000 % 60, 2);
    out.push(b':');
    push_whole(out, ms / 1_000 % 60, 2);
    if with_ms {
        out.push(b'.');
        push_whole(out, ms % 1_000, 3);
    }
    out.push(b'\t');
}
