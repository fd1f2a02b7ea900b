//! The graph in process keeps the port's promises and is bounded.

use super::{LocalChains, parts};
use aitrading_model::TenantId;
use aitrading_store::{ChainGraph, ChainShape, Direction, GraphEdge, GraphName, StoreError};
use std::{future::Future, sync::Arc};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn check<F: Future<Output = Result<(), StoreError>>>(property: impl Fn(Arc<dyn ChainGraph>) -> F) {
    block_on(property(Arc::new(LocalChains::default()))).unwrap();
}

aitrading_store::chain_graph_conformance!(check);

fn name(text: &str) -> GraphName {
    GraphName::new(text).unwrap()
}

/// A line of nodes, one arrow from each to the next.
fn line(chain: &str, nodes: &[&str]) -> ChainShape {
    let edge = |pair: &[&str]| GraphEdge { source: name(pair[0]), target: name(pair[1]), kind: name("call") };
    let nodes_of = nodes.iter().map(|node| name(node)).collect();
    ChainShape { chain: name(chain), nodes: nodes_of, edges: nodes.windows(2).map(edge).collect() }
}

const ONE: TenantId = TenantId(1);

#[test]
fn a_walk_sees_what_changed_since_the_last_one() {
    let graph = LocalChains::default();
    let reached = |from: &str| {
        let reached = block_on(graph.reach(ONE, &name(from), Direction::Downstream, 9)).unwrap();
        reached.into_iter().map(|reached| reached.node.as_str().to_owned()).collect::<Vec<_>>()
    };
    block_on(graph.put(ONE, line("A1", &["a", "b"]))).unwrap();
    assert_eq!(reached("a"), ["b"]);
    block_on(graph.put(ONE, line("A2", &["b", "c"]))).unwrap();
    assert_eq!(reached("a"), ["b", "c"]);
    block_on(graph.remove(ONE, &name("A1"))).unwrap();
    assert_eq!(reached("a"), [""; 0]);
    assert_eq!(reached("b"), ["c"]);
}

#[test]
fn beyond_its_bound_it_is_full_and_keeps_what_it_had() {
    let first = line("A1", &["a", "b"]);
    let graph = LocalChains::bounded(2 * parts(&first));
    block_on(graph.put(ONE, first.clone())).unwrap();
    block_on(graph.put(ONE, line("A2", &["a", "b"]))).unwrap();
    for (tenant, beyond) in [(TenantId(2), line("A1", &[])), (ONE, line("A1", &["a", "b", "c"]))] {
        let refused = block_on(graph.put(tenant, beyond));
        assert!(matches!(refused, Err(StoreError::Full { .. })), "{refused:?}");
    }
    assert_eq!(block_on(graph.shape(ONE, &name("A1"))).unwrap(), Some(first.clone()));
    // Replacing takes no more room, and what is removed makes room.
    block_on(graph.put(ONE, line("A1", &["b", "c"]))).unwrap();
    assert!(block_on(graph.remove(ONE, &name("A2"))).unwrap());
    block_on(graph.put(TenantId(2), line("A1", &["x", "y"]))).unwrap();
}

#[test]
fn with_more_chains_in_rows_than_it_keeps_it_answers_nothing() {
    let graph = LocalChains::bounded(2 * parts(&line("A1", &["a", "b"])));
    for chain in ["A1", "A2"] {
        graph.take(ONE, line(chain, &["a", "b"])).unwrap();
    }
    assert_eq!((block_on(graph.chains_through(ONE, &name("a"))).unwrap().len(), graph.crowded()), (2, None));
    for chain in ["A3", "A4"] {
        graph.take(TenantId(2), line(chain, &["a", "b"])).unwrap();
    }
    assert!(graph.crowded().unwrap().contains("16 of 8 nodes and arrows"), "{:?}", graph.crowded());
    let put = block_on(graph.put(ONE, line("A1", &[])));
    assert!(matches!(put, Err(StoreError::Full { .. })), "{put:?}");
    let shape = block_on(graph.shape(ONE, &name("A1")));
    assert!(matches!(shape, Err(StoreError::Full { .. })), "{shape:?}");
    let reached = block_on(graph.reach(ONE, &name("a"), Direction::Downstream, 9));
    assert!(matches!(reached, Err(StoreError::Full { .. })), "{reached:?}");
}

#[test]
fn a_chain_in_rows_that_breaks_a_rule_is_damage() {
    let open = ChainShape { nodes: Vec::new(), ..line("A", &["a", "b"]) };
    let taken = LocalChains::default().take(ONE, open);
    assert!(matches!(taken, Err(StoreError::Corrupt { .. })), "{taken:?}");
}
