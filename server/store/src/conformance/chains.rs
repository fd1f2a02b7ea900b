//! What every [`ChainStore`] promises.

use super::race::{Racer, check_refused, check_stale, one_wins};
use crate::{
    ChainDefinition, ChainDependency, ChainEdge, ChainId, ChainNode, ChainStatus, ChainStore, GraphEdge, GraphName,
    PAGE_MAX, StoreError, Version, Versioned,
};
use aitrading_model::{TenantId, Timestamp};
use std::sync::Arc;

type Store = Arc<dyn ChainStore>;
type Checked = Result<(), StoreError>;

const ONE: TenantId = TenantId(1);

fn name(text: &str) -> Result<GraphName, StoreError> {
    GraphName::new(text)
}

fn chain(tenant: u64, id: &str) -> Result<ChainDefinition, StoreError> {
    Ok(ChainDefinition {
        tenant: TenantId(tenant),
        id: ChainId::new(id)?,
        name: String::new(),
        category: String::new(),
        description: String::new(),
        status: ChainStatus::Unknown,
        metadata: "{}".to_owned(),
        nodes: Vec::new(),
        edges: Vec::new(),
        dependencies: Vec::new(),
        created_by: String::new(),
        created_at: Timestamp(1),
        changed_at: Timestamp(2),
    })
}

/// A chain with two stations, two steps and two dependencies, none of them in order.
fn full(tenant: u64, id: &str) -> Result<ChainDefinition, StoreError> {
    let node = |text: &str| Ok::<_, StoreError>(ChainNode { name: name(text)?, kind: name("service")? });
    let edge = GraphEdge { source: name("gateway")?, target: name("engine")?, kind: name("http_request")? };
    let plain = GraphEdge { kind: name("event")?, ..edge.clone() };
    let step = ChainEdge {
        edge,
        condition: Some("a \"b\" ' > é".to_owned()),
        latency_sla_ms: Some(u32::MAX),
        retry_policy: Some("{ \"tries\": 3, \"a\": [1.50] }".to_owned()),
    };
    let bare = ChainEdge { edge: plain, condition: None, latency_sla_ms: None, retry_policy: None };
    let needs = |id: &str| Ok::<_, StoreError>(ChainDependency { on: ChainId::new(id)?, kind: name("data")? });
    Ok(ChainDefinition {
        name: "é".repeat(ChainDefinition::NAME_MAX),
        category: "🦀".repeat(ChainDefinition::CATEGORY_MAX),
        description: "d \"'\\\r\n".to_owned(),
        status: ChainStatus::Degraded,
        metadata: "{ \"b\": 1, \"a\": [null, \"\\u00e9\"], \"b\": 2.50 }".to_owned(),
        nodes: vec![node("gateway")?, node("engine")?],
        edges: vec![step, bare],
        dependencies: vec![needs("Z9")?, needs("A2")?],
        created_by: "anna".to_owned(),
        created_at: Timestamp(i64::MIN),
        changed_at: Timestamp(i64::MAX),
        ..chain(tenant, id)?
    })
}

fn at(chain: ChainDefinition, version: u64) -> Versioned<ChainDefinition> {
    Versioned { value: chain.in_order(), version: Version(version) }
}

/// A chain comes back as it was last written, its parts in order, its JSON to the letter.
pub async fn chains_are_replaced(store: Store) -> Checked {
    let id = ChainId::new("A1-._bcdef")?;
    assert_eq!(store.get(ONE, &id).await?, None);
    let first = full(1, id.as_str())?;
    assert_eq!(store.put(first.clone(), Version::NONE).await?, Version(1));
    assert_eq!(store.get(ONE, &id).await?, Some(at(first.clone(), 1)));
    let mut smaller = ChainDefinition { dependencies: vec![], ..first };
    smaller.edges.pop();
    for (version, status) in (1_u64..).zip(ChainStatus::ALL) {
        let changed = ChainDefinition { status, ..smaller.clone() };
        assert_eq!(store.put(changed.clone(), Version(version)).await?, Version(version + 1));
        assert_eq!(store.get(ONE, &id).await?, Some(at(changed, version + 1)));
    }
    let bare = chain(1, id.as_str())?;
    store.put(bare.clone(), Version(5)).await?;
    assert_eq!(store.get(ONE, &id).await?, Some(at(bare, 6)));
    Ok(())
}

/// A late writer is refused and changes nothing; of many at once one wins.
pub async fn late_writers_are_refused(store: Store) -> Checked {
    let first = full(1, "A1")?;
    check_stale(store.put(first.clone(), Version(1)).await, 0);
    store.put(first.clone(), Version::NONE).await?;
    for late in [0, 2] {
        check_stale(store.put(chain(1, "A1")?, Version(late)).await, 1);
        check_stale(store.remove(ONE, &first.id, Version(late)).await, 1);
    }
    assert_eq!(store.get(ONE, &first.id).await?, Some(at(first.clone(), 1)));
    let writers = (0_i64..12).map(|n| {
        let (store, first) = (Arc::clone(&store), first.clone());
        let racer: Racer<'_, _> =
            Box::pin(async move { store.put(ChainDefinition { changed_at: Timestamp(n), ..first }, Version(1)).await });
        racer
    });
    one_wins(writers).await?;
    assert_eq!(store.get(ONE, &first.id).await?.map(|chain| chain.value.edges.len()), Some(2));
    Ok(())
}

/// A removed chain is gone with all its parts, and a new one of its name is new.
pub async fn chains_are_removed(store: Store) -> Checked {
    let first = full(1, "A1")?;
    check_stale(store.remove(ONE, &first.id, Version::NONE).await, 0);
    store.put(first.clone(), Version::NONE).await?;
    store.put(full(1, "A2")?, Version::NONE).await?;
    store.put(first.clone(), Version(1)).await?;
    store.remove(ONE, &first.id, Version(2)).await?;
    assert_eq!(store.get(ONE, &first.id).await?, None);
    assert_eq!(store.put(chain(1, "A1")?, Version::NONE).await?, Version(1));
    assert_eq!(store.get(ONE, &first.id).await?, Some(at(chain(1, "A1")?, 1)));
    assert_eq!(store.get(ONE, &ChainId::new("A2")?).await?, Some(at(full(1, "A2")?, 1)));
    Ok(())
}

/// Chains come page by page in the order of their ids' bytes, each with its own parts, and only the tenant's own.
pub async fn chains_are_paged_by_id(store: Store) -> Checked {
    let ids = ["A-1", "A.1", "A1", "A10", "A2", "A_1", "a1"];
    for id in ids.iter().rev() {
        store.put(full(1, id)?, Version::NONE).await?;
        store.put(chain(11, id)?, Version::NONE).await?;
    }
    for size in [1, 3, PAGE_MAX] {
        let mut seen: Vec<ChainDefinition> = Vec::new();
        loop {
            let page = store.of_tenant(ONE, seen.last().map(|chain| &chain.id), size).await?;
            assert!(page.len() <= size);
            if page.is_empty() {
                break;
            }
            seen.extend(page.into_iter().map(|chain| chain.value));
        }
        let expected = ids.iter().map(|id| Ok(full(1, id)?.in_order())).collect::<Result<Vec<_>, StoreError>>()?;
        assert_eq!(seen, expected, "pages of {size}");
    }
    assert_eq!(store.of_tenant(TenantId(2), None, 9).await?, []);
    assert_eq!(store.get(TenantId(11), &ChainId::new("A1")?).await?, Some(at(chain(11, "A1")?, 1)));
    Ok(())
}

fn broken() -> Result<Vec<ChainDefinition>, StoreError> {
    let good = full(1, "A1")?;
    let mut bad = vec![
        ChainDefinition { name: "n".repeat(ChainDefinition::NAME_MAX + 1), ..good.clone() },
        ChainDefinition { category: "é".repeat(ChainDefinition::CATEGORY_MAX + 1), ..good.clone() },
        ChainDefinition { created_by: "b".repeat(ChainDefinition::BY_MAX + 1), ..good.clone() },
        ChainDefinition { description: "d".repeat(ChainDefinition::DESCRIPTION_MAX + 1), ..good.clone() },
        ChainDefinition { description: "\0".to_owned(), ..good.clone() },
        ChainDefinition { nodes: good.nodes[..1].to_vec(), ..good.clone() },
        ChainDefinition { nodes: vec![good.nodes[0].clone(); 2], edges: vec![], ..good.clone() },
        ChainDefinition { edges: vec![good.edges[0].clone(); 2], ..good.clone() },
        ChainDefinition { dependencies: vec![good.dependencies[0].clone(); 2], ..good.clone() },
    ];
    for metadata in ["", "{", "{\"a\":\"\\u0000\"}", &format!("\"{}\"", "x".repeat(ChainDefinition::METADATA_MAX))] {
        bad.push(ChainDefinition { metadata: metadata.to_owned(), ..good.clone() });
    }
    let step = &good.edges[0];
    let long = ChainEdge { condition: Some("c".repeat(ChainEdge::CONDITION_MAX + 1)), ..step.clone() };
    let no_json = ChainEdge { retry_policy: Some("three times".to_owned()), ..step.clone() };
    bad.extend([long, no_json].map(|step| ChainDefinition { edges: vec![step], ..good.clone() }));
    Ok(bad)
}

/// What breaks a rule is refused and leaves nothing behind.
pub async fn limits_are_kept(store: Store) -> Checked {
    for bad in broken()? {
        check_refused(store.put(bad, Version::NONE).await);
    }
    assert_eq!(store.of_tenant(ONE, None, 9).await?, []);
    for limit in [0, PAGE_MAX + 1] {
        check_refused(store.of_tenant(ONE, None, limit).await);
    }
    for bad in ["", "a b", &"a".repeat(ChainId::BYTES_MAX + 1)] {
        check_refused(ChainId::new(bad));
    }
    Ok(())
}
