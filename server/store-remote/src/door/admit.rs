//! Who calls, and for whom.
//!
//! A service's certificate of tenant 0, which stands for all, speaks for the whole deployment: it may name every tenant, and
//! call what names none (marks, commits of the journal, the deployment's own tables). A certificate of any other tenant may name
//! that tenant alone, and call nothing that names none.

use super::DoorError;
use crate::{
    carried::Whose,
    table::{Port, SERVICES},
};
use aitrading_http::Peer;
use aitrading_model::TenantId;
use aitrading_security::{Authenticator, PeerIdentity, Refused, SanAuthenticator};
use aitrading_store::RiskScope;
use rustls_pki_types::CertificateDer;

/// A service that may call some port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Admitted {
    name: &'static str,
    tenant: TenantId,
}

/// For whom a call may speak.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope(TenantId);

impl Admitted {
    pub(super) fn of(peer: &Peer) -> Result<Self, DoorError> {
        let tls = peer.tls.as_ref().ok_or(DoorError::Identity(Refused::NoCertificate))?;
        let chain: Vec<_> = tls.certificates.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        match SanAuthenticator.authenticate(&chain).map_err(DoorError::Identity)? {
            PeerIdentity::Device { .. } => Err(DoorError::Role { who: "a subscriber's device" }),
            PeerIdentity::Service { tenant, name } => {
                let known = SERVICES.into_iter().find(|known| *known == name);
                known.map(|name| Self { name, tenant }).ok_or(DoorError::Role { who: "this service" })
            }
        }
    }

    pub(super) fn check(self, port: &Port) -> Result<(), DoorError> {
        if port.who.contains(&self.name) { Ok(()) } else { Err(DoorError::Role { who: self.name }) }
    }

    pub(super) const fn scope(self) -> Scope {
        Scope(self.tenant)
    }
}

impl Scope {
    /// May a call speak for these?
    pub(crate) fn check(self, whose: &Whose) -> Result<(), DoorError> {
        if self.0 == RiskScope::EVERYBODY || whose.is_only(self.0) { Ok(()) } else { Err(DoorError::Tenant) }
    }
}
