//! Why somebody is not believed, and what a peer is told of it.

use aitrading_channel::ChannelError;
use aitrading_error::{Category, Coded, Dna, FaultSide, Retry, Severity};
use aitrading_security::{
    SecurityError,
    lockout::{LockoutRefused, LockoutUnreadable},
    login::{FactorRefused, InviteRefused, LoginError},
    token::{RefreshRefused, TokenFault},
};
use aitrading_store::StoreError;
use aitrading_wire::{WireError, identity::Refused};

/// Why somebody is not believed.
#[derive(Debug, thiserror::Error)]
pub enum IdentityFault {
    /// The connection has no TLS, to which an exchange could be bound.
    #[error("enrolment and login need TLS; use the gateway's TLS address")]
    NoTls,
    /// No device certificate.
    #[error("a device certificate is needed; enrol this device first")]
    NoDevice,
    /// The registry does not know the device.
    #[error("this device is not enrolled; ask the operator for an enrolment code")]
    NotEnrolled,
    /// The device was revoked.
    #[error("this device was revoked; ask the operator")]
    DeviceRevoked,
    /// Another certificate took its place.
    #[error("this certificate is not the device's present one; use the one that it was given last, or enrol anew")]
    CertificateRetired,
    /// The handshake was made with another key than the device was enrolled with.
    #[error("the device's Noise key is not the enrolled one: its keys were mixed or copied; enrol anew")]
    NoiseKey,
    /// Too many exchanges are under way.
    #[error("too many enrolments and logins are under way; try again in a minute")]
    Busy,
    /// A question that has no place here.
    #[error("this was asked out of turn; begin the exchange again")]
    OutOfTurn,
    /// The device did not prove its key.
    #[error("the device did not prove that it holds its key; its program is faulty")]
    Proof,
    /// No login name where one is needed, or another one than was invited.
    #[error("the invitation is for another login name, or needs one; use the name that the operator told you")]
    Name,
    /// The name belongs to somebody, or its user may not enrol.
    #[error("this login name cannot be enrolled with this invitation; choose another, or ask the operator")]
    NameTaken,
    /// The account of the user needs a second factor, and there is none.
    #[error("this needs a second factor and none is set up; ask the operator for a new enrolment code")]
    FactorMissing,
    /// Signs of risk forbid the login.
    #[error("the login is refused: its signs of risk are too many")]
    Risk,
    /// A step-up in a session that is not the user's, or has ended.
    #[error("there is no such session to prove anew; log in")]
    NoSession,
    /// A stored state does not read.
    #[error("the stored {0} is damaged; restore it from a backup")]
    Damaged(&'static str),
    /// Others changed the same record again and again.
    #[error("the record was changed by others all the time; try again")]
    Contended,
    /// An invitation.
    #[error(transparent)]
    Invite(#[from] InviteRefused),
    /// OPAQUE and its names.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The second factor.
    #[error(transparent)]
    Factor(#[from] FactorRefused),
    /// Too many failures.
    #[error(transparent)]
    Lockout(#[from] LockoutRefused),
    /// The failures do not read.
    #[error(transparent)]
    Failures(#[from] LockoutUnreadable),
    /// A refresh.
    #[error(transparent)]
    Refresh(#[from] RefreshRefused),
    /// Tokens.
    #[error(transparent)]
    Token(#[from] TokenFault),
    /// Certificates and envelopes.
    #[error(transparent)]
    Security(#[from] SecurityError),
    /// The exchange.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// What the peer said.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IdentityFault {
    /// What the peer of an exchange is told. One answer serves for the unknown user, the wrong password and the bad record, and
    /// one for every second factor that is not good (T26).
    #[must_use]
    pub fn told(&self) -> Refused {
        let code = match self {
            Self::Risk | Self::Login(LoginError::RecordDamaged) => LoginError::Refused.dna().code,
            Self::Factor(_) => "FACTOR_REFUSED",
            _ if self.is_ours() => "IDENTITY_UNAVAILABLE",
            other => other.dna().code,
        };
        Refused { code: code.to_owned(), text: self.public_message() }
    }

    /// A fault of our own side, of which a peer learns nothing but that it is there.
    fn is_ours(&self) -> bool {
        match self {
            Self::Token(_) | Self::Security(_) | Self::Store(_) | Self::Damaged(_) | Self::Failures(_) => true,
            Self::Login(error) => matches!(error, LoginError::SetupDamaged | LoginError::BadDeployment),
            _ => false,
        }
    }
}

impl Coded for IdentityFault {
    fn dna(&self) -> Dna {
        let caller = |code| Dna::new("api-gateway", code, Category::Access).side(FaultSide::Caller);
        match self {
            Self::NoTls => caller("IDENTITY_NO_TLS"),
            Self::NoDevice => caller("IDENTITY_NO_DEVICE"),
            Self::NotEnrolled => caller("IDENTITY_NOT_ENROLLED").severity(Severity::Warning),
            Self::DeviceRevoked => caller("IDENTITY_DEVICE_REVOKED").severity(Severity::Warning),
            Self::CertificateRetired => caller("IDENTITY_CERTIFICATE_RETIRED").severity(Severity::Warning),
            Self::NoiseKey => caller("IDENTITY_NOISE_KEY").severity(Severity::Critical),
            Self::Busy => Dna::new("api-gateway", "IDENTITY_BUSY", Category::Capacity).retry(Retry::Later),
            Self::OutOfTurn => caller("IDENTITY_OUT_OF_TURN"),
            Self::Proof => caller("IDENTITY_PROOF").severity(Severity::Warning),
            Self::Name => caller("IDENTITY_NAME"),
            Self::NameTaken => caller("IDENTITY_NAME_TAKEN"),
            Self::FactorMissing => caller("FACTOR_MISSING"),
            Self::Risk => caller("LOGIN_RISK").severity(Severity::Warning),
            Self::NoSession => caller("IDENTITY_NO_SESSION"),
            Self::Damaged(_) => {
                Dna::new("api-gateway", "IDENTITY_DAMAGED", Category::Storage).severity(Severity::Critical)
            }
            Self::Contended => Dna::new("api-gateway", "IDENTITY_CONTENDED", Category::Storage).retry(Retry::Later),
            Self::Invite(error) => error.dna(),
            Self::Login(error) => error.dna(),
            Self::Factor(error) => error.dna(),
            Self::Lockout(error) => error.dna(),
            Self::Failures(error) => error.dna(),
            Self::Refresh(error) => error.dna(),
            Self::Token(error) => error.dna(),
            Self::Security(error) => error.dna(),
            Self::Channel(error) => error.dna(),
            Self::Wire(error) => error.dna(),
            Self::Store(error) => error.dna(),
        }
    }

    fn public_message(&self) -> String {
        match self {
            Self::Risk => LoginError::Refused.to_string(),
            Self::Factor(_) => "the code is not accepted; wait for the next one, and check the clock".to_owned(),
            Self::Lockout(refused) => {
                let wait = refused.retry_after().as_secs().saturating_add(1);
                format!("too many failed logins; try again in {wait} seconds, or ask the operator")
            }
            Self::Login(error) if !self.is_ours() => error.public_message(),
            Self::Refresh(error) => error.public_message(),
            _ if self.is_ours() => "this cannot be checked at the moment; try again later".to_owned(),
            other => other.to_string(),
        }
    }
}
