//! What is said inside the exchanges of enrolment and login (docs/specs/enrolment.md): a question and an answer each, in the
//! crate's deterministic encoding. One value has one encoding; unknown kinds, trailing bytes and whatever is beyond its bound
//! are refused.

mod enrolment;
mod hidden;
mod login;
mod parts;
#[cfg(test)]
mod tests;

/// The model's, for crates that carry these messages and know nothing else of the model.
pub use aitrading_model::Timestamp;
pub use enrolment::{Enrol, EnrolAnswer, EnrolAsk, Granted, SecondFactorNeed};
pub use hidden::Hidden;
pub use login::{LoginAnswer, LoginAsk, LoginGranted, LoginLevel, LoginStart, Proof, RefreshGranted, Wanted};
pub use parts::{Fact, Refused};

/// The version of these messages; it stands in the first question of each exchange.
pub const IDENTITY_VERSION: u16 = 1;
/// Domain of the signature by which a device proves its key; what is signed is the hash of the channel.
pub const ENROL_DOMAIN: &str = "atp-enrol-v1\0";

/// Most bytes of a login name.
pub const LOGIN_BYTES_MAX: usize = 64;
/// Most facts that a device tells about itself.
pub const FACTS_MAX: usize = 16;
/// Most bytes of a fact's name, and of its value.
pub const FACT_BYTES_MAX: usize = 256;
/// Most certificates of a chain.
pub const CHAIN_MAX: usize = 2;
/// Most bytes of one certificate.
pub const CERTIFICATE_BYTES_MAX: usize = 2_048;
/// Most pins of the server's keys.
pub const PINS_MAX: usize = 4;
/// Most keys that sign signals.
pub const SIGNAL_KEYS_MAX: usize = 2;
/// Most bytes of the deployment's name.
pub const DEPLOYMENT_BYTES_MAX: usize = 253;
/// Most bytes of what an authenticator reads.
pub const URI_BYTES_MAX: usize = 1_024;
/// Recovery codes that are handed out at most.
pub const RECOVERY_CODES_MAX: usize = 10;
/// Most bytes of a code that somebody typed, or reads.
pub const CODE_BYTES_MAX: usize = 64;
/// Most bytes of an access token.
pub const TOKEN_BYTES_MAX: usize = 4_096;
/// Most bytes of the text of a refresh secret or a family's key.
pub const SECRET_BYTES_MAX: usize = 160;
/// Most bytes of the code of a refusal.
pub const REFUSAL_CODE_BYTES_MAX: usize = 64;
/// Most bytes of the text of a refusal.
pub const REFUSAL_TEXT_BYTES_MAX: usize = 512;
