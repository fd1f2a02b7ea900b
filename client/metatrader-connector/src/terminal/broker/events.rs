//! What a terminal sees of an execution, in the order in which it was observed to arrive.

use super::{Holding, OrderRow};
use aitrading_model::{Deal, DealEntry, DealTicket, MarketTime, Money, PositionTicket, Retcode, Ticket, Volume};
use aitrading_wire::ea::{OrderState, Reason, Transaction, TransactionKind};

/// Opening: order added, deal, order deleted, history, request. Closing: the deal comes behind the history. Orders of the
/// server itself come without the request.
pub(super) fn of_fill(row: &OrderRow, deal: &Deal) -> Vec<Transaction> {
    let base = Transaction {
        kind: TransactionKind::OrderAdd,
        order: row.ticket,
        deal: DealTicket(0),
        position: deal.position,
        magic: row.magic,
        symbol: row.symbol,
        side: row.side,
        state: OrderState::Started,
        entry: deal.entry,
        reason: row.reason(),
        volume: row.volume,
        price: deal.price,
        stop_loss: row.stop_loss,
        take_profit: row.take_profit,
        profit: Money::ZERO,
        time: row.time,
        request_id: 0,
        retcode: Retcode::NONE,
    };
    let done = Transaction { state: OrderState::Filled, volume: Volume::ZERO, ..base };
    let deleted = Transaction { kind: TransactionKind::OrderDelete, ..done };
    let history = Transaction { kind: TransactionKind::HistoryAdd, ..done };
    let dealt = Transaction { kind: TransactionKind::DealAdd, deal: deal.ticket, profit: deal.profit, ..base };
    let mut all = match deal.entry {
        DealEntry::In => vec![base, dealt, deleted, history],
        DealEntry::Out => vec![base, deleted, history, dealt],
    };
    if row.reason() == Reason::Expert {
        all.push(Transaction {
            kind: TransactionKind::Request,
            deal: deal.ticket,
            request_id: row.request_id,
            retcode: row.retcode,
            ..done
        });
    }
    all
}

/// A position changed without a deal.
pub(super) fn of_position(ticket: PositionTicket, held: &Holding, time: MarketTime) -> Transaction {
    Transaction {
        kind: TransactionKind::Position,
        order: Ticket(0),
        deal: DealTicket(0),
        position: ticket,
        magic: held.magic,
        symbol: held.symbol,
        side: held.side,
        state: OrderState::Filled,
        entry: DealEntry::In,
        reason: Reason::Expert,
        volume: held.volume,
        price: held.price_open,
        stop_loss: held.stop_loss,
        take_profit: held.take_profit,
        profit: Money::ZERO,
        time,
        request_id: 0,
        retcode: Retcode::NONE,
    }
}
