//! Patterns of one tenant with the same number of dimensions, their numbers one behind the other.

use super::nearest::{Candidate, Nearest};
use aitrading_model::{TenantId, Timestamp};
use aitrading_store::{Match, Near, Pattern, PatternKind};
use std::collections::BTreeMap;

/// Numbers that are multiplied at once: enough for the widest registers.
const LANES: usize = 16;
/// Single precision is this good; nearer than this to the bound, a distance is computed again in double precision.
const SLACK: f32 = 1e-4;

#[derive(Debug)]
struct Row {
    id: [u8; 16],
    kind: PatternKind,
    at: Timestamp,
    text: String,
    /// 1 / length, computed once.
    scale: f32,
}

/// A table of patterns.
#[derive(Debug)]
pub(super) struct Shelf {
    dimensions: usize,
    /// `dimensions` numbers for each row.
    values: Vec<f32>,
    rows: Vec<Row>,
    places: BTreeMap<[u8; 16], usize>,
}

impl Shelf {
    pub(super) fn new(dimensions: usize) -> Self {
        Self { dimensions, values: Vec::new(), rows: Vec::new(), places: BTreeMap::new() }
    }

    pub(super) const fn dimensions(&self) -> usize {
        self.dimensions
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn text_len(&self, id: [u8; 16]) -> Option<usize> {
        self.places.get(&id).and_then(|row| self.rows.get(*row)).map(|row| row.text.len())
    }

    /// Adds a pattern that is not on the shelf yet and has its number of dimensions.
    pub(super) fn push(&mut self, pattern: Pattern) {
        let Pattern { id, kind, at, text, vector, .. } = pattern;
        let scale = (1.0 / dot_exact(&vector, &vector).sqrt()) as f32;
        self.places.insert(id, self.rows.len());
        self.rows.push(Row { id, kind, at, text, scale });
        self.values.extend_from_slice(&vector);
    }

    /// Takes a pattern away; the last one moves to its place.
    pub(super) fn remove(&mut self, id: [u8; 16]) {
        let Some(row) = self.places.remove(&id) else { return };
        let last = self.values.len().saturating_sub(self.dimensions);
        self.values.copy_within(last.., row * self.dimensions);
        self.values.truncate(last);
        self.rows.swap_remove(row);
        if let Some(moved) = self.rows.get(row) {
            self.places.insert(moved.id, row);
        }
    }

    /// The nearest, nearest first. The question has this shelf's number of dimensions.
    pub(super) fn near(&self, near: &Near) -> Vec<Match> {
        let length = dot_exact(&near.vector, &near.vector).sqrt();
        let asked: Vec<f32> = near.vector.iter().map(|x| (f64::from(*x) / length) as f32).collect();
        let mut nearest = Nearest::new(near.limit, near.distance_max);
        for (n, (row, values)) in self.rows.iter().zip(self.values.chunks_exact(self.dimensions)).enumerate() {
            let wanted =
                near.kind.is_none_or(|kind| kind == row.kind) && near.since.is_none_or(|since| row.at >= since);
            if !wanted || 1.0 - dot(&asked, values) * row.scale > nearest.bound() + SLACK {
                continue;
            }
            let distance = distance(&near.vector, values);
            nearest.offer(Candidate { distance, id: row.id, row: n });
        }
        let found = nearest.into_sorted().into_iter();
        found
            .filter_map(|one| Some(Match { pattern: self.pattern(near.tenant, one.row)?, distance: one.distance }))
            .collect()
    }

    fn pattern(&self, tenant: TenantId, row: usize) -> Option<Pattern> {
        let vector = self.values.get(row * self.dimensions..(row + 1) * self.dimensions)?.to_vec();
        let Row { id, kind, at, ref text, .. } = *self.rows.get(row)?;
        Some(Pattern { tenant, id, kind, vector, text: text.clone(), at })
    }
}

/// In single precision, in lanes that the compiler turns into vector instructions.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut lanes = [0.0_f32; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f32>() + rest
}

fn dot_exact(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// Cosine distance, clamped so that rounding never leaves 0 to 2.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    let cosine = dot_exact(a, b) / (dot_exact(a, a) * dot_exact(b, b)).sqrt();
    (1.0 - cosine).clamp(0.0, 2.0) as f32
}
