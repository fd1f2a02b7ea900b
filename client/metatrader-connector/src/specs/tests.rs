//! The shipped table, and specifications in a terminal's own words.

use super::*;
use aitrading_env::{Fs, RealFs};
use aitrading_model::{CalcMode, Currency, Symbol, SymbolSpec};

fn usd() -> Currency {
    "USD".parse().unwrap()
}

fn shared(symbol: &str) -> Option<String> {
    let dir = crate::ticks::shared_data()?;
    let bytes = RealFs.read(&dir.join(format!("ticks/specs-{symbol}.csv")), 1 << 20).ok()?;
    String::from_utf8(bytes).ok()
}

fn read(symbol: &str, text: &str) -> Result<SymbolSpec, SpecError> {
    from_mt5_spec_csv(symbol.parse().unwrap(), usd(), None, text)
}

#[test]
fn the_shipped_table_can_be_read_and_holds_the_usual_symbols() {
    let rows = shipped().unwrap();
    for symbol in ["EURUSD", "GBPUSD", "USDJPY", "GBPJPY", "XAUUSD"] {
        let row = find(symbol.parse().unwrap()).unwrap();
        assert!(row.reference_price.is_on_grid(row.spec.tick_size), "{symbol}");
    }
    assert!(rows.iter().all(|row| rows.iter().filter(|other| other.spec.symbol == row.spec.symbol).count() == 1));
    assert!(find("eurusd".parse::<Symbol>().unwrap()).is_none(), "names are case-sensitive");
}

#[test]
fn a_wrong_row_is_named() {
    let found = parse_table("# head\nEURUSD 5 100000\n");
    assert_eq!(found, Err(SpecError::Columns { line: 2, found: 3, wanted: 15 }));
    let row = |tick: &str, value: &str| {
        parse_table(&format!("EURUSD 5 100000 {tick} {value} forex EUR USD EUR 1.085 1 80 1.085 8 Mon-Fri/00:00-24:00"))
    };
    assert!(row("0.00001", "1").is_ok());
    assert!(matches!(row("x", "1"), Err(SpecError::Value { property, .. }) if property == "tick size"));
    assert!(matches!(row("0", "1"), Err(SpecError::Contradiction { .. })));
    assert!(matches!(row("0.00001", "2"), Err(SpecError::Contradiction { .. })), "the money must add up");
}

#[test]
fn the_shipped_sessions_are_the_servers_week() {
    let open = |symbol: &str, time: i64| {
        let spec = find(symbol.parse().unwrap()).unwrap().spec;
        spec.sessions.unwrap().is_open(aitrading_model::MarketTime(time))
    };
    // Sunday 2012-12-02, 22:00 UTC: Monday's first moment on the server.
    let monday = 1_354_485_600_000;
    let (hour, day) = (3_600_000, 86_400_000);
    for (symbol, opens) in [("GBPJPY", 0), ("XAUUSD", hour)] {
        assert!(!open(symbol, monday + opens - 1) && open(symbol, monday + opens), "{symbol}");
        assert!(open(symbol, monday + 5 * day - 1) && !open(symbol, monday + 5 * day), "{symbol}: Friday's end");
    }
    assert!(!open("XAUUSD", monday + day) && open("GBPJPY", monday + day), "gold pauses after midnight");
}

#[test]
fn sessions_that_cannot_be_read_are_named() {
    let row = |open: &str| {
        parse_table(&format!("EURUSD 5 100000 0.00001 1 forex EUR USD EUR 1.085 1 80 1.085 8 {open}")).unwrap_err()
    };
    for open in ["Mon-Fri", "Mon-Foo/00:00-24:00", "Fri-Mon/00:00-24:00", "Mon-Fri/10:00-10:00", "Mon-Fri/00:60-24:00"]
    {
        assert!(matches!(row(open), SpecError::Value { property, value } if property == "sessions" && value == open));
    }
}

const EXPORT: &str = "Property,Value\r\nDigits,2\r\nContract size,100\r\nStops level,5\r\nMargin currency,USD\r\n\
    Profit currency,USD\r\nCalculation,CFD Leverage\r\nTick size,0.01000000\r\nTick value,1.000000\r\nTrade,Full access\r\n\
    Execution,Market\r\nFilling,Immediate or Cancel\r\nOrders,\"Market, Stop Loss\"\r\nMinimal volume,0.01\r\n\
    Maximal volume,80.00\r\nVolume step,0.01\r\n";

#[test]
fn a_terminals_export_is_read_in_its_own_words() {
    let spec = read("GOLD.m", EXPORT).unwrap();
    assert_eq!((spec.stops_level, spec.order_mode, spec.calc_mode), (5, 17, CalcMode::CfdLeverage));
    let without = EXPORT.replace("Tick value,1.000000\r\n", "");
    assert_eq!(read("GOLD.m", &without), Err(SpecError::Missing("Tick value")));
    let strange = EXPORT.replace("Full access", "Sometimes");
    assert!(matches!(read("GOLD.m", &strange), Err(SpecError::Value { property, .. }) if property == "Trade"));
    let foreign = EXPORT.replace("Margin currency,USD", "Margin currency,CHF");
    assert!(matches!(read("GOLD.m", &foreign), Err(SpecError::Contradiction { .. })));
}

#[test]
fn the_real_exports_agree_with_the_shipped_table() {
    for symbol in ["USDJPY", "XAUUSD"] {
        let Some(text) = shared(symbol) else {
            eprintln!("skipped: the shared data is not there");
            return;
        };
        let spec = read(symbol, &text).unwrap();
        let ours = find(symbol.parse().unwrap()).unwrap().spec;
        let base = ours.currency_base;
        assert_eq!(
            SymbolSpec { currency_base: base, order_mode: 127, sessions: ours.sessions, ..spec },
            ours,
            "close by, base and sessions are not exported"
        );
    }
}
