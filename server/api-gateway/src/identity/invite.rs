//! Invitations: made by the operator, found by their id, used once.

use super::{Identity, IdentityFault};
use aitrading_env::Rng;
use aitrading_model::{AccountId, TenantId, Timestamp};
use aitrading_security::{
    Secret, SecurityError,
    aead::SealKey,
    login::{ENROLMENT_VALID, EnrolmentCode, InviteId},
};
use aitrading_store::{Invite, InvitePurpose, InviteStore, LoginName, Redemption, StoreError, UserId, UserRole};

/// Format of what is sealed.
const SCHEMA: u32 = 1;

/// Seals what lies in the store and must not be read there. Each envelope is bound to the record that it belongs to.
#[derive(Debug, Clone)]
pub struct Sealer(SealKey);

impl Sealer {
    /// With a key from the vault.
    #[must_use]
    pub const fn new(key: SealKey) -> Self {
        Self(key)
    }

    fn seal(&self, rng: &dyn Rng, path: &str, bytes: &[u8]) -> Result<Vec<u8>, SecurityError> {
        self.0.seal(rng, path, SCHEMA, bytes)
    }

    fn open(&self, path: &str, envelope: &[u8]) -> Result<Secret<Vec<u8>>, SecurityError> {
        self.0.open(path, SCHEMA, envelope)
    }

    pub(super) fn seal_factor(
        &self,
        rng: &dyn Rng,
        (tenant, user): (TenantId, UserId),
        state: &[u8],
    ) -> Result<Vec<u8>, SecurityError> {
        self.seal(rng, &factor_path(tenant, user), state)
    }

    pub(super) fn open_factor(
        &self,
        (tenant, user): (TenantId, UserId),
        envelope: &[u8],
    ) -> Result<Secret<Vec<u8>>, SecurityError> {
        self.open(&factor_path(tenant, user), envelope)
    }
}

fn factor_path(tenant: TenantId, user: UserId) -> String {
    format!("tenant/{tenant}/user/{}/second-factor", aitrading_security::token::Subject(user.0))
}

fn invite_path(id: InviteId) -> String {
    format!("invite/{id}")
}

/// What an invitation is to be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Somebody who runs the deployment.
    Admin {
        /// The login name.
        login: LoginName,
    },
    /// Somebody else.
    User {
        /// What it will be; not the operator's role.
        role: UserRole,
        /// The login name; without one it is chosen at enrolment.
        login: Option<LoginName>,
        /// The account that the device will speak for, if it is to.
        account: Option<AccountId>,
    },
    /// A device.
    Device {
        /// The account that it will speak for.
        account: AccountId,
        /// Whose it is: the login name of a user that there is.
        login: Option<LoginName>,
    },
}

/// An invitation that was made. The code is shown once, to be handed to the invited over another way than this server's.
#[derive(Debug)]
pub struct Invitation {
    /// The code.
    pub code: EnrolmentCode,
    /// Good before this moment.
    pub expires_at: Timestamp,
}

impl Invitation {
    /// Makes an invitation that is good for 15 minutes. Returns when it is durable.
    ///
    /// # Errors
    /// [`IdentityFault::Store`] also for a wish that contradicts itself; [`IdentityFault::Security`].
    pub async fn make(
        rng: &dyn Rng,
        invites: &dyn InviteStore,
        sealer: &Sealer,
        tenant: TenantId,
        wish: Wish,
        (by, now): (&str, Timestamp),
    ) -> Result<Self, IdentityFault> {
        let code = EnrolmentCode::generate(rng);
        let expires_at = now.plus(ENROLMENT_VALID);
        let (purpose, role, login, account) = match wish {
            Wish::Admin { login } => (InvitePurpose::Admin, UserRole::Operator, Some(login), None),
            Wish::User { role, login, account } => (InvitePurpose::User, role, login, account),
            Wish::Device { account, login } => (InvitePurpose::Device, UserRole::Subscriber, login, Some(account)),
        };
        let invite = Invite {
            tenant,
            id: aitrading_store::InviteId(code.id().0),
            purpose,
            role,
            login,
            account,
            sealed: sealer.seal(rng, &invite_path(code.id()), code.psk().expose())?,
            made_by: by.to_owned(),
            created_at: now,
            expires_at,
            used: None,
        };
        invites.put(invite).await?;
        Ok(Self { code, expires_at })
    }
}

impl Identity {
    /// The key of an invitation that is good now. What is used, expired, damaged or cannot be read is as good as none.
    pub(super) async fn psk(&self, id: InviteId) -> Option<Secret<[u8; 32]>> {
        let invite = self.invite(id).await.ok()?;
        let key = self.keys.sealer.open(&invite_path(id), &invite.sealed).ok()?;
        let key: &[u8; 32] = key.expose().as_slice().try_into().ok()?;
        Some(Secret::new(*key))
    }

    /// An invitation that is good now.
    pub(super) async fn invite(&self, id: InviteId) -> Result<Invite, IdentityFault> {
        use aitrading_security::login::InviteRefused;
        let id = aitrading_store::InviteId(id.0);
        let invite = self.stores.invites.get(self.settings.tenant, id).await?.ok_or(InviteRefused::Expired)?;
        let now = self.now();
        match &invite {
            Invite { used: Some(_), .. } => Err(InviteRefused::Used.into()),
            Invite { expires_at, .. } if now >= *expires_at => Err(InviteRefused::Expired.into()),
            // Made in the future, or for longer than any is: the clock, or the store, is not to be believed.
            Invite { created_at, expires_at, .. }
                if now < *created_at || *expires_at > created_at.plus(ENROLMENT_VALID) =>
            {
                Err(InviteRefused::Clock.into())
            }
            _ => Ok(invite),
        }
    }

    /// Uses an invitation: of all who ever try, one gets further.
    pub(super) async fn redeem(&self, id: InviteId, by: &str) -> Result<Invite, IdentityFault> {
        use aitrading_security::login::InviteRefused;
        let id = aitrading_store::InviteId(id.0);
        match self.stores.invites.redeem(self.settings.tenant, id, by, self.now()).await {
            Ok(Redemption::Redeemed(invite)) => Ok(*invite),
            Ok(Redemption::Unknown | Redemption::Expired) => Err(InviteRefused::Expired.into()),
            Err(StoreError::Conflict { .. }) => Err(InviteRefused::Used.into()),
            Err(error) => Err(error.into()),
        }
    }
}
