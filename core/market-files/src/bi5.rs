//! Dukascopy's compressed hours: LZMA around records of 20 bytes, the hour itself only in the path.

use crate::civil::{DAY_MS, HOUR_MS, day_number};
use crate::intake::{Intake, Placed, Summary};
use crate::number::{power, whole};
use crate::record::Record;
use crate::{Format, MarketFileError, Reject, RejectCode, Settings, Sink};
use aitrading_model::{MarketTime, Price, Symbol, Tick, TickFlags, Volume};
use lzma_rs::decompress::{Options, UnpackedSize};
use std::io;

/// Largest compressed file in bytes; the busiest real hours take some hundred thousand.
pub const BI5_FILE_MAX: usize = 8 << 20;
/// Most ticks of one hour.
pub const BI5_TICKS_MAX: usize = 1 << 20;
const RECORD: usize = 20;
const UNPACKED_MAX: usize = BI5_TICKS_MAX * RECORD;
/// LZMA's header: properties, dictionary size, unpacked size.
const HEADER: usize = 13;

/// What a path says about a compressed hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bi5Place {
    /// Symbol.
    pub symbol: Symbol,
    /// Start of the hour.
    pub hour: MarketTime,
}

impl Bi5Place {
    /// From a path that ends in `EURUSD/2012/11/03/14h_ticks.bi5`: months count from 00, so this is 3 December 2012.
    ///
    /// # Errors
    /// `Bi5Path` if it does not.
    pub fn from_path(path: &str) -> Result<Self, MarketFileError> {
        let mut parts = path.rsplit(['/', '\\']);
        let hour = parts.next().and_then(|name| name.strip_suffix("h_ticks.bi5"));
        let number = |part: Option<&str>, len: usize| whole(part.filter(|part| part.len() == len)?.as_bytes());
        let mut read = || {
            let hour = number(hour, 2).filter(|hour| *hour <= 23)?;
            let (day, month, year) = (number(parts.next(), 2)?, number(parts.next(), 2)?, number(parts.next(), 4)?);
            let start = day_number(year, month + 1, day)? * DAY_MS + hour * HOUR_MS;
            Some(Self { symbol: parts.next()?.parse().ok()?, hour: MarketTime(start) })
        };
        read().ok_or(MarketFileError::Bi5Path)
    }
}

/// Could these bytes begin a compressed hour?
pub(crate) fn is_bi5(head: &[u8]) -> bool {
    let Some((&[properties, _, _, d2, d3, u0, u1, u2, u3, u4, u5, u6, u7], _)) = head.split_first_chunk::<HEADER>()
    else {
        return false;
    };
    let unpacked = u64::from_le_bytes([u0, u1, u2, u3, u4, u5, u6, u7]);
    let plausible = usize::try_from(unpacked).is_ok_and(|len| len <= UNPACKED_MAX) || unpacked == u64::MAX;
    properties == 0x5d && (d2, d3) != (0, 0) && plausible
}

/// Reads one compressed hour: kept whole, decompressed at its end.
#[derive(Debug)]
pub(crate) struct Bi5 {
    hour: MarketTime,
    /// One point in units of 10^-8.
    point: i64,
    packed: Vec<u8>,
    intake: Intake,
}

impl Bi5 {
    pub(crate) fn new(settings: &Settings) -> Result<Self, MarketFileError> {
        let needed = |what| MarketFileError::SettingNeeded { format: Format::Bi5, what };
        let digits = settings.points.ok_or(needed("the decimals of a point"))?;
        let range = MarketFileError::SettingRange { what: "the decimals of a point", max: 8 };
        let point = 8_usize.checked_sub(usize::from(digits)).and_then(power).ok_or(range)?;
        let hour = settings.hour.ok_or(needed("the hour that it holds"))?;
        Ok(Self { hour, point, packed: Vec::new(), intake: Intake::new(Format::Bi5, settings.latest) })
    }

    pub(crate) fn feed(&mut self, chunk: &[u8]) -> Result<(), MarketFileError> {
        if self.packed.len().saturating_add(chunk.len()) > BI5_FILE_MAX {
            return Err(MarketFileError::TooLarge { max: BI5_FILE_MAX, when: "as it is" });
        }
        self.packed.extend_from_slice(chunk);
        Ok(())
    }

    /// An hour without ticks is an empty file, and good.
    pub(crate) fn finish(mut self, sink: &mut dyn Sink) -> Result<Summary, MarketFileError> {
        let unpacked = if self.packed.is_empty() { Vec::new() } else { unpack(&self.packed)? };
        let mut number = 0;
        let mut records = unpacked.chunks_exact(RECORD);
        for record in records.by_ref() {
            number += 1;
            match self.tick(record) {
                Ok(tick) => {
                    let placed = Placed { record: tick, line: number, column: 1, wants_flags: true };
                    self.intake.accept(placed, sink)?;
                }
                Err((column, code)) => self.intake.refuse(Reject { line: number, column, code }, sink)?,
            }
        }
        if !records.remainder().is_empty() {
            let reject = Reject { line: number + 1, column: 1, code: RejectCode::CutOff };
            self.intake.refuse(reject, sink)?;
        }
        self.intake.finish(true, sink)
    }

    fn tick(&self, record: &[u8]) -> Result<Record, (u32, RejectCode)> {
        let mut words = record.chunks_exact(4).map(|word| word.try_into().map_or(0, u32::from_be_bytes));
        let mut word = || words.next().unwrap_or(0);
        let (ms, ask, bid, ask_volume, bid_volume) = (word(), word(), word(), word(), word());
        if i64::from(ms) >= HOUR_MS {
            return Err((1, RejectCode::TimeImplausible));
        }
        let volumes = [(13, ask_volume), (17, bid_volume)];
        let bad =
            volumes.into_iter().find(|(_, bits)| !(f32::from_bits(*bits) >= 0.0 && f32::from_bits(*bits).is_finite()));
        if let Some((column, _)) = bad {
            return Err((column, RejectCode::BadVolume));
        }
        let price = |points: u32, column| {
            let raw = i64::from(points).checked_mul(self.point).ok_or((column, RejectCode::BadNumber))?;
            Ok(Price::from_raw(raw))
        };
        let tick = Record::Tick(Tick {
            time: MarketTime(self.hour.0.saturating_add(i64::from(ms))),
            bid: price(bid, 9)?,
            ask: price(ask, 5)?,
            last: Price::ZERO,
            volume: Volume::ZERO,
            flags: TickFlags::default(),
        });
        self.intake.check(&tick).map_err(|code| match code {
            RejectCode::BadPrice if ask > 0 => (9, code),
            RejectCode::BadPrice | RejectCode::Crossed => (5, code),
            _ => (1, code),
        })?;
        Ok(tick)
    }
}

/// Decompresses, but never to more than an hour can hold, whatever the header claims.
fn unpack(packed: &[u8]) -> Result<Vec<u8>, MarketFileError> {
    let too_large = || MarketFileError::TooLarge { max: UNPACKED_MAX, when: "unpacked" };
    if claims_too_much(packed) {
        return Err(too_large());
    }
    let options =
        Options { unpacked_size: UnpackedSize::ReadFromHeader, memlimit: Some(UNPACKED_MAX), allow_incomplete: false };
    let mut bounded = Bounded { bytes: Vec::new(), full: false };
    match lzma_rs::lzma_decompress_with_options(&mut io::Cursor::new(packed), &mut bounded, &options) {
        Ok(()) => Ok(bounded.bytes),
        Err(_) if bounded.full => Err(too_large()),
        Err(_) => Err(MarketFileError::Damaged),
    }
}

fn claims_too_much(packed: &[u8]) -> bool {
    let size = packed.get(5..HEADER).and_then(|size| <[u8; 8]>::try_from(size).ok()).map(u64::from_le_bytes);
    size.is_some_and(|size| size != u64::MAX && usize::try_from(size).map_or(true, |size| size > UNPACKED_MAX))
}

struct Bounded {
    bytes: Vec<u8>,
    full: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len().saturating_add(bytes.len()) > UNPACKED_MAX {
            self.full = true;
            return Err(io::Error::other("more than an hour of ticks"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
