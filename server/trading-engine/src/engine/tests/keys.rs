//! Idempotency: an order is made once per key, asking again gives the same answer, and what is forgotten is refused.

use super::{
    super::keys::{KEY_LIFE_MS, KEYS_MAX, Kept, KeyBook, Known, Request},
    deciding::manual,
};
use crate::{
    engine::{Answer, Effect, Input, ManualOrder},
    testing::{ACCOUNT, Bench, executed, key_at, not_executed, price, source, subscription},
};
use aitrading_model::{AccountId, Fence, PositionTicket, ReportState, Side, SignalId, StrategyId, TenantId, Timestamp};
use aitrading_risk::{Action, KeyState, Sizing, StateScope, TradingState};
use std::collections::BTreeSet;

fn submit(bench: &mut Bench, order: ManualOrder) -> Answer {
    bench.ask(|token| Input::Manual { token, order: Box::new(order) })
}

#[track_caller]
fn check_denied(bench: &mut Bench, order: ManualOrder, code: &str) {
    let answer = submit(bench, order);
    assert!(matches!(&answer, Answer::Denied(denied) if denied.code.code() == code), "{answer:?}, not {code}");
}

/// With a quote.
fn quoted() -> Bench {
    let mut bench = Bench::ready();
    bench.play(0..1);
    bench
}

#[test]
fn the_same_order_under_a_key_is_made_once_even_after_it_has_settled() {
    let mut bench = quoted();
    let order = manual("0.1", bench.fresh_key());
    let first = submit(&mut bench, order);
    assert!(matches!(first, Answer::Issued(_)), "{first:?}");
    assert_eq!(submit(&mut bench, order), first, "while it is open");
    let signal = bench.signals()[0];
    bench.report(&executed(&signal, 1, Fence(1), "161.603", 77));
    assert_eq!(bench.reservations(), 0);
    assert_eq!(submit(&mut bench, order), first, "when it has settled");
    let trace = aitrading_model::TraceId([77; 16]);
    assert_eq!(submit(&mut bench, ManualOrder { trace, ..order }), first, "who asks again may do so for a new cause");
    assert_eq!(bench.signals().len(), 1);
}

#[test]
fn a_key_is_remembered_beyond_sixty_four_further_orders() {
    let mut bench = quoted();
    let order = manual("0.1", bench.fresh_key());
    let first = submit(&mut bench, order);
    for n in 1..=70_u32 {
        let lots = format!("0.{:02}", n % 50 + 1);
        let next = manual(&lots, bench.fresh_key());
        let answer = submit(&mut bench, next);
        let Answer::Issued(_) = answer else { continue };
        let signal = *bench.signals().last().unwrap();
        bench.report(&not_executed(&signal, u64::from(n), Fence(1), ReportState::Rejected));
    }
    let issued = bench.signals().len();
    assert!(issued > 40, "{issued}: {:?}", bench.denials());
    assert_eq!(submit(&mut bench, order), first);
    assert_eq!(bench.signals().len(), issued);
}

#[test]
fn the_same_key_with_other_content_is_denied() {
    let mut bench = quoted();
    let order = ManualOrder {
        action: Action::Open {
            stop_loss: price("161.400"),
            take_profit: price("162.000"),
            sizing: Sizing::Fraction(900),
        },
        ..manual("0.1", bench.fresh_key())
    };
    let first = submit(&mut bench, order);
    assert!(matches!(first, Answer::Issued(_)), "{first:?}");
    let others = [("161.399", "162.000", 900), ("161.400", "162.001", 900), ("161.400", "162.000", 901)];
    for (stop, target, ppm) in others {
        let sizing = Sizing::Fraction(ppm);
        let action = Action::Open { stop_loss: price(stop), take_profit: price(target), sizing };
        check_denied(&mut bench, ManualOrder { action, ..order }, "KEY_REUSED");
    }
    check_denied(&mut bench, ManualOrder { price: price("161.602"), ..order }, "KEY_REUSED");
    assert_eq!(submit(&mut bench, order), first, "a refusal does not take the key's outcome away");
    assert_eq!(bench.signals().len(), 1);
}

#[test]
fn every_field_of_an_order_is_part_of_its_content() {
    let order = manual("0.1", [0; 16]);
    let open = |stop: &str, target: &str, sizing| {
        let action = Action::Open { stop_loss: price(stop), take_profit: price(target), sizing };
        ManualOrder { action, ..order }
    };
    let lots = |lots: &str| Sizing::Lots(lots.parse().unwrap());
    let orders = [
        order,
        ManualOrder { account: (TenantId(2), ACCOUNT.1), ..order },
        ManualOrder { account: (ACCOUNT.0, AccountId(8)), ..order },
        ManualOrder { strategy: StrategyId(2), ..order },
        ManualOrder { symbol: "EURUSD".parse().unwrap(), ..order },
        ManualOrder { side: Side::Sell, ..order },
        ManualOrder { price: price("161.604"), ..order },
        open("161.401", "0", lots("0.1")),
        open("161.400", "1", lots("0.1")),
        open("161.400", "0", lots("0.2")),
        open("161.400", "0", Sizing::Fraction(10_000_000)),
        open("161.400", "0", Sizing::Fraction(10_000_001)),
        ManualOrder { action: Action::Close { position: PositionTicket(1) }, ..order },
        ManualOrder { action: Action::Close { position: PositionTicket(2) }, ..order },
    ];
    let contents: BTreeSet<_> = orders.iter().map(ManualOrder::content).collect();
    assert_eq!(contents.len(), orders.len());
    let again = ManualOrder { key: [1; 16], trace: aitrading_model::TraceId([2; 16]), ..order };
    assert_eq!(again.content(), order.content());
}

#[test]
fn a_denial_is_a_stored_result_too() {
    let mut bench = quoted();
    let set = |bench: &mut Bench, state| {
        let scope = StateScope::Symbol(ACCOUNT.0, source().symbol);
        bench.ask(|token| Input::SetState { token, scope, state, code: "X".into(), trace: <_>::default() })
    };
    set(&mut bench, TradingState::Halted);
    let order = manual("0.1", bench.fresh_key());
    check_denied(&mut bench, order, "TRADING_HALTED");
    set(&mut bench, TradingState::Active);
    check_denied(&mut bench, order, "TRADING_HALTED");
    assert_eq!(bench.denials().len(), 1, "told again, not decided again");
    let next = manual("0.1", bench.fresh_key());
    assert!(matches!(submit(&mut bench, next), Answer::Issued(_)), "another key is another question");
}

#[test]
fn a_restart_forgets_no_key() {
    let mut bench = quoted();
    let order = manual("0.1", bench.fresh_key());
    let first = submit(&mut bench, order);
    let signal = bench.signals()[0];
    bench.report(&executed(&signal, 1, Fence(1), "161.603", 77));
    let large = manual("6", bench.fresh_key());
    let denied = submit(&mut bench, large);
    assert!(matches!(&denied, Answer::Denied(d) if d.limit == "lots_max" && d.value.is_some()), "{denied:?}");
    let mut again = Bench::new();
    again.engine.replay(40, &bench.events());
    again.put(Input::Entitlement { account: ACCOUNT, answer: Ok(Some(subscription())) });
    again.open(1, 1);
    again.play(0..1);
    assert_eq!((submit(&mut again, order), submit(&mut again, large)), (first, denied), "value and bound included");
    check_denied(&mut again, ManualOrder { key: order.key, ..manual("0.2", order.key) }, "KEY_REUSED");
    assert!(again.signals().is_empty());
}

#[test]
fn a_key_that_says_nothing_of_its_age_or_is_beyond_memory_is_denied() {
    let mut bench = quoted();
    let at = |bench: &Bench, ms: i64| key_at(Timestamp(bench.now.0 + ms * 1_000_000), [3; 10]);
    check_denied(&mut bench, manual("0.1", [1; 16]), "KEY_MALFORMED");
    let key = at(&bench, -KEY_LIFE_MS - 1);
    check_denied(&mut bench, manual("0.1", key), "KEY_TOO_OLD");
    let key = at(&bench, 60_001);
    check_denied(&mut bench, manual("0.1", key), "KEY_AHEAD");
    assert!(bench.signals().is_empty());
    for (n, ms) in [(1, -KEY_LIFE_MS), (2, 60_000)] {
        let key = at(&bench, ms);
        let answer = submit(&mut bench, manual(&format!("0.0{n}"), key));
        assert!(matches!(answer, Answer::Issued(_)), "{ms}: {answer:?}");
    }
}

#[test]
fn an_old_key_stays_refused_when_the_clock_is_set_back() {
    let mut book = KeyBook::default();
    let day = KEY_LIFE_MS * 1_000_000;
    let ask = |at: i64, n: u8| Request { key: key_at(Timestamp(at), [n; 10]), content: Some([n; 32]) };
    let (start, kept) = (day * 100, Kept::Issued(SignalId([1; 16])));
    let first = ask(start, 1);
    book.keep(&first, kept, Timestamp(start));
    assert_eq!(book.look_up(&first, Timestamp(start + day)), Known::Kept(kept));
    book.keep(&ask(start + day + 1_000_000, 2), kept, Timestamp(start + day + 1_000_000));
    for now in [start + day + 1_000_000, start + day, start] {
        assert_eq!(book.look_up(&first, Timestamp(now)), Known::Check(KeyState::TooOld), "{now}");
    }
}

#[test]
fn memory_is_bounded_and_what_falls_out_is_refused() {
    let mut book = KeyBook::default();
    let now = Timestamp(1_700_000_000_000_000_000);
    let ask = |n: usize| {
        let at = Timestamp(now.0 + i64::try_from(n).unwrap() * 1_000_000);
        Request { key: key_at(at, [4; 10]), content: Some([4; 32]) }
    };
    let kept = Kept::Issued(SignalId([1; 16]));
    (0..=KEYS_MAX).for_each(|n| book.keep(&ask(n), kept, now));
    assert_eq!(book.look_up(&ask(0), now), Known::Check(KeyState::TooOld), "within its day, but forgotten");
    assert_eq!(book.look_up(&ask(1), now), Known::Kept(kept));
    let never_used = Request { key: key_at(now, [5; 10]), content: Some([4; 32]) };
    assert_eq!(book.look_up(&never_used, now), Known::Check(KeyState::TooOld), "nobody knows that it was not used");
    assert_eq!(book.look_up(&ask(KEYS_MAX + 1), now), Known::Check(KeyState::Unused));
}

#[test]
fn nobody_is_told_of_an_order_before_it_is_durable() {
    let mut bench = quoted();
    let order = manual("0.1", bench.fresh_key());
    bench.hold = true;
    let asked = |bench: &mut Bench| bench.try_ask(|token| Input::Manual { token, order: Box::new(order) });
    assert_eq!((asked(&mut bench), asked(&mut bench)), (None, None));
    bench.hold = false;
    let before = bench.seen.len();
    bench.put(Input::Committed { through: 99 });
    let told = |effect: &&Effect| matches!(effect, Effect::Reply { answer: Answer::Issued(_), .. });
    assert_eq!(bench.seen[before..].iter().filter(told).count(), 2);
    let mut bench = quoted();
    bench.hold = true;
    assert_eq!((asked(&mut bench), asked(&mut bench)), (None, None));
    bench.put(Input::CommitFailed { code: "AUDIT_HALTED" });
    let issued = bench.seen.iter().filter(told).count();
    assert_eq!(issued, 0, "it never became durable");
}
