//! Sides, order types and deals.

use crate::{DealTicket, MarketTime, Money, PositionTicket, Price, Ticket, Volume};

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Side {
    /// Opens at the ask, is valued and closed at the bid.
    Buy = 0,
    /// Opens at the bid, is valued and closed at the ask.
    Sell = 1,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// From its number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Buy),
            1 => Some(Self::Sell),
            _ => None,
        }
    }
}

/// How an order is to be executed. Only market orders for now; the numbers leave room for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum OrderType {
    /// At once, at the market's price.
    Market = 0,
}

impl OrderType {
    /// From its number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Market),
            _ => None,
        }
    }
}

/// Whether a deal opened or closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum DealEntry {
    /// Opened or enlarged a position.
    In = 0,
    /// Closed or reduced one.
    Out = 1,
}

impl DealEntry {
    /// From its number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::In),
            1 => Some(Self::Out),
            _ => None,
        }
    }
}

/// One execution at the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deal {
    /// Its ticket.
    pub ticket: DealTicket,
    /// The order that it executes.
    pub order: Ticket,
    /// The position that it belongs to.
    pub position: PositionTicket,
    /// Way of the deal (a closing deal goes against its position).
    pub side: Side,
    /// In or out.
    pub entry: DealEntry,
    /// Lots.
    pub volume: Volume,
    /// Price.
    pub price: Price,
    /// Realised profit of a closing deal.
    pub profit: Money,
    /// Market time.
    pub time: MarketTime,
    /// Magic number of the order.
    pub magic: u64,
}
