//! What a demo report must say to count as a pass.

use super::check_report;

fn check_refused(report: &str, why: &str) {
    let refused = check_report(report).unwrap_err().to_string();
    assert!(refused.contains(why), "{refused}");
}

#[test]
fn accepts_a_report_with_ticks_and_a_verified_audit() {
    check_report(r#"{"ticks":{"acknowledged":7},"audit":{"verified":true}}"#).unwrap();
}

#[test]
fn refuses_a_demo_that_did_nothing_or_hid_it() {
    check_refused("{", "not JSON");
    check_refused("{}", "no ticks.acknowledged");
    check_refused(r#"{"ticks":{"acknowledged":0},"audit":{"verified":true}}"#, "no tick");
    check_refused(r#"{"ticks":{"acknowledged":7},"audit":{"verified":false}}"#, "audit");
    check_refused(r#"{"ticks":{"acknowledged":7}}"#, "audit");
}
