//! A password is registered: OPAQUE's two halves, and the user who becomes active.

use super::{
    Identity, IdentityFault, SecurityKind,
    enrol::{Enrollee, Enrolment, Registered, Stage, needs_factor},
};
use aitrading_security::login::{PasswordRecord, RegistrationRequest, RegistrationUpload, SecondFactor};
use aitrading_store::{StoreError, User, UserStatus, Versioned};
use aitrading_wire::identity::EnrolAnswer;

/// Tries of a compare-and-set.
const TRIES: usize = 8;

impl Identity {
    pub(super) async fn register(
        &self,
        at: &mut Enrolment,
        user: Enrollee,
        request: &[u8; 32],
    ) -> Result<EnrolAnswer, IdentityFault> {
        let request = RegistrationRequest::from_bytes(request)?;
        let parties = self.parties(user.login.clone());
        let response = self.worked(|| self.keys.setup.register(&parties, request)).await??;
        at.stage = Stage::Registering(user);
        Ok(EnrolAnswer::Registration(response.to_bytes()))
    }

    pub(super) async fn upload(
        &self,
        at: &mut Enrolment,
        user: Enrollee,
        upload: &[u8; 192],
    ) -> Result<EnrolAnswer, IdentityFault> {
        let record = PasswordRecord::of(&RegistrationUpload::from_bytes(upload)?);
        // Who needs a second factor is not active before it is confirmed, and nothing of an old password changes until then.
        let active = !needs_factor(user.role);
        let mut registered = Registered { user, record, factor: None, active: false };
        if active {
            self.activate(at, &registered, None).await?;
            registered.active = true;
        }
        at.stage = Stage::Registered(Box::new(registered));
        Ok(EnrolAnswer::Registered { active })
    }

    /// The user can log in now, with this password and this second factor, and with no earlier ones. Who was logged in is not
    /// any more.
    pub(super) async fn activate(
        &self,
        at: &Enrolment,
        registered: &Registered,
        factor: Option<&SecondFactor>,
    ) -> Result<(), IdentityFault> {
        let tenant = self.settings.tenant;
        let Registered { user, record, active, .. } = registered;
        for _ in 0..TRIES {
            let found = self.stores.users.get(tenant, user.id).await?.ok_or(IdentityFault::NameTaken)?;
            let Versioned { value, version } = found;
            if !matches!(value.status, UserStatus::Invited | UserStatus::Active) {
                return Err(IdentityFault::NameTaken);
            }
            let second_factor = match factor {
                Some(factor) => {
                    let state = factor.to_bytes();
                    self.keys.sealer.seal_factor(self.env.rng.as_ref(), (tenant, user.id), state.expose())?
                }
                None => Vec::new(),
            };
            let again = value.status == UserStatus::Active && !*active;
            let opaque = record.to_bytes().to_vec();
            let next = User { opaque, second_factor, status: UserStatus::Active, changed_at: self.now(), ..value };
            match self.stores.users.put(next, version).await {
                Err(StoreError::Stale { .. }) => continue,
                other => drop(other?),
            }
            self.note_ok(SecurityKind::PasswordRegistered, user.login.as_str(), Some(at.address));
            if again {
                self.end_all(user.id, "password.changed", user.login.as_str()).await?;
            }
            return Ok(());
        }
        Err(IdentityFault::Contended)
    }
}
