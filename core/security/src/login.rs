//! Login without a socket or a store: bytes, randomness and time come in, verdicts go out (docs/specs/login.md).
//!
//! The password is proved by OPAQUE (RFC 9807), an augmented password-authenticated key exchange: the server never sees
//! the password, also not while it is set. It is not a zero-knowledge proof system, and nothing here is called one.
//! Beside it stand the second factor, one-time enrolment codes, the level that a session has reached, and the signs of
//! risk.
//!
//! Limits on how often somebody may try belong to the caller: everything here answers each question it is asked.

mod authenticator;
mod base32;
mod client;
pub mod cost;
mod enrolment;
mod error;
mod level;
mod message;
mod parties;
mod password;
mod recovery;
mod risk;
mod second_factor;
mod server;
mod stretch;
#[cfg(test)]
mod tests;

pub use authenticator::Authenticator;
pub use client::{ClientLogin, ClientRegistration, LoggedIn, Registered};
pub use enrolment::{ENROLMENT_VALID, EnrolmentCode, Invite, InviteId, InviteRole, Issued, Purpose};
pub use error::{FactorRefused, InviteRefused, LevelRefused, LoginError};
pub use level::{Level, Needed, STEP_UP_VALID, SensitiveAction, permits, reaches};
pub use message::{
    LoginFinish, LoginRequest, LoginResponse, RegistrationRequest, RegistrationResponse, RegistrationUpload,
};
pub use parties::{ChannelHash, Deployment, LoginName, Parties};
pub use password::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, Password};
pub use recovery::{RECOVERY_CODES, RecoveryCodes};
pub use risk::{
    DeviceFingerprint, Network, RiskSignal, RiskSignals, RiskVerdict, SEEN_MAX, Seen, Sight, assess, observe,
};
pub use second_factor::SecondFactor;
pub use server::{PasswordRecord, PendingLogin, ServerSetup};

use crate::Secret;

/// The key that both sides share after a login; it is new every time, and proves that the other side finished too.
pub type SessionKey = Secret<[u8; 64]>;
/// A key that only the client can compute, the same at registration and at every login: for what it keeps encrypted.
pub type ExportKey = Secret<[u8; 64]>;
