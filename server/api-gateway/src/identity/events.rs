//! What happened to identities, told to whoever keeps security events.

use super::Identity;
use aitrading_error::Severity;
use aitrading_model::Timestamp;
use std::{fmt, net::IpAddr};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecurityKind {
    /// An enrolment did not come about.
    EnrolmentRefused,
    /// A device was enrolled.
    DeviceEnrolled,
    /// A user's password was registered.
    PasswordRegistered,
    /// A second factor was confirmed.
    FactorConfirmed,
    /// A login, or a step-up, did not come about.
    LoginRefused,
    /// Somebody logged in.
    LoggedIn,
    /// Somebody proved anew who he is.
    SteppedUp,
    /// A login is unusual.
    Risk,
    /// Somebody is locked out.
    Locked,
    /// A lock ended.
    Unlocked,
    /// A refresh did not come about.
    RefreshRefused,
    /// Somebody logged out.
    LoggedOut,
    /// Something was revoked.
    Revoked,
    /// A certificate was renewed, and the device came with it.
    CertificateRenewed,
    /// A device came that is not admitted.
    DeviceRefused,
    /// A store did not do what it was asked for.
    StoreFailed,
}

impl SecurityKind {
    /// Its name in the security events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EnrolmentRefused => "enrolment.refused",
            Self::DeviceEnrolled => "device.enrolled",
            Self::PasswordRegistered => "password.registered",
            Self::FactorConfirmed => "factor.confirmed",
            Self::LoginRefused => "login.refused",
            Self::LoggedIn => "login.done",
            Self::SteppedUp => "login.step-up",
            Self::Risk => "login.risk",
            Self::Locked => "login.locked",
            Self::Unlocked => "login.unlocked",
            Self::RefreshRefused => "refresh.refused",
            Self::LoggedOut => "logout",
            Self::Revoked => "revoked",
            Self::CertificateRenewed => "certificate.renewed",
            Self::DeviceRefused => "device.refused",
            Self::StoreFailed => "store.failed",
        }
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityNote {
    /// What happened.
    pub kind: SecurityKind,
    /// How bad it is.
    pub severity: Severity,
    /// When.
    pub at: Timestamp,
    /// Whom it is about: a login name, `device <id>`, `invite <id>`; at most 128 bytes.
    pub subject: String,
    /// Where it came from: an address; empty if from within.
    pub origin: String,
    /// The stable code of the reason; `OK` where all went well.
    pub code: &'static str,
}

/// Takes events. It must not block: it hands them on.
pub trait SecuritySink: Send + Sync + fmt::Debug {
    /// One event.
    fn note(&self, note: SecurityNote);
}

impl Identity {
    pub(super) fn note(
        &self,
        kind: SecurityKind,
        (code, severity): (&'static str, Severity),
        subject: impl Into<String>,
        origin: Option<IpAddr>,
    ) {
        let origin = origin.map(|origin| origin.to_canonical().to_string()).unwrap_or_default();
        self.sink.note(SecurityNote { kind, severity, at: self.now(), subject: subject.into(), origin, code });
    }

    /// What went as it should.
    pub(super) fn note_ok(&self, kind: SecurityKind, subject: impl Into<String>, origin: Option<IpAddr>) {
        self.note(kind, ("OK", Severity::Info), subject, origin);
    }
}
