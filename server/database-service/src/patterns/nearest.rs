//! The nearest of many: a heap that never holds more than was asked for.

use std::{cmp::Ordering, collections::BinaryHeap};

/// A row and how far it is. The farthest is the greatest; of equally far ones the one with the greater id.
#[derive(Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) distance: f32,
    pub(super) id: [u8; 16],
    pub(super) row: usize,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.distance.total_cmp(&other.distance).then_with(|| self.id.cmp(&other.id))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The nearest candidates seen so far.
pub(super) struct Nearest {
    heap: BinaryHeap<Candidate>,
    limit: usize,
    farthest: f32,
}

impl Nearest {
    /// At most `limit`, none farther than `farthest`.
    pub(super) fn new(limit: usize, farthest: f32) -> Self {
        Self { heap: BinaryHeap::new(), limit, farthest }
    }

    /// How far a candidate may be to be of interest.
    pub(super) fn bound(&self) -> f32 {
        let full = self.heap.len() >= self.limit;
        self.heap.peek().filter(|_| full).map_or(self.farthest, |worst| worst.distance)
    }

    pub(super) fn offer(&mut self, candidate: Candidate) {
        if candidate.distance > self.farthest {
            return;
        }
        if self.heap.len() < self.limit {
            self.heap.push(candidate);
        } else if let Some(mut worst) = self.heap.peek_mut()
            && candidate < *worst
        {
            *worst = candidate;
        }
    }

    /// The nearest first.
    pub(super) fn into_sorted(self) -> Vec<Candidate> {
        self.heap.into_sorted_vec()
    }
}
