//! What can go wrong with keys, envelopes and certificates.

use aitrading_error::{Category, Coded, Dna, FaultSide, Severity};

/// An error of this crate. Texts never repeat key material.
#[derive(Debug, thiserror::Error)]
pub enum SecurityError {
    /// A key has the wrong length or form.
    #[error(
        "the {0} is not usable: it is malformed or has the wrong length; restore it from its backup or make a new one"
    )]
    BadKey(&'static str),
    /// A signature does not fit.
    #[error("the signature does not fit the bytes and the key: they were altered, or signed by another key")]
    BadSignature,
    /// The signing key is not one that this side trusts.
    #[error("the signature names a key that is neither the current nor the next one; fetch the present key set")]
    UnknownKey,
    /// X25519 gave the all-zero secret.
    #[error(
        "the peer's X25519 key is of low order and would give a shared secret that anybody knows; the peer is faulty or hostile"
    )]
    LowOrderPoint,
    /// An envelope is not one of ours, or is cut short.
    #[error("this is not a sealed envelope of a known version; the file is foreign or damaged")]
    NotSealed,
    /// An envelope does not open.
    #[error(
        "the sealed envelope does not open: it was altered, belongs to another path or schema, or the key is wrong"
    )]
    SealBroken,
    /// More output was asked of HKDF than it can give.
    #[error("at most 8160 bytes can be derived from one key; ask for less")]
    TooMuchOutput,
    /// A certificate or key could not be read.
    #[error("the {what} could not be read: it is not valid PEM or DER; restore it or issue it again")]
    BadCertificate {
        /// Which one.
        what: &'static str,
        /// What the parser said.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// A certificate could not be made.
    #[error("a certificate could not be issued; the name or the authority's key does not allow it")]
    Issue(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A service or host name has characters that do not belong there.
    #[error(
        "the name is not usable in a certificate: 1 to 63 of a-z, 0-9 and '-' are expected for services, host names or addresses for servers"
    )]
    BadName,
    /// The clock is out of the range that certificates can express.
    #[error("the clock or the validity lies outside the years that a certificate can express; set the clock")]
    BadTime,
}

impl Coded for SecurityError {
    fn dna(&self) -> Dna {
        let crypto = |code| Dna::new("security", code, Category::Crypto);
        match self {
            Self::BadKey(_) => crypto("BAD_KEY"),
            Self::BadSignature => crypto("BAD_SIGNATURE").side(FaultSide::Caller).severity(Severity::Critical),
            Self::UnknownKey => crypto("UNKNOWN_KEY").side(FaultSide::Caller),
            Self::LowOrderPoint => crypto("LOW_ORDER_POINT").side(FaultSide::Caller).severity(Severity::Critical),
            Self::NotSealed => crypto("NOT_SEALED"),
            Self::SealBroken => crypto("SEAL_BROKEN").severity(Severity::Critical),
            Self::TooMuchOutput => crypto("HKDF_LENGTH"),
            Self::BadCertificate { .. } => crypto("BAD_CERTIFICATE"),
            Self::Issue(_) => crypto("ISSUE_FAILED"),
            Self::BadName => Dna::new("security", "BAD_NAME", Category::Input).side(FaultSide::Caller),
            Self::BadTime => Dna::new("security", "BAD_TIME", Category::Config),
        }
    }
}
