//! The client's half of registration and login. Here, and only here, the password is stretched.

use super::message::{
    LoginFinish, LoginRequest, LoginResponse, RegistrationRequest, RegistrationResponse, RegistrationUpload,
};
use super::parties::Bound;
use super::stretch::{Dice, Stretch, Suite, fixed, refusal};
use super::{ChannelHash, ExportKey, LoginError, Parties, Password, SessionKey};
use crate::Secret;
use aitrading_env::Rng;
use opaque_ke::{ClientLoginFinishParameters, ClientRegistrationFinishParameters};
use std::fmt;

/// A registration that waits for the server's response.
pub struct ClientRegistration {
    state: opaque_ke::ClientRegistration<Suite>,
    password: Password,
}

/// What a registration gives.
#[derive(Debug)]
pub struct Registered {
    /// Goes to the server, which keeps it.
    pub upload: RegistrationUpload,
    /// Stays with the client.
    pub export_key: ExportKey,
}

impl ClientRegistration {
    /// Begins to register `password`.
    ///
    /// # Errors
    /// [`LoginError::MessageMalformed`] if the password hashes to nothing usable, which nobody will see.
    pub fn start(rng: &dyn Rng, password: Password) -> Result<(Self, RegistrationRequest), LoginError> {
        let started = opaque_ke::ClientRegistration::start(&mut Dice(rng), password.bytes())
            .map_err(|error| refusal(error, RegistrationRequest::WHAT))?;
        Ok((Self { state: started.state, password }, RegistrationRequest(started.message)))
    }

    /// Stretches the password (64 MiB, twice: once to see that this build does it right) and seals the record.
    ///
    /// # Errors
    /// [`LoginError::WeakStretching`] in a build that does not stretch as it must, [`LoginError::StretchingFailed`]
    /// without memory, [`LoginError::MessageMalformed`] if the server sent our own element back.
    pub fn finish(
        self,
        rng: &dyn Rng,
        parties: &Parties,
        response: RegistrationResponse,
    ) -> Result<Registered, LoginError> {
        self.finish_tested(Stretch::default(), rng, &parties.bound(), response)
    }

    pub(crate) fn finish_tested(
        self,
        stretch: Stretch,
        rng: &dyn Rng,
        bound: &Bound,
        response: RegistrationResponse,
    ) -> Result<Registered, LoginError> {
        stretch.self_test()?;
        self.seal(stretch, rng, bound, response)
    }

    pub(crate) fn seal(
        self,
        stretch: Stretch,
        rng: &dyn Rng,
        bound: &Bound,
        response: RegistrationResponse,
    ) -> Result<Registered, LoginError> {
        let parameters = ClientRegistrationFinishParameters::new(bound.identifiers(), Some(&stretch));
        let finished = self
            .state
            .finish(&mut Dice(rng), self.password.bytes(), response.0, parameters)
            .map_err(|error| refusal(error, RegistrationResponse::WHAT))?;
        let export_key = Secret::new(fixed(&finished.export_key));
        Ok(Registered { upload: RegistrationUpload(finished.message), export_key })
    }
}

/// A login that waits for the server's response.
pub struct ClientLogin {
    state: opaque_ke::ClientLogin<Suite>,
    password: Password,
}

/// What a login gives the client: the server has proved itself, and will believe the client when it has the last
/// message.
#[derive(Debug)]
pub struct LoggedIn {
    /// Goes to the server.
    pub finish: LoginFinish,
    /// Shared with the server.
    pub session_key: SessionKey,
    /// Known to the client alone.
    pub export_key: ExportKey,
}

impl ClientLogin {
    /// Begins to log in.
    ///
    /// # Errors
    /// [`LoginError::MessageMalformed`] if the password hashes to nothing usable, which nobody will see.
    pub fn start(rng: &dyn Rng, password: Password) -> Result<(Self, LoginRequest), LoginError> {
        let started = opaque_ke::ClientLogin::start(&mut Dice(rng), password.bytes())
            .map_err(|error| refusal(error, LoginRequest::WHAT))?;
        Ok((Self { state: started.state, password }, LoginRequest(started.message)))
    }

    /// Stretches the password (64 MiB), opens the record and checks the server's proof, for this channel alone.
    ///
    /// # Errors
    /// [`LoginError::Refused`] for a wrong password, an unknown user, another channel, tenant or deployment: they
    /// cannot be told apart. [`LoginError::StretchingFailed`] without memory; [`LoginError::MessageMalformed`] for a
    /// hostile response.
    pub fn finish(
        self,
        rng: &dyn Rng,
        parties: &Parties,
        channel: &ChannelHash,
        response: LoginResponse,
    ) -> Result<LoggedIn, LoginError> {
        self.open(Stretch::default(), rng, &parties.bound_to(channel), response)
    }

    pub(crate) fn open(
        self,
        stretch: Stretch,
        rng: &dyn Rng,
        bound: &Bound,
        response: LoginResponse,
    ) -> Result<LoggedIn, LoginError> {
        let parameters = ClientLoginFinishParameters::new(Some(&bound.context), bound.identifiers(), Some(&stretch));
        let finished = self
            .state
            .finish(&mut Dice(rng), self.password.bytes(), response.0, parameters)
            .map_err(|error| refusal(error, LoginResponse::WHAT))?;
        Ok(LoggedIn {
            finish: LoginFinish(finished.message),
            session_key: Secret::new(fixed(&finished.session_key)),
            export_key: Secret::new(fixed(&finished.export_key)),
        })
    }
}

impl fmt::Debug for ClientRegistration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientRegistration(redacted)")
    }
}

impl fmt::Debug for ClientLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientLogin(redacted)")
    }
}
