//! Old servers are refused by name and number.

use super::check;
use aitrading_store::StoreError;

#[test]
fn a_server_that_is_too_old_is_refused_and_told_what_is_needed() {
    for (version, good) in [
        ("26.9.2.1", true),
        ("24.3.1.2672", true),
        ("24.10.1", true),
        ("24.2.9.1", false),
        ("18.16.1", false),
        ("", false),
        ("new", false),
        ("24", false),
    ] {
        match check(version) {
            Ok(()) => assert!(good, "{version}"),
            Err(StoreError::VersionTooOld { found, needed, .. }) => {
                assert!(!good && found == version && needed == "24.3", "{version}");
            }
            Err(error) => panic!("{version}: {error}"),
        }
    }
}
