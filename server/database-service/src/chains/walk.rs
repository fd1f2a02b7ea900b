//! All chains of one tenant as one directed graph.

use aitrading_store::{ChainShape, Direction, GraphName, Reached};
use petgraph::{
    Direction as Arrows,
    graph::{DiGraph, NodeIndex},
    visit::{VisitMap, Visitable},
};
use std::collections::{BTreeMap, BTreeSet};

/// A graph to walk. Nodes are numbered in order of their names; two arrows between the same nodes are one step.
#[derive(Debug)]
pub(super) struct Walk {
    graph: DiGraph<GraphName, ()>,
    nodes: BTreeMap<GraphName, NodeIndex>,
}

impl Walk {
    pub(super) fn new<'a>(shapes: impl Iterator<Item = &'a ChainShape> + Clone) -> Self {
        let names: BTreeSet<&GraphName> = shapes.clone().flat_map(|shape| &shape.nodes).collect();
        let steps: BTreeSet<(&GraphName, &GraphName)> =
            shapes.flat_map(|shape| &shape.edges).map(|edge| (&edge.source, &edge.target)).collect();
        let mut graph = DiGraph::with_capacity(names.len(), steps.len());
        let nodes: BTreeMap<_, _> =
            names.into_iter().map(|name| (name.clone(), graph.add_node(name.clone()))).collect();
        for (source, target) in steps {
            if let (Some(source), Some(target)) = (nodes.get(source), nodes.get(target)) {
                graph.add_edge(*source, *target, ());
            }
        }
        Self { graph, nodes }
    }

    /// Every other node within `depth_max` steps, by depth, then by name; at most [`ChainShape::NODES_MAX`].
    pub(super) fn reach(&self, from: &GraphName, direction: Direction, depth_max: u32) -> Vec<Reached> {
        let Some(start) = self.nodes.get(from).copied() else { return Vec::new() };
        let arrows = match direction {
            Direction::Downstream => Arrows::Outgoing,
            Direction::Upstream => Arrows::Incoming,
        };
        let mut seen = self.graph.visit_map();
        seen.visit(start);
        let mut front = vec![start];
        let mut reached = Vec::new();
        for depth in 1..=depth_max {
            let steps = front.iter().flat_map(|node| self.graph.neighbors_directed(*node, arrows));
            let mut next: Vec<NodeIndex> = steps.filter(|node| seen.visit(*node)).collect();
            next.sort_unstable();
            reached.extend(next.iter().filter_map(|node| self.graph.node_weight(*node)).map(|node| (depth, node)));
            if next.is_empty() || reached.len() >= ChainShape::NODES_MAX {
                break;
            }
            front = next;
        }
        let bounded = reached.into_iter().take(ChainShape::NODES_MAX);
        bounded.map(|(depth, node)| Reached { depth, node: node.clone() }).collect()
    }
}
