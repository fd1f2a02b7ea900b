//! History in and out: imports, exports, and what both need: the directory for themselves, and stored ticks page by page.

mod bars;
pub(crate) mod desk;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod progress;
mod stored;
mod survey;
mod ticks;

/// A file's refusal: which one, why, and the code.
fn refused(file: &std::path::Path, code: &str, why: impl std::fmt::Display) -> crate::exit::Failure {
    crate::exit::Failure::new(crate::exit::Exit::Data, format!("{}: {why} [{code}]", file.display()))
}

/// A refusal that the reader of the file has given.
fn unreadable(file: &std::path::Path, error: &aitrading_market_files::MarketFileError) -> crate::exit::Failure {
    refused(file, aitrading_error::Coded::dna(error).code, error)
}
