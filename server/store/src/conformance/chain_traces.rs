//! What every [`ChainTraceStore`] promises.

use super::race::check_refused;
use crate::{ChainId, ChainSpan, ChainTraceStore, GraphName, PAGE_MAX, StoreError};
use aitrading_model::{TenantId, Timestamp, TraceId};
use std::sync::Arc;

type Store = Arc<dyn ChainTraceStore>;
type Checked = Result<(), StoreError>;

const ONE: TenantId = TenantId(1);
/// Nanoseconds of a moment in 2023.
const NOW: i64 = 1_700_000_000_123_456_789;
const ALWAYS: (Timestamp, Timestamp) = (Timestamp(0), Timestamp(i64::MAX));

fn span(tenant: u64, trace: u8, n: u8, at: i64) -> Result<ChainSpan, StoreError> {
    Ok(ChainSpan {
        tenant: TenantId(tenant),
        trace: TraceId([trace; 16]),
        span: [n; 8],
        parent: None,
        chain: ChainId::new("A1")?,
        source: None,
        target: GraphName::new("gateway")?,
        at: Timestamp(at),
        took_ns: 5,
        code: None,
    })
}

fn numbers(spans: &[ChainSpan]) -> Vec<(u8, u8)> {
    spans.iter().map(|span| (span.trace.0[0], span.span[0])).collect()
}

/// Every field comes back; there is nothing at first.
pub async fn every_field_of_a_step_survives(store: Store) -> Checked {
    let trace = TraceId([0xff; 16]);
    assert_eq!(store.of_trace(TenantId(u64::MAX), trace, None, 9).await?, []);
    let full = ChainSpan {
        parent: Some([0xfe; 8]),
        chain: ChainId::new("Z-9._bcdef")?,
        source: Some(GraphName::new("s".repeat(GraphName::BYTES_MAX))?),
        took_ns: ChainSpan::TOOK_MAX_NS,
        code: Some("STORE_UNAVAILABLE".to_owned()),
        ..span(u64::MAX, 0xff, 0xff, NOW)?
    };
    let bare = ChainSpan { parent: Some([0; 8]), took_ns: 0, ..span(u64::MAX, 0xff, 0, NOW + 1)? };
    store.append(vec![bare.clone(), full.clone()]).await?;
    assert_eq!(store.of_trace(TenantId(u64::MAX), trace, None, 9).await?, [full.clone(), bare]);
    assert_eq!(store.of_chain(TenantId(u64::MAX), &full.chain, ALWAYS, None, 9).await?, [full]);
    Ok(())
}

/// A step that is written again stays as it was.
pub async fn a_step_counts_once(store: Store) -> Checked {
    let first = span(1, 1, 1, NOW)?;
    store.append(vec![first.clone()]).await?;
    let second = span(1, 1, 2, NOW + 1)?;
    let again = ChainSpan { took_ns: 99, ..span(1, 1, 1, NOW + 9)? };
    store.append(vec![again, second.clone(), ChainSpan { took_ns: 99, ..second.clone() }]).await?;
    assert_eq!(store.of_trace(ONE, TraceId([1; 16]), None, 9).await?, [first, second]);
    Ok(())
}

/// Request, chain, time (half open) and tenant choose.
pub async fn questions_choose(store: Store) -> Checked {
    let other = ChainSpan { chain: ChainId::new("A10")?, ..span(1, 1, 3, NOW + 30)? };
    let spans = vec![other, span(1, 2, 1, NOW + 20)?, span(1, 1, 1, NOW + 10)?, span(1, 1, 2, NOW + 40)?];
    store.append(spans).await?;
    store.append(vec![span(11, 1, 1, NOW + 10)?]).await?;
    let chain = ChainId::new("A1")?;
    assert_eq!(numbers(&store.of_trace(ONE, TraceId([1; 16]), None, 9).await?), [(1, 1), (1, 3), (1, 2)]);
    assert_eq!(numbers(&store.of_chain(ONE, &chain, ALWAYS, None, 9).await?), [(1, 1), (2, 1), (1, 2)]);
    let span_of_time = (Timestamp(NOW + 20), Timestamp(NOW + 40));
    assert_eq!(numbers(&store.of_chain(ONE, &chain, span_of_time, None, 9).await?), [(2, 1)]);
    let backwards = (span_of_time.1, span_of_time.0);
    assert_eq!(store.of_chain(ONE, &chain, backwards, None, 9).await?, []);
    assert_eq!(store.of_chain(TenantId(2), &chain, ALWAYS, None, 9).await?, []);
    assert_eq!(store.of_trace(TenantId(11), TraceId([1; 16]), None, 9).await?.len(), 1);
    assert_eq!(store.of_trace(ONE, TraceId([3; 16]), None, 9).await?, []);
    Ok(())
}

/// Answers come page by page, also where many steps began at one time.
pub async fn steps_are_paged(store: Store) -> Checked {
    let mut all = Vec::new();
    for n in 0..60_u8 {
        all.push(span(1, n % 3, n, NOW + i64::from(n / 20))?);
    }
    store.append(all.clone()).await?;
    all.sort_by_key(ChainSpan::place);
    let chain = ChainId::new("A1")?;
    for limit in [1, 7, PAGE_MAX] {
        let (mut of_chain, mut of_trace) = (Vec::<ChainSpan>::new(), Vec::<ChainSpan>::new());
        loop {
            let page = store.of_chain(ONE, &chain, ALWAYS, of_chain.last().map(ChainSpan::place), limit).await?;
            let after = of_trace.last().map(ChainSpan::place);
            let traced = store.of_trace(ONE, TraceId([2; 16]), after, limit).await?;
            assert!(page.len() <= limit && traced.len() <= limit);
            if page.is_empty() && traced.is_empty() {
                break;
            }
            of_chain.extend(page);
            of_trace.extend(traced);
        }
        assert_eq!(of_chain, all);
        assert!(of_trace.iter().eq(all.iter().filter(|span| span.trace == TraceId([2; 16]))));
    }
    Ok(())
}

/// Old steps are forgotten by the time they began, and only the tenant's own.
pub async fn old_steps_are_forgotten(store: Store) -> Checked {
    for tenant in [1, 11] {
        store.append(vec![span(tenant, 1, 1, NOW)?, span(tenant, 1, 2, NOW + 1)?]).await?;
    }
    assert_eq!(store.forget(ONE, Timestamp(NOW)).await?, 0);
    assert_eq!(store.forget(ONE, Timestamp(NOW + 1)).await?, 1);
    assert_eq!(numbers(&store.of_trace(ONE, TraceId([1; 16]), None, 9).await?), [(1, 2)]);
    assert_eq!(store.of_trace(TenantId(11), TraceId([1; 16]), None, 9).await?.len(), 2);
    Ok(())
}

/// What breaks a rule is refused, all of it.
pub async fn limits_are_kept(store: Store) -> Checked {
    let good = span(1, 1, 1, NOW)?;
    let mut bad = vec![ChainSpan { took_ns: ChainSpan::TOOK_MAX_NS + 1, ..span(1, 1, 2, NOW)? }];
    for code in ["", "a b", "é", &"C".repeat(ChainSpan::CODE_MAX + 1)] {
        bad.push(ChainSpan { code: Some(code.to_owned()), ..span(1, 1, 2, NOW)? });
    }
    for bad in bad {
        check_refused(store.append(vec![good.clone(), bad]).await);
    }
    check_refused(store.append(vec![good.clone(); ChainSpan::AT_ONCE_MAX + 1]).await);
    assert_eq!(store.of_trace(ONE, good.trace, None, 9).await?, []);
    for limit in [0, PAGE_MAX + 1] {
        check_refused(store.of_trace(ONE, good.trace, None, limit).await);
        check_refused(store.of_chain(ONE, &good.chain, ALWAYS, None, limit).await);
    }
    store.append(vec![]).await
}
