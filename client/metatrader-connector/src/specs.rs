//! Symbol specifications: the table that ships with the product, and the reader of what a terminal exports.

mod error;
mod mt5;
mod table;
#[cfg(test)]
mod tests;

pub use error::SpecError;
pub use mt5::from_mt5_spec_csv;
pub use table::{TableRow, find, parse_table, shipped};
