//! Counting and hashing records, so that two stores can be compared without holding either.

use super::{
    Compared,
    line::{Cell, Line},
};
use aitrading_security::Sha256;
use std::fmt::Write as _;

/// Records so far.
#[derive(Default)]
pub(super) struct Digest {
    hash: Sha256,
    records: u64,
}

impl Digest {
    /// A row. Every value is preceded by its kind and length, so that different rows never give the same bytes.
    pub(super) fn row(&mut self, line: &Line) {
        self.records = self.records.saturating_add(1);
        self.part(0, &(line.0.len() as u64).to_le_bytes());
        for (name, cell) in &line.0 {
            self.part(1, name.as_bytes());
            match cell {
                Cell::Null => self.part(2, &[]),
                Cell::Number(number) => self.part(3, &number.to_le_bytes()),
                Cell::Bytes(bytes) => self.part(4, bytes),
                Cell::Text(text) => self.part(5, text.as_bytes()),
            }
        }
    }

    /// A record of `N` numbers, the same `N` for all of one digest.
    pub(super) fn numbers<const N: usize>(&mut self, numbers: [i64; N]) {
        self.records = self.records.saturating_add(1);
        numbers.iter().for_each(|number| self.hash.update(&number.to_le_bytes()));
    }

    fn part(&mut self, kind: u8, bytes: &[u8]) {
        self.hash.update(&[kind]);
        self.hash.update(&(bytes.len() as u64).to_le_bytes());
        self.hash.update(bytes);
    }

    pub(super) const fn records(&self) -> u64 {
        self.records
    }

    pub(super) fn finish(self, name: impl Into<String>) -> Compared {
        Compared { name: name.into(), records: self.records, sha256: hex(&self.hash.finish()) }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    // Writing to a String cannot fail.
    bytes.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap_or_default());
    text
}
