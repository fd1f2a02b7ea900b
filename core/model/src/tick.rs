//! Ticks, where they come from, and how far a source has been read.

use crate::{AccountId, Epoch, MarketTime, Price, Symbol, TenantId, TraceId, Volume};

/// What changed with a tick. Values as MetaTrader has them (BID 2, ASK 4, LAST 8, VOLUME 16, BUY 32, SELL 64); other bits occur
/// in the wild and are masked away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct TickFlags(u8);

impl TickFlags {
    /// The bid changed.
    pub const BID: Self = Self(2);
    /// The ask changed.
    pub const ASK: Self = Self(4);
    /// The last price changed.
    pub const LAST: Self = Self(8);
    /// The volume changed.
    pub const VOLUME: Self = Self(16);
    /// The last deal was a buy.
    pub const BUY: Self = Self(32);
    /// The last deal was a sell.
    pub const SELL: Self = Self(64);
    const KNOWN: u32 = 0x7e;

    /// Keeps the known bits of a terminal's flags.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self((bits & Self::KNOWN) as u8)
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Are all of `other`'s bits set?
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// One quote. A field that did not change carries its previous value; `flags` say what changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tick {
    /// Market time, milliseconds UTC. Several ticks may share one.
    pub time: MarketTime,
    /// Best bid; 0 together with `ask` means "no quote".
    pub bid: Price,
    /// Best ask.
    pub ask: Price,
    /// Last deal's price; 0 where the symbol has none.
    pub last: Price,
    /// Last deal's volume in lots; 0 where the symbol has none.
    pub volume: Volume,
    /// What changed.
    pub flags: TickFlags,
}

impl Tick {
    /// The book is empty: stored as such, never used as a price.
    #[must_use]
    pub fn is_no_quote(&self) -> bool {
        self.bid == Price::ZERO && self.ask == Price::ZERO
    }

    /// The rules that a tick can be held against by itself, without the ticks around it: who counts ticks and who takes them
    /// in must agree on them.
    ///
    /// # Errors
    /// The code with which it is refused.
    pub fn check(&self) -> Result<(), TickReject> {
        if self.last < Price::ZERO || self.volume < Volume::ZERO {
            return Err(TickReject::BadVolume);
        }
        if self.is_no_quote() {
            return Ok(());
        }
        if !self.bid.is_positive() || !self.ask.is_positive() {
            return Err(TickReject::BadPrice);
        }
        if self.ask < self.bid { Err(TickReject::Crossed) } else { Ok(()) }
    }
}

/// Where a stream of ticks comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Whose.
    pub tenant: TenantId,
    /// The account whose terminal sends it.
    pub account: AccountId,
    /// The symbol as that broker spells it.
    pub symbol: Symbol,
}

/// Ticks of one source, in order, as they travel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TickBatch {
    /// Joins the batch to what it causes.
    pub trace: TraceId,
    /// Where from.
    pub source: Source,
    /// The client's life.
    pub epoch: Epoch,
    /// Sequence number of the first tick; the others follow without a hole. Starts at 1 in each epoch.
    pub first_seq: u64,
    /// 1 to 256 ticks.
    pub ticks: Vec<Tick>,
}

/// How far a source has been read, by number and by content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// The client's life in which `seq` counts.
    pub epoch: Epoch,
    /// Last sequence number taken in that epoch; 0 if none.
    pub seq: u64,
    /// Market time of the last tick taken, in any epoch.
    pub time: MarketTime,
    /// How many ticks with exactly that time were taken (accepted or refused): a reader skips as many.
    pub count_at_time: u32,
}

/// Why a tick was refused. It is acknowledged and counted, but never stored as a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[repr(u8)]
pub enum TickReject {
    /// Bid or ask is zero or negative while the other is not.
    BadPrice = 1,
    /// Ask below bid.
    Crossed = 2,
    /// Earlier than the tick before it.
    TimeBackwards = 3,
    /// Market time before 1990 or more than a day ahead of the receiver's clock.
    TimeImplausible = 4,
    /// Negative volume or last price.
    BadVolume = 5,
}

impl TickReject {
    /// All codes.
    pub const ALL: [Self; 5] =
        [Self::BadPrice, Self::Crossed, Self::TimeBackwards, Self::TimeImplausible, Self::BadVolume];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::BadPrice => "BAD_PRICE",
            Self::Crossed => "CROSSED",
            Self::TimeBackwards => "TIME_BACKWARDS",
            Self::TimeImplausible => "TIME_IMPLAUSIBLE",
            Self::BadVolume => "BAD_VOLUME",
        }
    }

    /// From its number on the wire and in files.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|code| *code as u8 == number)
    }
}

/// What kind of hole it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapKind {
    /// The source was silent for longer than a liquid market would be.
    Silence,
    /// The source's history was rewritten under the reader's cursor.
    Discontinuity,
    /// The count of a day that is over found other ticks in this hour at the terminal than here.
    Difference,
}

impl GapKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Silence, Self::Discontinuity, Self::Difference];

    /// The name, as JSON and people see it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::Discontinuity => "discontinuity",
            Self::Difference => "difference",
        }
    }
}

/// A hole in a source's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// Which source.
    pub source: Source,
    /// Last tick before the hole.
    pub from: MarketTime,
    /// First tick after it.
    pub to: MarketTime,
    /// Kind.
    pub kind: GapKind,
}
