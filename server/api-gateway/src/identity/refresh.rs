//! Refreshing: one rotation at a time, by compare-and-set; a secret that is used twice ends the login (T22, T23).

use super::{Identity, IdentityFault, SecurityKind, Visitor};
use aitrading_error::{Coded, Severity};
use aitrading_http::Peer;
use aitrading_model::Timestamp;
use aitrading_security::{
    Secret,
    login::{Level, Network},
    token::{FamilyId, RefreshBody, RefreshFamily, RefreshRefused, RefreshRequest, RevocationScope, Rotation},
};
use aitrading_store::{Ended, LoginSession, LoginSessionId, StoreError, User, UserStatus, Versioned};

/// Tries of a compare-and-set. Whoever loses finds the winner's rotation, and is told the same or is the thief.
const TRIES: usize = 64;

/// A fresh access token.
#[derive(Debug)]
pub struct Refreshed {
    /// The token, for its client alone.
    pub token: Secret<String>,
    /// Its end.
    pub expires_at: Timestamp,
    /// How surely the bearer is recognised.
    pub level: Level,
}

impl Identity {
    /// Refreshes a login from the device that it was made on. The answer may be lost: the same question is answered the same
    /// way for a while.
    ///
    /// # Errors
    /// [`IdentityFault`]; the sink has been told.
    pub async fn refresh(&self, body: RefreshBody, peer: &Peer) -> Result<Refreshed, IdentityFault> {
        let visitor = self.visitor(peer).await?;
        let family = body.secret.family();
        let done = self.rotate(body, &visitor).await;
        if let Err(fault) = &done {
            let dna = fault.dna();
            let subject = format!("session {family}");
            self.note(SecurityKind::RefreshRefused, (dna.code, dna.severity), subject, Some(visitor.address));
        }
        done
    }

    async fn rotate(&self, body: RefreshBody, visitor: &Visitor) -> Result<Refreshed, IdentityFault> {
        let RefreshBody { secret, successor } = body;
        let id = LoginSessionId(secret.family().0);
        let request = RefreshRequest { secret, successor, device_key: visitor.key };
        for _ in 0..TRIES {
            let found = self.stores.sessions.get(self.settings.tenant, id).await?;
            let Versioned { value: session, version } = found.ok_or(RefreshRefused::Unknown)?;
            let state = std::str::from_utf8(&session.state).map_err(|_| IdentityFault::Damaged("login session"))?;
            let family = RefreshFamily::decode(state)?;
            let rotation = family.rotate(&request, self.now());
            // Who cannot make secrets of the family learns nothing of it, also not that it has ended.
            if session.ended.is_some() && !matches!(rotation, Rotation::Refused(RefreshRefused::Unknown)) {
                return Err(RefreshRefused::Revoked.into());
            }
            let next = match rotation {
                Rotation::Refused(refused) => return Err(refused.into()),
                Rotation::Repeated => return self.refreshed(&family, visitor).await,
                Rotation::Issued(next) => {
                    self.active(&family).await?;
                    LoginSession { state: encoded(&next)?, ..session }
                }
                Rotation::Reused(next) => {
                    let ended = Some(Ended { at: self.now(), reason: "refresh.reused".to_owned() });
                    LoginSession { state: encoded(&next)?, ended, ..session }
                }
            };
            let reused = next.ended.is_some();
            match self.stores.sessions.put(next, version).await {
                // Another one came first, or the session was ended: what stands decides.
                Err(StoreError::Stale { .. } | StoreError::Conflict { .. }) => continue,
                other => drop(other?),
            }
            if reused {
                self.end_stolen(family.id()).await?;
                return Err(RefreshRefused::Reused.into());
            }
            return self.refreshed(&family, visitor).await;
        }
        Err(IdentityFault::Contended)
    }

    /// Two parties held a secret: every token of the login goes with it.
    async fn end_stolen(&self, family: FamilyId) -> Result<(), IdentityFault> {
        let scope = RevocationScope::Family { tenant: self.settings.tenant, family };
        self.revoke(scope, "refresh.reused", "refresh").await
    }

    /// The user, if he may still be logged in; role and rights are looked up each time.
    async fn active(&self, family: &RefreshFamily) -> Result<User, IdentityFault> {
        let id = aitrading_store::UserId(family.login().subject.0);
        let found = self.stores.users.get(self.settings.tenant, id).await?.map(|user| user.value);
        Ok(found.filter(|user| user.status == UserStatus::Active).ok_or(RefreshRefused::Revoked)?)
    }

    async fn refreshed(&self, family: &RefreshFamily, visitor: &Visitor) -> Result<Refreshed, IdentityFault> {
        let user = self.active(family).await?;
        let level = self.level(family, &user, visitor).await?;
        let issued = self.token(&user, visitor, family.id(), level).await?;
        Ok(Refreshed { token: issued.token, expires_at: issued.claims.expires_at, level })
    }

    /// A refreshed token is never a step-up. From a network that the user was not seen in it says no more than a password: what
    /// needs more asks the user to prove himself, and then the network is known.
    async fn level(&self, family: &RefreshFamily, user: &User, visitor: &Visitor) -> Result<Level, IdentityFault> {
        if !family.login().second_factor {
            return Ok(Level::Password);
        }
        let network = Network::of(visitor.address);
        if self.seen(user.id).await?.iter().any(|seen| seen.network == network) {
            return Ok(Level::SecondFactor);
        }
        let name = user.login.as_str().to_owned();
        self.note(SecurityKind::Risk, ("REFRESH_NEW_NETWORK", Severity::Warning), name, Some(visitor.address));
        Ok(Level::Password)
    }
}

fn encoded(family: &RefreshFamily) -> Result<Vec<u8>, IdentityFault> {
    Ok(family.encode()?.expose().as_bytes().to_vec())
}
