//! Why somebody may not.

use super::{Needed, Permission};
use aitrading_error::{Category, Coded, Dna, FaultSide, Severity};

/// Why somebody may not. The order in which they are found is the order here: what a role never has is told before anything
/// about the rows, and what belongs to others before anything about proofs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The role does not have the permission, whatever it is asked for.
    #[error("your role does not allow `{}`; ask the operator for another role", .permission.name())]
    Forbidden {
        /// What was asked for.
        permission: Permission,
    },
    /// The rows are somebody else's, or there are none: which of the two is not told. Answer 404.
    #[error("there is nothing here that you may see; check the id")]
    NotFound,
    /// More has to be proved first.
    #[error("this needs a {} first; log in with it and ask again", .needed.name())]
    LevelTooLow {
        /// This.
        needed: Needed,
    },
}

impl Coded for Denied {
    fn dna(&self) -> Dna {
        let dna = |code, category| Dna::new("security", code, category).side(FaultSide::Caller);
        match self {
            Self::Forbidden { .. } => dna("FORBIDDEN", Category::Access).severity(Severity::Warning),
            // As a wrong path: the code must not give away what the status hides.
            Self::NotFound => dna("NOT_FOUND", Category::Input).severity(Severity::Info),
            Self::LevelTooLow { .. } => dna("LEVEL_TOO_LOW", Category::Access).severity(Severity::Info),
        }
    }
}
