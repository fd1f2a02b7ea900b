//! An answer in SQL as it leaves, at the door and at the command line alike.

use aitrading_sql_engine::{Chunks, Format, SqlEngine, SqlError, SqlSession};
use std::collections::VecDeque;

/// So much of an answer is held back before it begins: what fails until then is told instead of a beginning.
const HELD_BYTES: usize = 64 << 10;

/// An answer that has begun well. Dropping it stops the question.
#[derive(Debug)]
pub struct Answer {
    chunks: Chunks,
    held: VecDeque<Vec<u8>>,
    ended: bool,
    left_out: Vec<String>,
}

impl Answer {
    /// Asks, and waits for the first rows, for 64 KiB or for the end.
    ///
    /// # Errors
    /// [`SqlError`].
    pub async fn begin(engine: &SqlEngine, sql: &str, session: &SqlSession, format: Format) -> Result<Self, SqlError> {
        let mut chunks = engine.execute(sql, session).await?.chunks(format);
        let left_out = chunks.left_out();
        let (mut held, mut bytes, mut ended) = (VecDeque::new(), 0_usize, false);
        while bytes < HELD_BYTES {
            let Some(chunk) = chunks.next_chunk().await? else {
                ended = true;
                break;
            };
            bytes = bytes.saturating_add(chunk.len());
            held.push_back(chunk);
        }
        Ok(Self { chunks, held, ended, left_out })
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// [`SqlError`], once: what came before is the beginning of the answer, not the answer.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, SqlError> {
        match self.held.pop_front() {
            Some(chunk) => Ok(Some(chunk)),
            None if self.ended => Ok(None),
            None => self.chunks.next_chunk().await,
        }
    }

    /// Damaged files that the answer is without.
    #[must_use]
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Rows so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.chunks.rows()
    }
}
