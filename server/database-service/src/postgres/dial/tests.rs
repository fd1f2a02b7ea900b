//! Servers of other releases, as they number themselves.

use super::Facts;
use aitrading_store::StoreError;

#[test]
fn a_server_that_is_too_old_is_named_with_its_version() {
    for (version, number, good) in
        [("13.22", 130_022, false), ("9.6.24", 90_624, false), ("?", 0, false), ("14.0", 140_000, true)]
    {
        let facts = Facts { version: version.to_owned(), number, read_only: false };
        match facts.check() {
            Ok(()) => assert!(good, "{version}"),
            Err(StoreError::VersionTooOld { server: "PostgreSQL", found, needed: "14" }) => {
                assert!(!good && found == version, "{found}");
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}
