//! One change to the rows of signals.

use super::{
    APPLYING,
    db::{Conn, Doing},
};
use aitrading_model::{SignalId, TenantId};
use aitrading_store::{DenialRow, ReportRow, SignalChange, SignalRow, SignalState, StoreError};
use aitrading_wire::{encode_report, encode_signal};

/// Signal sequence numbers and ids that are taken twice break a unique key, and so become a conflict.
pub(super) async fn take(conn: &mut Conn, change: &SignalChange) -> Result<(), StoreError> {
    match change {
        SignalChange::Issued(row) => issue(conn, row).await,
        SignalChange::Denied(row) => deny(conn, row).await,
        SignalChange::Delivered { tenant, signal, at } => {
            let statement = "UPDATE signals SET delivered_at = COALESCE(delivered_at, $1), state = CASE WHEN state < $2 THEN $2 ELSE state END
                 WHERE tenant = $3 AND signal = $4";
            let query = sqlx::query(statement).bind(at.0).bind(SignalState::Delivered as i64);
            let query = query.bind(tenant.0.cast_signed()).bind(signal.0.to_vec());
            changed(query.execute(conn).await.doing(APPLYING)?.rows_affected())
        }
        SignalChange::Reported(row) => report(conn, row).await,
        SignalChange::State { tenant, signal, state } => set_state(conn, *tenant, *signal, *state).await,
    }
}

fn changed(rows: u64) -> Result<(), StoreError> {
    match rows {
        0 => Err(StoreError::Conflict { what: "the change names a signal that was never issued" }),
        _ => Ok(()),
    }
}

async fn issue(conn: &mut Conn, row: &SignalRow) -> Result<(), StoreError> {
    let statement = "INSERT INTO signals (tenant, signal, account, seq, issued_at, state, body, key_id, signature)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let signal = &row.signal;
    let query = sqlx::query(statement)
        .bind(signal.tenant.0.cast_signed())
        .bind(signal.id.0.to_vec())
        .bind(signal.account.0.cast_signed())
        .bind(signal.seq.cast_signed())
        .bind(signal.issued_at.0)
        .bind(SignalState::Issued as i64)
        .bind(encode_signal(signal))
        .bind(row.key_id.to_vec())
        .bind(row.signature.to_vec());
    query.execute(conn).await.doing(APPLYING).map(drop)
}

async fn deny(conn: &mut Conn, row: &DenialRow) -> Result<(), StoreError> {
    let statement =
        "INSERT INTO denials (tenant, account, strategy, symbol, trace, code, at, side, kind, price, market_ms,
         limit_name, value, bound, limits_version, policy) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    let verdict = row.verdict.as_ref();
    let query = sqlx::query(statement)
        .bind(row.tenant.0.cast_signed())
        .bind(row.account.0.cast_signed())
        .bind(i64::from(row.strategy.0))
        .bind(row.symbol.as_str())
        .bind(row.trace.0.to_vec())
        .bind(row.code.as_str())
        .bind(row.at.0)
        .bind(verdict.map(|v| v.side as i64))
        .bind(verdict.map(|v| v.kind as i64))
        .bind(verdict.map(|v| v.price.raw()))
        .bind(verdict.map(|v| v.market.0))
        .bind(verdict.map(|v| v.limit.as_str()))
        .bind(verdict.and_then(|v| v.value))
        .bind(verdict.and_then(|v| v.bound))
        .bind(verdict.map(|v| i64::from(v.limits_version)))
        .bind(verdict.and_then(|v| v.policy).map(|policy| policy.0.to_vec()));
    query.execute(conn).await.doing(APPLYING).map(drop)
}

async fn set_state(conn: &mut Conn, tenant: TenantId, signal: SignalId, state: SignalState) -> Result<(), StoreError> {
    let query = sqlx::query("UPDATE signals SET state = $1 WHERE tenant = $2 AND signal = $3").bind(state as i64);
    let query = query.bind(tenant.0.cast_signed()).bind(signal.0.to_vec());
    changed(query.execute(conn).await.doing(APPLYING)?.rows_affected())
}

async fn report(conn: &mut Conn, row: &ReportRow) -> Result<(), StoreError> {
    let report = &row.report;
    let body = encode_report(report);
    let known = "SELECT body FROM reports WHERE tenant = $1 AND account = $2 AND device = $3 AND seq = $4";
    let known = sqlx::query_scalar::<_, Vec<u8>>(known)
        .bind(report.tenant.0.cast_signed())
        .bind(report.account.0.cast_signed())
        .bind(report.device.0.to_vec())
        .bind(report.seq.cast_signed());
    match known.fetch_optional(&mut *conn).await.doing(APPLYING)? {
        Some(known) if known == body => return Ok(()),
        Some(_) => return Err(StoreError::Conflict { what: "another report has this number" }),
        None => {}
    }
    let statement =
        "INSERT INTO reports (tenant, account, device, seq, signal, state, received_at, finding, body, signature)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id";
    let query = sqlx::query_scalar::<_, i64>(statement)
        .bind(report.tenant.0.cast_signed())
        .bind(report.account.0.cast_signed())
        .bind(report.device.0.to_vec())
        .bind(report.seq.cast_signed())
        .bind(report.signal.0.to_vec())
        .bind(report.state as i64)
        .bind(row.received_at.0)
        .bind(row.finding.as_deref())
        .bind(body)
        .bind(row.signature.to_vec());
    let id = query.fetch_one(&mut *conn).await.doing(APPLYING)?;
    deals(conn, id, row).await
}

async fn deals(conn: &mut Conn, id: i64, row: &ReportRow) -> Result<(), StoreError> {
    let report = &row.report;
    for (place, deal) in (0_i64..).zip(&report.deals) {
        let statement =
            "INSERT INTO deals (report, place, tenant, account, signal, ticket, order_ticket, position, side, entry,
                 volume, price, profit, time_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
        let query = sqlx::query(statement)
            .bind(id)
            .bind(place)
            .bind(report.tenant.0.cast_signed())
            .bind(report.account.0.cast_signed())
            .bind(report.signal.0.to_vec())
            .bind(deal.ticket.0.cast_signed())
            .bind(deal.order.0.cast_signed())
            .bind(deal.position.0.cast_signed())
            .bind(deal.side as i64)
            .bind(deal.entry as i64)
            .bind(deal.volume.raw())
            .bind(deal.price.raw())
            .bind(deal.profit.raw())
            .bind(deal.time.0);
        query.execute(&mut *conn).await.doing(APPLYING)?;
    }
    Ok(())
}
