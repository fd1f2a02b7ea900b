//! The description that is published is the one that is served.

use crate::openapi;
use std::path::Path;

/// Programs are made from the committed file: a change to the interface shows in its difference.
/// `UPDATE_OPENAPI=1` writes it anew.
#[test]
#[expect(clippy::disallowed_methods, reason = "the committed file is what is looked at")]
fn the_committed_description_is_the_one_that_is_served() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let served = openapi::text();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&file, &served).unwrap();
    }
    let committed = std::fs::read(&file).unwrap_or_default();
    assert!(committed == served, "run the test with UPDATE_OPENAPI=1, and look at the difference of docs/openapi.json");
}
