//! Both worked examples, from the real specification files where they are at hand.

use super::{World, lots, price, usdjpy, world, xauusd};
use crate::{Quote, SizeStep};
use aitrading_model::SymbolSpec;
use std::path::{Path, PathBuf};

/// Puts the figures of a specification file over `spec`, or says why not.
fn shared(name: &str, mut spec: SymbolSpec) -> SymbolSpec {
    let beside = |dir: &Path| Some(dir.parent()?.join("shared/data")).filter(|p| p.is_dir());
    let root = option_env!("AITRADING_SHARED_DATA").map(PathBuf::from);
    let root = root.or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find_map(beside));
    let Some(root) = root else {
        println!("{name} is not here (AITRADING_SHARED_DATA): the figures in the test are used");
        return spec;
    };
    #[expect(clippy::disallowed_methods, reason = "a test reads its data; this crate itself does no I/O")]
    let text = std::fs::read_to_string(root.join("ticks").join(name)).unwrap();
    for (key, value) in text.lines().filter_map(|line| line.split_once(',')) {
        match key {
            "Digits" => spec.digits = value.parse().unwrap(),
            "Contract size" => spec.contract_size = lots(value),
            "Tick size" => spec.tick_size = price(value),
            "Tick value" => {
                spec.tick_value = value.parse().unwrap();
                spec.tick_value_loss = spec.tick_value;
            }
            "Minimal volume" => spec.volume_min = lots(value),
            "Maximal volume" => spec.volume_max = lots(value),
            "Volume step" => spec.volume_step = lots(value),
            _ => {}
        }
    }
    spec
}

#[track_caller]
fn check_chain(world: &World, expected: &[(&'static str, &str)]) {
    let approved = world.check().unwrap();
    let expected: Vec<_> = expected.iter().map(|(name, v)| SizeStep { name, lots: lots(v) }).collect();
    assert_eq!(approved.chain().steps(), expected);
}

#[test]
fn usdjpy_one_percent_of_ten_thousand_with_thirty_pips_is_0_53_lots() {
    let mut w = world();
    w.spec.as_mut().unwrap().value = shared("specs-USDJPY.csv", usdjpy());
    let raw = "0.53864306";
    let same = ["risk_limit", "volume_max", "exposure", "margin"].map(|name| (name, raw));
    check_chain(&w, &[&[("raw", raw)], &same[..], &[("final", "0.53")]].concat());
}

#[test]
fn xauusd_one_percent_of_ten_thousand_with_five_dollars_is_0_20_lots() {
    let mut w = world();
    w.spec.as_mut().unwrap().value = shared("specs-XAUUSD.csv", xauusd());
    w.candidate.symbol = "XAUUSD".parse().unwrap();
    w.quote.as_mut().unwrap().value = Quote { bid: price("2399.88"), ask: price("2400.00") };
    w.candidate.price = price("2400");
    w.stops("2395", "2410");
    let same = ["risk_limit", "volume_max", "exposure", "margin"].map(|name| (name, "0.2"));
    check_chain(&w, &[&[("raw", "0.2")], &same[..], &[("final", "0.2")]].concat());
}

#[test]
fn every_cap_stands_in_the_chain() {
    let mut w = world();
    w.row.risk_ppm = Some(8_000);
    w.row.lots_max = Some(lots("0.4"));
    w.spec_mut().volume_limit = lots("0.35");
    w.row.notional_max = Some("30000".parse().unwrap());
    w.account_mut().free_margin = "150".parse().unwrap();
    let steps: Vec<_> = w.check().unwrap().chain().steps().iter().map(|s| s.lots).collect();
    assert_eq!(steps.len(), 7);
    assert!(steps.is_sorted_by(|a, b| a >= b), "{steps:?}");
    assert_eq!(steps.last(), Some(&lots("0.14")));
}

#[test]
fn a_grid_that_does_not_start_at_its_step_is_kept() {
    let mut w = world();
    w.spec_mut().volume_min = lots("0.05");
    w.spec_mut().volume_step = lots("0.1");
    assert_eq!(w.check().unwrap().order().lots, lots("0.45"), "0.05 + 4 * 0.1");
}

#[test]
fn commission_and_slippage_make_the_order_smaller() {
    let mut w = world();
    w.row.commission_per_lot = Some("7".parse().unwrap());
    w.row.slippage_ticks = Some(10);
    // 100 / (310 * 0.618839 + 7) = 0.5029
    assert_eq!(w.check().unwrap().order().lots, lots("0.5"));
}
