//! A tick file: Parquet as docs/specs/tick-files.md describes it. The layout itself is the SQL engine's, which reads it too.

mod chunk;
mod delta;
mod parse;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use parse::{decode, rows_in_footer};
pub(crate) use write::encode;
