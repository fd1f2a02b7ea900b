//! How much one query, and all of them together, may use.

use std::time::Duration;

/// Bounds of the engine. Each has its own error with its own cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlLimits {
    /// Longest statement in bytes.
    pub sql_bytes: usize,
    /// Most words, numbers and signs in a statement: planning costs grow with them.
    pub sql_words: usize,
    /// Most rows of a result.
    pub rows: u64,
    /// Most bytes of a result as it is written out.
    pub result_bytes: u64,
    /// Longest time from the question to the last byte, waiting for the reader included.
    pub wall: Duration,
    /// Most memory of one query.
    pub memory_bytes: usize,
    /// Most queries at the same time. All together may use as many times `memory_bytes`.
    pub queries: usize,
    /// Threads that all queries share. They exist only while there is a query.
    pub threads: usize,
}

impl Default for SqlLimits {
    fn default() -> Self {
        Self {
            sql_bytes: 64 << 10,
            sql_words: 1_000,
            rows: 1_000_000,
            result_bytes: 256 << 20,
            wall: Duration::from_secs(30),
            memory_bytes: 256 << 20,
            queries: 4,
            threads: 2,
        }
    }
}
