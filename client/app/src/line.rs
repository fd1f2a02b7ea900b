//! Status lines: JSON for programs, words for people.

use crate::AppError;
use aitrading_metatrader_connector::Status;
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
    format!(
        "server {}, terminal {}, ticks{made} {} sent, {} acknowledged, signals {} received, {} executed, {} open or refused{error}",
        link(status.connected),
        link(status.terminal),
        status.sent,
        status.acknowledged,
        signals.received,
        signals.executed,
        signals.received.saturating_sub(signals.executed),
    )
}
