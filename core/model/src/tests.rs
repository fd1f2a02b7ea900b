//! Fixed point, ids, names and tables.

use crate::*;

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

mod fixed_point {
    use super::*;

    #[test]
    fn texts_round_trip() {
        let ends = ["92233720368.54775807", "-92233720368.54775808"];
        for text in ["0", "1", "-1", "132.141", "0.00000001", "-0.618839"].into_iter().chain(ends) {
            assert_eq!(price(text).to_string(), text);
        }
        assert_eq!(price("1.5").with_decimals(3).to_string(), "1.500");
        assert_eq!(price("1.50000000000"), price("1.5"), "trailing zeros carry no information");
    }

    #[test]
    fn bad_texts_are_refused() {
        for text in [
            "",
            ".",
            "-",
            "1.000000001",
            "1e5",
            " 1",
            "1,5",
            "92233720369",
            "92233720368.54775808",
            "-92233720368.54775809",
            "+1",
            "--1",
            "1.-5",
        ] {
            assert!(text.parse::<Price>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn prices_meet_their_grid() {
        let grid = price("0.005");
        assert!(price("1.015").is_on_grid(grid) && !price("1.016").is_on_grid(grid));
        assert_eq!(price("1.0175").round_to_grid(grid), Some(price("1.020")));
        assert_eq!(price("0.012").ticks_ceil(grid), Some(3), "a part of a tick counts as a whole one");
        assert_eq!(price("1").round_to_grid(Price::ZERO), None);
        assert!(!price("1").is_on_grid(Price::ZERO), "no grid, no answer");
    }
}

mod ids {
    use super::*;

    #[test]
    fn magic_has_63_bits_and_is_never_zero() {
        assert_eq!(SignalId([0; 16]).magic(), 1);
        assert_eq!(SignalId([255; 16]).magic(), u64::MAX >> 1);
    }

    #[test]
    fn comments_have_13_characters_and_tell_ids_apart() {
        let (mut a, mut b) = ([0; 16], [0; 16]);
        (a[15], b[15]) = (1, 2);
        assert_eq!(SignalId(a).comment(), "0000000000001");
        assert_ne!(SignalId(a).comment(), SignalId(b).comment());
        assert_eq!(SignalId([255; 16]).comment(), "FZZZZZZZZZZZZ");
    }

    #[test]
    fn hexadecimal_ids_round_trip() {
        let id = SignalId([0xab; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("+bababababababababababababababab".parse::<SignalId>().is_err());
        assert!("ab".parse::<SignalId>().is_err());
    }
}

#[test]
fn symbols_keep_the_brokers_spelling() {
    for name in ["EURUSDm", "@EU6", "EURUSD.pro", "a", "1234567890123456789012345678901"] {
        assert_eq!(name.parse::<Symbol>().unwrap().as_str(), name);
    }
    for name in ["", " EURUSD", "EUR\nUSD", "12345678901234567890123456789012"] {
        assert!(name.parse::<Symbol>().is_err(), "{name:?}");
    }
}

#[test]
fn market_time_is_shown_in_utc() {
    assert_eq!(MarketTime(1_354_492_801_883).to_string(), "2012-12-03T00:00:01.883Z");
    assert_eq!(MarketTime(-1).to_string(), "1969-12-31T23:59:59.999Z");
    assert_eq!(MarketTime(951_782_400_000).civil_date(), (2000, 2, 29));
    assert_eq!(Timestamp(1_354_492_801_883_456_789).to_string(), "2012-12-03T00:00:01.883456Z");
}

#[test]
fn every_return_code_has_one_row_in_order() {
    assert!(Retcode::TABLE.is_sorted_by(|a, b| a.code < b.code));
    assert_eq!(Retcode(10005).class(), RetcodeClass::Verify, "an unknown code is an unknown outcome");
    assert_eq!(Retcode::DONE.to_string(), "10009 DONE");
}

#[test]
fn flags_keep_known_bits_only() {
    let flags = TickFlags::from_bits(1024 | 2 | 4 | 1);
    assert_eq!(flags.bits(), 6);
    assert!(flags.has(TickFlags::BID.with(TickFlags::ASK)) && !flags.has(TickFlags::LAST));
}

mod contracts {
    use super::*;

    fn usdjpy() -> SymbolSpec {
        SymbolSpec {
            symbol: "USDJPY".parse().unwrap(),
            digits: 3,
            contract_size: "100000".parse().unwrap(),
            tick_size: price("0.001"),
            tick_value: "0.618839".parse().unwrap(),
            tick_value_loss: "0.618839".parse().unwrap(),
            volume_min: "0.01".parse().unwrap(),
            volume_max: "80".parse().unwrap(),
            volume_step: "0.01".parse().unwrap(),
            volume_limit: Volume::ZERO,
            stops_level: 0,
            freeze_level: 0,
            trade_mode: TradeMode::Full,
            execution: ExecutionMode::Market,
            filling: FillingModes(FillingModes::IOC),
            order_mode: 127,
            calc_mode: CalcMode::Forex,
            currency_base: "USD".parse().unwrap(),
            currency_profit: "JPY".parse().unwrap(),
            currency_margin: "USD".parse().unwrap(),
            margin_conversion: Price::ONE,
            profit_conversion: price("0.00618839"),
            sessions: None,
        }
    }

    #[test]
    fn a_point_follows_the_digits() {
        assert_eq!(usdjpy().point(), price("0.001"));
    }

    #[test]
    fn profit_counts_ticks() {
        let profit = usdjpy().profit(Side::Sell, Volume::ONE, price("86.700"), price("86.400"));
        assert_eq!(profit, Some("185.6517".parse().unwrap()));
        assert_eq!(
            usdjpy().profit(Side::Buy, Volume::ONE, price("86.7"), price("86.4")),
            Some("-185.6517".parse().unwrap())
        );
    }

    #[test]
    fn margin_rounds_up_and_needs_a_leverage() {
        let margin = usdjpy().margin("0.5".parse().unwrap(), price("86.7"), 100).unwrap();
        assert_eq!(margin, "500.00000001".parse().unwrap());
        assert_eq!(usdjpy().margin(Volume::ONE, price("86.7"), 0), None);
    }
}
