//! The broker's checks. Each refusal has the code that a trade server gives for it; nothing here knows a test or a script.

use super::{Broker, Holding, Market};
use aitrading_model::{
    AccountState, MarketTime, Money, PositionTicket, Price, Retcode, Side, SymbolSpec, TradeMode, Volume,
};
use aitrading_wire::ea::OrderRequest;

/// Orders that one account's books hold.
const ORDERS_MAX: usize = 1_000_000;

/// Bits of a symbol's order mode.
mod mode {
    pub(super) const MARKET: u8 = 1;
    pub(super) const STOP_LOSS: u8 = 16;
    pub(super) const TAKE_PROFIT: u8 = 32;
}

impl Broker {
    /// May this market order be executed now?
    pub(super) fn check_deal(&self, request: &OrderRequest) -> Result<(), Retcode> {
        self.check_permissions()?;
        if self.books.len() >= ORDERS_MAX {
            return Err(Retcode::TOO_MANY_REQUESTS);
        }
        if request.request_id == 0 {
            return Err(Retcode::INVALID);
        }
        let market = self.markets.get(&request.symbol).ok_or(Retcode::INVALID)?;
        let spec = &market.spec;
        if spec.trade_mode == TradeMode::Disabled {
            return Err(Retcode::TRADE_DISABLED);
        }
        if spec.order_mode & mode::MARKET == 0 {
            return Err(Retcode::INVALID_ORDER);
        }
        if !request.filling.is_allowed(spec.execution, spec.filling) {
            return Err(Retcode::INVALID_FILL);
        }
        check_volume(spec, request.volume)?;
        if request.position != PositionTicket(0) {
            let held = self.books.position(request.position).ok_or(Retcode::POSITION_CLOSED)?;
            check_close(held, request)?;
            let (bid, ask) = check_open_market(market)?;
            return check_frozen(spec, held, bid, ask);
        }
        check_direction(spec.trade_mode, request.side)?;
        let (bid, ask) = check_open_market(market)?;
        let quote = match request.side {
            Side::Buy => bid,
            Side::Sell => ask,
        };
        check_levels(spec, request.side, quote, request.stop_loss, request.take_profit)?;
        self.check_limits(spec, request)?;
        let price = if request.side == Side::Buy { ask } else { bid };
        self.check_money(spec, request.volume, price)
    }

    /// May the position's stops be changed so? Returns the market time.
    pub(super) fn check_stops(&self, request: &OrderRequest) -> Result<MarketTime, Retcode> {
        self.check_permissions()?;
        let held = self.books.position(request.position).ok_or(Retcode::POSITION_CLOSED)?;
        let market = self.markets.get(&held.symbol).ok_or(Retcode::INVALID)?;
        if held.symbol != request.symbol {
            return Err(Retcode::INVALID);
        }
        let (bid, ask) = check_open_market(market)?;
        if (held.stop_loss, held.take_profit) == (request.stop_loss, request.take_profit) {
            return Err(Retcode::NO_CHANGES);
        }
        let quote = if held.side == Side::Buy { bid } else { ask };
        check_levels(&market.spec, held.side, quote, request.stop_loss, request.take_profit)?;
        check_frozen(&market.spec, held, bid, ask)?;
        Ok(market.time)
    }

    fn check_permissions(&self) -> Result<(), Retcode> {
        let p = &self.permissions;
        if !p.terminal_connected {
            Err(Retcode::CONNECTION)
        } else if !p.terminal_trade_allowed || !p.program_trade_allowed {
            Err(Retcode::CLIENT_DISABLES_AT)
        } else if !p.account_trade_expert {
            Err(Retcode::SERVER_DISABLES_AT)
        } else if !p.account_trade_allowed {
            Err(Retcode::TRADE_DISABLED)
        } else {
            Ok(())
        }
    }

    /// How much may be open, and how many positions.
    fn check_limits(&self, spec: &SymbolSpec, request: &OrderRequest) -> Result<(), Retcode> {
        if self.books.positions().len() >= AccountState::MAX_POSITIONS {
            return Err(Retcode::LIMIT_POSITIONS);
        }
        if !spec.volume_limit.is_positive() {
            return Ok(());
        }
        let same = self.books.positions().values().filter(|h| h.symbol == spec.symbol && h.side == request.side);
        let total = same.map(|held| held.volume).try_fold(request.volume, Volume::checked_add);
        total.filter(|total| *total <= spec.volume_limit).map(|_| ()).ok_or(Retcode::LIMIT_VOLUME)
    }

    fn check_money(&self, spec: &SymbolSpec, volume: Volume, price: Price) -> Result<(), Retcode> {
        let needed = spec.margin(volume, price, self.terms.leverage).ok_or(Retcode::NO_MONEY)?;
        let (equity, margin) = self.money();
        let free = equity.checked_sub(margin).and_then(|free| free.checked_sub(needed));
        free.filter(|free| *free >= Money::ZERO).map(|_| ()).ok_or(Retcode::NO_MONEY)
    }
}

fn check_open_market(market: &Market) -> Result<(Price, Price), Retcode> {
    if market.closed || !market.in_session() {
        return Err(Retcode::MARKET_CLOSED);
    }
    market.quote.ok_or(Retcode::PRICE_OFF)
}

/// Within bounds, and on the grid `min + k * step`.
fn check_volume(spec: &SymbolSpec, volume: Volume) -> Result<(), Retcode> {
    let steps = volume.checked_sub(spec.volume_min).and_then(|above| above.raw().checked_rem(spec.volume_step.raw()));
    let within = volume >= spec.volume_min && volume <= spec.volume_max && volume.is_positive();
    if within && steps == Some(0) { Ok(()) } else { Err(Retcode::INVALID_VOLUME) }
}

fn check_close(held: &Holding, request: &OrderRequest) -> Result<(), Retcode> {
    if held.symbol != request.symbol || held.side == request.side {
        Err(Retcode::INVALID)
    } else if request.volume > held.volume {
        Err(Retcode::INVALID_CLOSE_VOLUME)
    } else {
        Ok(())
    }
}

fn check_direction(mode: TradeMode, side: Side) -> Result<(), Retcode> {
    match (mode, side) {
        (TradeMode::Disabled, _) => Err(Retcode::TRADE_DISABLED),
        (TradeMode::LongOnly, Side::Sell) => Err(Retcode::LONG_ONLY),
        (TradeMode::ShortOnly, Side::Buy) => Err(Retcode::SHORT_ONLY),
        (TradeMode::CloseOnly, _) => Err(Retcode::CLOSE_ONLY),
        _ => Ok(()),
    }
}

/// Stops are on the grid, on the right side of `quote` (what the position is valued at), and far enough away. Equality with
/// the level is accepted, as no document forbids it.
fn check_levels(spec: &SymbolSpec, side: Side, quote: Price, sl: Price, tp: Price) -> Result<(), Retcode> {
    let level = distance(spec, spec.stops_level).max(Price::from_raw(1));
    let far = |near: Price, other: Price| near.checked_sub(other).is_some_and(|distance| distance >= level);
    let allowed = |price: Price, bit: u8, is_far: bool| {
        price == Price::ZERO
            || price.is_positive() && spec.order_mode & bit != 0 && price.is_on_grid(spec.tick_size) && is_far
    };
    let (sl_far, tp_far) = match side {
        Side::Buy => (far(quote, sl), far(tp, quote)),
        Side::Sell => (far(sl, quote), far(quote, tp)),
    };
    let valid = allowed(sl, mode::STOP_LOSS, sl_far) && allowed(tp, mode::TAKE_PROFIT, tp_far);
    if valid { Ok(()) } else { Err(Retcode::INVALID_STOPS) }
}

/// Nothing may be changed or closed while the market is within the freeze level of a stop.
fn check_frozen(spec: &SymbolSpec, held: &Holding, bid: Price, ask: Price) -> Result<(), Retcode> {
    let level = distance(spec, spec.freeze_level);
    let quote = if held.side == Side::Buy { bid } else { ask };
    let near =
        |stop: Price| stop != Price::ZERO && quote.checked_sub(stop).is_some_and(|distance| distance.abs() <= level);
    if level.is_positive() && (near(held.stop_loss) || near(held.take_profit)) { Err(Retcode::FROZEN) } else { Ok(()) }
}

fn distance(spec: &SymbolSpec, points: u32) -> Price {
    Price::from_raw(spec.point().raw().saturating_mul(i64::from(points)))
}
