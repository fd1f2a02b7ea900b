//! Money, stops that trigger, and what can be asked about the account.

use super::{Broker, Execution, Fill, Holding};
use aitrading_model::{AccountState, Deal, MarginMode, Money, PositionState, PositionTicket, Price, Side, Symbol};
use aitrading_wire::ea::{Lookup, LookupResult, ROWS_MAX, Reason};

impl Broker {
    /// The account with its positions, valued at the market.
    #[must_use]
    pub fn account(&self) -> AccountState {
        let (equity, margin) = self.money();
        let position = |(ticket, held): (&PositionTicket, &Holding)| self.position_state(*ticket, held);
        AccountState {
            account: self.terms.account,
            server: self.terms.server.clone(),
            currency: self.terms.currency,
            margin_mode: MarginMode::RetailHedging,
            leverage: self.terms.leverage,
            balance: self.books.balance(),
            equity,
            margin,
            free_margin: equity.checked_sub(margin).unwrap_or_default(),
            stop_out_percent: self.terms.stop_out_percent,
            permissions: self.permissions,
            time: self.markets.values().map(|market| market.time).max().unwrap_or_default(),
            positions: self.books.positions().iter().map(position).collect(),
        }
    }

    /// What is known under a magic number; the newest rows if there are too many.
    #[must_use]
    pub fn lookup(&self, lookup: Lookup) -> LookupResult {
        let accepted = || self.books.by_magic(lookup.magic).filter(|row| row.ticket.0 != 0);
        let mut orders: Vec<_> = accepted().rev().take(ROWS_MAX).map(super::OrderRow::info).collect();
        let mut deals: Vec<Deal> = accepted().rev().filter_map(|row| row.deal).take(ROWS_MAX).collect();
        orders.reverse();
        deals.reverse();
        let own = self.books.positions().iter().filter(|(_, held)| held.magic == lookup.magic);
        let positions = own.map(|(ticket, held)| self.position_state(*ticket, held)).collect();
        let more = accepted().nth(ROWS_MAX).is_some();
        LookupResult { lookup_id: lookup.lookup_id, magic: lookup.magic, more, positions, orders, deals }
    }

    fn position_state(&self, ticket: PositionTicket, held: &Holding) -> PositionState {
        PositionState {
            ticket,
            symbol: held.symbol,
            side: held.side,
            volume: held.volume,
            price_open: held.price_open,
            stop_loss: held.stop_loss,
            take_profit: held.take_profit,
            profit: self.floating(held),
            magic: held.magic,
        }
    }

    /// What closing at the market would bring; 0 without a quote.
    fn floating(&self, held: &Holding) -> Money {
        let valued = self.markets.get(&held.symbol).and_then(|market| {
            let (bid, ask) = market.quote?;
            let price = if held.side == Side::Buy { bid } else { ask };
            market.spec.profit(held.side, held.volume, held.price_open, price)
        });
        valued.unwrap_or_default()
    }

    /// Equity and used margin. Margin is the plain sum over positions: opposite ones are not set off against each other.
    pub(super) fn money(&self) -> (Money, Money) {
        let sum = |total: Money, one: Money| total.checked_add(one).unwrap_or(total);
        let positions = || self.books.positions().values();
        let floating = positions().map(|held| self.floating(held)).fold(Money::ZERO, sum);
        let margin = positions().filter_map(|held| {
            let spec = &self.markets.get(&held.symbol)?.spec;
            spec.margin(held.volume, held.price_open, self.terms.leverage)
        });
        (sum(self.books.balance(), floating), margin.fold(Money::ZERO, sum))
    }

    /// Closes the positions on `symbol` whose stops the market has reached. Outside a trade session nothing is executed: stops that
    /// were passed meanwhile are filled at the next one's first price.
    pub(super) fn trigger(&mut self, symbol: Symbol, done: &mut Vec<Execution>) {
        let market = self.markets.get(&symbol).filter(|market| market.in_session());
        let Some((bid, ask)) = market.and_then(|market| market.quote) else { return };
        let reached: Vec<_> = self
            .books
            .positions()
            .iter()
            .filter(|(_, held)| held.symbol == symbol)
            .filter_map(|(ticket, held)| Some((*ticket, reached(held, bid, ask)?)))
            .collect();
        for (ticket, (reason, level)) in reached {
            let word = if reason == Reason::StopLoss { "sl" } else { "tp" };
            done.extend(self.close(ticket, reason, format!("[{word} {level}]")));
        }
    }

    /// Closes the worst position as long as equity is below the stop-out level of margin.
    pub(super) fn stop_out(&mut self, done: &mut Vec<Execution>) {
        let percent = i64::from(self.terms.stop_out_percent);
        if percent == 0 {
            return;
        }
        for _ in 0..AccountState::MAX_POSITIONS {
            let (equity, margin) = self.money();
            if margin.scale(percent, 100).is_none_or(|least| equity >= least) {
                return;
            }
            let open = |held: &Holding| self.markets.get(&held.symbol).is_some_and(super::Market::in_session);
            let trading = self.books.positions().iter().filter(|(_, held)| open(held));
            let worst = trading.min_by_key(|(_, held)| self.floating(held)).map(|(t, _)| *t);
            let closed = worst.and_then(|ticket| self.close(ticket, Reason::StopOut, "[so]".into()));
            // Without a quote nothing can be closed, and nothing changes by trying again.
            let Some(closed) = closed else { return };
            done.push(closed);
        }
    }

    /// Closes a whole position at the market, on the server's own account.
    fn close(&mut self, ticket: PositionTicket, reason: Reason, comment: String) -> Option<Execution> {
        let held = *self.books.position(ticket)?;
        let market = self.markets.get(&held.symbol).filter(|market| market.in_session())?;
        let (bid, ask) = market.quote?;
        let fill = Fill {
            request_id: 0,
            magic: held.magic,
            symbol: held.symbol,
            side: held.side.opposite(),
            volume: held.volume,
            price: if held.side == Side::Buy { bid } else { ask },
            stops: (held.stop_loss, held.take_profit),
            comment,
            position: ticket,
            reason,
            time: market.time,
            order_send_ns: 0,
            quote: (bid, ask),
        };
        Some(self.fill(fill))
    }
}

/// Which stop the market has reached, and its level. Longs are valued at the bid, shorts at the ask.
fn reached(held: &Holding, bid: Price, ask: Price) -> Option<(Reason, Price)> {
    let set = |level: Price| level != Price::ZERO;
    let (sl, tp) = match held.side {
        Side::Buy => (bid <= held.stop_loss, bid >= held.take_profit),
        Side::Sell => (ask >= held.stop_loss, ask <= held.take_profit),
    };
    if set(held.stop_loss) && sl {
        Some((Reason::StopLoss, held.stop_loss))
    } else if set(held.take_profit) && tp {
        Some((Reason::TakeProfit, held.take_profit))
    } else {
        None
    }
}
