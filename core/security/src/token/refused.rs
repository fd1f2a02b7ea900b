//! Why a token is refused, and what can be wrong on our own side. The public text of all refusals tells an attacker nothing.

use aitrading_error::{Category, Coded, Dna, FaultSide, Retry, Severity};

/// Why a token opens no door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TokenRefused {
    /// Longer than any token of ours.
    #[error("the token is longer than 4,096 bytes; the caller is faulty or hostile")]
    TooLong,
    /// Not exactly what an issuer of ours writes.
    #[error("the token is not in the one form that the issuer writes: wrong header, claim, type, spelling or encoding")]
    Malformed,
    /// No key of that name.
    #[error(
        "the token names a key that is unknown or retired; get a new token, and look at the key rotation if many ask"
    )]
    Key,
    /// The signature does not fit.
    #[error("the token's signature does not fit: it was altered or forged")]
    Signature,
    /// Its time is over.
    #[error("the token has expired; refresh it")]
    Expired,
    /// Its time has not come.
    #[error("the token is from the future; compare the clocks of issuer and verifier")]
    NotYet,
    /// It would live longer than any token may.
    #[error(
        "the token's dates are in the wrong order or further apart than 15 minutes; its issuer is faulty or hostile"
    )]
    Lifetime,
    /// Another deployment's.
    #[error("the token is from another issuer; log in here")]
    Issuer,
    /// Meant for another door.
    #[error("the token is meant for another audience; ask for one for this service")]
    Audience,
    /// Presented over a connection with another certificate.
    #[error(
        "the token belongs to another client certificate: it was copied, or the certificate was renewed; refresh it"
    )]
    Binding,
    /// Taken back.
    #[error("the token was revoked; log in again")]
    Revoked,
    /// Nobody knows whether it was taken back.
    #[error(
        "the list of revocations has not been read for 60 seconds: every token is refused until it has; look at the store"
    )]
    RevocationUnknown,
}

impl TokenRefused {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "TOKEN_TOO_LONG",
            Self::Malformed => "TOKEN_MALFORMED",
            Self::Key => "TOKEN_KEY",
            Self::Signature => "TOKEN_SIGNATURE",
            Self::Expired => "TOKEN_EXPIRED",
            Self::NotYet => "TOKEN_NOT_YET",
            Self::Lifetime => "TOKEN_LIFETIME",
            Self::Issuer => "TOKEN_ISSUER",
            Self::Audience => "TOKEN_AUDIENCE",
            Self::Binding => "TOKEN_BINDING",
            Self::Revoked => "TOKEN_REVOKED",
            Self::RevocationUnknown => "REVOCATION_UNKNOWN",
        }
    }
}

impl Coded for TokenRefused {
    fn dna(&self) -> Dna {
        let dna = Dna::new("security", self.code(), Category::Access).side(FaultSide::Caller);
        match self {
            // Someone holds a token that is not his: a human has to know.
            Self::Signature | Self::Lifetime | Self::Binding => dna.severity(Severity::Critical),
            Self::Expired => dna.severity(Severity::Info),
            Self::RevocationUnknown => dna.side(FaultSide::Dependency).retry(Retry::Later),
            _ => dna.severity(Severity::Warning),
        }
    }

    fn public_message(&self) -> String {
        match self {
            Self::Expired => "the access token has expired; refresh it",
            Self::RevocationUnknown => "access cannot be checked at the moment; try again in a minute",
            _ => "the access token is not accepted here; refresh it or log in again",
        }
        .to_owned()
    }
}

/// What keeps tokens from being issued, checked or restored: a fault of our own side or of its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TokenFault {
    /// The clock went back.
    #[error(
        "the wall clock stands more than 5 seconds before the last token that was issued; set the clock, nothing is issued until then"
    )]
    ClockWentBack,
    /// The clock is outside of what a token can express.
    #[error("the wall clock stands before 1970 or too far ahead; set the clock")]
    Clock,
    /// What was to be granted cannot be written into a token.
    #[error("the grant does not fit into a token: {0}")]
    Grant(&'static str),
    /// There is no next key.
    #[error("the key ring has no next key: publish one first, and rotate when every verifier has it")]
    NoNextKey,
    /// The key is in the ring already.
    #[error("the key is in the ring already: make a new one")]
    KeyTwice,
    /// Too many retired keys are not dead yet.
    #[error("8 retired keys are still needed by tokens: rotate again in 15 minutes")]
    TooManyKeys,
    /// Another part of the process installed other cryptography for tokens.
    #[error("another part of this process has installed a cryptography provider for tokens; remove it")]
    ForeignProvider,
    /// A signature could not be made.
    #[error("the token could not be signed; the key is damaged, restore it")]
    Signing,
    /// A stored state does not decode.
    #[error("the stored {0} is not of a known version, or damaged; restore it, or end the sessions concerned")]
    BadState(&'static str),
}

impl Coded for TokenFault {
    fn dna(&self) -> Dna {
        let fault = |code, category| Dna::new("security", code, category);
        match self {
            Self::ClockWentBack => fault("TOKEN_CLOCK_BACK", Category::Config).severity(Severity::Critical),
            Self::Clock => fault("TOKEN_CLOCK", Category::Config).severity(Severity::Critical),
            Self::Grant(_) => fault("TOKEN_GRANT", Category::Input),
            Self::NoNextKey => fault("TOKEN_NO_NEXT_KEY", Category::Config),
            Self::KeyTwice => fault("TOKEN_KEY_TWICE", Category::Input),
            Self::TooManyKeys => fault("TOKEN_KEYS_FULL", Category::Capacity).retry(Retry::Later),
            Self::ForeignProvider => fault("TOKEN_PROVIDER", Category::Internal).severity(Severity::Critical),
            Self::Signing => fault("TOKEN_SIGNING", Category::Crypto).severity(Severity::Critical),
            Self::BadState(_) => fault("TOKEN_STATE", Category::Storage).severity(Severity::Critical),
        }
    }
}
