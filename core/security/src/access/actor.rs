//! Somebody whom authentication has recognised.

use super::{Level, Role};
use crate::{
    Authenticator, PeerIdentity, Refused,
    limits::{Known, Who},
    login,
    token::Verified,
};
use aitrading_model::{AccountId, DeviceId, TenantId};
use rustls_pki_types::CertificateDer;

/// Names of services that are tools of people.
const OPERATOR: &str = "operator";
const AUDITOR: &str = "auditor";

/// Who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A person, by the user's id.
    User([u8; 16]),
    /// An installation, which speaks for one account.
    Device,
    /// A program, or a tool of the desk, by its name.
    Service(String),
}

/// Somebody whom authentication has recognised. There is no other way to get one: its fields are closed, and it is made by
/// [`authenticate`] from a certificate and by [`Actor::of_token`] from a verified token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    tenant: TenantId,
    identity: Identity,
    role: Role,
    level: Level,
    device: Option<DeviceId>,
    account: Option<AccountId>,
}

/// Whom a connection's certificates name. TLS has verified the chain before; `authenticator` says what it is worth. A
/// certificate is the lowest [`Level`], and no certificate makes a risk officer or names a user.
///
/// # Errors
/// [`Refused`], as the authenticator says.
pub fn authenticate(authenticator: &dyn Authenticator, chain: &[CertificateDer<'_>]) -> Result<Actor, Refused> {
    Ok(Actor::of_peer(authenticator.authenticate(chain)?))
}

impl Actor {
    /// Authentication has done its work before this is called.
    pub(crate) fn of_peer(peer: PeerIdentity) -> Self {
        let level = Level::Certificate;
        match peer {
            PeerIdentity::Device { tenant, device, account } => Self {
                tenant,
                identity: Identity::Device,
                role: Role::Subscriber,
                level,
                device: Some(device),
                account: Some(account),
            },
            PeerIdentity::Service { tenant, name } => {
                let role = match name.as_str() {
                    OPERATOR => Role::Operator,
                    AUDITOR => Role::Auditor,
                    _ => Role::Service,
                };
                Self { tenant, identity: Identity::Service(name), role, level, device: None, account: None }
            }
        }
    }

    /// Whom a verified token names, as surely as its login was.
    #[must_use]
    pub fn of_token(verified: &Verified) -> Self {
        let grant = &verified.claims().grant;
        let level = match grant.level {
            login::Level::Password => Level::Password,
            login::Level::SecondFactor => Level::SecondFactor,
            login::Level::StepUp { until } => Level::StepUp { until },
        };
        Self {
            tenant: grant.tenant,
            identity: Identity::User(grant.subject.0),
            role: grant.role,
            level,
            device: grant.device,
            account: grant.account,
        }
    }

    /// Whose data.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Who.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it is here.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// How surely it is known. Ask [`Level::holds`] for what is left of it.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }

    /// The installation it comes from, if it is one.
    #[must_use]
    pub const fn device(&self) -> Option<DeviceId> {
        self.device
    }

    /// The only account that it speaks for, if there is one.
    #[must_use]
    pub const fn account(&self) -> Option<AccountId> {
        self.account
    }

    /// The user's id, if it is a person.
    #[must_use]
    pub const fn user(&self) -> Option<[u8; 16]> {
        match self.identity {
            Identity::User(id) => Some(id),
            Identity::Device | Identity::Service(_) => None,
        }
    }

    /// What its requests are counted as.
    #[must_use]
    pub fn known(&self) -> Option<Known> {
        let who = match (&self.identity, self.account) {
            (Identity::User(id), _) => Who::User(*id),
            (Identity::Service(name), _) => Who::service(name),
            (Identity::Device, account) => Who::Account(account?),
        };
        Some(Known { tenant: self.tenant, who, device: self.device })
    }
}

#[cfg(test)]
impl Actor {
    /// A person, as a verified token will name one.
    pub(crate) fn person(tenant: TenantId, id: [u8; 16], role: Role, level: Level, account: Option<AccountId>) -> Self {
        Self { tenant, identity: Identity::User(id), role, level, device: None, account }
    }
}
