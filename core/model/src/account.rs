//! What a terminal says about its account.

use crate::{AccountId, Currency, MarketTime, Money, PositionTicket, Price, Side, Symbol, Volume};

/// How positions of one symbol combine. Numbers as MetaTrader has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum MarginMode {
    /// One position per symbol.
    RetailNetting = 0,
    /// Netting with exchange margins.
    Exchange = 1,
    /// Many positions per symbol.
    RetailHedging = 2,
}

impl MarginMode {
    /// From its number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::RetailNetting),
            1 => Some(Self::Exchange),
            2 => Some(Self::RetailHedging),
            _ => None,
        }
    }
}

/// The five flags of which any false one closes the order gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permissions {
    /// The terminal is connected to the trade server.
    pub terminal_connected: bool,
    /// The Algo Trading button is on.
    pub terminal_trade_allowed: bool,
    /// The program's own checkbox is on.
    pub program_trade_allowed: bool,
    /// The broker allows Expert Advisors.
    pub account_trade_expert: bool,
    /// Not an investor login.
    pub account_trade_allowed: bool,
}

impl Permissions {
    /// All five set.
    pub const ALL: Self = Self {
        terminal_connected: true,
        terminal_trade_allowed: true,
        program_trade_allowed: true,
        account_trade_expert: true,
        account_trade_allowed: true,
    };

    /// The first flag that is false, in words that tell the user what to do; `None` if trading is allowed.
    #[must_use]
    pub const fn blocked_by(&self) -> Option<&'static str> {
        if !self.terminal_connected {
            Some("the terminal is not connected to the trade server")
        } else if !self.terminal_trade_allowed {
            Some("the Algo Trading button of the terminal is off")
        } else if !self.program_trade_allowed {
            Some("'Allow Algo Trading' is not ticked in the Expert Advisor's settings")
        } else if !self.account_trade_expert {
            Some("the broker does not allow Expert Advisors on this account")
        } else if !self.account_trade_allowed {
            Some("the account may not trade (investor password, or disabled)")
        } else {
            None
        }
    }

    /// As bits 0 to 4 in field order.
    #[must_use]
    pub const fn bits(&self) -> u8 {
        self.terminal_connected as u8
            | (self.terminal_trade_allowed as u8) << 1
            | (self.program_trade_allowed as u8) << 2
            | (self.account_trade_expert as u8) << 3
            | (self.account_trade_allowed as u8) << 4
    }

    /// From bits 0 to 4.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self {
            terminal_connected: bits & 1 != 0,
            terminal_trade_allowed: bits & 2 != 0,
            program_trade_allowed: bits & 4 != 0,
            account_trade_expert: bits & 8 != 0,
            account_trade_allowed: bits & 16 != 0,
        }
    }
}

/// An open position as the terminal lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PositionState {
    /// Ticket.
    pub ticket: PositionTicket,
    /// Symbol.
    pub symbol: Symbol,
    /// Way.
    pub side: Side,
    /// Lots.
    pub volume: Volume,
    /// Open price.
    pub price_open: Price,
    /// Stop loss; 0 for none.
    pub stop_loss: Price,
    /// Take profit; 0 for none.
    pub take_profit: Price,
    /// Floating profit.
    pub profit: Money,
    /// Magic number.
    pub magic: u64,
}

/// An account's money and what is open on it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountState {
    /// Login.
    pub account: AccountId,
    /// The trade server's name.
    pub server: String,
    /// Deposit currency.
    pub currency: Currency,
    /// Netting or hedging.
    pub margin_mode: MarginMode,
    /// 1:n.
    pub leverage: u32,
    /// Balance.
    pub balance: Money,
    /// Balance + credit + floating profit.
    pub equity: Money,
    /// Used margin.
    pub margin: Money,
    /// Equity - margin.
    pub free_margin: Money,
    /// Stop-out level in percent of margin.
    pub stop_out_percent: u32,
    /// May it trade?
    pub permissions: Permissions,
    /// Terminal's market time of this snapshot.
    pub time: MarketTime,
    /// Open positions, at most [`AccountState::MAX_POSITIONS`].
    pub positions: Vec<PositionState>,
}

impl AccountState {
    /// Most positions in one snapshot.
    pub const MAX_POSITIONS: usize = 500;
}
