//! The policy's hash: one encoding of everything that decides whether and how something is traded.

use super::{EngineSettings, StrategySettings};
use aitrading_model::PolicyHash;
use aitrading_risk::{LimitRow, SymbolRule};
use aitrading_wire::Writer;

/// Purpose and version of the encoding.
const DOMAIN: &[u8] = b"atp-policy-v1\0";
/// Room for a policy of usual size.
const USUAL_BYTES: usize = 2_048;

/// Equal policies have equal hashes; a change of any figure changes it.
pub(super) fn hash(settings: &EngineSettings) -> PolicyHash {
    let mut w = Writer::with_capacity(USUAL_BYTES);
    w.raw(DOMAIN).u32(settings.signal_life_s).u32(settings.report_grace_s);
    w.u32(settings.clock_step_ms).u32(settings.entitlement_age_s).u8(u8::from(settings.replayed_feeds));
    w.u32(settings.limits.version);
    count(&mut w, settings.limits.rows.len());
    settings.limits.rows.iter().for_each(|row| put_row(&mut w, row));
    count(&mut w, settings.strategies.len());
    settings.strategies.iter().for_each(|strategy| put_strategy(&mut w, strategy));
    PolicyHash(aitrading_security::sha256(&w.into_bytes()))
}

fn count(w: &mut Writer, number: usize) {
    w.u64(u64::try_from(number).unwrap_or(u64::MAX));
}

fn put_number(w: &mut Writer, number: Option<u64>) {
    w.u8(u8::from(number.is_some())).u64(number.unwrap_or_default());
}

fn put_row(w: &mut Writer, row: &LimitRow) {
    put_number(w, row.scope.tenant.map(|t| t.0));
    put_number(w, row.scope.account.map(|a| a.0));
    put_number(w, row.scope.strategy.map(|s| u64::from(s.0)));
    w.text(row.scope.symbol.as_ref().map_or("", |symbol| symbol.as_str()));
    put_symbols(w, row.symbols.as_ref());
    let figures = row.figures();
    count(w, figures.len());
    for (name, number) in figures {
        w.text(name).u8(u8::from(number.is_some())).raw(&number.unwrap_or_default().to_be_bytes());
    }
}

fn put_symbols(w: &mut Writer, rule: Option<&SymbolRule>) {
    match rule {
        None => {
            w.u8(0);
        }
        Some(SymbolRule::All) => {
            w.u8(1);
        }
        Some(SymbolRule::Only(set)) => {
            count(w.u8(2), set.len());
            for symbol in set {
                w.text(symbol.as_str());
            }
        }
    }
}

fn put_strategy(w: &mut Writer, strategy: &StrategySettings) {
    // Taken apart by name, so that a new setting cannot be forgotten here.
    let StrategySettings {
        id,
        name,
        symbols,
        timeframe,
        fast,
        slow,
        atr_bars,
        atr_percent,
        min_points,
        target_percent,
        risk_ppm,
        tenant,
        feed,
    } = strategy;
    w.u32(*id).text(name).i64(timeframe.millis());
    put_symbols(w, Some(symbols));
    [fast, slow, atr_bars].into_iter().for_each(|bars| count(w, *bars));
    w.u32(*atr_percent).u32(*min_points).u32(*target_percent).u32(*risk_ppm);
    put_number(w, tenant.map(|t| t.0));
    put_number(w, feed.map(|a| a.0));
}
