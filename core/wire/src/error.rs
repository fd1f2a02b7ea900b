//! Why bytes are not a message.

use aitrading_error::{Category, Coded, Dna, FaultSide, Severity};

/// Bytes that are not a message of this version. Each is the sender's fault; none is worth a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes end inside a field.
    #[error("the message ends inside a field")]
    Truncated,
    /// Bytes follow the last field.
    #[error("bytes follow the message's last field")]
    Trailing,
    /// A field has a value that its type does not know.
    #[error("field '{0}' has a value that this version does not know")]
    BadValue(&'static str),
    /// A count or length is beyond its limit.
    #[error("field '{0}' is beyond its limit")]
    TooLarge(&'static str),
    /// The version is not ours.
    #[error("the message has version {0}; update the older side")]
    Version(u16),
    /// The checksum does not fit.
    #[error("the frame's checksum does not fit its bytes")]
    Checksum,
}

impl Coded for WireError {
    fn dna(&self) -> Dna {
        let code = match self {
            Self::Truncated => "WIRE_TRUNCATED",
            Self::Trailing => "WIRE_TRAILING",
            Self::BadValue(_) => "WIRE_BAD_VALUE",
            Self::TooLarge(_) => "WIRE_TOO_LARGE",
            Self::Version(_) => "WIRE_VERSION",
            Self::Checksum => "WIRE_CHECKSUM",
        };
        Dna::new("wire", code, Category::Input).side(FaultSide::Caller).severity(Severity::Warning)
    }
}
