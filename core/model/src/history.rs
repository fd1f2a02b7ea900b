//! What is known about the completeness of a source's history: what became of its holes, and how a day's count came out.

use crate::{Gap, MarketTime, Tick, Timestamp};

/// Hours of a day; a day is counted hour by hour, so that a difference has a place.
pub const HOURS: usize = 24;

/// Sums of ticks that do not depend on their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TickSum {
    /// Ticks that pass [`Tick::check`].
    pub ticks: u64,
    /// Sum of their fingerprints, modulo 2^64.
    pub hash: u64,
    /// Ticks that do not pass it: no server keeps them.
    pub refused: u64,
}

/// One sum for each hour of a day.
pub type DayHours = [TickSum; HOURS];

impl TickSum {
    /// Counts a tick.
    pub fn add(&mut self, tick: &Tick) {
        if tick.check().is_err() {
            self.refused = self.refused.saturating_add(1);
        } else {
            self.ticks = self.ticks.saturating_add(1);
            self.hash = self.hash.wrapping_add(tick.fingerprint());
        }
    }

    /// The sum of many.
    #[must_use]
    pub fn of(ticks: &[Tick]) -> Self {
        let mut sum = Self::default();
        ticks.iter().for_each(|tick| sum.add(tick));
        sum
    }

    /// The same ticks, whatever was refused on the way?
    #[must_use]
    pub const fn agrees(&self, other: &Self) -> bool {
        self.ticks == other.ticks && self.hash == other.hash
    }
}

impl Tick {
    /// FNV-1a over all fields in little-endian order (41 bytes: time, bid, ask, last, volume, flags), mixed so that sums of
    /// many spread over all bits. It tells ticks apart; it protects against nobody.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let numbers = [self.time.0, self.bid.raw(), self.ask.raw(), self.last.raw(), self.volume.raw()];
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).chain([self.flags.bits()]);
        let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325, fold);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ (hash >> 33)
    }
}

/// Why a terminal's history could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[repr(u8)]
pub enum HistoryFault {
    /// The terminal is not there, or does not answer.
    Unavailable = 1,
    /// The terminal has less than it should have: it is still loading, or its own server does not give it.
    Incomplete = 2,
    /// The terminal does not have this symbol.
    Refused = 3,
    /// More ticks than one answer may hold.
    TooMany = 4,
    /// The client works on other questions.
    Busy = 5,
    /// No answer in time.
    Expired = 6,
    /// The answer broke the rules of answers.
    Invalid = 7,
    /// The hole is longer than anybody asks for.
    TooLong = 8,
    /// What is stored around it is damaged: nothing can be put there, or compared.
    Damaged = 9,
}

impl HistoryFault {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Unavailable,
        Self::Incomplete,
        Self::Refused,
        Self::TooMany,
        Self::Busy,
        Self::Expired,
        Self::Invalid,
        Self::TooLong,
        Self::Damaged,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unavailable => "HISTORY_UNAVAILABLE",
            Self::Incomplete => "HISTORY_INCOMPLETE",
            Self::Refused => "HISTORY_REFUSED",
            Self::TooMany => "HISTORY_TOO_MANY",
            Self::Busy => "HISTORY_BUSY",
            Self::Expired => "HISTORY_EXPIRED",
            Self::Invalid => "HISTORY_INVALID",
            Self::TooLong => "HISTORY_TOO_LONG",
            Self::Damaged => "HISTORY_DAMAGED",
        }
    }

    /// From its number on the wire and in stores.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| *fault as u8 == number)
    }
}

/// What became of a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum GapState {
    /// The terminal was not asked, or not to the end.
    #[default]
    Open,
    /// The terminal told everything that it has: what was missing is stored, and nothing else is to be had.
    Settled,
    /// Asked so often in vain.
    GivenUp {
        /// How often.
        attempts: u32,
        /// The last reason.
        fault: HistoryFault,
    },
}

impl GapState {
    /// As two numbers, for stores: state (0 open, 1 settled, from 2 on given up for the fault of that number less 1) and
    /// attempts.
    #[must_use]
    pub const fn numbers(self) -> (u8, u32) {
        match self {
            Self::Open => (0, 0),
            Self::Settled => (1, 0),
            Self::GivenUp { attempts, fault } => ((fault as u8).saturating_add(1), attempts),
        }
    }

    /// From [`GapState::numbers`].
    #[must_use]
    pub fn from_numbers(state: u8, attempts: u32) -> Option<Self> {
        match state {
            0 => Some(Self::Open),
            1 => Some(Self::Settled),
            given_up => {
                let fault = HistoryFault::from_number(given_up.saturating_sub(1))?;
                Some(Self::GivenUp { attempts, fault })
            }
        }
    }
}

/// A hole, and what became of it. Settled without a tick added means that the terminal confirmed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GapRecord {
    /// The hole.
    pub gap: Gap,
    /// Ticks that were added in it.
    pub added: u64,
    /// Where it stands.
    pub state: GapState,
}

/// How the count of a day came out that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayCheck {
    /// Days since 1970-01-01 UTC of market time.
    pub day: i64,
    /// Ticks that the terminal has and a server would keep.
    pub terminal: u64,
    /// Ticks that are stored.
    pub stored: u64,
    /// Ticks that the terminal has and no server keeps.
    pub refused: u64,
    /// Bit n: hour n has other ticks there than here.
    pub hours: u32,
    /// When it was counted.
    pub at: Timestamp,
}

impl DayCheck {
    /// In `hours`: the day was not counted, because not all of its ticks come from a terminal.
    const NOT_COUNTED: u32 = 1 << 31;

    /// A day that nobody counts: it holds imported ticks, which the terminal may have otherwise.
    #[must_use]
    pub const fn not_counted(day: i64) -> Self {
        Self { day, terminal: 0, stored: 0, refused: 0, hours: Self::NOT_COUNTED, at: Timestamp(0) }
    }

    /// Was it counted at all?
    #[must_use]
    pub const fn is_counted(&self) -> bool {
        self.hours & Self::NOT_COUNTED == 0
    }

    /// Compares both sides of a day.
    #[must_use]
    pub fn compare(day: i64, terminal: &DayHours, stored: &DayHours, at: Timestamp) -> Self {
        let sum = |hours: &DayHours, field: fn(&TickSum) -> u64| {
            hours.iter().fold(0_u64, |total, hour| total.saturating_add(field(hour)))
        };
        let differs = terminal.iter().zip(stored).map(|(there, here)| !there.agrees(here));
        let hours = (0_u32..).zip(differs).fold(0, |mask, (hour, differs)| mask | (u32::from(differs) << hour));
        let ticks = |hour: &TickSum| hour.ticks;
        let (terminal_ticks, stored_ticks) = (sum(terminal, ticks), sum(stored, ticks));
        let refused = sum(terminal, |hour| hour.refused);
        Self { day, terminal: terminal_ticks, stored: stored_ticks, refused, hours, at }
    }

    /// The same ticks on both sides?
    #[must_use]
    pub const fn is_equal(&self) -> bool {
        self.hours == 0
    }

    /// First millisecond of each hour that differs.
    pub fn differing_hours(&self) -> impl Iterator<Item = MarketTime> {
        let (start, mask) = (self.day.saturating_mul(86_400_000), self.hours);
        let bits = (0_i64..).take(HOURS).zip((0_u32..).map(move |bit| mask & (1_u32 << (bit & 31)) != 0));
        bits.filter(|(_, set)| *set)
            .map(move |(hour, _)| MarketTime(start.saturating_add(hour.saturating_mul(3_600_000))))
    }
}
