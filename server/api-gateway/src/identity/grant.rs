//! What a recognised user is given: an access token, and a family to refresh it with.

use super::{Identity, IdentityFault, LAST_ISSUED, Visitor};
use aitrading_model::Timestamp;
use aitrading_security::{
    access::Role,
    login::Level,
    token::{
        FamilyId, Grant, IssuedToken, RefreshFamily, RefreshHolder, Subject, refresh::FAMILY_LIFETIME, refresh::Login,
    },
};
use aitrading_store::{LoginSession, LoginSessionId, User, UserRole, Version};

/// What a role of the registry is called in tokens.
const fn role(role: UserRole) -> Role {
    match role {
        UserRole::Operator => Role::Operator,
        UserRole::RiskOfficer => Role::RiskOfficer,
        UserRole::Auditor => Role::Auditor,
        UserRole::Subscriber => Role::Subscriber,
        UserRole::Service => Role::Service,
    }
}

impl Identity {
    /// A token for this user on this device. What it was issued at is durable before it is handed out.
    pub(super) async fn token(
        &self,
        user: &User,
        visitor: &Visitor,
        family: FamilyId,
        level: Level,
    ) -> Result<IssuedToken, IdentityFault> {
        let grant = Grant {
            tenant: user.tenant,
            subject: Subject(user.id.0),
            role: role(user.role),
            level,
            family,
            device: Some(visitor.device.device),
            account: visitor.account(),
            certificate: visitor.certificate,
            audience: self.settings.audience.clone(),
        };
        let issued = self.issuer().issue(grant, self.now(), self.env.rng.as_ref())?;
        self.keep_issued(issued.claims.issued_at).await?;
        Ok(issued)
    }

    /// Keeps the time of the newest token, which is in whole seconds: once a second at most.
    async fn keep_issued(&self, issued_at: Timestamp) -> Result<(), IdentityFault> {
        let mut kept = self.issued.lock().await;
        if *kept < issued_at {
            self.stores.meta.put(LAST_ISSUED, &issued_at.0.to_be_bytes()).await?;
            *kept = issued_at;
        }
        Ok(())
    }

    /// A new session, durable when this returns.
    pub(super) async fn open_session(
        &self,
        user: &User,
        visitor: &Visitor,
        second_factor: bool,
    ) -> Result<(FamilyId, RefreshHolder), IdentityFault> {
        let login = Login {
            tenant: user.tenant,
            subject: Subject(user.id.0),
            device: Some(visitor.device.device),
            account: visitor.account(),
            second_factor,
        };
        let now = self.now();
        let (family, holder) = RefreshFamily::open(login, visitor.key, now, self.env.rng.as_ref());
        let session = LoginSession {
            tenant: user.tenant,
            id: LoginSessionId(family.id().0),
            user: user.id,
            device: Some(visitor.key),
            state: family.encode()?.expose().as_bytes().to_vec(),
            created_at: now,
            expires_at: now.plus(FAMILY_LIFETIME),
            ended: None,
        };
        self.stores.sessions.put(session, Version::NONE).await?;
        Ok((family.id(), holder))
    }
}
