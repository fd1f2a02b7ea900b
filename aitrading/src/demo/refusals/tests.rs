//! Codes are told apart, and no client can make the report grow or lie about its shape.

use super::*;

#[track_caller]
fn check_code(state: ReportState, retcode: u32, reason: &str, code: Option<&str>) {
    let mut refusals = Refusals::default();
    refusals.add(state, Retcode(retcode), reason);
    let expected = code.map(|code| (code.to_owned(), 1));
    assert_eq!(refusals.of(0), expected.into_iter().collect(), "{state:?} {retcode} {reason:?}");
}

#[test]
fn each_refusal_counts_under_the_code_of_whoever_refused() {
    use ReportState::{Executed, Expired, Refused, Rejected, Unknown};
    check_code(Refused, 0, "OWN_LOT_LIMIT", Some("OWN_LOT_LIMIT"));
    check_code(Rejected, 10_019, "NO_MONEY", Some("NO_MONEY"));
    check_code(Rejected, 10_019, "MADE_UP", Some("NO_MONEY"));
    check_code(Rejected, 19_999, "", Some("RETCODE_19999"));
    check_code(Rejected, 0, "PRICE_OUT_OF_BOUNDS", Some("PRICE_OUT_OF_BOUNDS"));
    for reason in ["", "no code", "\u{1b}[2J", "lower_case"] {
        check_code(Refused, 0, reason, Some(OTHER));
    }
    for state in [Executed, Expired, Unknown] {
        check_code(state, 10_009, "EXPIRED", None);
    }
}

#[test]
fn codes_beyond_the_limit_are_counted_together() {
    let mut refusals = Refusals::default();
    for n in 0..2 * CODES_MAX {
        refusals.add(ReportState::Refused, Retcode::NONE, &format!("CODE_{n}"));
    }
    let counts = refusals.of(0);
    assert_eq!(counts.len(), CODES_MAX + 1);
    assert_eq!(counts[OTHER], CODES_MAX as u64);
}

#[test]
fn a_refusal_without_a_report_is_counted_too() {
    let mut refusals = Refusals::default();
    refusals.add(ReportState::Refused, Retcode::NONE, "FENCED");
    assert_eq!(refusals.of(3), [("FENCED".to_owned(), 1), (OTHER.to_owned(), 2)].into());
}
