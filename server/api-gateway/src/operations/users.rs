//! People and programs that log in, and their sessions.

use crate::{
    api::{Api, actor_id},
    call::{Call, Reply},
    error::ApiError,
    query::Query,
    views::{EndedView, Page, SessionView, UserChange, UserStatusWord, UserView, hex},
};
use aitrading_model::{TenantId, Timestamp};
use aitrading_security::{
    access::{Rows, Subject},
    token::{self, Moment, RevocationScope},
};
use aitrading_store::{Ended, LoginName, LoginSessionId, Revocation, RevocationKind, User, UserId, Versioned};
use std::sync::Arc;

/// Where a session's name is no session's.
const SESSION_CURE: &str = "write the 32 hexadecimal digits of the session";

pub(crate) async fn list(api: Arc<Api>, call: Call) -> Result<Reply, ApiError> {
    let mut query = call.query()?;
    let (limit, after) = (query.limit()?, login(&mut query)?);
    query.done()?;
    let users = match call.permit(Subject::Any)?.rows() {
        Rows::Tenant(tenant) => api.platform.users.of_tenant(tenant, after.as_ref(), limit).await?,
        // Of one user there is no second page.
        Rows::Own { tenant, user: Some(user), .. } if after.is_none() => {
            api.platform.users.get(tenant, UserId(user)).await?.into_iter().collect()
        }
        Rows::Own { .. } => Vec::new(),
    };
    let users = users.into_iter().map(|user| UserView::from(user.value)).collect();
    Reply::ok(&Page::new(users, limit, |user: &UserView| user.login.clone()))
}

fn login(query: &mut Query<'_>) -> Result<Option<LoginName>, ApiError> {
    let cure = "write the login name that the last page ended with";
    query.text("after").map(|name| LoginName::new(name).map_err(|_| ApiError::query("after", cure))).transpose()
}

pub(crate) async fn get(api: Arc<Api>, call: Call) -> Result<Reply, ApiError> {
    let (_, user) = named(&api, &call).await?;
    Reply::ok(&UserView::from(user.value))
}

/// The user in the path, if the caller may.
async fn named(api: &Api, call: &Call) -> Result<(TenantId, Versioned<User>), ApiError> {
    let (tenant, id) = (call.tenant()?, call.user()?);
    let _permit = call.permit(Subject::User(tenant, id))?;
    let user = api.platform.users.get(tenant, UserId(id)).await?.ok_or(ApiError::absent())?;
    Ok((tenant, user))
}

/// Role, status and note. Whoever loses a right loses at once what was issued with it.
pub(crate) async fn change(api: Arc<Api>, call: Call) -> Result<Reply, ApiError> {
    let wanted: UserChange = call.body()?;
    let (tenant, Versioned { value: user, version }) = named(&api, &call).await?;
    let own = call.actor()?.user() == Some(user.id.0);
    if own && (wanted.role.is_some() || wanted.status.is_some()) {
        // The last operator who locks himself out would leave a deployment that nobody runs.
        return Err(ApiError::Refused { what: "nobody changes his own role or status; ask another operator" });
    }
    if wanted.status == Some(UserStatusWord::Invited) {
        return Err(ApiError::Refused { what: "a user is invited by an invitation, not by a status" });
    }
    let role = wanted.role.map_or(user.role, Into::into);
    let status = wanted.status.map_or(user.status, Into::into);
    let less = role != user.role || status != user.status;
    let (id, note) = (user.id, wanted.note.unwrap_or_else(|| user.note.clone()));
    let next = User { role, status, note, changed_at: call.now, ..user };
    api.platform.users.put(next.clone(), version).await?;
    if less {
        revoke_user(&api, &call, tenant, id, "user.changed").await?;
    }
    Reply::ok(&UserView::from(next))
}

/// Erases the user; audit leaves keep the pseudonym alone.
pub(crate) async fn erase(api: Arc<Api>, call: Call) -> Result<Reply, ApiError> {
    let (tenant, user) = named(&api, &call).await?;
    if call.actor()?.user() == Some(user.value.id.0) {
        return Err(ApiError::Refused { what: "nobody erases himself; ask another operator" });
    }
    // First what was issued, so that a crash in between leaves nobody with rights and without a row.
    revoke_user(&api, &call, tenant, user.value.id, "user.erased").await?;
    api.platform.users.erase(tenant, user.value.id, user.version).await?;
    Ok(Reply::done())
}

pub(crate) async fn sessions(api: Arc<Api>, call: Call) -> Result<Reply, ApiError> {
    let mut query = call.query()?;
    let limit = query.limit()?;
    let after = query.text("after").map(|text| session_id(&text)).transpose()?;
    query.done()?;
    let (tenant, user) = named(&api, &call).await?;
    let found = api.platform.login_sessions.of_user(tenant, user.value.id, after, limit).await?;
    let found = found.into_iter().map(|session| SessionView::from(session.value)).collect();
    Reply::ok(&Page::new(found, limit, |session: &SessionView| session.id.clone()))
}

fn session_id(text: &str) -> Result<LoginSessionId, ApiError> {
    let id: aitrading_model::SignalId = text.parse().map_err(|_| ApiError::query("after", SESSION_CURE))?;
    Ok(LoginSessionId(id.0))
}

/// Ends all of a user's sessions, and what was issued in them.
pub(crate) async fn end_sessions(api: Arc<Api>, call: Call) -> Result<Reply, ApiError> {
    let (tenant, user) = named(&api, &call).await?;
    let sessions = revoke_user(&api, &call, tenant, user.value.id, "sessions.ended").await?;
    Reply::ok(&EndedView { sessions })
}

/// In this process at once, then durably, and no refresh any more. Answers how many sessions were ended.
async fn revoke_user(
    api: &Api,
    call: &Call,
    tenant: TenantId,
    user: UserId,
    reason: &'static str,
) -> Result<u64, ApiError> {
    let scope = RevocationScope::User { tenant, subject: token::Subject(user.0) };
    let at = revoke_now(api, scope, call.now);
    let by = hex(&actor_id(call.actor()?));
    let stored = Revocation {
        tenant,
        kind: RevocationKind::User,
        subject: user.0.to_vec(),
        not_before: at,
        at: call.now,
        reason: reason.to_owned(),
        by,
    };
    api.platform.revocations.revoke(stored).await?;
    let ended = Ended { at: call.now, reason: reason.to_owned() };
    Ok(api.platform.login_sessions.end_all_of_user(tenant, user, ended).await?)
}

/// Revokes in this process, and answers the moment as it has to be kept.
pub(crate) fn revoke_now(api: &Api, scope: RevocationScope, at: Timestamp) -> Timestamp {
    let moment = Moment { wall: at, mono_ns: api.env.clock.mono_ns() };
    api.tokens.revoke(token::Revocation { scope, at }, moment).at
}
