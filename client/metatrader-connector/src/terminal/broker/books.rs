//! What the broker remembers: orders with their deals, open positions, balance, ticket numbers. Rebuilt by applying records.

use aitrading_model::{
    AccountId, Deal, DealEntry, DealTicket, MarketTime, Money, PositionTicket, Price, Retcode, Side, Symbol, Ticket,
    Volume,
};
use aitrading_wire::ea::{OrderInfo, OrderResult, OrderState, Reason};
use std::collections::BTreeMap;

/// The first ticket of a new broker.
const FIRST_TICKET: u64 = 100_001;

/// An order that was answered, with its deal if it was executed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OrderRow {
    /// The request; 0 for orders of the server itself (stops).
    pub request_id: u64,
    /// Ticket; 0 if the order was refused.
    pub ticket: Ticket,
    /// Magic number.
    pub magic: u64,
    /// Symbol.
    pub symbol: Symbol,
    /// Way of the order.
    pub side: Side,
    /// Lots.
    pub volume: Volume,
    /// The position that it opened or closed.
    pub position: PositionTicket,
    /// Stop loss.
    pub stop_loss: Price,
    /// Take profit.
    pub take_profit: Price,
    /// Market time.
    pub time: MarketTime,
    /// Return code.
    pub retcode: Retcode,
    /// Number of the [`Reason`].
    pub reason: u8,
    /// Comment.
    pub comment: String,
    /// The execution.
    pub deal: Option<Deal>,
    /// Bid at the decision.
    pub bid: Price,
    /// Ask at the decision.
    pub ask: Price,
    /// When `OrderSend` was called, nanoseconds UTC; 0 for orders of the server itself.
    pub order_send_ns: i64,
}

impl OrderRow {
    /// Who caused it.
    #[must_use]
    pub fn reason(&self) -> Reason {
        Reason::from_number(self.reason).unwrap_or(Reason::Client)
    }

    pub(super) fn result(&self) -> OrderResult {
        let done = self.deal.map(|deal| (deal.ticket, deal.volume, deal.price)).unwrap_or_default();
        OrderResult {
            request_id: self.request_id,
            retcode: self.retcode,
            deal: done.0,
            order: self.ticket,
            volume: done.1,
            price: done.2,
            bid: self.bid,
            ask: self.ask,
            comment: self.retcode.row().map(|row| row.meaning.to_owned()).unwrap_or_default(),
            market_time: self.time,
            order_send_ns: self.order_send_ns,
        }
    }

    pub(super) fn info(&self) -> OrderInfo {
        OrderInfo {
            ticket: self.ticket,
            symbol: self.symbol,
            side: self.side,
            state: if self.deal.is_some() { OrderState::Filled } else { OrderState::Rejected },
            reason: self.reason(),
            volume: self.volume,
            price: self.deal.map(|deal| deal.price).unwrap_or_default(),
            position: self.position,
            time: self.time,
            retcode: self.retcode,
            comment: self.comment.clone(),
        }
    }
}

/// Executed orders per magic number, those of stops and stop-outs left out: never above 1 if nothing is executed twice.
#[must_use]
pub fn executions_per_magic(rows: &[OrderRow]) -> BTreeMap<u64, u32> {
    let mut counts = BTreeMap::new();
    for row in rows.iter().filter(|row| row.deal.is_some() && row.reason() == Reason::Expert) {
        let count: &mut u32 = counts.entry(row.magic).or_default();
        *count = count.saturating_add(1);
    }
    counts
}

/// One change of the books.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Record {
    /// The account was opened.
    Opened {
        /// Whose.
        account: AccountId,
        /// First balance.
        deposit: Money,
    },
    /// An order was answered.
    Order(Box<OrderRow>),
    /// A position's stops changed.
    Stops {
        /// Position.
        position: PositionTicket,
        /// Stop loss.
        stop_loss: Price,
        /// Take profit.
        take_profit: Price,
    },
}

/// An open position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::terminal) struct Holding {
    pub(in crate::terminal) symbol: Symbol,
    pub(in crate::terminal) side: Side,
    pub(in crate::terminal) volume: Volume,
    pub(in crate::terminal) price_open: Price,
    pub(in crate::terminal) stop_loss: Price,
    pub(in crate::terminal) take_profit: Price,
    pub(in crate::terminal) magic: u64,
}

/// The books.
#[derive(Debug, Default)]
pub(in crate::terminal) struct Books {
    owner: Option<AccountId>,
    balance: Money,
    last_ticket: u64,
    rows: Vec<OrderRow>,
    positions: BTreeMap<PositionTicket, Holding>,
    by_request: BTreeMap<u64, usize>,
    by_magic: BTreeMap<u64, Vec<usize>>,
    last_deal: BTreeMap<Symbol, MarketTime>,
}

impl Books {
    /// Takes a change in. Whoever hands records in has checked them.
    pub(in crate::terminal) fn apply(&mut self, record: &Record) {
        match record {
            Record::Opened { account, deposit } => {
                self.owner = Some(*account);
                self.balance = *deposit;
            }
            Record::Order(row) => self.apply_order(row),
            Record::Stops { position, stop_loss, take_profit } => {
                if let Some(held) = self.positions.get_mut(position) {
                    (held.stop_loss, held.take_profit) = (*stop_loss, *take_profit);
                }
            }
        }
    }

    fn apply_order(&mut self, row: &OrderRow) {
        let index = self.rows.len();
        if row.request_id != 0 {
            self.by_request.insert(row.request_id, index);
        }
        self.by_magic.entry(row.magic).or_default().push(index);
        self.last_ticket = self.last_ticket.max(row.ticket.0);
        if let Some(deal) = &row.deal {
            self.apply_deal(row, deal);
        }
        self.rows.push(row.clone());
    }

    fn apply_deal(&mut self, row: &OrderRow, deal: &Deal) {
        self.last_ticket = self.last_ticket.max(deal.ticket.0);
        self.balance = self.balance.checked_add(deal.profit).unwrap_or(self.balance);
        self.last_deal.insert(row.symbol, deal.time);
        match deal.entry {
            DealEntry::In => {
                let holding = Holding {
                    symbol: row.symbol,
                    side: deal.side,
                    volume: deal.volume,
                    price_open: deal.price,
                    stop_loss: row.stop_loss,
                    take_profit: row.take_profit,
                    magic: row.magic,
                };
                self.positions.insert(deal.position, holding);
            }
            DealEntry::Out => {
                let rest = self.positions.get_mut(&deal.position).map(|held| {
                    held.volume = held.volume.checked_sub(deal.volume).unwrap_or_default();
                    held.volume
                });
                if rest.is_some_and(|rest| !rest.is_positive()) {
                    self.positions.remove(&deal.position);
                }
            }
        }
    }

    pub(in crate::terminal) fn owner(&self) -> Option<AccountId> {
        self.owner
    }

    pub(super) fn balance(&self) -> Money {
        self.balance
    }

    /// Tickets for an order and its deal.
    pub(super) fn next_tickets(&self) -> (Ticket, DealTicket) {
        let order = self.last_ticket.saturating_add(1).max(FIRST_TICKET);
        (Ticket(order), DealTicket(order.saturating_add(1)))
    }

    pub(super) fn by_request(&self, request_id: u64) -> Option<&OrderRow> {
        self.by_request.get(&request_id).and_then(|index| self.rows.get(*index))
    }

    pub(super) fn by_magic(&self, magic: u64) -> impl DoubleEndedIterator<Item = &OrderRow> {
        self.by_magic.get(&magic).into_iter().flatten().filter_map(|index| self.rows.get(*index))
    }

    pub(super) fn position(&self, ticket: PositionTicket) -> Option<&Holding> {
        self.positions.get(&ticket)
    }

    pub(super) fn positions(&self) -> &BTreeMap<PositionTicket, Holding> {
        &self.positions
    }

    pub(super) fn has_position_on(&self, symbol: Symbol) -> bool {
        self.positions.values().any(|held| held.symbol == symbol)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Market time of the symbol's last deal: the market was there already.
    pub(in crate::terminal) fn last_deal(&self, symbol: Symbol) -> Option<MarketTime> {
        self.last_deal.get(&symbol).copied()
    }

    pub(in crate::terminal) fn into_rows(self) -> Vec<OrderRow> {
        self.rows
    }
}
