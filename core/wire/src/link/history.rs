//! Messages of the history stream: the bridge asks for ticks that it misses, or for the sums of a day; the client answers from
//! the terminal's history.
//!
//! One question is open at a time. Ticks come in batches, in order, and all that the terminal has; [`History::End`] says that
//! it was all. A question that cannot be answered is answered with [`History::Failed`].

use super::ticks::{get_rows, put_rows};
use crate::{Reader, WireError, Writer, values::Value};
use aitrading_model::{DayHours, HistoryFault, MarketTime, Symbol, Tick, TickSum};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Wanted {
    /// Every tick of at most an hour.
    Ticks = 0,
    /// The sums of 24 hours.
    Sums = 1,
}

/// A message of the history stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum History {
    /// Bridge: what does the terminal have with `from <= time < to`?
    Ask {
        /// Names the question; rises with every question of the bridge.
        id: u64,
        /// Of which symbol.
        symbol: Symbol,
        /// What of it.
        wanted: Wanted,
        /// First millisecond.
        from: MarketTime,
        /// The first millisecond behind it.
        to: MarketTime,
        /// Nobody waits for an answer that comes later than this, in milliseconds from the question's arrival.
        expires_ms: u32,
    },
    /// Client: 1 to 256 ticks of the answer, in order.
    Ticks {
        /// The question.
        id: u64,
        /// The ticks.
        ticks: Vec<Tick>,
    },
    /// Client: that is all that the terminal has.
    End {
        /// The question.
        id: u64,
        /// Ticks of the whole answer.
        total: u64,
    },
    /// Client: the sums of each hour, from the span's beginning. This is the whole answer.
    Sums {
        /// The question.
        id: u64,
        /// The hours.
        hours: Box<DayHours>,
    },
    /// Client: it cannot be answered now.
    Failed {
        /// The question.
        id: u64,
        /// Why.
        fault: HistoryFault,
    },
    /// Client, unasked: the terminal's history was rewritten at this time under the feed's cursor.
    Rewritten {
        /// Which source.
        symbol: Symbol,
        /// Where.
        time: MarketTime,
    },
}

impl History {
    /// The frame's kind byte.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Ask { .. } => 1,
            Self::Ticks { .. } => 2,
            Self::End { .. } => 3,
            Self::Sums { .. } => 4,
            Self::Failed { .. } => 5,
            Self::Rewritten { .. } => 6,
        }
    }

    /// The question that a message answers.
    #[must_use]
    pub const fn answers(&self) -> Option<u64> {
        match self {
            Self::Ticks { id, .. } | Self::End { id, .. } | Self::Sums { id, .. } | Self::Failed { id, .. } => {
                Some(*id)
            }
            Self::Ask { .. } | Self::Rewritten { .. } => None,
        }
    }

    /// The frame's body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(64);
        match self {
            Self::Ask { id, symbol, wanted, from, to, expires_ms } => {
                w.u64(*id);
                symbol.put(&mut w);
                w.u8(*wanted as u8).i64(from.0).i64(to.0).u32(*expires_ms);
            }
            Self::Ticks { id, ticks } => {
                w.u64(*id);
                put_rows(&mut w, ticks);
            }
            Self::End { id, total } => _ = w.u64(*id).u64(*total),
            Self::Sums { id, hours } => {
                w.u64(*id);
                for hour in hours.iter() {
                    w.u64(hour.ticks).u64(hour.hash).u64(hour.refused);
                }
            }
            Self::Failed { id, fault } => _ = w.u64(*id).u8(*fault as u8),
            Self::Rewritten { symbol, time } => {
                symbol.put(&mut w);
                w.i64(time.0);
            }
        }
        w.into_bytes()
    }

    /// Reads a frame of the history stream.
    ///
    /// # Errors
    /// [`WireError`] if the body is not exactly one message of that kind.
    pub fn decode(kind: u8, body: &[u8]) -> Result<Self, WireError> {
        let r = &mut Reader::new(body);
        let message = match kind {
            1 => Self::Ask {
                id: r.u64()?,
                symbol: Symbol::get(r)?,
                wanted: match r.u8()? {
                    0 => Wanted::Ticks,
                    1 => Wanted::Sums,
                    _ => return Err(WireError::BadValue("wanted")),
                },
                from: MarketTime(r.i64()?),
                to: MarketTime(r.i64()?),
                expires_ms: r.u32()?,
            },
            2 => Self::Ticks { id: r.u64()?, ticks: get_rows(r)? },
            3 => Self::End { id: r.u64()?, total: r.u64()? },
            4 => Self::Sums { id: r.u64()?, hours: hours(r)? },
            5 => Self::Failed {
                id: r.u64()?,
                fault: HistoryFault::from_number(r.u8()?).ok_or(WireError::BadValue("history fault"))?,
            },
            6 => Self::Rewritten { symbol: Symbol::get(r)?, time: MarketTime(r.i64()?) },
            _ => return Err(WireError::BadValue("history kind")),
        };
        if r.remaining() == 0 { Ok(message) } else { Err(WireError::Trailing) }
    }
}

fn hours(r: &mut Reader<'_>) -> Result<Box<DayHours>, WireError> {
    let mut hours = Box::new(DayHours::default());
    for hour in hours.iter_mut() {
        *hour = TickSum { ticks: r.u64()?, hash: r.u64()?, refused: r.u64()? };
    }
    Ok(hours)
}
