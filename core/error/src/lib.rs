//! ErrorDNA: what every error that leaves a component says about itself, in four facts and a code.
//!
//! An error has two faces. The *public* one (code, message) may be shown to a user or sent to a peer; the *internal* one
//! (context, source chain) is only ever logged. This crate knows no HTTP, no logger and no store.
#![warn(missing_docs)]

use std::{error::Error as StdError, fmt};

mod fault;
#[cfg(test)]
mod tests;

pub use fault::Fault;

/// What kind of thing went wrong, for counting and routing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// A value that the caller handed over is malformed or out of range.
    Input,
    /// Configuration: unknown key, missing file, contradiction.
    Config,
    /// Who, with which right, on which device.
    Access,
    /// Files and disks.
    Storage,
    /// Sockets and peers.
    Network,
    /// Keys, signatures, ciphertext, proofs.
    Crypto,
    /// A rule of trading or risk.
    Trading,
    /// A limit or a queue is full.
    Capacity,
    /// A defect of ours.
    Internal,
}

/// How bad it is for the one who operates the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Expected in normal use.
    Info,
    /// Someone should look within the day.
    Warning,
    /// A function is lost.
    Error,
    /// Safety or proof is at stake: page a human.
    Critical,
}

/// Whose side the fault lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultSide {
    /// The caller or the peer.
    Caller,
    /// Ourselves.
    Own,
    /// Something that we depend on: disk, network, database, broker.
    Dependency,
}

/// May the same request be sent again?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// No: it will fail again.
    Never,
    /// Yes, after a pause.
    Later,
    /// The outcome is unknown: look before any retry.
    VerifyFirst,
}

/// The four facts and the code of one error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Dna {
    /// Stable, upper snake case, unique in the product: `PIN_MISMATCH`.
    pub code: &'static str,
    /// The crate that raises it: `channel`.
    pub component: &'static str,
    /// Kind.
    pub category: Category,
    /// Weight.
    pub severity: Severity,
    /// Whose fault.
    pub side: FaultSide,
    /// Retry verdict.
    pub retry: Retry,
}

impl Dna {
    /// Describes an error code. Defaults: severity `Error`, side `Own`, retry `Never`.
    #[must_use]
    pub const fn new(component: &'static str, code: &'static str, category: Category) -> Self {
        Self { code, component, category, severity: Severity::Error, side: FaultSide::Own, retry: Retry::Never }
    }

    /// Sets the severity.
    #[must_use]
    pub const fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Sets the fault side.
    #[must_use]
    pub const fn side(mut self, side: FaultSide) -> Self {
        self.side = side;
        self
    }

    /// Sets the retry verdict.
    #[must_use]
    pub const fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// A 64-bit fingerprint of component and code (FNV-1a), stable across releases and machines: equal errors group together.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let bytes = self.component.bytes().chain(std::iter::once(0)).chain(self.code.bytes());
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
    }
}

/// An error that carries its DNA. Every crate's error enum implements it; variants map to codes one to one.
pub trait Coded: StdError + Send + Sync + 'static {
    /// The four facts and the code.
    fn dna(&self) -> Dna;

    /// What may be told to a user or a peer: cause and cure, no internals. Defaults to the error's own text.
    fn public_message(&self) -> String {
        self.to_string()
    }
}

/// Prints an error and all its sources, outermost first, separated by `: `. For the one place that logs or prints.
pub fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl fmt::Display + 'a {
    struct Chain<'a>(&'a (dyn StdError + 'static));
    impl fmt::Display for Chain<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{}", self.0)?;
            let mut next = self.0.source();
            while let Some(source) = next {
                write!(f, ": {source}")?;
                next = source.source();
            }
            Ok(())
        }
    }
    Chain(error)
}
