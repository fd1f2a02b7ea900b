//! The server's half of registration and login: three multiplications in a group, no stretching, nothing that tells an
//! unknown user from a known one.

use super::message::{
    LoginFinish, LoginRequest, LoginResponse, RegistrationRequest, RegistrationResponse, RegistrationUpload,
};
use super::parties::Bound;
use super::stretch::{Dice, Suite, fixed, refusal};
use super::{ChannelHash, LoginError, Parties, SessionKey};
use crate::{Secret, mac};
use aitrading_env::Rng;
use opaque_ke::{ServerLogin, ServerLoginParameters, ServerRegistration};
use std::fmt;

const SETUP_VERSION: u8 = 1;
const RECORD_VERSION: u8 = 1;
const SETUP_BODY: usize = 128;
const RECORD_BODY: usize = RegistrationUpload::LEN;
const PUBLIC_KEY: usize = 32;
const MASKING_KEY: usize = 64;

/// The secret of a deployment that all its logins stand on. Who has it can guess every password offline; without it
/// nobody can log in any more. It belongs into the sealed vault, and into escrow.
pub struct ServerSetup {
    setup: opaque_ke::ServerSetup<Suite>,
    /// The record of every user that there is not.
    fake: PasswordRecord,
}

impl fmt::Debug for ServerSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerSetup(redacted)")
    }
}

impl ServerSetup {
    /// Its size in bytes: a version, then the OPRF seed (64), the private key (32) and the public key of unknown users
    /// (32).
    pub const LEN: usize = 1 + SETUP_BODY;

    /// A new one, once in the life of a deployment.
    ///
    /// # Errors
    /// Never; the signature follows [`ServerSetup::from_bytes`].
    pub fn generate(rng: &dyn Rng) -> Result<Self, LoginError> {
        Self::of(opaque_ke::ServerSetup::new(&mut Dice(rng)))
    }

    /// From the vault.
    ///
    /// # Errors
    /// [`LoginError::SetupDamaged`] for another length or version, a zero key or one outside its range, or a bad
    /// element.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LoginError> {
        match bytes.split_first() {
            Some((&SETUP_VERSION, body)) if body.len() == SETUP_BODY => {
                Self::of(opaque_ke::ServerSetup::deserialize(body).map_err(|_| LoginError::SetupDamaged)?)
            }
            _ => Err(LoginError::SetupDamaged),
        }
    }

    /// For the vault alone.
    #[must_use]
    pub fn to_bytes(&self) -> Secret<Vec<u8>> {
        let body = Secret::new(fixed::<SETUP_BODY>(&self.setup.serialize()));
        let mut out = Vec::with_capacity(Self::LEN);
        out.push(SETUP_VERSION);
        out.extend_from_slice(body.expose());
        Secret::new(out)
    }

    fn of(setup: opaque_ke::ServerSetup<Suite>) -> Result<Self, LoginError> {
        let body = Secret::new(fixed::<SETUP_BODY>(&setup.serialize()));
        let (_, public) = body.expose().split_last_chunk::<PUBLIC_KEY>().ok_or(LoginError::SetupDamaged)?;
        let mut masking = Secret::new([0; MASKING_KEY]);
        mac::hkdf_sha256(body.expose(), &[], b"aitrading/login/unknown-user/1", &mut masking.0)
            .map_err(|_| LoginError::SetupDamaged)?;
        let mut record = [0; RECORD_BODY];
        let known = public.iter().chain(masking.expose());
        record.iter_mut().zip(known).for_each(|(to, from)| *to = *from);
        Ok(Self { setup, fake: PasswordRecord(record) })
    }

    /// Answers a registration. Whether this user may register now is the caller's to know.
    ///
    /// # Errors
    /// [`LoginError::MessageMalformed`]; not for a request that was read by [`RegistrationRequest::from_bytes`].
    pub fn register(
        &self,
        parties: &Parties,
        request: RegistrationRequest,
    ) -> Result<RegistrationResponse, LoginError> {
        self.evaluate(&parties.bound().credential, request)
    }

    pub(crate) fn evaluate(
        &self,
        credential: &[u8],
        request: RegistrationRequest,
    ) -> Result<RegistrationResponse, LoginError> {
        ServerRegistration::start(&self.setup, request.0, credential)
            .map(|started| RegistrationResponse(started.message))
            .map_err(|error| refusal(error, RegistrationRequest::WHAT))
    }

    /// Answers a login. `record` is what the store has of this user; `None`, for a user that there is not, takes the
    /// same way through the same code with a record that nobody has the password of (T26).
    ///
    /// # Errors
    /// [`LoginError::RecordDamaged`] if the store's bytes are no record.
    pub fn respond(
        &self,
        rng: &dyn Rng,
        parties: &Parties,
        channel: &ChannelHash,
        record: Option<&PasswordRecord>,
        request: LoginRequest,
    ) -> Result<(PendingLogin, LoginResponse), LoginError> {
        self.respond_bound(rng, &parties.bound_to(channel), record, request)
    }

    pub(crate) fn respond_bound(
        &self,
        rng: &dyn Rng,
        bound: &Bound,
        record: Option<&PasswordRecord>,
        request: LoginRequest,
    ) -> Result<(PendingLogin, LoginResponse), LoginError> {
        let stored = record.unwrap_or(&self.fake);
        let parsed = ServerRegistration::deserialize(&stored.0).map_err(|_| LoginError::RecordDamaged)?;
        let parameters = ServerLoginParameters { context: Some(&bound.context), identifiers: bound.identifiers() };
        // Always with a record: the library's own way for unknown users would be a second way.
        let started =
            ServerLogin::start(&mut Dice(rng), &self.setup, Some(parsed), request.0, &bound.credential, parameters)
                .map_err(|error| refusal(error, LoginRequest::WHAT))?;
        let pending = PendingLogin { state: started.state, known: record.is_some() };
        Ok((pending, LoginResponse(started.message)))
    }
}

/// What the server keeps of a password: nothing that it could be read from, but something that it could be guessed
/// against by whoever has the [`ServerSetup`] too.
#[derive(Clone)]
pub struct PasswordRecord([u8; RECORD_BODY]);

impl fmt::Debug for PasswordRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordRecord(redacted)")
    }
}

impl PasswordRecord {
    /// Its size in the store, in bytes: a version and the upload.
    pub const LEN: usize = 1 + RECORD_BODY;

    /// Of a finished registration.
    #[must_use]
    pub fn of(upload: &RegistrationUpload) -> Self {
        Self(upload.to_bytes())
    }

    /// From the store. What is inside is read by [`ServerSetup::respond`], where unknown users pay for it too.
    ///
    /// # Errors
    /// [`LoginError::RecordDamaged`] for another length or version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LoginError> {
        match bytes.split_first() {
            Some((&RECORD_VERSION, body)) => body.try_into().map(Self).map_err(|_| LoginError::RecordDamaged),
            _ => Err(LoginError::RecordDamaged),
        }
    }

    /// For the store.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut out = [RECORD_VERSION; Self::LEN];
        out.iter_mut().skip(1).zip(self.0).for_each(|(to, from)| *to = from);
        out
    }
}

/// A login that was answered and is not proved. It lives in the memory of one connection, and ends with it.
pub struct PendingLogin {
    state: ServerLogin<Suite>,
    known: bool,
}

impl fmt::Debug for PendingLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PendingLogin(redacted)")
    }
}

impl PendingLogin {
    /// Checks the client's proof, once.
    ///
    /// # Errors
    /// [`LoginError::Refused`], for every reason the same.
    pub fn check(self, finish: LoginFinish) -> Result<SessionKey, LoginError> {
        let checked = self.state.finish(finish.0, ServerLoginParameters::default());
        match checked {
            Ok(done) if self.known => Ok(Secret::new(fixed(&done.session_key))),
            _ => Err(LoginError::Refused),
        }
    }
}
