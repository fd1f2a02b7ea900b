//! Rows back into the words of the port, and counts from rows.

use super::{
    READING,
    db::{Conn, Doing},
};
use aitrading_model::{
    AccountId, MarketTime, PolicyHash, Price, ReportState, Side, SignalKind, StrategyId, TenantId, Timestamp, TraceId,
};
use aitrading_store::{
    DenialRow, Outcome, ReportRow, SignalCounts, SignalRow, SignalState, SignalView, StoreError, StoredDenial,
    StoredReport, Verdict,
};
use aitrading_wire::{decode_report, decode_signal};

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

/// The columns of a denial; those of the verdict are empty in rows of before it was kept.
#[derive(sqlx::FromRow)]
struct DenialColumns {
    id: i64,
    account: i64,
    strategy: i64,
    symbol: String,
    trace: Vec<u8>,
    code: String,
    at: i64,
    side: Option<i64>,
    kind: Option<i64>,
    price: Option<i64>,
    market_ms: Option<i64>,
    limit_name: Option<String>,
    value: Option<i64>,
    bound: Option<i64>,
    limits_version: Option<i64>,
    policy: Option<Vec<u8>>,
}

pub(super) async fn denials(
    conn: &mut Conn,
    tenant: TenantId,
    after: i64,
    limit: i64,
) -> Result<Vec<StoredDenial>, StoreError> {
    let statement =
        "SELECT id, account, strategy, symbol, trace, code, at, side, kind, price, market_ms, limit_name, value,
             bound, limits_version, policy
         FROM denials WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
    let query = sqlx::query_as::<_, DenialColumns>(statement).bind(tenant.0.cast_signed()).bind(after).bind(limit);
    let rows = query.fetch_all(conn).await.doing(READING)?;
    rows.into_iter().map(|row| denial(tenant, row)).collect()
}

fn denial(tenant: TenantId, mut c: DenialColumns) -> Result<StoredDenial, StoreError> {
    let verdict = verdict(&mut c)?;
    let row = DenialRow {
        tenant,
        account: AccountId(c.account.cast_unsigned()),
        strategy: StrategyId(u32::try_from(c.strategy).map_err(|e| damaged("a denial's strategy", e))?),
        symbol: c.symbol.parse().map_err(|e| damaged("a denial's symbol", e))?,
        trace: TraceId(exact(c.trace, "a denial's trace")?),
        code: c.code,
        at: Timestamp(c.at),
        verdict,
    };
    Ok(StoredDenial { id: c.id.cast_unsigned(), row })
}

fn verdict(c: &mut DenialColumns) -> Result<Option<Verdict>, StoreError> {
    let whole = (c.side, c.kind, c.price, c.market_ms, c.limit_name.take(), c.limits_version);
    let (Some(side), Some(kind), Some(price), Some(market), Some(limit), Some(version)) = whole else {
        return Ok(None);
    };
    let side = u8::try_from(side).ok().and_then(Side::from_number);
    let kind = u8::try_from(kind).ok().and_then(SignalKind::from_number);
    let policy = c.policy.take().map(|bytes| exact(bytes, "a denial's policy").map(PolicyHash));
    Ok(Some(Verdict {
        side: side.ok_or_else(|| StoreError::corrupt("a denial's side"))?,
        kind: kind.ok_or_else(|| StoreError::corrupt("a denial's kind"))?,
        price: Price::from_raw(price),
        market: MarketTime(market),
        limit,
        value: c.value,
        bound: c.bound,
        limits_version: u32::try_from(version).map_err(|e| damaged("a denial's limits version", e))?,
        policy: policy.transpose()?,
    }))
}

/// An execution outweighs every other report of the signal; otherwise the last one counts.
const OUTCOMES: &str = "
    SELECT report, state, COUNT(*), COUNT(delivered_at) FROM (
        SELECT COALESCE(
            (SELECT r.state FROM reports r WHERE r.tenant = s.tenant AND r.signal = s.signal AND r.state = 2 LIMIT 1),
            (SELECT r.state FROM reports r WHERE r.tenant = s.tenant AND r.signal = s.signal ORDER BY r.id DESC LIMIT 1)
        ) AS report, s.state AS state, s.delivered_at AS delivered_at
        FROM signals s WHERE s.tenant = $1
    ) AS outcomes GROUP BY report, state";
const EXECUTIONS: &str = "
    SELECT COALESCE(MAX(orders), 0) FROM (
        SELECT COUNT(DISTINCT order_ticket) AS orders FROM deals WHERE tenant = $1 GROUP BY signal
    ) AS executions";

pub(super) async fn counts(conn: &mut Conn, tenant: TenantId) -> Result<SignalCounts, StoreError> {
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
    let denied = "SELECT code, COUNT(*) FROM denials WHERE tenant = $1 GROUP BY code";
    let denied = sqlx::query_as::<_, (String, i64)>(denied).bind(tenant).fetch_all(&mut *conn).await.doing(READING)?;
    counts.denied = denied.into_iter().map(|(code, n)| (code, n.cast_unsigned())).collect();
    let reports = "SELECT COUNT(*), COUNT(finding) FROM reports WHERE tenant = $1";
    let reports = sqlx::query_as::<_, (i64, i64)>(reports).bind(tenant).fetch_one(&mut *conn).await.doing(READING)?;
    (counts.reports, counts.disputed_reports) = (reports.0.cast_unsigned(), reports.1.cast_unsigned());
    let executions = sqlx::query_scalar::<_, i64>(EXECUTIONS).bind(tenant).fetch_one(conn).await.doing(READING)?;
    counts.executions_per_signal_max = executions.cast_unsigned();
    Ok(counts)
}
