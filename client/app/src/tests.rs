//! The command line: what it understands, what it refuses, and with which exit code.

use super::{arguments::parse_duration, faults::parse_faults, stop::until_stop, *};
use aitrading_metatrader_connector::terminal::FaultPlan;
use std::time::Duration;

async fn exit_of(arguments: &[&str]) -> (u8, String) {
    let mut out = Vec::new();
    let code = run(arguments.iter().map(OsString::from).collect(), &Env::real(), &mut out).await;
    (code, String::from_utf8(out).unwrap())
}

#[tokio::test]
async fn the_version_is_told() {
    let (code, out) = exit_of(&["version"]).await;
    assert_eq!((code, out.as_str()), (0, concat!("aitrading-client ", env!("CARGO_PKG_VERSION"), "\n")));
}

#[tokio::test]
async fn each_kind_of_bad_input_has_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (missing, garbage) = (path("none"), path("garbage.csv"));
    let env = Env::real();
    env.fs.write_atomic(garbage.as_ref(), b"what is this\n").unwrap();
    let simulate = |more: &[&str]| {
        let mut all = vec!["simulate", "--config", missing.as_str(), "--log", "error"];
        all.extend(more);
        all.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()
    };
    let cases: Vec<(Vec<String>, u8)> = vec![
        (vec!["run".into()], 2),
        (vec!["fly".into()], 2),
        (vec!["run".into(), "--config".into(), missing.clone(), "--log".into(), "error".into()], 78),
        (simulate(&["--symbol", "EURUSD"]), 2),
        (simulate(&["--synthetic"]), 2),
        (simulate(&["--symbol", "EURUSD", "--synthetic", "--speed", "0"]), 2),
        (simulate(&["--symbol", "EURUSD", "--synthetic", "--faults", "lost=2000"]), 2),
        (simulate(&["--symbol", "EURUSD", "--synthetic", "--for", "soon"]), 2),
        (simulate(&["--symbol", "EURUSD", "--synthetic", "--missed", "40..40"]), 2),
        (simulate(&["--symbol", "EURUSD", "--synthetic", "--missed", "40"]), 2),
        (simulate(&["--symbol", "NOSUCH", "--synthetic"]), 2),
        (simulate(&["--symbol", "EURUSD", "--symbol", "GBPUSD", "--ticks", &garbage]), 2),
        (simulate(&["--symbol", "EURUSD", "--ticks", &missing]), 66),
        (simulate(&["--symbol", "EURUSD", "--ticks", &garbage]), 65),
        (simulate(&["--symbol", "EURUSD", "--synthetic", "--count", "10"]), 78),
    ];
    for (arguments, expected) in cases {
        let words: Vec<_> = arguments.iter().map(String::as_str).collect();
        assert_eq!(exit_of(&words).await.0, expected, "{arguments:?}");
    }
}

#[test]
fn faults_are_read_and_bad_ones_refused() {
    assert_eq!(parse_faults("").unwrap(), FaultPlan::default());
    let plan = parse_faults("lost=5, late=6,before=7,after=8").unwrap();
    let rates = (plan.lost_reply, plan.late_reply, plan.drop_before_send, plan.drop_after_send);
    assert_eq!(rates, (5, 6, 7, 8));
    for bad in ["lost", "lost=", "lost=-1", "lost=1001", "stolen=1", "lost=600,late=600"] {
        assert!(parse_faults(bad).is_err(), "{bad}");
    }
}

#[test]
fn durations_have_a_unit() {
    assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
    assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
    for bad in ["", "5", "s", "0s", "-1s", "1d", "18446744073709551615h"] {
        assert!(parse_duration(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_input_stops_by_its_word_or_its_end() {
    let mut input: &[u8] = b"hello\nstop\nafter";
    until_stop(&mut input);
    assert_eq!(input, b"after");
    let mut input: &[u8] = b"hello, stop\n";
    until_stop(&mut input);
    assert!(input.is_empty());
}

#[test]
fn the_status_line_says_what_is_known_of_subscription_and_audit_log() {
    use aitrading_metatrader_connector::{
        Status,
        status::{AuditAlarms, AuditState, AuditStatus, SubscriptionStatus, SubscriptionWord},
    };
    let check = |status: &Status, expected: &str| {
        let mut out = Vec::new();
        line::write(&mut out, status, (false, false, false)).unwrap();
        let line = String::from_utf8(out).unwrap();
        assert!(line.contains(expected), "{expected:?} is not in {line:?}");
    };
    let nothing = Status::default();
    check(&nothing, "subscription unknown, audit log not heard of in this session: no checkpoint verified yet");
    let audit = AuditStatus {
        state: AuditState::Unchanged,
        size: Some(7),
        root: Some("00ff".into()),
        age_s: Some(90),
        ..AuditStatus::default()
    };
    let until = Some("2026-01-01T00:00:00Z".to_owned());
    let subscription = SubscriptionStatus { state: SubscriptionWord::Active, until };
    let known = Status { audit, subscription, ..Status::default() };
    check(&known, "subscription active until 2026-01-01T00:00:00Z, audit log verified, it stands still: ");
    check(&known, "checkpoint of 7 entries, root 00ff, first seen 90 s ago");
    let mut refused = known;
    refused.audit.state = AuditState::Refused;
    refused.audit.alarms = AuditAlarms { rollback: 2, ..AuditAlarms::default() };
    refused.audit.last_alarm = Some("CHECKPOINT_ROLLBACK");
    check(&refused, "audit log REFUSED: ");
    check(&refused, "(ALARM CHECKPOINT_ROLLBACK, 2 refused)");
    let json = serde_json::to_value(&refused).unwrap();
    assert_eq!((&json["audit"]["state"], &json["audit"]["alarms"]["rollback"]), (&"refused".into(), &2.into()));
    assert_eq!(json["subscription"]["state"], "active");
}
