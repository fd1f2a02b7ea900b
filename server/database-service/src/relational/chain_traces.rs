//! What was seen of requests along chains, in rows.

use super::{
    columns::{exact, limit},
    db::{Conn, Db, Doing},
};
use aitrading_model::{TenantId, Timestamp, TraceId};
use aitrading_store::{
    ChainId, ChainSpan, ChainTraceStore, GraphName, SpanPlace, StoreError, check_limit, check_spans,
};
use async_trait::async_trait;

const KEEPING: &str = "keeping steps of requests";
const READING: &str = "reading steps of requests";
const FORGETTING: &str = "forgetting steps of requests";
/// As many are forgotten in one transaction, so that nobody waits long for the lock.
const FORGOTTEN_AT_ONCE: u64 = 5_000;

/// Keeps steps of requests in rows.
#[derive(Debug)]
pub(super) struct SqlChainTraces(pub(super) Db);

/// Trace, span, parent, chain, source, target, time, duration, code.
type Row = (Vec<u8>, Vec<u8>, Option<Vec<u8>>, String, Option<String>, String, i64, i64, Option<String>);

fn span(tenant: TenantId, row: Row) -> Result<ChainSpan, StoreError> {
    let (trace, span, parent, chain, source, target, at, took_ns, code) = row;
    let damaged = |_| StoreError::corrupt("a step's chain or stations");
    Ok(ChainSpan {
        tenant,
        trace: TraceId(exact(trace, "a step's trace")?),
        span: exact(span, "a step's id")?,
        parent: parent.map(|parent| exact(parent, "a step's parent")).transpose()?,
        chain: ChainId::new(chain).map_err(damaged)?,
        source: source.map(GraphName::new).transpose().map_err(damaged)?,
        target: GraphName::new(target).map_err(damaged)?,
        at: Timestamp(at),
        took_ns: took_ns.cast_unsigned(),
        code,
    })
}

/// Where an answer begins: before everything, or behind a place.
fn bounds(after: Option<SpanPlace>) -> (i64, Vec<u8>, Vec<u8>) {
    after.map_or((i64::MIN, Vec::new(), Vec::new()), |place| (place.at.0, place.trace.0.to_vec(), place.span.to_vec()))
}

async fn write(conn: &mut Conn, span: &ChainSpan) -> Result<(), StoreError> {
    let statement = "INSERT INTO chain_spans (tenant, trace, span, parent, chain, source, target, at, took_ns, code)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (tenant, trace, span) DO NOTHING";
    let query = sqlx::query(statement)
        .bind(span.tenant.0.cast_signed())
        .bind(span.trace.0.to_vec())
        .bind(span.span.to_vec())
        .bind(span.parent.map(|parent| parent.to_vec()))
        .bind(span.chain.as_str())
        .bind(span.source.as_ref().map(GraphName::as_str))
        .bind(span.target.as_str())
        .bind(span.at.0)
        .bind(span.took_ns.cast_signed())
        .bind(span.code.as_deref());
    query.execute(conn).await.doing(KEEPING).map(drop)
}

impl SqlChainTraces {
    async fn forget_some(&self, tenant: TenantId, before: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.0.write(FORGETTING).await?;
        let statement = "DELETE FROM chain_spans WHERE tenant = $1 AND (trace, span) IN (
                 SELECT trace, span FROM chain_spans WHERE tenant = $1 AND at < $2 ORDER BY at LIMIT $3)";
        let query = sqlx::query(statement).bind(tenant.0.cast_signed()).bind(before.0);
        let query = query.bind(FORGOTTEN_AT_ONCE.cast_signed());
        let gone = query.execute(tx.conn()).await.doing(FORGETTING)?.rows_affected();
        tx.commit().await?;
        Ok(gone)
    }
}

#[async_trait]
impl ChainTraceStore for SqlChainTraces {
    async fn append(&self, spans: Vec<ChainSpan>) -> Result<(), StoreError> {
        check_spans(&spans)?;
        if spans.is_empty() {
            return Ok(());
        }
        let mut tx = self.0.write(KEEPING).await?;
        for span in &spans {
            write(tx.conn(), span).await?;
        }
        tx.commit().await
    }

    async fn of_trace(
        &self,
        tenant: TenantId,
        trace: TraceId,
        after: Option<SpanPlace>,
        n: usize,
    ) -> Result<Vec<ChainSpan>, StoreError> {
        check_limit(n)?;
        let (at, after_trace, after_span) = bounds(after);
        let mut tx = self.0.read(READING).await?;
        let statement = "SELECT trace, span, parent, chain, source, target, at, took_ns, code FROM chain_spans
             WHERE tenant = $1 AND trace = $2 AND at >= $3 AND (at, trace, span) > ($3, $4, $5)
             ORDER BY at, span LIMIT $6";
        let query = sqlx::query_as::<_, Row>(statement)
            .bind(tenant.0.cast_signed())
            .bind(trace.0.to_vec())
            .bind(at)
            .bind(after_trace)
            .bind(after_span)
            .bind(limit(n));
        query.fetch_all(&mut *tx).await.doing(READING)?.into_iter().map(|row| span(tenant, row)).collect()
    }

    async fn of_chain(
        &self,
        tenant: TenantId,
        chain: &ChainId,
        (from, to): (Timestamp, Timestamp),
        after: Option<SpanPlace>,
        n: usize,
    ) -> Result<Vec<ChainSpan>, StoreError> {
        check_limit(n)?;
        let (at, after_trace, after_span) = bounds(after);
        let mut tx = self.0.read(READING).await?;
        let statement = "SELECT trace, span, parent, chain, source, target, at, took_ns, code FROM chain_spans
             WHERE tenant = $1 AND chain = $2 AND at >= $3 AND at < $4 AND (at, trace, span) > ($5, $6, $7)
             ORDER BY at, trace, span LIMIT $8";
        let query = sqlx::query_as::<_, Row>(statement)
            .bind(tenant.0.cast_signed())
            .bind(chain.as_str())
            .bind(from.0.max(at))
            .bind(to.0)
            .bind(at)
            .bind(after_trace)
            .bind(after_span)
            .bind(limit(n));
        query.fetch_all(&mut *tx).await.doing(READING)?.into_iter().map(|row| span(tenant, row)).collect()
    }

    /// In several transactions: should it fail half-way, what is forgotten is forgotten, and it can be asked for again.
    async fn forget(&self, tenant: TenantId, before: Timestamp) -> Result<u64, StoreError> {
        let mut gone = 0_u64;
        loop {
            let some = self.forget_some(tenant, before).await?;
            gone = gone.saturating_add(some);
            if some < FORGOTTEN_AT_ONCE {
                return Ok(gone);
            }
        }
    }
}
