//! What can be wrong with a specification.

use aitrading_error::{Category, Coded, Dna, FaultSide};

/// Why a specification cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// A row of the table has too few or too many columns.
    #[error(
        "specification table, line {line}: {found} columns where {wanted} are expected; compare with the table's head"
    )]
    Columns {
        /// Line, from 1.
        line: usize,
        /// What is there.
        found: usize,
        /// What should be.
        wanted: usize,
    },
    /// A value cannot be read.
    #[error("specification, '{property}': '{value}' cannot be read; compare with the terminal's specification window")]
    Value {
        /// Which.
        property: String,
        /// What it says.
        value: String,
    },
    /// A property that is needed is not there.
    #[error("specification: '{0}' is missing; export it from the terminal again")]
    Missing(&'static str),
    /// Values that contradict each other.
    #[error("specification of '{symbol}': {what}; correct the table")]
    Contradiction {
        /// Symbol.
        symbol: String,
        /// What.
        what: &'static str,
    },
}

impl Coded for SpecError {
    fn dna(&self) -> Dna {
        let dna = |code| Dna::new("metatrader-connector", code, Category::Input).side(FaultSide::Caller);
        match self {
            Self::Columns { .. } => dna("SPEC_COLUMNS"),
            Self::Value { .. } => dna("SPEC_VALUE"),
            Self::Missing(_) => dna("SPEC_MISSING"),
            Self::Contradiction { .. } => dna("SPEC_CONTRADICTION"),
        }
    }
}
