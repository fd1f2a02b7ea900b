//! Orders, their results, transactions and lookups.

use super::fields::{Item, layout, numbered};
use aitrading_model::{
    Deal, DealEntry, DealTicket, ExecutionMode, FillingModes, MarketTime, Money, PositionState, PositionTicket, Price,
    Retcode, Side, Symbol, SymbolSpec, Ticket, Volume,
};

/// Most orders or deals in one lookup's answer.
pub const ROWS_MAX: usize = 128;

numbered! {
    /// What a request asks for. Numbers as MetaTrader has them.
    TradeAction "action" {
        /// A market order, or the close of a position.
        Deal = 1,
        /// A pending order.
        Pending = 5,
        /// New stops for a position.
        Sltp = 6,
        /// Changes a pending order.
        Modify = 7,
        /// Removes a pending order.
        Remove = 8,
        /// Closes a position by an opposite one.
        CloseBy = 10,
    }
    /// How an order may be filled. Not the numbers of the symbol's flags.
    Filling "filling" {
        /// All or nothing.
        Fok = 0,
        /// What is there; the rest is cancelled.
        Ioc = 1,
        /// What is there; the rest stays.
        Return = 2,
        /// Only passively.
        Boc = 3,
    }
    /// State of an order.
    OrderState "order state" {
        /// Checked, not yet accepted.
        Started = 0,
        /// Accepted.
        Placed = 1,
        /// Cancelled.
        Canceled = 2,
        /// Partly filled.
        Partial = 3,
        /// Filled.
        Filled = 4,
        /// Refused.
        Rejected = 5,
        /// Expired.
        Expired = 6,
    }
    /// Who caused an order.
    Reason "reason" {
        /// A human at the terminal.
        Client = 0,
        /// A human at a telephone.
        Mobile = 1,
        /// A human in a browser.
        Web = 2,
        /// A program: the only reason that our own requests have.
        Expert = 3,
        /// A stop loss, at the server.
        StopLoss = 4,
        /// A take profit, at the server.
        TakeProfit = 5,
        /// A stop out, at the server.
        StopOut = 6,
    }
    /// Kind of a transaction. The numbers are this link's: the Expert Advisor translates by name.
    TransactionKind "transaction kind" {
        /// An order appeared.
        OrderAdd = 0,
        /// An open order changed.
        OrderUpdate = 1,
        /// An order left the open list.
        OrderDelete = 2,
        /// An order entered the history.
        HistoryAdd = 3,
        /// An order in the history changed.
        HistoryUpdate = 4,
        /// An order left the history.
        HistoryDelete = 5,
        /// A deal happened.
        DealAdd = 6,
        /// A deal changed.
        DealUpdate = 7,
        /// A deal left the history.
        DealDelete = 8,
        /// A position changed without a deal.
        Position = 9,
        /// A request was answered.
        Request = 10,
    }
}

impl Filling {
    /// May an order on this symbol be filled so?
    #[must_use]
    pub const fn is_allowed(self, execution: ExecutionMode, flags: FillingModes) -> bool {
        let flagged = match self {
            Self::Fok => flags.0 & FillingModes::FOK != 0,
            Self::Ioc => flags.0 & FillingModes::IOC != 0,
            Self::Return | Self::Boc => false,
        };
        match execution {
            ExecutionMode::Request | ExecutionMode::Instant => !matches!(self, Self::Boc),
            ExecutionMode::Market => flagged,
            ExecutionMode::Exchange => flagged || matches!(self, Self::Return),
        }
    }

    /// The filling for a market order on this symbol: the first allowed of IOC, FOK and RETURN; `None` if there is none.
    #[must_use]
    pub fn choose(spec: &SymbolSpec) -> Option<Self> {
        [Self::Ioc, Self::Fok, Self::Return].into_iter().find(|f| f.is_allowed(spec.execution, spec.filling))
    }
}

/// Connector: do this. Every number is one that was decided elsewhere; the terminal adds nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRequest {
    /// Never used twice for an account, above 0. A request whose number was seen gets the first one's answer, and is not sent.
    pub request_id: u64,
    /// What to do.
    pub action: TradeAction,
    /// Magic number: 63 bits of the signal id.
    pub magic: u64,
    /// Symbol.
    pub symbol: Symbol,
    /// Way of the order.
    pub side: Side,
    /// Lots.
    pub volume: Volume,
    /// Price for execution modes that want one; otherwise 0.
    pub price: Price,
    /// Stop loss; 0 for none.
    pub stop_loss: Price,
    /// Take profit; 0 for none.
    pub take_profit: Price,
    /// Deviation in points for execution modes that know one.
    pub deviation: u32,
    /// Filling.
    pub filling: Filling,
    /// The position to close or change; 0 when opening.
    pub position: PositionTicket,
    /// Comment, at most 31 characters.
    pub comment: String,
}
layout!(OrderRequest {
    request_id,
    action,
    magic,
    symbol,
    side,
    volume,
    price,
    stop_loss,
    take_profit,
    deviation,
    filling,
    position,
    comment,
});

/// Terminal: what the trade server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderResult {
    /// The request.
    pub request_id: u64,
    /// Return code.
    pub retcode: Retcode,
    /// Deal; 0 if none.
    pub deal: DealTicket,
    /// Order; 0 if none.
    pub order: Ticket,
    /// Lots executed.
    pub volume: Volume,
    /// Price; 0 if nothing was executed.
    pub price: Price,
    /// Bid at the server.
    pub bid: Price,
    /// Ask at the server.
    pub ask: Price,
    /// The server's comment.
    pub comment: String,
    /// Market time of the symbol when the server decided.
    pub market_time: MarketTime,
    /// Wall clock, nanoseconds UTC, just before `OrderSend` was called; 0 if it was not.
    pub order_send_ns: i64,
}
layout!(OrderResult { request_id, retcode, deal, order, volume, price, bid, ask, comment, market_time, order_send_ns });

/// Terminal: something happened on the account. A hint: the state may have moved on, and events of a time without connection
/// are never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transaction {
    /// What kind.
    pub kind: TransactionKind,
    /// Order; 0 if none.
    pub order: Ticket,
    /// Deal; 0 if none.
    pub deal: DealTicket,
    /// Position; 0 if none.
    pub position: PositionTicket,
    /// Magic number of order, deal or position.
    pub magic: u64,
    /// Symbol.
    pub symbol: Symbol,
    /// Way of order, deal or position.
    pub side: Side,
    /// The order's state; meaningful for orders only.
    pub state: OrderState,
    /// In or out; meaningful for deals only.
    pub entry: DealEntry,
    /// Who caused it.
    pub reason: Reason,
    /// Lots: remaining of an order, executed of a deal, open of a position.
    pub volume: Volume,
    /// Price.
    pub price: Price,
    /// Stop loss.
    pub stop_loss: Price,
    /// Take profit.
    pub take_profit: Price,
    /// Realised profit of a closing deal.
    pub profit: Money,
    /// Market time.
    pub time: MarketTime,
    /// The request that it answers; 0 if none.
    pub request_id: u64,
    /// Return code of that request.
    pub retcode: Retcode,
}
layout!(Transaction {
    kind,
    order,
    deal,
    position,
    magic,
    symbol,
    side,
    state,
    entry,
    reason,
    volume,
    price,
    stop_loss,
    take_profit,
    profit,
    time,
    request_id,
    retcode,
});

impl Transaction {
    /// The deal that a [`TransactionKind::DealAdd`] tells of.
    #[must_use]
    pub fn as_deal(&self) -> Option<Deal> {
        (self.kind == TransactionKind::DealAdd).then_some(Deal {
            ticket: self.deal,
            order: self.order,
            position: self.position,
            side: self.side,
            entry: self.entry,
            volume: self.volume,
            price: self.price,
            profit: self.profit,
            time: self.time,
            magic: self.magic,
        })
    }
}

/// Connector: what is known under this magic number?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookup {
    /// Comes back in the answer.
    pub lookup_id: u64,
    /// Magic number.
    pub magic: u64,
}
layout!(Lookup { lookup_id, magic });

/// An order of the open list or the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderInfo {
    /// Ticket.
    pub ticket: Ticket,
    /// Symbol.
    pub symbol: Symbol,
    /// Way.
    pub side: Side,
    /// State.
    pub state: OrderState,
    /// Who caused it.
    pub reason: Reason,
    /// Lots asked for.
    pub volume: Volume,
    /// Price of execution; 0 if none.
    pub price: Price,
    /// The position that it opened or closed; 0 if none.
    pub position: PositionTicket,
    /// Market time when done.
    pub time: MarketTime,
    /// Return code of the request that brought it.
    pub retcode: Retcode,
    /// Comment.
    pub comment: String,
}
layout!(OrderInfo { ticket, symbol, side, state, reason, volume, price, position, time, retcode, comment });

/// Terminal: everything under a magic number, newest rows if there are more than [`ROWS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupResult {
    /// The lookup.
    pub lookup_id: u64,
    /// Magic number.
    pub magic: u64,
    /// Rows were left out.
    pub more: bool,
    /// Open positions.
    pub positions: Vec<PositionState>,
    /// Orders, open and done, oldest first.
    pub orders: Vec<OrderInfo>,
    /// Deals, oldest first.
    pub deals: Vec<Deal>,
}
layout!(LookupResult { lookup_id, magic, more, positions, orders, deals });

impl LookupResult {
    /// The deals that our own requests brought about: those of stops and stop-outs, which carry the position's magic number
    /// too, are left out.
    pub fn own_deals(&self) -> impl Iterator<Item = &Deal> {
        let own = |deal: &&Deal| self.orders.iter().any(|o| o.ticket == deal.order && o.reason == Reason::Expert);
        self.deals.iter().filter(own)
    }
}

impl Item for OrderInfo {
    const MAX: usize = ROWS_MAX;
    const NAME: &'static str = "orders";
}

impl Item for Deal {
    const MAX: usize = ROWS_MAX;
    const NAME: &'static str = "deals";
}
