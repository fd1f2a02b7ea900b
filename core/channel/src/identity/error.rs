//! Why a client is not enrolled, or not logged in.

use crate::ChannelError;
use aitrading_error::{Category, Coded, Dna, FaultSide, Severity};
use aitrading_security::{SecurityError, login::LoginError};
use aitrading_wire::{WireError, identity::Refused};
use std::io;

/// Why a client is not enrolled, or not logged in.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The exchange itself.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The code opens nothing: mistyped into another one, used, expired, or of another server.
    #[error(
        "the enrolment code was not accepted: it is used, expired, or another server's; ask the operator for a new one"
    )]
    Code(#[source] ChannelError),
    /// The server said no.
    #[error("{text}")]
    Refused {
        /// Its code.
        code: String,
        /// Its words.
        text: String,
    },
    /// Not an answer.
    #[error("the server's answer cannot be read; both sides must run versions that know each other")]
    Answer(#[source] WireError),
    /// An answer to something else.
    #[error("the server answered something that was not asked; it is faulty")]
    OutOfTurn,
    /// What was granted does not fit what was asked, or itself.
    #[error("what the server granted contradicts itself ({0}); nothing of it is kept, tell the operator")]
    Contradiction(&'static str),
    /// The password's own rules and proofs.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// Keys and certificates.
    #[error(transparent)]
    Security(#[from] SecurityError),
    /// The machine gives no thread.
    #[error("the system gives no thread to compute on; close something and try again")]
    NoThread(#[source] io::Error),
}

impl From<Refused> for IdentityError {
    fn from(refused: Refused) -> Self {
        // It goes to a terminal: what could steer one goes.
        let text = refused.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Self::Refused { code: refused.code, text }
    }
}

impl Coded for IdentityError {
    fn dna(&self) -> Dna {
        let dna = |code, category| Dna::new("channel", code, category);
        match self {
            Self::Channel(error) => error.dna(),
            Self::Login(error) => error.dna(),
            Self::Security(error) => error.dna(),
            Self::Code(_) => dna("ENROLMENT_CODE_REFUSED", Category::Access).side(FaultSide::Caller),
            Self::Refused { .. } => dna("IDENTITY_REFUSED", Category::Access).side(FaultSide::Caller),
            Self::Answer(_) => dna("IDENTITY_ANSWER", Category::Input).side(FaultSide::Dependency),
            Self::OutOfTurn => dna("IDENTITY_TURN", Category::Input).side(FaultSide::Dependency),
            Self::Contradiction(_) => {
                dna("IDENTITY_CONTRADICTION", Category::Crypto).side(FaultSide::Dependency).severity(Severity::Critical)
            }
            Self::NoThread(_) => dna("IDENTITY_THREAD", Category::Capacity),
        }
    }
}
