//! Every field of a signal and everything it is checked against, each with the refusal that guards it.

use super::*;
use aitrading_model::{Money, PositionState, PositionTicket};
use aitrading_security::signing::SigningKey;
use aitrading_testkit::{account_10k_usd, buy_usdjpy, lots, price, usdjpy};
use aitrading_wire::encode_signal;

const NOW: i64 = 1_000_000_000_000;

fn account() -> AccountState {
    let position = PositionState {
        ticket: PositionTicket(55),
        symbol: usdjpy().symbol,
        side: Side::Sell,
        volume: lots("0.50"),
        price_open: price("86.7"),
        stop_loss: Price::ZERO,
        take_profit: Price::ZERO,
        profit: Money::ZERO,
        magic: 1,
    };
    AccountState { positions: vec![position], ..account_10k_usd() }
}

fn open() -> Signal {
    Signal { fence: Fence(3), account: AccountId(7), ..buy_usdjpy(4, Timestamp(NOW)) }
}

fn close() -> Signal {
    Signal {
        kind: SignalKind::Close,
        position: PositionTicket(55),
        stop_loss: Price::ZERO,
        take_profit: Price::ZERO,
        ..open()
    }
}

/// Checks `signal` in a sound world that `change` may spoil.
fn check(signal: &Signal, change: impl FnOnce(&mut World), expected: Result<(), Refusal>) {
    let mut world = World::default();
    change(&mut world);
    let context = Context {
        tenant: TenantId(1),
        account: AccountId(7),
        device: DeviceId([2; 16]),
        fence: Fence(3),
        policy: PolicyHash([9; 32]),
        clock: world.clock,
        spec: world.spec.as_ref(),
        quote: world.quote,
        state: world.state.as_ref(),
        limits: &world.limits,
        recent_orders: world.recent_orders,
    };
    assert_eq!(validate(signal, &context), expected);
}

struct World {
    clock: ServerNow,
    spec: Option<SymbolSpec>,
    quote: Option<(Price, Price)>,
    state: Option<AccountState>,
    limits: OwnLimits,
    recent_orders: u32,
}

impl Default for World {
    fn default() -> Self {
        Self {
            clock: ServerNow { now: Timestamp(NOW + 1_000_000), error_ns: 500_000 },
            spec: Some(usdjpy()),
            quote: Some((price("86.700"), price("86.710"))),
            state: Some(account()),
            limits: OwnLimits { lots_max: lots("1"), symbols: Vec::new(), orders_per_minute: 10 },
            recent_orders: 0,
        }
    }
}

#[test]
fn sound_signals_pass() {
    check(&open(), |_| {}, Ok(()));
    check(&close(), |_| {}, Ok(()));
    check(&Signal { fence: Fence(2), ..open() }, |_| {}, Ok(()));
}

#[test]
fn each_changed_field_is_refused_by_its_own_check() {
    use Refusal as R;
    let cases: Vec<(Signal, Refusal)> = vec![
        (Signal { tenant: TenantId(2), ..open() }, R::WrongAudience),
        (Signal { account: AccountId(8), ..open() }, R::WrongAudience),
        (Signal { device: DeviceId([3; 16]), ..open() }, R::WrongAudience),
        (Signal { fence: Fence(4), ..open() }, R::Fenced),
        (Signal { policy: PolicyHash([8; 32]), ..open() }, R::PolicyChanged),
        (Signal { not_before: Timestamp(NOW + 10_000_000), ..open() }, R::NotYetValid),
        (Signal { expires_at: Timestamp(NOW), ..open() }, R::Expired),
        (Signal { symbol: "EURUSD".parse().unwrap(), ..open() }, R::UnknownSymbol),
        (Signal { lots_min: lots("0.60"), ..open() }, R::BadVolume),
        (Signal { lots_min: Volume::ZERO, lots_max: Volume::ZERO, ..open() }, R::BadVolume),
        (Signal { lots_max: lots("0.505"), ..open() }, R::BadVolume),
        (Signal { lots_max: lots("81"), ..open() }, R::BadVolume),
        (Signal { lots_max: lots("1.01"), ..open() }, R::OwnLotLimit),
        (Signal { price_max: price("86.709"), ..open() }, R::PriceOutOfBounds),
        (Signal { price_min: price("86.711"), ..open() }, R::PriceOutOfBounds),
        (Signal { stop_loss: price("86.700"), ..open() }, R::BadStops),
        (Signal { take_profit: price("86.710"), ..open() }, R::BadStops),
        (Signal { side: Side::Sell, ..open() }, R::BadStops),
        (Signal { position: PositionTicket(56), ..close() }, R::NoSuchPosition),
        (Signal { side: Side::Sell, ..close() }, R::NoSuchPosition),
        (Signal { lots_max: lots("0.51"), ..close() }, R::NoSuchPosition),
    ];
    for (signal, refusal) in cases {
        check(&signal, |_| {}, Err(refusal));
    }
}

#[test]
fn what_is_missing_refuses() {
    use Refusal as R;
    check(&open(), |w| w.spec = None, Err(R::UnknownSymbol));
    check(&open(), |w| w.quote = None, Err(R::NoQuote));
    check(&close(), |w| w.quote = None, Err(R::NoQuote));
    check(&open(), |w| w.quote = Some((Price::ZERO, Price::ZERO)), Err(R::BadStops));
    check(&close(), |w| w.quote = Some((Price::ZERO, Price::ZERO)), Err(R::NoQuote));
    check(&open(), |w| w.state = None, Err(R::NoTerminal));
    check(&open(), |w| w.state.as_mut().unwrap().permissions.terminal_trade_allowed = false, Err(R::TradingDisabled));
    check(&open(), |w| w.spec.as_mut().unwrap().trade_mode = TradeMode::ShortOnly, Err(R::TradeMode));
    check(&open(), |w| w.spec.as_mut().unwrap().trade_mode = TradeMode::CloseOnly, Err(R::TradeMode));
    check(&close(), |w| w.spec.as_mut().unwrap().trade_mode = TradeMode::CloseOnly, Ok(()));
    check(&open(), |w| w.limits.symbols = vec!["EURUSD".parse().unwrap()], Err(R::SymbolNotAllowed));
    check(&open(), |w| w.recent_orders = 10, Err(R::OwnRateLimit));
}

#[test]
fn expiry_counts_the_clocks_error_against_the_signal() {
    let at = |seconds: i64, error_ns| ServerNow { now: Timestamp(NOW + seconds * 1_000_000_000), error_ns };
    check(&open(), |w| w.clock = at(179, 400_000_000), Ok(()));
    check(&open(), |w| w.clock = at(180, 0), Ok(()));
    check(&open(), |w| w.clock = at(180, 1), Err(Refusal::Expired));
    check(&open(), |w| w.clock = at(181, 0), Err(Refusal::Expired));
    check(&open(), |w| w.clock = at(1, CLOCK_ERROR_MAX_NS + 1), Err(Refusal::ClockUncertain));
    check(&open(), |w| w.clock = at(1, -1), Err(Refusal::ClockUncertain));
    assert_eq!(Refusal::Expired.state(), ReportState::Expired);
    assert_eq!(Refusal::Fenced.state(), ReportState::Refused);
}

#[test]
fn t36_no_byte_of_a_signed_signal_may_change() {
    let key = SigningKey::from_seed(&[1; 32]);
    let keys = KeyRing::new(key.verifying_key());
    let bytes = encode_signal(&open());
    let signature = key.sign_detached(SIGNAL_DOMAIN, &bytes);
    let sealed = SignalEnvelope { key_id: key.verifying_key().id().0, bytes, signature };
    assert_eq!(authenticate(&sealed, &keys), Ok(open()));
    for at in 0..sealed.bytes.len() {
        let mut forged = sealed.clone();
        forged.bytes[at] ^= 1;
        assert_eq!(authenticate(&forged, &keys), Err(Refusal::BadSignature), "byte {at}");
    }
    let other = SigningKey::from_seed(&[2; 32]);
    let forged = SignalEnvelope { signature: other.sign_detached(SIGNAL_DOMAIN, &sealed.bytes), ..sealed.clone() };
    assert_eq!(authenticate(&forged, &keys), Err(Refusal::BadSignature));
    let unknown = SignalEnvelope { key_id: [0; 8], ..sealed };
    assert_eq!(authenticate(&unknown, &keys), Err(Refusal::UnknownKey));
}
