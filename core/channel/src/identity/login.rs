//! The client's half of a login, and of a step-up within one.

use super::{DeviceFacts, IdentityError, aside};
use crate::exchange::Asking;
use aitrading_env::Env;
use aitrading_security::{
    login::{ChannelHash, ClientLogin, ExportKey, LoginResponse, Parties, Password},
    token::{RefreshHolder, RefreshSecret, refresh::FamilyKey},
};
use aitrading_wire::identity::{LoginAnswer, LoginAsk, LoginGranted, LoginStart, Proof, Timestamp, Wanted};
use std::sync::Arc;

/// Logged in.
#[derive(Debug)]
pub struct SignedIn {
    /// Token and level.
    pub granted: LoginGranted,
    /// What the session is refreshed with; to be stored before anything is asked with it. `None` after a step-up, which leaves
    /// the session as it is.
    pub holder: Option<RefreshHolder>,
}

/// How far a login came.
#[derive(Debug)]
pub enum LoginStep {
    /// All the way.
    In(Box<SignedIn>),
    /// The password was right; [`prove`] is next.
    FactorNeeded,
}

/// Logs in over an exchange that [`crate::exchange::login`] opened, or proves the user anew within a session. Both ends prove
/// the password to each other, for this exchange alone.
///
/// # Errors
/// [`IdentityError`]: [`IdentityError::Login`] with `LOGIN_REFUSED` when password, user, tenant, deployment or channel are wrong.
pub async fn log_in(
    env: &Env,
    asking: &mut Asking,
    (parties, password): (&Parties, Password),
    wanted: Wanted,
    facts: &DeviceFacts,
) -> Result<(LoginStep, ExportKey), IdentityError> {
    let (begun, request) = ClientLogin::start(env.rng.as_ref(), password)?;
    let start = LoginAsk::Start(Box::new(LoginStart {
        wanted,
        login: parties.name().as_str().to_owned(),
        request: request.to_bytes(),
        facts: facts.list(),
        clock: Timestamp(env.clock.wall_ns()),
    }));
    let LoginAnswer::Respond(response) = ask(asking, &start).await? else { return Err(IdentityError::OutOfTurn) };
    let response = LoginResponse::from_bytes(&response[..])?;
    let (rng, parties, channel) = (Arc::clone(&env.rng), parties.clone(), ChannelHash(asking.hash()));
    let proved = aside(env, move || begun.finish(rng.as_ref(), &parties, &channel, response)).await??;
    let step = match ask(asking, &LoginAsk::Finish(proved.finish.to_bytes())).await? {
        LoginAnswer::FactorNeeded => LoginStep::FactorNeeded,
        LoginAnswer::Granted(granted) => LoginStep::In(Box::new(signed_in(*granted)?)),
        _ => return Err(IdentityError::OutOfTurn),
    };
    Ok((step, proved.export_key))
}

/// Proves the second factor. There is one try; after a refusal the login begins again.
///
/// # Errors
/// [`IdentityError`].
pub async fn prove(asking: &mut Asking, proof: Proof) -> Result<SignedIn, IdentityError> {
    match ask(asking, &LoginAsk::Factor(proof)).await? {
        LoginAnswer::Granted(granted) => signed_in(*granted),
        _ => Err(IdentityError::OutOfTurn),
    }
}

fn signed_in(granted: LoginGranted) -> Result<SignedIn, IdentityError> {
    let holder = granted.refresh.as_ref().map(|refresh| {
        let key = FamilyKey::parse(refresh.family_key.expose())?;
        RefreshHolder::restore(key, RefreshSecret::parse(refresh.secret.expose())?, None)
    });
    let holder = holder.transpose().map_err(|_| IdentityError::Contradiction("the refresh secret is not the key's"))?;
    Ok(SignedIn { granted, holder })
}

async fn ask(asking: &mut Asking, ask: &LoginAsk) -> Result<LoginAnswer, IdentityError> {
    let answer = asking.ask(&ask.encode()).await?;
    match LoginAnswer::decode(&answer).map_err(IdentityError::Answer)? {
        LoginAnswer::Refused(refused) => Err(refused.into()),
        answer => Ok(answer),
    }
}
