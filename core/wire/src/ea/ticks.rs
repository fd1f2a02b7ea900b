//! Tick feeds: subscribing by content, rows of fixed width, and what a feed can say besides ticks.

use super::{
    Role,
    fields::{Field, Take, layout, numbered},
    frame::push_frame,
    message::kind,
};
use crate::{WireError, limits::TICKS_PER_BATCH_MAX};
use aitrading_model::{MarketTime, Price, Symbol, Tick, TickFlags, Volume};

/// Bytes of one row.
const ROW: usize = 44;

numbered! {
    /// How far a feed may run ahead.
    FeedMode "feed mode" {
        /// The market does not wait.
        Live = 0,
        /// The feed stands still behind the tick that begins a new minute, until it is told to go on.
        LockStep = 1,
    }
}

/// Connector: send the ticks of a symbol from here on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickSubscribe {
    /// Number of the feed, chosen by the connector; frames of a feed that was replaced are recognised by it.
    pub feed: u32,
    /// Symbol.
    pub symbol: Symbol,
    /// First time of interest.
    pub time: MarketTime,
    /// Ticks with exactly that time that are known already.
    pub skip: u32,
    /// Pace.
    pub mode: FeedMode,
}
layout!(TickSubscribe { feed, symbol, time, skip, mode });

/// A message that only names a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedNumber {
    /// The feed.
    pub feed: u32,
}
layout!(FeedNumber { feed });

/// Terminal: the history ends here; the market is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickEnd {
    /// The feed.
    pub feed: u32,
    /// Ticks that the history holds for the symbol, from its beginning.
    pub total: u64,
}
layout!(TickEnd { feed, total });

/// Terminal: the history was rewritten under the cursor. The feed ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickRewritten {
    /// The feed.
    pub feed: u32,
    /// The cursor's time.
    pub time: MarketTime,
    /// Ticks that were to be skipped.
    pub wanted: u32,
    /// Ticks that the history has with that time now.
    pub found: u32,
}
layout!(TickRewritten { feed, time, wanted, found });

/// Terminal: no such feed. It ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TickRefused {
    /// The feed.
    pub feed: u32,
    /// Cause and cure.
    pub text: String,
}
layout!(TickRefused { feed, text });

/// Terminal: ticks of one feed in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticks {
    /// The feed.
    pub feed: u32,
    /// 1 to 256 ticks.
    pub ticks: Vec<Tick>,
}

impl Field for Ticks {
    fn put(&self, out: &mut Vec<u8>) {
        self.feed.put(out);
        put_rows(&self.ticks, out);
    }

    fn take(from: &mut Take<'_>) -> Result<Self, WireError> {
        Ok(Self { feed: u32::take(from)?, ticks: take_rows(from)? })
    }
}

/// 1 to 256 rows.
pub(super) fn take_rows(from: &mut Take<'_>) -> Result<Vec<Tick>, WireError> {
    let count = usize::from(u16::take(from)?);
    if count > TICKS_PER_BATCH_MAX {
        return Err(WireError::TooLarge("ticks"));
    }
    let (rows, rest) = from.raw(count.saturating_mul(ROW))?.as_chunks::<ROW>();
    if rows.is_empty() || !rest.is_empty() {
        return Err(WireError::BadValue("ticks"));
    }
    Ok(rows.iter().map(row).collect())
}

pub(super) fn put_rows(ticks: &[Tick], out: &mut Vec<u8>) {
    let count = ticks.len().min(TICKS_PER_BATCH_MAX);
    out.reserve(count.saturating_mul(ROW).saturating_add(8));
    u16::try_from(count).unwrap_or_default().put(out);
    for tick in ticks.iter().take(count) {
        for number in [tick.time.0, tick.bid.raw(), tick.ask.raw(), tick.last.raw(), tick.volume.raw()] {
            number.put(out);
        }
        u32::from(tick.flags.bits()).put(out);
    }
}

fn row(bytes: &[u8; ROW]) -> Tick {
    let (words, flags) = bytes.as_chunks::<8>();
    let mut words = words.iter().map(|word| i64::from_le_bytes(*word));
    let mut next = || words.next().unwrap_or_default();
    let (time, bid, ask, last, volume) = (next(), next(), next(), next(), next());
    let flags = flags.first_chunk::<4>().map_or(0, |flags| u32::from_le_bytes(*flags));
    Tick {
        time: MarketTime(time),
        bid: Price::from_raw(bid),
        ask: Price::from_raw(ask),
        last: Price::from_raw(last),
        volume: Volume::from_raw(volume),
        flags: TickFlags::from_bits(flags),
    }
}

/// Appends a frame of at most 256 ticks without copying them first; `flags` may carry [`super::FLAG_STANDS`].
pub fn push_tick_frame(out: &mut Vec<u8>, flags: u8, feed: u32, ticks: &[Tick]) {
    push_frame(out, kind::TICKS, Role::Ticks as u8, flags, |out| {
        feed.put(out);
        put_rows(ticks, out);
    });
}
