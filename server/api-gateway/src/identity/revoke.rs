//! Taking back: durable before it is answered, known here at once, and read anew before it is too old to be believed.

use super::{Identity, IdentityFault, SecurityKind};
use aitrading_env::BoxFuture;
use aitrading_error::{Coded, Severity};
use aitrading_model::{DeviceId, TenantId, Timestamp};
use aitrading_security::token::{Claims, FamilyId, Moment, Revocation, RevocationScope, Subject};
use aitrading_store::{
    Ended, LoginSession, LoginSessionId, PAGE_MAX, Place, Placed, Revocation as Row, RevocationKind, StoreError,
    UserId, Versioned,
};
use std::time::Duration;

/// How often the revocations are read; well below the time after which nobody is believed without them.
const RELOAD_EVERY: Duration = Duration::from_secs(15);
/// How many readings lie between two rounds of forgetting.
const FORGET_EVERY: u32 = 20;
/// Records that are forgotten in one round of each kind.
const FORGET_MOST: usize = 500;
/// How long a reading may take before it counts as failed.
const RELOAD_WITHIN: Duration = Duration::from_secs(30);
/// For how long after the last token of it something revoked is remembered durably.
const KEEP_REVOCATIONS: Duration = Duration::from_hours(48);
/// Revocations that are read at once; far more than are kept one by one.
const LOADED_MAX: usize = 1_000_000;
/// Tries of a compare-and-set.
const TRIES: usize = 16;

/// A revocation as the store keeps it. A certificate's tokens are refused whenever they were issued, until it has expired: so
/// its time is that of its end.
fn row(own: TenantId, revocation: &Revocation, reason: &str, by: &str) -> Option<Row> {
    let at = revocation.at;
    let (tenant, kind, subject, not_before) = match revocation.scope {
        // Nobody here takes back everything.
        RevocationScope::Everyone => return None,
        RevocationScope::User { tenant, subject } => (tenant, RevocationKind::User, subject.0.to_vec(), at),
        RevocationScope::Device { tenant, device } => (tenant, RevocationKind::Device, device.0.to_vec(), at),
        RevocationScope::Family { tenant, family } => (tenant, RevocationKind::Family, family.0.to_vec(), at),
        RevocationScope::Certificate { sha256, expires_at } => {
            (own, RevocationKind::Certificate, sha256.to_vec(), expires_at)
        }
    };
    Some(Row { tenant, kind, subject, not_before, at, reason: reason.to_owned(), by: by.to_owned() })
}

/// A revocation as it is checked. A subject that does not read revokes nobody, which the store's own rules rule out.
fn checked(row: &Row) -> Option<Revocation> {
    let tenant = row.tenant;
    let id = || <[u8; 16]>::try_from(row.subject.as_slice()).ok();
    let scope = match row.kind {
        RevocationKind::User => RevocationScope::User { tenant, subject: Subject(id()?) },
        RevocationKind::Device => RevocationScope::Device { tenant, device: DeviceId(id()?) },
        RevocationKind::Family => RevocationScope::Family { tenant, family: FamilyId(id()?) },
        RevocationKind::Certificate => {
            let sha256 = row.subject.as_slice().try_into().ok()?;
            RevocationScope::Certificate { sha256, expires_at: row.not_before }
        }
    };
    // The list asks for the time of the deed; of a certificate `not_before` is its end.
    let at = if row.kind == RevocationKind::Certificate { row.at } else { row.not_before };
    Some(Revocation { scope, at })
}

impl Identity {
    /// Takes back, here at once, and durably before this returns.
    pub(super) async fn revoke(&self, scope: RevocationScope, reason: &str, by: &str) -> Result<(), IdentityFault> {
        let newest = self.issuer().last_issued();
        let now = Moment::of(self.env.clock.as_ref());
        let durable = self.gate.revoke(Revocation { scope, at: now.wall.max(newest) }, now);
        let row = row(self.settings.tenant, &durable, reason, by);
        match row {
            Some(row) => Ok(self.stores.revocations.revoke(row).await?),
            None => Ok(()),
        }
    }

    /// Reads what was revoked since the last time, by whomever.
    ///
    /// # Errors
    /// [`IdentityFault::Store`]; after 60 s without a reading no token is believed any more.
    pub async fn reload(&self) -> Result<(), IdentityFault> {
        let mut place = self.place.lock().await;
        let read_at = Moment::of(self.env.clock.as_ref());
        let (mut after, mut found) = (*place, Vec::new());
        loop {
            let page = match self.stores.revocations.since(self.settings.tenant, after, PAGE_MAX).await {
                Ok(page) => page,
                // Another store, or a restored one: all of it anew.
                Err(StoreError::Conflict { .. }) if after > Place::START => {
                    after = Place::START;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let Some(Placed { place: last, .. }) = page.last() else { break };
            after = *last;
            found.extend(page.iter().filter_map(|placed| checked(&placed.value)));
            if found.len() > LOADED_MAX {
                return Err(IdentityFault::Damaged("list of revocations"));
            }
        }
        self.gate.load(found, read_at);
        *place = after;
        Ok(())
    }

    /// Keeps the revocations fresh and forgets what is old, until `ended`. A failed reading is told and done again.
    pub async fn keep(&self, ended: BoxFuture<'_, ()>) {
        let mut ended = ended;
        let mut round = 0_u32;
        loop {
            tokio::select! {
                biased;
                () = &mut ended => return,
                () = self.env.clock.sleep(RELOAD_EVERY) => {}
            }
            let read = self.env.timeout(RELOAD_WITHIN, self.reload()).await;
            let read = read.unwrap_or(Err(StoreError::TooSlow { doing: "reading revocations" }.into()));
            round = round.wrapping_add(1);
            let done = if round.is_multiple_of(FORGET_EVERY) { read.and(self.forget().await) } else { read };
            if let Err(fault) = done {
                self.note(SecurityKind::StoreFailed, (fault.dna().code, Severity::Critical), "", None);
            }
        }
    }

    /// Forgets what nobody can use any more.
    async fn forget(&self) -> Result<(), IdentityFault> {
        let (tenant, now) = (self.settings.tenant, self.now());
        let old = Timestamp(now.0.saturating_sub(i64::try_from(KEEP_REVOCATIONS.as_nanos()).unwrap_or(i64::MAX)));
        self.stores.invites.prune(tenant, now, FORGET_MOST).await?;
        self.stores.sessions.prune(tenant, old, FORGET_MOST).await?;
        self.stores.revocations.prune(tenant, old, FORGET_MOST).await?;
        let quiet = Timestamp(old.0.saturating_sub(i64::try_from(KEEP_REVOCATIONS.as_nanos()).unwrap_or(i64::MAX)));
        self.stores.lockouts.prune(tenant, quiet, FORGET_MOST).await?;
        Ok(())
    }

    /// Ends the session that a token belongs to, and every token of it.
    ///
    /// # Errors
    /// [`IdentityFault`]; then it is not known whether it is durable: do it again.
    pub async fn logout(&self, claims: &Claims) -> Result<(), IdentityFault> {
        let family = claims.grant.family;
        self.end_session(family, "logout").await?;
        let subject = claims.grant.subject.to_string();
        let scope = RevocationScope::Family { tenant: self.settings.tenant, family };
        self.revoke(scope, "logout", &subject).await?;
        self.note_ok(SecurityKind::LoggedOut, subject, None);
        Ok(())
    }

    /// Ends every session of a user, and every token.
    ///
    /// # Errors
    /// As [`Identity::logout`].
    pub async fn end_all(&self, user: UserId, reason: &str, by: &str) -> Result<u64, IdentityFault> {
        let tenant = self.settings.tenant;
        let subject = Subject(user.0);
        // Tokens first: a session that is refreshed in between gives none that is good.
        self.revoke(RevocationScope::User { tenant, subject }, reason, by).await?;
        let ended = Ended { at: self.now(), reason: reason.to_owned() };
        let count = self.stores.sessions.end_all_of_user(tenant, user, ended).await?;
        // Once more, for what was issued while the sessions were ended.
        self.revoke(RevocationScope::User { tenant, subject }, reason, by).await?;
        self.note(SecurityKind::Revoked, ("OK", Severity::Warning), subject.to_string(), None);
        Ok(count)
    }

    /// Ends one session. One that is not there, or has ended, is as it should be.
    async fn end_session(&self, family: FamilyId, reason: &str) -> Result<(), IdentityFault> {
        let (tenant, id) = (self.settings.tenant, LoginSessionId(family.0));
        for _ in 0..TRIES {
            let Some(Versioned { value, version }) = self.stores.sessions.get(tenant, id).await? else { return Ok(()) };
            if value.ended.is_some() {
                return Ok(());
            }
            let ended = Some(Ended { at: self.now(), reason: reason.to_owned() });
            match self.stores.sessions.put(LoginSession { ended, ..value }, version).await {
                Err(StoreError::Stale { .. }) => {}
                other => return other.map(drop).map_err(Into::into),
            }
        }
        Err(IdentityFault::Contended)
    }
}
