//! What every [`ChainGraph`] promises.

use crate::{ChainGraph, ChainShape, Direction, GraphEdge, GraphName, Reached, StoreError};
use aitrading_model::TenantId;
use std::sync::Arc;

type Graph = Arc<dyn ChainGraph>;
type Checked = Result<(), StoreError>;

const ONE: TenantId = TenantId(1);

fn name(text: &str) -> Result<GraphName, StoreError> {
    GraphName::new(text)
}

/// A chain from arrows like `a>b`; a word without an arrow is a node of its own.
fn chain(named: &str, arrows: &str) -> Result<ChainShape, StoreError> {
    let mut shape = ChainShape { chain: name(named)?, nodes: Vec::new(), edges: Vec::new() };
    for arrow in arrows.split_whitespace() {
        let ends = arrow.split('>').map(name).collect::<Result<Vec<_>, _>>()?;
        for end in &ends {
            if !shape.nodes.contains(end) {
                shape.nodes.push(end.clone());
            }
        }
        if let [source, target] = ends.as_slice() {
            let kind = name("http_request")?;
            shape.edges.push(GraphEdge { source: source.clone(), target: target.clone(), kind });
        }
    }
    Ok(shape)
}

fn sorted(mut shape: ChainShape) -> ChainShape {
    shape.nodes.sort();
    shape.edges.sort();
    shape
}

async fn check_reach(
    graph: &Graph,
    from: &str,
    (direction, depth_max): (Direction, u32),
    expected: &[(u32, &str)],
) -> Checked {
    let expected = expected
        .iter()
        .map(|(depth, node)| Ok(Reached { depth: *depth, node: name(node)? }))
        .collect::<Result<Vec<_>, StoreError>>()?;
    assert_eq!(graph.reach(ONE, &name(from)?, direction, depth_max).await?, expected, "from {from}");
    Ok(())
}

async fn check_through(graph: &Graph, node: &str, expected: &[&str]) -> Checked {
    let found = graph.chains_through(ONE, &name(node)?).await?;
    assert_eq!(found.iter().map(GraphName::as_str).collect::<Vec<_>>(), expected, "through {node}");
    Ok(())
}

const DOWN: (Direction, u32) = (Direction::Downstream, 99);
const UP: (Direction, u32) = (Direction::Upstream, 99);

/// Nothing is made up.
pub async fn a_new_graph_is_empty(graph: Graph) -> Checked {
    assert_eq!(graph.shape(ONE, &name("A1")?).await?, None);
    assert!(!graph.remove(ONE, &name("A1")?).await?);
    check_reach(&graph, "a", DOWN, &[]).await?;
    check_through(&graph, "a", &[]).await
}

/// A shape comes back in order of its names, with the kinds of its arrows; an empty chain is a chain.
pub async fn shapes_come_back_in_order(graph: Graph) -> Checked {
    let mut shape = chain("A1", "c>a b>c a>b alone b>b")?;
    let longest = "n".repeat(GraphName::BYTES_MAX);
    shape.nodes.push(name(&longest)?);
    let database = GraphEdge { kind: name("database_query")?, ..shape.edges[0].clone() };
    shape.edges.push(database);
    shape.edges.push(GraphEdge { source: name("a")?, target: name(&longest)?, kind: name("x-1.Y_z")? });
    graph.put(ONE, shape.clone()).await?;
    graph.put(ONE, chain("A2", "")?).await?;
    assert_eq!(graph.shape(ONE, &name("A1")?).await?, Some(sorted(shape)));
    assert_eq!(graph.shape(ONE, &name("A2")?).await?, Some(chain("A2", "")?));
    check_through(&graph, "alone", &["A1"]).await
}

/// The walk goes through all chains, counts the fewest steps, ends in rings, and stops at the depth asked.
pub async fn the_walk_goes_through_all_chains(graph: Graph) -> Checked {
    graph.put(ONE, chain("A1", "gateway>engine gateway>auth engine>risk")?).await?;
    graph.put(ONE, chain("A2", "auth>store risk>store store>gateway")?).await?;
    graph.put(ONE, chain("A3", "engine>store island store>store")?).await?;
    let down = [(1, "auth"), (1, "engine"), (2, "risk"), (2, "store")];
    check_reach(&graph, "gateway", DOWN, &down).await?;
    check_reach(&graph, "gateway", (Direction::Downstream, 1), &down[..2]).await?;
    check_reach(&graph, "gateway", (Direction::Downstream, 2), &down).await?;
    check_reach(&graph, "gateway", (Direction::Downstream, 0), &[]).await?;
    check_reach(&graph, "gateway", (Direction::Downstream, u32::MAX), &down).await?;
    check_reach(&graph, "risk", UP, &[(1, "engine"), (2, "gateway"), (3, "store"), (4, "auth")]).await?;
    check_reach(&graph, "island", UP, &[]).await?;
    check_reach(&graph, "nowhere", DOWN, &[]).await
}

/// A chain that is put again is the new one only; what other chains say stays.
pub async fn chains_are_replaced_and_removed(graph: Graph) -> Checked {
    graph.put(ONE, chain("A1", "a>b b>c")?).await?;
    graph.put(ONE, chain("A2", "a>b")?).await?;
    check_through(&graph, "a", &["A1", "A2"]).await?;
    graph.put(ONE, chain("A1", "b>d")?).await?;
    assert_eq!(graph.shape(ONE, &name("A1")?).await?, Some(chain("A1", "b>d")?));
    check_reach(&graph, "a", DOWN, &[(1, "b"), (2, "d")]).await?;
    check_through(&graph, "a", &["A2"]).await?;
    check_through(&graph, "c", &[]).await?;
    assert!(graph.remove(ONE, &name("A2")?).await?);
    assert!(!graph.remove(ONE, &name("A2")?).await?);
    assert_eq!(graph.shape(ONE, &name("A2")?).await?, None);
    check_reach(&graph, "a", DOWN, &[]).await?;
    check_reach(&graph, "d", UP, &[(1, "b")]).await
}

/// Chains and nodes of the same name are another tenant's own.
pub async fn tenants_do_not_see_each_other(graph: Graph) -> Checked {
    graph.put(ONE, chain("A1", "a>b")?).await?;
    graph.put(TenantId(11), chain("A1", "a>x x>y")?).await?;
    check_reach(&graph, "a", DOWN, &[(1, "b")]).await?;
    check_through(&graph, "x", &[]).await?;
    assert!(!graph.remove(TenantId(2), &name("A1")?).await?);
    assert!(graph.remove(ONE, &name("A1")?).await?);
    let kept = graph.shape(TenantId(11), &name("A1")?).await?;
    assert_eq!(kept, Some(chain("A1", "a>x x>y")?));
    Ok(())
}

fn star(named: &str, n: usize) -> Result<ChainShape, StoreError> {
    let arrows: Vec<String> = (0..n).map(|i| format!("root>{named}{i:04}")).collect();
    chain(named, &arrows.join(" "))
}

/// The largest chain is taken, a larger or broken one refused, and what was there stays; a walk's answer is bounded.
pub async fn limits_are_kept(graph: Graph) -> Checked {
    let max = ChainShape::NODES_MAX;
    graph.put(ONE, star("A", max - 1)?).await?;
    let too_many = ChainShape { nodes: star("A", max)?.nodes, ..chain("A", "")? };
    let twice = ChainShape { nodes: vec![name("a")?, name("a")?], ..chain("A", "")? };
    let open = ChainShape { edges: chain("A", "a>b")?.edges, ..chain("A", "a")? };
    let mut repeated = chain("A", "a>b")?;
    repeated.edges.push(repeated.edges[0].clone());
    let arrows = ChainShape { edges: vec![chain("A", "a>b")?.edges[0].clone(); 5_001], ..chain("A", "a b")? };
    for bad in [too_many, twice, open, repeated, arrows] {
        let refused = graph.put(ONE, bad).await;
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
    }
    assert_eq!(graph.shape(ONE, &name("A")?).await?, Some(sorted(star("A", max - 1)?)));
    graph.put(ONE, star("B", 10)?).await?;
    let reached = graph.reach(ONE, &name("root")?, Direction::Downstream, 5).await?;
    assert_eq!(reached.len(), max);
    assert_eq!((reached[998].node.as_str(), reached[999].node.as_str()), ("A0998", "B0000"));
    for bad in ["", "a b", "a>b", "a/b", "é", &"n".repeat(GraphName::BYTES_MAX + 1)] {
        assert!(matches!(GraphName::new(bad), Err(StoreError::Invalid { .. })), "name {bad:?}");
    }
    Ok(())
}
