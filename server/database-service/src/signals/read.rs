//! Rows back into the words of the port, and counts from rows.

use super::READING;
use crate::sqlite::Doing;
use aitrading_model::{ReportState, TenantId, Timestamp};
use aitrading_store::{Outcome, ReportRow, SignalCounts, SignalRow, SignalState, SignalView, StoreError, StoredReport};
use aitrading_wire::{decode_report, decode_signal};
use sqlx::SqliteConnection;

/// State, delivery time, bytes, key id, signature.
pub(super) type SignalColumns = (i64, Option<i64>, Vec<u8>, Vec<u8>, Vec<u8>);
/// Id, time of the signal, time of arrival, finding, bytes, signature.
pub(super) type ReportColumns = (i64, i64, i64, Option<String>, Vec<u8>, Vec<u8>);

fn damaged(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Corrupt { what: what.to_owned(), source: Some(error.into()) }
}

fn signal_state(number: i64) -> Result<SignalState, StoreError> {
    let state = u8::try_from(number).ok().and_then(SignalState::from_number);
    state.ok_or_else(|| StoreError::corrupt("a signal's state"))
}

fn exact<const N: usize>(bytes: Vec<u8>, what: &str) -> Result<[u8; N], StoreError> {
    bytes.try_into().map_err(|_| StoreError::corrupt(what))
}

pub(super) fn view((state, delivered_at, body, key_id, signature): SignalColumns) -> Result<SignalView, StoreError> {
    let row = SignalRow {
        signal: decode_signal(&body).map_err(|e| damaged("a signal's bytes", e))?,
        key_id: exact(key_id, "a signal's key id")?,
        signature: exact(signature, "a signal's signature")?,
    };
    Ok(SignalView { row, state: signal_state(state)?, delivered_at: delivered_at.map(Timestamp) })
}

pub(super) fn report(
    (id, issued_at, received_at, finding, body, signature): ReportColumns,
) -> Result<StoredReport, StoreError> {
    let row = ReportRow {
        report: decode_report(&body).map_err(|e| damaged("a report's bytes", e))?,
        signature: exact(signature, "a report's signature")?,
        received_at: Timestamp(received_at),
        finding,
    };
    Ok(StoredReport { id: id.cast_unsigned(), issued_at: Timestamp(issued_at), row })
}

/// An execution outweighs every other report of the signal; otherwise the last one counts.
const OUTCOMES: &str = "
    SELECT report, state, COUNT(*), SUM(delivered) FROM (
        SELECT COALESCE(
            (SELECT r.state FROM reports r WHERE r.tenant = s.tenant AND r.signal = s.signal AND r.state = 2 LIMIT 1),
            (SELECT r.state FROM reports r WHERE r.tenant = s.tenant AND r.signal = s.signal ORDER BY r.id DESC LIMIT 1)
        ) AS report, s.state AS state, s.delivered_at IS NOT NULL AS delivered
        FROM signals s WHERE s.tenant = ?
    ) GROUP BY report, state";
const EXECUTIONS: &str = "
    SELECT COALESCE(MAX(orders), 0) FROM (
        SELECT COUNT(DISTINCT order_ticket) AS orders FROM deals WHERE tenant = ? GROUP BY signal
    )";

pub(super) async fn counts(conn: &mut SqliteConnection, tenant: TenantId) -> Result<SignalCounts, StoreError> {
    let tenant = tenant.0.cast_signed();
    let mut counts = SignalCounts::default();
    let rows = sqlx::query_as::<_, (Option<i64>, i64, i64, i64)>(OUTCOMES).bind(tenant);
    for (report, state, n, delivered) in rows.fetch_all(&mut *conn).await.doing(READING)? {
        let report = report.map(|number| {
            let state = u8::try_from(number).ok().and_then(ReportState::from_number);
            state.ok_or_else(|| StoreError::corrupt("a report's state"))
        });
        counts.add(Outcome::of(report.transpose()?, signal_state(state)?), n.cast_unsigned());
        counts.delivered = counts.delivered.saturating_add(delivered.cast_unsigned());
    }
    let denied = "SELECT code, COUNT(*) FROM denials WHERE tenant = ? GROUP BY code";
    let denied = sqlx::query_as::<_, (String, i64)>(denied).bind(tenant).fetch_all(&mut *conn).await.doing(READING)?;
    counts.denied = denied.into_iter().map(|(code, n)| (code, n.cast_unsigned())).collect();
    let reports = "SELECT COUNT(*), COUNT(finding) FROM reports WHERE tenant = ?";
    let reports = sqlx::query_as::<_, (i64, i64)>(reports).bind(tenant).fetch_one(&mut *conn).await.doing(READING)?;
    (counts.reports, counts.disputed_reports) = (reports.0.cast_unsigned(), reports.1.cast_unsigned());
    let executions = sqlx::query_scalar::<_, i64>(EXECUTIONS).bind(tenant).fetch_one(conn).await.doing(READING)?;
    counts.executions_per_signal_max = executions.cast_unsigned();
    Ok(counts)
}
