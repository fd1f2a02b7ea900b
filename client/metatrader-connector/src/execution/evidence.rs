//! What the terminal's lists prove about an order. A return code is evidence as well, but a weaker one.

use aitrading_model::{Deal, MarketTime, Price, Retcode, Ticket, Volume};
use aitrading_wire::ea::{LookupResult, OrderState, Reason};

/// What became of an order, as far as the lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// There are deals.
    Executed(Execution),
    /// Orders, all refused, and no deal.
    Refused {
        /// The last one.
        order: Ticket,
        /// Its code.
        retcode: Retcode,
        /// How many.
        orders: usize,
    },
    /// An order or a position, and no deal yet.
    Pending,
    /// No trace.
    Nothing,
}

/// Deals of our own order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// The order.
    pub order: Ticket,
    /// Its deals, oldest first.
    pub deals: Vec<Deal>,
    /// Lots altogether.
    pub volume: Volume,
    /// Volume-weighted price.
    pub price: Price,
    /// Market time of the last deal.
    pub time: MarketTime,
}

impl Sight {
    /// Reads the lists.
    #[must_use]
    pub fn of(found: &LookupResult) -> Self {
        let deals: Vec<_> = found.own_deals().copied().collect();
        if let Some(last) = deals.last() {
            let (order, time) = (last.order, last.time);
            let volume = Volume::from_raw(deals.iter().map(|d| d.volume.raw()).fold(0, i64::saturating_add));
            return Self::Executed(Execution { order, volume, price: average(&deals), time, deals });
        }
        let own = || found.orders.iter().filter(|o| o.reason == Reason::Expert);
        let refused = |state| matches!(state, OrderState::Rejected | OrderState::Canceled | OrderState::Expired);
        match own().next_back() {
            Some(last) if own().all(|order| refused(order.state)) => {
                Self::Refused { order: last.ticket, retcode: last.retcode, orders: own().count() }
            }
            Some(_) => Self::Pending,
            None if !found.positions.is_empty() || !found.deals.is_empty() => Self::Pending,
            None => Self::Nothing,
        }
    }
}

/// The volume-weighted price, rounded to the nearest step of 10^-8.
fn average(deals: &[Deal]) -> Price {
    let volume: i128 = deals.iter().map(|d| i128::from(d.volume.raw())).sum();
    let value: i128 = deals.iter().map(|d| i128::from(d.volume.raw()) * i128::from(d.price.raw())).sum();
    let average = (value + volume / 2).checked_div(volume);
    Price::from_raw(average.and_then(|a| i64::try_from(a).ok()).unwrap_or_default())
}
