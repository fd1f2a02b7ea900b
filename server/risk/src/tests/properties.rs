//! What holds for all numbers.

use super::{World, world};
use crate::{Action, DenyCode, Quote, Sizing};
use aitrading_model::{Money, Price, Side, Volume};
use proptest::prelude::*;

fn arbitrary_world() -> impl Strategy<Value = World> {
    let money = 0_i64..200_000_000_000_000;
    let figures = (money.clone(), money.clone(), money, 1_i64..1_000_000_000, 1_i64..500);
    let broker = (1_i64..200, 1_i64..200, 1_i64..5_000, 0_u32..50, 0_i64..400);
    let order = (any::<bool>(), 1_u32..50_000, 1_i64..3_000, 0_i64..300, 0_u32..30);
    (figures, broker, order).prop_map(|((equity, margin, free, tick_value, leverage), broker, order)| {
        let (min, step, max, stops, limit) = broker;
        let (buy, ppm, distance, commission, slippage) = order;
        let mut w = world();
        let account = w.account_mut();
        account.equity = Money::from_raw(equity);
        account.margin = Money::from_raw(margin);
        account.free_margin = Money::from_raw(free);
        account.leverage = u32::try_from(leverage).unwrap();
        let spec = w.spec_mut();
        spec.tick_value_loss = Money::from_raw(tick_value);
        spec.volume_min = Volume::from_raw(min * 1_000_000);
        spec.volume_step = Volume::from_raw(step * 1_000_000);
        spec.volume_max = Volume::from_raw(max * 1_000_000);
        spec.volume_limit = Volume::from_raw(limit * 1_000_000);
        spec.stops_level = stops;
        w.row.commission_per_lot = Some(Money::from_raw(commission * 1_000_000));
        w.row.slippage_ticks = Some(slippage);
        let quote = w.quote.unwrap().value;
        let side = if buy { Side::Buy } else { Side::Sell };
        let away = Price::from_raw(distance * 100_000);
        let entry = quote.entry(side);
        let stop = if buy { entry.checked_sub(away) } else { entry.checked_add(away) }.unwrap();
        w.candidate.side = side;
        w.candidate.price = entry;
        w.candidate.action = Action::Open { stop_loss: stop, take_profit: Price::ZERO, sizing: Sizing::Fraction(ppm) };
        w
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_approved_order_is_on_the_grid_and_within_risk_and_margin(w in arbitrary_world()) {
        let approved = match w.check() {
            Ok(approved) => approved,
            Err(denied) => {
                // Sizing has already shrunk the order below these limits: they must never be what denies it.
                let shrunk = [DenyCode::RiskTooHigh, DenyCode::MarginFloor, DenyCode::MarginLevel,
                    DenyCode::Leverage, DenyCode::OrderTooLarge, DenyCode::NotionalTooLarge, DenyCode::VolumeOffGrid];
                prop_assert!(!shrunk.contains(&denied.code), "{}", denied);
                return Ok(());
            }
        };
        let (spec, account) = (&w.spec.unwrap().value, &w.account.clone().unwrap().value);
        let (order, reserved) = (approved.order(), approved.reservation());
        prop_assert_eq!((order.lots.raw() - spec.volume_min.raw()) % spec.volume_step.raw(), 0);
        prop_assert!(order.lots >= spec.volume_min && order.lots <= spec.volume_max);
        let most = i128::from(account.equity.raw()) * i128::from(w.limits().risk_ppm);
        prop_assert!(i128::from(reserved.risk.raw()) * 1_000_000 <= most);
        prop_assert!(reserved.margin <= account.free_margin);
        prop_assert!(order.price_min <= order.price && order.price <= order.price_max);
        prop_assert!(approved.chain().steps().is_sorted_by(|a, b| a.lots >= b.lots));
    }

    #[test]
    fn more_equity_never_makes_the_order_smaller(w in arbitrary_world(), more in 0_i64..100_000_000_000_000) {
        let mut richer = w.clone();
        let account = richer.account_mut();
        account.equity = Money::from_raw(account.equity.raw() + more);
        let before = w.check().map_or(Volume::ZERO, |a| a.order().lots);
        let after = richer.check().map_or(Volume::ZERO, |a| a.order().lots);
        prop_assert!(after >= before, "{} lots became {}", before, after);
    }

    #[test]
    fn no_numbers_make_it_panic(raw in prop::array::uniform12(any::<i64>()), small in prop::array::uniform4(any::<u32>())) {
        let mut w = world();
        let [equity, margin, free, tick, value, min, step, max, limit, bid, ask, stop] = raw;
        let account = w.account_mut();
        account.equity = Money::from_raw(equity);
        account.margin = Money::from_raw(margin);
        account.free_margin = Money::from_raw(free);
        account.leverage = small[0];
        let spec = w.spec_mut();
        spec.tick_size = Price::from_raw(tick);
        spec.tick_value_loss = Money::from_raw(value);
        spec.volume_min = Volume::from_raw(min);
        spec.volume_step = Volume::from_raw(step);
        spec.volume_max = Volume::from_raw(max);
        spec.volume_limit = Volume::from_raw(limit);
        spec.stops_level = small[1];
        spec.freeze_level = small[2];
        w.quote.as_mut().unwrap().value = Quote { bid: Price::from_raw(bid), ask: Price::from_raw(ask) };
        w.candidate.price = Price::from_raw(ask);
        let stop_loss = Price::from_raw(stop);
        w.candidate.action = Action::Open { stop_loss, take_profit: Price::ZERO, sizing: Sizing::Fraction(small[3]) };
        drop(w.check());
        w.candidate.action = Action::Open { stop_loss, take_profit: stop_loss, sizing: Sizing::Lots(Volume::from_raw(max)) };
        drop(w.check());
    }
}
