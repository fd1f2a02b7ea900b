//! Status lines: JSON for programs, words for people.

use crate::AppError;
use aitrading_metatrader_connector::{Status, status::AuditState};
use std::io::Write;

/// One JSON line.
#[derive(serde::Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    status: &'a Status,
    /// The ticks were made, not recorded.
    synthetic: bool,
    #[serde(rename = "final", skip_serializing_if = "is_false")]
    last: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// Writes the status in one line. The final one is written even if nothing else was asked for.
pub(crate) fn write(
    out: &mut (dyn Write + Send),
    status: &Status,
    (json, synthetic, last): (bool, bool, bool),
) -> Result<(), AppError> {
    if json {
        let line = Line { status, synthetic, last };
        serde_json::to_writer(&mut *out, &line).map_err(|e| AppError::Output(e.into()))?;
        writeln!(out).map_err(AppError::Output)?;
    } else {
        writeln!(out, "{}", words(status, synthetic)).map_err(AppError::Output)?;
    }
    out.flush().map_err(AppError::Output)
}

fn words(status: &Status, synthetic: bool) -> String {
    let link = |up: bool| if up { "up" } else { "down" };
    let (signals, made) = (status.signals, if synthetic { " (synthetic)" } else { "" });
    let error =
        status.last_error.as_ref().map_or_else(String::new, |e| format!(", last error {}: {}", e.code, e.message));
    let server = server(status);
    format!(
        "server {}, terminal {}, ticks{made} {} sent, {} acknowledged, signals {} received, {} executed, {} open or refused{server}{error}",
        link(status.connected),
        link(status.terminal),
        status.sent,
        status.acknowledged,
        signals.received,
        signals.executed,
        signals.received.saturating_sub(signals.executed),
    )
}

/// What the server says of the account, and what its audit log is worth as far as this client can tell.
fn server(status: &Status) -> String {
    let (subscription, audit) = (&status.subscription, &status.audit);
    let until = subscription.until.as_ref().map_or_else(String::new, |until| format!(" until {until}"));
    let seen = match (audit.size, &audit.root, audit.age_s) {
        (Some(size), Some(root), Some(age)) => {
            format!("checkpoint of {size} entries, root {root}, first seen {age} s ago")
        }
        _ => "no checkpoint verified yet".to_owned(),
    };
    let word = match audit.state {
        AuditState::Unseen => "not heard of in this session",
        AuditState::NoKey => "not checked, the settings name no server.audit_key",
        AuditState::Missing => "the server shows no checkpoint",
        AuditState::Current => "verified",
        AuditState::Unchanged => "verified, it stands still",
        AuditState::Refused => "REFUSED",
    };
    let alarms = match audit.last_alarm {
        Some(last) => format!(" (ALARM {last}, {} refused)", audit.alarms.total()),
        None if audit.evidence => " (ALARM of an earlier run, see checkpoint-conflict)".to_owned(),
        None => String::new(),
    };
    format!(", subscription {}{until}, audit log {word}: {seen}{alarms}", subscription.state.text())
}
