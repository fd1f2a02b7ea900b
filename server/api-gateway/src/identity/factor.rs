//! The second factor: set up at enrolment, used at login, each code once.

use super::{
    Identity, IdentityFault, SecurityKind,
    enrol::{Enrolment, Registered, Stage},
};
use aitrading_security::login::{FactorRefused, SecondFactor};
use aitrading_store::{StoreError, User, UserId, UserStatus, Versioned};
use aitrading_wire::identity::{EnrolAnswer, Hidden, Proof};

/// Tries of a compare-and-set. Whoever loses reads that the code was used, and is done.
const TRIES: usize = 8;

/// A second factor that waits for its first code.
pub(super) struct NewFactor(SecondFactor);

impl Identity {
    /// Draws a second factor. It opens nothing, and is kept nowhere, until it is confirmed.
    pub(super) fn offer_factor(&self, at: &mut Enrolment, registered: Registered) -> EnrolAnswer {
        let (factor, codes) = SecondFactor::enrol(self.env.rng.as_ref());
        let uri = Hidden::new(factor.uri(&self.settings.label, &registered.user.login).expose().as_str());
        let recovery = codes.texts().iter().map(|code| Hidden::new(code.expose().as_str())).collect();
        at.stage = Stage::Registered(Box::new(Registered { factor: Some(NewFactor(factor)), ..registered }));
        EnrolAnswer::Factor { uri, recovery }
    }

    /// The first code; with it, user and second factor become good in one write.
    pub(super) async fn confirm_factor(
        &self,
        at: &mut Enrolment,
        registered: Registered,
        code: &str,
    ) -> Result<EnrolAnswer, IdentityFault> {
        let NewFactor(factor) = registered.factor.as_ref().ok_or(IdentityFault::OutOfTurn)?;
        let confirmed = match factor.confirm(code, self.now()) {
            Ok(confirmed) => confirmed,
            Err(refused) => {
                at.stage = Stage::Registered(Box::new(registered));
                return Err(refused.into());
            }
        };
        self.activate(at, &registered, Some(&confirmed)).await?;
        self.note_ok(SecurityKind::FactorConfirmed, registered.user.login.as_str(), Some(at.address));
        Ok(EnrolAnswer::Confirmed)
    }

    /// Uses a code. Only who wins the store's compare-and-set has used it; of many at once, one does (T29). Answers how many
    /// recovery codes are left.
    pub(super) async fn use_factor(&self, id: UserId, proof: &Proof) -> Result<u8, IdentityFault> {
        let tenant = self.settings.tenant;
        for _ in 0..TRIES {
            let found = self.stores.users.get(tenant, id).await?;
            let Some(Versioned { value, version }) = found.filter(|user| user.value.status == UserStatus::Active)
            else {
                return Err(FactorRefused::NotConfirmed.into());
            };
            let state = self.keys.sealer.open_factor((tenant, id), &value.second_factor);
            let state = state.map_err(|_| IdentityFault::Damaged("second factor"))?;
            let factor = SecondFactor::from_bytes(state.expose())?;
            let used = match proof {
                Proof::Code(code) => factor.use_code(code.expose(), self.now()),
                Proof::Recovery(code) => factor.use_recovery(code.expose()),
            }?;
            let sealed = self.keys.sealer.seal_factor(self.env.rng.as_ref(), (tenant, id), used.to_bytes().expose())?;
            match self.stores.users.put(User { second_factor: sealed, changed_at: self.now(), ..value }, version).await
            {
                Err(StoreError::Stale { .. }) => {}
                other => {
                    other?;
                    return Ok(u8::try_from(used.recovery_left()).unwrap_or(u8::MAX));
                }
            }
        }
        Err(IdentityFault::Contended)
    }
}
