//! One line, cut at its delimiter and read column by column.

use crate::layout::{Column, Layout};
use crate::number::{fixed, whole};
use crate::reject::RejectCode;
use crate::stamp::{Stamp, dotted_date, stamp, time_of_day};
use aitrading_model::SCALE;

/// Where in a line, counted from 1, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) column: usize,
    pub(crate) code: RejectCode,
}

/// A line's values; prices and volumes in units of 10^-8, `None` where the field is empty or the column missing.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a> {
    pub(crate) stamp: Stamp,
    pub(crate) symbol: Option<&'a [u8]>,
    pub(crate) bid: Option<i64>,
    pub(crate) ask: Option<i64>,
    pub(crate) last: Option<i64>,
    pub(crate) volume: Option<i64>,
    pub(crate) flags: Option<u32>,
    pub(crate) open: i64,
    pub(crate) high: i64,
    pub(crate) low: i64,
    pub(crate) close: i64,
    pub(crate) ticks: u64,
    pub(crate) spread: u32,
}

/// Reads a line. `unit` divides prices that are written in points: `10^digits`, or 1.
pub(crate) fn parse<'a>(layout: &Layout, unit: i64, line: &'a [u8]) -> Result<Fields<'a>, Flaw> {
    let mut fields = Fields::default();
    let mut rest = Some(line);
    let mut at = 1;
    for (index, column) in layout.columns.iter().enumerate() {
        let Some(left) = rest else {
            if index < layout.least {
                // The line ends one before the place where the next field would begin.
                return Err(Flaw { column: at - 1, code: RejectCode::WrongColumns });
            }
            break;
        };
        let len = left.iter().position(|byte| *byte == layout.delimiter);
        let (field, tail) = match len {
            Some(len) => left.split_at_checked(len).map_or((left, None), |(field, tail)| (field, tail.get(1..))),
            None => (left, None),
        };
        fields.take(layout, unit, *column, field).map_err(|code| Flaw { column: at, code })?;
        rest = tail;
        at += field.len() + 1;
    }
    match rest {
        Some(_) if !layout.open_end => Err(Flaw { column: at, code: RejectCode::WrongColumns }),
        _ => Ok(fields),
    }
}

impl<'a> Fields<'a> {
    #[inline]
    fn take(&mut self, layout: &Layout, unit: i64, column: Column, field: &'a [u8]) -> Result<(), RejectCode> {
        let price = || in_units(field, unit).ok_or(RejectCode::BadNumber);
        let side = || if field.is_empty() && layout.blanks { Ok(None) } else { price().map(Some) };
        match column {
            Column::Skip => {}
            Column::Date => self.stamp.wall += dotted_date(field).ok_or(RejectCode::BadTime)?,
            Column::Time => self.stamp.wall += time_of_day(field).ok_or(RejectCode::BadTime)?,
            Column::Stamp(style) => self.stamp = stamp(style, field).ok_or(RejectCode::BadTime)?,
            Column::Symbol => self.symbol = Some(field),
            Column::Bid => self.bid = side()?,
            Column::Ask => self.ask = side()?,
            Column::Open => self.open = price()?,
            Column::High => self.high = price()?,
            Column::Low => self.low = price()?,
            Column::Close => self.close = price()?,
            _ if field.is_empty() => {}
            Column::Last => self.last = Some(price()?),
            Column::Volume => self.volume = Some(fixed(field).ok_or(RejectCode::BadNumber)?),
            Column::Flags => {
                let flags = whole(field).and_then(|flags| u32::try_from(flags).ok());
                self.flags = Some(flags.ok_or(RejectCode::BadFlags)?);
            }
            Column::Ticks => self.ticks = count(field).ok_or(RejectCode::BadNumber)?,
            Column::Spread => {
                let points = count(field).and_then(|points| u32::try_from(points).ok());
                self.spread = points.ok_or(RejectCode::BadNumber)?;
            }
        }
        Ok(())
    }
}

fn in_units(field: &[u8], unit: i64) -> Option<i64> {
    let raw = fixed(field)?;
    match unit {
        1 => Some(raw),
        // A remainder would be a price beyond the resolution: refused, never rounded.
        _ => (raw.checked_rem(unit)? == 0).then_some(raw.checked_div(unit)?),
    }
}

/// A count, which some programs write as `4418.0`.
fn count(field: &[u8]) -> Option<u64> {
    if let Some(count) = whole(field) {
        return u64::try_from(count).ok();
    }
    let raw = fixed(field)?;
    (raw % SCALE == 0).then(|| u64::try_from(raw / SCALE).ok()).flatten()
}
