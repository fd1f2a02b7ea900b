//! Checks the declared needs and answers who may start next.

use crate::GraphProblem;
use std::collections::BTreeMap;

/// A checked graph: every need exists and nothing waits for itself. Components are known by their position.
#[derive(Debug)]
pub(crate) struct Graph {
    /// For each component, what it needs.
    pub(crate) needs: Vec<Vec<usize>>,
    /// For each component, who needs it.
    pub(crate) dependants: Vec<Vec<usize>>,
}

impl Graph {
    /// Resolves names to positions; returns every problem found.
    pub(crate) fn check(nodes: &[(&str, &[String])]) -> Result<Self, Vec<GraphProblem>> {
        let mut problems = Vec::new();
        let mut index = BTreeMap::new();
        for (at, (name, _)) in nodes.iter().enumerate() {
            if index.insert(*name, at).is_some() {
                problems.push(GraphProblem::Duplicate((*name).to_owned()));
            }
        }
        let mut graph = Self { needs: vec![Vec::new(); nodes.len()], dependants: vec![Vec::new(); nodes.len()] };
        for (at, (name, needs)) in nodes.iter().enumerate() {
            for need in *needs {
                match index.get(need.as_str()) {
                    Some(&to) => graph.connect(at, to),
                    None => problems.push(GraphProblem::Missing { component: (*name).to_owned(), needs: need.clone() }),
                }
            }
        }
        let stuck = graph.in_cycles();
        if !stuck.is_empty() {
            let names: Vec<_> = stuck.iter().filter_map(|&at| nodes.get(at)).map(|(n, _)| format!("`{n}`")).collect();
            problems.push(GraphProblem::Cycle(names.join(", ")));
        }
        if problems.is_empty() { Ok(graph) } else { Err(problems) }
    }

    /// All that need `at`, directly or through others.
    pub(crate) fn all_dependants(&self, at: usize) -> Vec<usize> {
        let mut seen = vec![at];
        let mut next = 0;
        while let Some(&current) = seen.get(next) {
            for &dependant in self.dependants.get(current).into_iter().flatten() {
                if !seen.contains(&dependant) {
                    seen.push(dependant);
                }
            }
            next += 1;
        }
        seen.split_off(1)
    }

    fn connect(&mut self, from: usize, to: usize) {
        if let Some(needs) = self.needs.get_mut(from)
            && !needs.contains(&to)
        {
            needs.push(to);
            if let Some(dependants) = self.dependants.get_mut(to) {
                dependants.push(from);
            }
        }
    }

    /// Those that stand in a cycle (not those that merely wait for one).
    fn in_cycles(&self) -> Vec<usize> {
        (0..self.needs.len()).filter(|&at| self.needs_itself(at)).collect()
    }

    /// Does `at` need itself, directly or through others?
    fn needs_itself(&self, at: usize) -> bool {
        let needs = self.needs.get(at).map(Vec::as_slice).unwrap_or_default();
        needs.contains(&at) || self.all_dependants(at).iter().any(|d| needs.contains(d))
    }
}
