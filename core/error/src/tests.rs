//! The two faces of an error, and its fingerprint.

use super::*;

#[derive(Debug, thiserror::Error)]
enum Sample {
    #[error("the journal could not be synced")]
    Sync(#[source] std::io::Error),
}

impl Coded for Sample {
    fn dna(&self) -> Dna {
        Dna::new("journal", "JOURNAL_SYNC", Category::Storage).side(FaultSide::Dependency).severity(Severity::Critical)
    }
    fn public_message(&self) -> String {
        "the disk refused a write".into()
    }
}

#[test]
fn the_two_faces_stay_apart() {
    let fault = Fault::new(Sample::Sync(std::io::Error::other("EIO on /secret/path")));
    assert_eq!(fault.public(), "the disk refused a write");
    assert!(!fault.public().contains("secret"));
    assert!(chain(fault.internal()).to_string().ends_with("EIO on /secret/path"));
}

#[test]
fn the_fingerprint_names_component_and_code() {
    let a = Dna::new("journal", "SYNC", Category::Storage);
    let b = Dna::new("journals", "YNC", Category::Storage);
    assert_ne!(a.fingerprint(), b.fingerprint(), "the separator keeps neighbours apart");
    assert_eq!(a.fingerprint(), a.severity(Severity::Info).fingerprint());
}
