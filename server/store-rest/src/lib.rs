//! Similarity on Weaviate and chains on ArangoDB, over their REST interfaces.
//!
//! Both adapters are **unproven against a live server**: their tests hold every request and every answer against the
//! vendors' own descriptions of their interfaces, which proves the form and nothing else, because such a mock keeps no state
//! and understands neither GraphQL nor AQL. Their health says so ([`UNPROVEN`]) until one has been met.
#![warn(missing_docs)]

mod arango;
mod client;
mod error;
mod version;
mod weaviate;

pub use arango::ArangoChains;
pub use client::ANSWER_BYTES_MAX;
pub use error::RestError;
pub use weaviate::WeaviatePatterns;

use aitrading_database_link::BackendHealth;

/// What health says of both adapters.
pub const UNPROVEN: &str = "unproven against a live server";

/// A link's health with the server's version, and what is to be known of these adapters.
fn health(sample: BackendHealth, version: Option<String>) -> BackendHealth {
    let note = sample.note.as_ref().map_or_else(|| UNPROVEN.to_owned(), |trouble| format!("{trouble}; {UNPROVEN}"));
    BackendHealth { version, note: Some(note), ..sample }
}
