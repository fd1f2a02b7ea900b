//! The type that carries a coded error across a process boundary's edge: public face and internal face apart.

use crate::{Coded, Dna};
use std::error::Error as StdError;

/// A coded error with its two faces. It has no `Display` on purpose: whoever shows it must choose a face.
pub struct Fault {
    dna: Dna,
    public: String,
    internal: Box<dyn StdError + Send + Sync>,
}

impl Fault {
    /// Takes both faces from a coded error.
    pub fn new(error: impl Coded) -> Self {
        Self { dna: error.dna(), public: error.public_message(), internal: Box::new(error) }
    }

    /// The four facts and the code.
    #[must_use]
    pub fn dna(&self) -> Dna {
        self.dna
    }

    /// The message that may leave the process.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The error with its sources, for the log alone.
    #[must_use]
    pub fn internal(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self.internal.as_ref()
    }
}

impl std::fmt::Debug for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fault").field("code", &self.dna.code).field("internal", &self.internal).finish()
    }
}
