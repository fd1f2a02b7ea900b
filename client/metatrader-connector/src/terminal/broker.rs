//! The simulated broker: a state machine without clock, files or sockets. Orders and ticks go in, answers, transactions and
//! records for the books come out.

mod account;
mod books;
mod check;
mod events;
#[cfg(test)]
mod tests;

pub(super) use books::{Books, Holding};
pub use books::{OrderRow, Record, executions_per_magic};

use super::faults::dice;
use aitrading_model::{
    AccountId, Currency, Deal, DealEntry, DealTicket, MarketTime, Money, Permissions, PositionTicket, Price, Retcode,
    Side, Symbol, SymbolSpec, Tick, Ticket, Volume,
};
use aitrading_wire::ea::{OrderRequest, OrderResult, Reason, TradeAction, Transaction, TransactionKind};
use std::collections::BTreeMap;

/// Longest comment that the broker keeps.
pub const COMMENT_CHARS: usize = 31;

/// The account and the rules that do not change.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Login.
    pub account: AccountId,
    /// The trade server's name.
    pub server: String,
    /// Deposit currency.
    pub currency: Currency,
    /// 1:n.
    pub leverage: u32,
    /// Stop-out level in percent of margin; 0 for none.
    pub stop_out_percent: u32,
    /// Seed of slippage.
    pub seed: u64,
    /// Most ticks of slippage.
    pub slippage_ticks: u32,
}

/// One symbol's market.
#[derive(Debug, Clone)]
pub(super) struct Market {
    pub(super) spec: SymbolSpec,
    /// The last quote; `None` before the first one and while the book is empty.
    pub(super) quote: Option<(Price, Price)>,
    /// Time of the last tick.
    pub(super) time: MarketTime,
    /// No more ticks will come.
    pub(super) closed: bool,
}

impl Market {
    /// Does the symbol trade at its last tick's time? That is the server's clock here: a simulated market has no other time. A
    /// broker without a table of sessions trades nothing.
    pub(super) fn in_session(&self) -> bool {
        self.spec.sessions.is_some_and(|sessions| sessions.is_open(self.time))
    }
}

/// What one act of the broker brought about.
#[derive(Debug, Clone)]
pub struct Execution {
    /// The answer to whoever asked.
    pub result: OrderResult,
    /// For the books; `None` if nothing changed.
    pub record: Option<Record>,
    /// In the order in which a terminal sees them.
    pub transactions: Vec<Transaction>,
}

/// The broker with one account.
#[derive(Debug)]
pub struct Broker {
    terms: Terms,
    permissions: Permissions,
    markets: BTreeMap<Symbol, Market>,
    books: Books,
}

impl Broker {
    pub(super) fn new(terms: Terms, specs: &[SymbolSpec], books: Books) -> Self {
        let market = |spec: &SymbolSpec| {
            let market = Market { spec: *spec, quote: None, time: MarketTime::default(), closed: false };
            (spec.symbol, market)
        };
        let markets = specs.iter().map(market).collect();
        Self { terms, permissions: Permissions::ALL, markets, books }
    }

    /// Opens the account if the books are new.
    pub fn open_account(&mut self, deposit: Money) -> Option<Record> {
        if self.books.owner().is_some() {
            return None;
        }
        let record = Record::Opened { account: self.terms.account, deposit };
        self.books.apply(&record);
        Some(record)
    }

    pub(super) fn set_permissions(&mut self, permissions: Permissions) {
        self.permissions = permissions;
    }

    pub(super) fn permissions(&self) -> Permissions {
        self.permissions
    }

    pub(super) fn books(&self) -> &Books {
        &self.books
    }

    /// The answer that a request got when it came first.
    #[must_use]
    pub fn answered(&self, request_id: u64) -> Option<OrderResult> {
        self.books.by_request(request_id).map(OrderRow::result)
    }

    /// Decides a request. `order_send_ns` is when `OrderSend` was called.
    pub fn order(&mut self, request: &OrderRequest, order_send_ns: i64) -> Execution {
        let decided = match request.action {
            TradeAction::Deal => self.deal(request, order_send_ns),
            TradeAction::Sltp => self.stops(request, order_send_ns),
            TradeAction::Pending | TradeAction::Modify | TradeAction::Remove | TradeAction::CloseBy => {
                Err(Retcode::INVALID_ORDER)
            }
        };
        decided.unwrap_or_else(|retcode| self.reject(request, retcode, order_send_ns))
    }

    fn deal(&mut self, request: &OrderRequest, order_send_ns: i64) -> Result<Execution, Retcode> {
        self.check_deal(request)?;
        let market = self.markets.get(&request.symbol).ok_or(Retcode::INVALID)?;
        let (bid, ask) = market.quote.ok_or(Retcode::PRICE_OFF)?;
        let price = self.fill_price(market, request).ok_or(Retcode::PRICE_OFF)?;
        let order = Fill {
            request_id: request.request_id,
            magic: request.magic,
            symbol: request.symbol,
            side: request.side,
            volume: request.volume,
            price,
            stops: (request.stop_loss, request.take_profit),
            comment: request.comment.chars().take(COMMENT_CHARS).collect(),
            position: request.position,
            reason: Reason::Expert,
            time: market.time,
            order_send_ns,
            quote: (bid, ask),
        };
        Ok(self.fill(order))
    }

    /// The market's price, made worse by at most the slippage of the terms.
    fn fill_price(&self, market: &Market, request: &OrderRequest) -> Option<Price> {
        let (bid, ask) = market.quote?;
        let range = u64::from(self.terms.slippage_ticks).checked_add(1)?;
        let ticks = i64::try_from(dice(self.terms.seed, request.request_id, 2).checked_rem(range)?).ok()?;
        let worse = Price::from_raw(market.spec.tick_size.raw().checked_mul(ticks)?);
        match request.side {
            Side::Buy => ask.checked_add(worse),
            Side::Sell => bid.checked_sub(worse),
        }
    }

    /// Executes what was checked, in the books and in full.
    pub(super) fn fill(&mut self, fill: Fill) -> Execution {
        let (order, deal) = self.books.next_tickets();
        let holding = self.books.position(fill.position).copied();
        let spec = self.markets.get(&fill.symbol).map(|market| market.spec);
        let profit = match (holding, spec) {
            (Some(held), Some(spec)) => spec.profit(held.side, fill.volume, held.price_open, fill.price),
            _ => Some(Money::ZERO),
        };
        let position = if fill.position == PositionTicket(0) { PositionTicket(order.0) } else { fill.position };
        let deal = Deal {
            ticket: deal,
            order,
            position,
            side: fill.side,
            entry: if holding.is_some() { DealEntry::Out } else { DealEntry::In },
            volume: fill.volume,
            price: fill.price,
            profit: profit.unwrap_or_default(),
            time: fill.time,
            magic: fill.magic,
        };
        let row = OrderRow {
            request_id: fill.request_id,
            ticket: order,
            magic: fill.magic,
            symbol: fill.symbol,
            side: fill.side,
            volume: fill.volume,
            position,
            stop_loss: fill.stops.0,
            take_profit: fill.stops.1,
            time: fill.time,
            retcode: Retcode::DONE,
            reason: fill.reason as u8,
            comment: fill.comment,
            deal: Some(deal),
            bid: fill.quote.0,
            ask: fill.quote.1,
            order_send_ns: fill.order_send_ns,
        };
        let transactions = events::of_fill(&row, &deal);
        let result = row.result();
        let record = Record::Order(Box::new(row));
        self.books.apply(&record);
        Execution { result, record: Some(record), transactions }
    }

    fn stops(&mut self, request: &OrderRequest, order_send_ns: i64) -> Result<Execution, Retcode> {
        let time = self.check_stops(request)?;
        let record = Record::Stops {
            position: request.position,
            stop_loss: request.stop_loss,
            take_profit: request.take_profit,
        };
        self.books.apply(&record);
        let held = self.books.position(request.position).ok_or(Retcode::POSITION_CLOSED)?;
        let changed = events::of_position(request.position, held, time);
        let result = self.answer(request, Retcode::DONE, order_send_ns);
        let answered = Transaction {
            kind: TransactionKind::Request,
            request_id: request.request_id,
            retcode: Retcode::DONE,
            ..changed
        };
        Ok(Execution { result, record: Some(record), transactions: vec![changed, answered] })
    }

    /// A refusal of a deal goes into the books too: asked again, the request gets the same answer.
    fn reject(&mut self, request: &OrderRequest, retcode: Retcode, order_send_ns: i64) -> Execution {
        let result = self.answer(request, retcode, order_send_ns);
        let record = (request.action == TradeAction::Deal && request.request_id != 0).then(|| {
            Record::Order(Box::new(OrderRow {
                request_id: request.request_id,
                ticket: Ticket(0),
                magic: request.magic,
                symbol: request.symbol,
                side: request.side,
                volume: request.volume,
                position: request.position,
                stop_loss: request.stop_loss,
                take_profit: request.take_profit,
                time: result.market_time,
                retcode,
                reason: Reason::Expert as u8,
                comment: String::new(),
                deal: None,
                bid: result.bid,
                ask: result.ask,
                order_send_ns,
            }))
        });
        if let Some(record) = &record {
            self.books.apply(record);
        }
        Execution { result, record, transactions: Vec::new() }
    }

    fn answer(&self, request: &OrderRequest, retcode: Retcode, order_send_ns: i64) -> OrderResult {
        let market = self.markets.get(&request.symbol);
        let (bid, ask) = market.and_then(|market| market.quote).unwrap_or_default();
        OrderResult {
            request_id: request.request_id,
            retcode,
            deal: DealTicket(0),
            order: Ticket(0),
            volume: Volume::ZERO,
            price: Price::ZERO,
            bid,
            ask,
            comment: retcode.row().map(|row| row.meaning.to_owned()).unwrap_or_default(),
            market_time: market.map(|market| market.time).unwrap_or_default(),
            order_send_ns,
        }
    }

    /// The market moves: stops are triggered, and a stop-out if it comes to that.
    pub fn release(&mut self, symbol: Symbol, ticks: &[Tick]) -> Vec<Execution> {
        let mut done = Vec::new();
        if !self.books.has_position_on(symbol) {
            self.set_quote(symbol, ticks);
            return done;
        }
        for tick in ticks {
            let Some(market) = self.markets.get_mut(&symbol) else { break };
            market.time = tick.time;
            if let Some(quote) = usable(tick) {
                market.quote = quote;
            }
            self.trigger(symbol, &mut done);
        }
        self.stop_out(&mut done);
        done
    }

    /// The market is where `ticks` end; what lies before is not looked at.
    pub(super) fn set_quote(&mut self, symbol: Symbol, ticks: &[Tick]) {
        if let (Some(market), Some(tick)) = (self.markets.get_mut(&symbol), ticks.last()) {
            // Without positions only the last usable quote matters.
            let quote = ticks.iter().rev().find_map(usable);
            market.quote = quote.unwrap_or(market.quote);
            market.time = tick.time;
        }
    }

    /// No more ticks: the market is closed.
    pub fn close_market(&mut self, symbol: Symbol) {
        if let Some(market) = self.markets.get_mut(&symbol) {
            market.closed = true;
        }
    }
}

/// What a tick says about the price: `Some(None)` for an empty book, `None` for a tick that no broker would trade on.
fn usable(tick: &Tick) -> Option<Option<(Price, Price)>> {
    if tick.is_no_quote() {
        Some(None)
    } else {
        (tick.bid.is_positive() && tick.ask >= tick.bid).then_some(Some((tick.bid, tick.ask)))
    }
}

/// An order that passed every check.
#[derive(Debug)]
pub(super) struct Fill {
    pub(super) request_id: u64,
    pub(super) magic: u64,
    pub(super) symbol: Symbol,
    pub(super) side: Side,
    pub(super) volume: Volume,
    pub(super) price: Price,
    pub(super) stops: (Price, Price),
    pub(super) comment: String,
    pub(super) position: PositionTicket,
    pub(super) reason: Reason,
    pub(super) time: MarketTime,
    pub(super) order_send_ns: i64,
    pub(super) quote: (Price, Price),
}
