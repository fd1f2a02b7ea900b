//! Pre-trade risk: the only way from a candidate to an order.
//!
//! [`check`] runs the controls in their fixed order and either names the first one that fails or returns an [`Approved`] order
//! with its size and its reservation. Only this crate can make one:
//!
//! ```compile_fail
//! let order = aitrading_risk::Approved { order: (), reservation: (), chain: (), limits_version: 1 };
//! ```
//! ```compile_fail
//! fn bypass(order: aitrading_risk::Order) -> aitrading_risk::Approved<aitrading_risk::Order> {
//!     aitrading_risk::Approved::new(order)
//! }
//! ```
//! Pure: no clock, no randomness, no files, no floats. Whatever is missing denies. Risk rounds up, size rounds down.
#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod approved;
mod candidate;
mod check;
mod deny;
mod inputs;
mod limits;
mod sizing;
mod state;
#[cfg(test)]
mod tests;
mod wide;

pub use approved::{Approved, Order, Reservation};
pub use candidate::{Action, Candidate, Sizing};
pub use check::check;
pub use deny::{Control, Denied, DenyCode, Quantity};
pub use inputs::{Entitlement, Gate, Inputs, KeyState, MarketLag, Quote, Recent, Stamped};
pub use limits::{LimitRow, LimitSet, Limits, Scope, SymbolRule, limit_name};
pub use sizing::{SizeChain, SizeStep, loss_of};
pub use state::{StateScope, TradingState, TradingStates};
pub use wide::notional;
