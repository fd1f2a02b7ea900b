//! The client's own checks of a signal, before anything is sent to the terminal. Pure: everything it needs is an argument.
//!
//! The server is authoritative, but its word alone moves nothing here: a signal must prove whose it is, for whom, that it is
//! fresh and never seen, and that it stays inside the bounds that the subscriber set on this machine.

use aitrading_model::{
    AccountId, AccountState, DeviceId, Fence, PolicyHash, Price, ReportState, Side, Signal, SignalKind, Symbol,
    SymbolSpec, TenantId, Timestamp, TradeMode, Volume,
};
use aitrading_security::signing::{KeyId, KeyRing};
use aitrading_wire::{SIGNAL_DOMAIN, SignalEnvelope, decode_signal};

#[cfg(test)]
mod tests;

/// A server clock estimate that may be wrong by more than this executes nothing.
pub const CLOCK_ERROR_MAX_NS: i64 = 500_000_000;

/// The subscriber's own limits: a second lock that the server cannot open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnLimits {
    /// Most lots in one order.
    pub lots_max: Volume,
    /// Symbols that may be traded; empty means all that the terminal specifies.
    pub symbols: Vec<Symbol>,
    /// Most orders within any minute.
    pub orders_per_minute: u32,
}

/// Server time as this client estimates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerNow {
    /// Best estimate.
    pub now: Timestamp,
    /// How far it may be off, nanoseconds.
    pub error_ns: i64,
}

/// Everything that a check looks at.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Who we are.
    pub tenant: TenantId,
    /// Our account.
    pub account: AccountId,
    /// Our device.
    pub device: DeviceId,
    /// Our fencing number.
    pub fence: Fence,
    /// The policy that the server named at the session's start.
    pub policy: PolicyHash,
    /// Server time.
    pub clock: ServerNow,
    /// What the terminal says about the signal's symbol.
    pub spec: Option<&'a SymbolSpec>,
    /// Its last quote, bid and ask.
    pub quote: Option<(Price, Price)>,
    /// The account; absent while the terminal is not connected.
    pub state: Option<&'a AccountState>,
    /// Own limits.
    pub limits: &'a OwnLimits,
    /// Orders sent within the last minute.
    pub recent_orders: u32,
}

macro_rules! refusals {
    ($($(#[doc = $doc:literal])* $variant:ident $code:literal;)*) => {
        /// Why a signal is not executed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Refusal { $($(#[doc = $doc])* $variant,)* }

        impl Refusal {
            /// The stable code that the report carries.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
        }
    };
}

refusals! {
    /// The bytes are no signal of this version.
    Malformed "MALFORMED";
    /// The key id is none of the server's keys.
    UnknownKey "UNKNOWN_KEY";
    /// The signature does not fit.
    BadSignature "BAD_SIGNATURE";
    /// It is for another tenant, account or device.
    WrongAudience "WRONG_AUDIENCE";
    /// Its fencing number is above ours: another session took over.
    Fenced "FENCED";
    /// It was decided under another policy than the session's.
    PolicyChanged "POLICY_CHANGED";
    /// The estimate of the server's clock is too loose to judge expiry.
    ClockUncertain "CLOCK_UNCERTAIN";
    /// Too early.
    NotYetValid "NOT_YET_VALID";
    /// Too late.
    Expired "EXPIRED";
    /// The Expert Advisor is not connected.
    NoTerminal "NO_TERMINAL";
    /// A permission flag of the terminal or account is false.
    TradingDisabled "TRADING_DISABLED";
    /// The terminal does not specify the symbol.
    UnknownSymbol "UNKNOWN_SYMBOL";
    /// The subscriber does not allow it.
    SymbolNotAllowed "SYMBOL_NOT_ALLOWED";
    /// The symbol may not be traded this way.
    TradeMode "TRADE_MODE";
    /// Lots are not positive, inverted, off the grid or outside the symbol's range.
    BadVolume "BAD_VOLUME";
    /// More lots than the subscriber allows.
    OwnLotLimit "OWN_LOT_LIMIT";
    /// More orders a minute than the subscriber allows.
    OwnRateLimit "OWN_RATE_LIMIT";
    /// There is no quote to check the price bounds against.
    NoQuote "NO_QUOTE";
    /// The market is outside the signal's price bounds.
    PriceOutOfBounds "PRICE_OUT_OF_BOUNDS";
    /// Stops are on the wrong side of the market.
    BadStops "BAD_STOPS";
    /// The position to close is not open, or is not what the signal says.
    NoSuchPosition "NO_SUCH_POSITION";
}

impl Refusal {
    /// What the report says became of the signal.
    #[must_use]
    pub const fn state(self) -> ReportState {
        if matches!(self, Self::Expired) { ReportState::Expired } else { ReportState::Refused }
    }
}

/// Proves that the server signed exactly these bytes, and reads them.
///
/// # Errors
/// [`Refusal::UnknownKey`], [`Refusal::BadSignature`], [`Refusal::Malformed`].
pub fn authenticate(envelope: &SignalEnvelope, keys: &KeyRing) -> Result<Signal, Refusal> {
    let key = keys.get(KeyId(envelope.key_id)).ok_or(Refusal::UnknownKey)?;
    key.verify_detached(SIGNAL_DOMAIN, &envelope.bytes, &envelope.signature).map_err(|_| Refusal::BadSignature)?;
    decode_signal(&envelope.bytes).map_err(|_| Refusal::Malformed)
}

/// All checks that do not depend on the ledger, in order: identity, time, permission, size, price.
///
/// # Errors
/// The first check that fails.
pub fn validate(signal: &Signal, context: &Context<'_>) -> Result<(), Refusal> {
    check_audience(signal, context)?;
    check_time(signal, context.clock)?;
    let state = context.state.ok_or(Refusal::NoTerminal)?;
    if state.permissions.blocked_by().is_some() {
        return Err(Refusal::TradingDisabled);
    }
    let spec = context.spec.filter(|s| s.symbol == signal.symbol).ok_or(Refusal::UnknownSymbol)?;
    let allowed = &context.limits.symbols;
    if !allowed.is_empty() && !allowed.contains(&signal.symbol) {
        return Err(Refusal::SymbolNotAllowed);
    }
    check_volume(signal, spec, context.limits)?;
    match signal.kind {
        SignalKind::Open => check_open(signal, spec, context)?,
        SignalKind::Close => check_close(signal, state)?,
    }
    if context.recent_orders >= context.limits.orders_per_minute {
        return Err(Refusal::OwnRateLimit);
    }
    check_price(signal, context.quote)
}

fn check_audience(signal: &Signal, context: &Context<'_>) -> Result<(), Refusal> {
    let ours = (context.tenant, context.account, context.device);
    if (signal.tenant, signal.account, signal.device) != ours {
        return Err(Refusal::WrongAudience);
    }
    // A signal that was decided before this session's start is sent again unchanged, so it carries an older number. It names
    // this device, and its own number in the ledger keeps it from running twice. A higher number belongs to a session that
    // this one does not know: another one took over.
    if signal.fence > context.fence {
        return Err(Refusal::Fenced);
    }
    if signal.policy != context.policy {
        return Err(Refusal::PolicyChanged);
    }
    Ok(())
}

/// Executable only if it is valid for certain, whatever the clock's error.
pub(crate) fn check_time(signal: &Signal, clock: ServerNow) -> Result<(), Refusal> {
    if !(0..=CLOCK_ERROR_MAX_NS).contains(&clock.error_ns) {
        return Err(Refusal::ClockUncertain);
    }
    if clock.now.0.saturating_add(clock.error_ns) > signal.expires_at.0 {
        return Err(Refusal::Expired);
    }
    if clock.now.0.saturating_add(clock.error_ns) < signal.not_before.0 {
        return Err(Refusal::NotYetValid);
    }
    Ok(())
}

fn check_volume(signal: &Signal, spec: &SymbolSpec, limits: &OwnLimits) -> Result<(), Refusal> {
    let on_grid = |lots: Volume| {
        let above = lots.checked_sub(spec.volume_min).map(Volume::raw);
        above.is_some_and(|a| a >= 0 && a.checked_rem(spec.volume_step.raw()) == Some(0))
    };
    let fits = signal.lots_min.is_positive()
        && signal.lots_min <= signal.lots_max
        && signal.lots_max <= spec.volume_max
        && on_grid(signal.lots_min)
        && on_grid(signal.lots_max);
    if !fits {
        return Err(Refusal::BadVolume);
    }
    // Closing reduces the subscriber's exposure: the own lot limit is for opening.
    if signal.kind == SignalKind::Open && signal.lots_max > limits.lots_max {
        return Err(Refusal::OwnLotLimit);
    }
    Ok(())
}

fn check_open(signal: &Signal, spec: &SymbolSpec, context: &Context<'_>) -> Result<(), Refusal> {
    let allowed = match spec.trade_mode {
        TradeMode::Full => true,
        TradeMode::LongOnly => signal.side == Side::Buy,
        TradeMode::ShortOnly => signal.side == Side::Sell,
        TradeMode::Disabled | TradeMode::CloseOnly => false,
    };
    if !allowed {
        return Err(Refusal::TradeMode);
    }
    let (bid, ask) = context.quote.ok_or(Refusal::NoQuote)?;
    let (below, above) = match signal.side {
        Side::Buy => (signal.stop_loss, signal.take_profit),
        Side::Sell => (signal.take_profit, signal.stop_loss),
    };
    let sound = (below == Price::ZERO || below < bid) && (above == Price::ZERO || above > ask);
    if sound { Ok(()) } else { Err(Refusal::BadStops) }
}

fn check_close(signal: &Signal, state: &AccountState) -> Result<(), Refusal> {
    let position = state.positions.iter().find(|p| p.ticket == signal.position);
    let fits = position
        .is_some_and(|p| p.symbol == signal.symbol && p.side == signal.side.opposite() && signal.lots_max <= p.volume);
    if fits { Ok(()) } else { Err(Refusal::NoSuchPosition) }
}

/// Is the market within the signal's bounds?
pub(crate) fn check_price(signal: &Signal, quote: Option<(Price, Price)>) -> Result<(), Refusal> {
    let (bid, ask) = quote.filter(|(bid, ask)| bid.is_positive() && ask >= bid).ok_or(Refusal::NoQuote)?;
    let price = match signal.side {
        Side::Buy => ask,
        Side::Sell => bid,
    };
    if signal.price_min <= price && price <= signal.price_max { Ok(()) } else { Err(Refusal::PriceOutOfBounds) }
}
