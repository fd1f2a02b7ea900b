//! The words of trading as types. Ids have one type each, numbers have a unit, money has no floats.
//!
//! This crate does no I/O, asks no clock and draws no randomness; everything here can be tested in microseconds.
#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod account;
mod bar;
mod fixed;
mod history;
mod ids;
mod order;
mod report;
mod retcode;
mod sessions;
mod signal;
mod spec;
mod symbol;
#[cfg(test)]
mod tests;
mod tick;
mod time;

pub use account::{AccountState, MarginMode, Permissions, PositionState};
pub use bar::{Bar, OpenBars, Timeframe};
pub use fixed::{Money, ParseFixedError, Price, SCALE, Volume};
pub use history::{DayCheck, DayHours, GapRecord, GapState, HOURS, HistoryFault, TickSum};
pub use ids::{
    AccountId, DealTicket, DeviceId, Epoch, Fence, ParseIdError, PositionTicket, SignalId, StrategyId, TenantId,
    Ticket, TraceId,
};
pub use order::{Deal, DealEntry, OrderType, Side};
pub use report::{HopTimes, Report, ReportState};
pub use retcode::{Retcode, RetcodeClass, RetcodeRow};
pub use sessions::{
    BadSessions, SERVER_AHEAD_MAX_S, SERVER_AHEAD_STEP_S, SESSIONS_PER_DAY_MAX, Session, TradeSessions, WEEKDAYS,
};
pub use signal::{PolicyHash, Signal, SignalKind};
pub use spec::{CalcMode, Currency, ExecutionMode, FillingModes, SymbolSpec, TradeMode};
pub use symbol::{Symbol, SymbolError};
pub use tick::{Cursor, Gap, GapKind, Source, Tick, TickBatch, TickFlags, TickReject};
pub use time::{MarketTime, Timestamp};
