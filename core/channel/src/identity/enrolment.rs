//! The client's half of an enrolment.

use super::{DeviceFacts, IdentityError, aside};
use crate::{ChannelError, exchange::Asking};
use aitrading_env::Env;
use aitrading_security::{
    PeerIdentity, equal_in_constant_time,
    login::{ClientRegistration, ExportKey, LoginName, Parties, Password, RegistrationResponse},
    parse_identity,
    pki::Issued,
    signing::SigningKey,
};
use aitrading_wire::identity::{ENROL_DOMAIN, Enrol, EnrolAnswer, EnrolAsk, Granted, Hidden, Timestamp};
use rustls_pki_types::CertificateDer;
use std::sync::Arc;

/// An enrolment under way: first the device, then, for a user, the password, then the second factor.
#[derive(Debug)]
pub struct Enrolling(Asking);

/// A device that is enrolled. None of it is kept yet.
#[derive(Debug)]
pub struct Enrolled {
    /// The certificate, with the key that was proved.
    pub certificate: Issued,
    /// Whose certificates are believed from now on.
    pub authority: CertificateDer<'static>,
    /// All that the server said.
    pub granted: Granted,
}

/// What a second factor is set up with. It is shown once.
#[derive(Debug)]
pub struct FactorOffer {
    /// For the authenticator: `otpauth://totp/...`.
    pub uri: Hidden,
    /// Each good once in place of a code.
    pub recovery: Vec<Hidden>,
}

impl Enrolling {
    /// Over an exchange that [`crate::exchange::enrol`] opened.
    #[must_use]
    pub const fn new(asking: Asking) -> Self {
        Self(asking)
    }

    /// Proves `key` and asks for its certificate. `wish` is the login name that a user wants whose invitation names none.
    ///
    /// # Errors
    /// [`IdentityError::Code`] if the code opens nothing; [`IdentityError::Contradiction`] if the certificate is not for this
    /// key, names somebody else, or the server is not the one of the handshake.
    pub async fn device(
        &mut self,
        env: &Env,
        key: &SigningKey,
        wish: Option<&LoginName>,
        facts: &DeviceFacts,
    ) -> Result<Enrolled, IdentityError> {
        let ask = EnrolAsk::Enrol(Box::new(Enrol {
            public_key: key.verifying_key().to_bytes(),
            proof: key.sign_detached(ENROL_DOMAIN, &self.0.hash()),
            login: wish.map(|wish| wish.as_str().to_owned()).unwrap_or_default(),
            facts: facts.list(),
            clock: Timestamp(env.clock.wall_ns()),
        }));
        let granted = match self.ask(&ask).await {
            Ok(EnrolAnswer::Granted(granted)) => *granted,
            Ok(_) => return Err(IdentityError::OutOfTurn),
            // The server says so at the end of the handshake, which for us is the first question.
            Err(IdentityError::Channel(error @ ChannelError::HandshakeRefused)) => {
                return Err(IdentityError::Code(error));
            }
            Err(error) => return Err(error),
        };
        self.believe(granted, key)
    }

    fn believe(&self, granted: Granted, key: &SigningKey) -> Result<Enrolled, IdentityError> {
        if !equal_in_constant_time(&granted.noise_key, &self.0.peer_key()) {
            return Err(IdentityError::Contradiction("the Noise key is not that of the handshake"));
        }
        let chain: Vec<_> = granted.chain.iter().cloned().map(CertificateDer::from).collect();
        let Granted { tenant, device, account, .. } = granted;
        let named = chain.first().map(parse_identity);
        if !matches!(named, Some(Ok(named)) if named == (PeerIdentity::Device { tenant, device, account })) {
            return Err(IdentityError::Contradiction("the certificate names somebody else"));
        }
        let certificate = Issued::of_key(chain, key)
            .map_err(|_| IdentityError::Contradiction("the certificate is for another key"))?;
        Ok(Enrolled { certificate, authority: CertificateDer::from(granted.authority.clone()), granted })
    }

    /// Registers a password for `parties`: tenant, login and deployment as they were granted. `true`: the user can log in now;
    /// otherwise the second factor is due.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn password(
        &mut self,
        env: &Env,
        parties: &Parties,
        password: Password,
    ) -> Result<(bool, ExportKey), IdentityError> {
        let (begun, request) = ClientRegistration::start(env.rng.as_ref(), password)?;
        let EnrolAnswer::Registration(response) = self.ask(&EnrolAsk::Register(request.to_bytes())).await? else {
            return Err(IdentityError::OutOfTurn);
        };
        let response = RegistrationResponse::from_bytes(&response)?;
        let (rng, parties) = (Arc::clone(&env.rng), parties.clone());
        let registered = aside(env, move || begun.finish(rng.as_ref(), &parties, response)).await??;
        match self.ask(&EnrolAsk::Upload(registered.upload.to_bytes())).await? {
            EnrolAnswer::Registered { active } => Ok((active, registered.export_key)),
            _ => Err(IdentityError::OutOfTurn),
        }
    }

    /// Asks for a second factor.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn factor(&mut self) -> Result<FactorOffer, IdentityError> {
        match self.ask(&EnrolAsk::Factor).await? {
            EnrolAnswer::Factor { uri, recovery } => Ok(FactorOffer { uri, recovery }),
            _ => Err(IdentityError::OutOfTurn),
        }
    }

    /// Confirms the second factor with the first code that the authenticator shows. After a refusal another code may be tried.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn confirm(&mut self, code: &str) -> Result<(), IdentityError> {
        match self.ask(&EnrolAsk::Confirm(Hidden::new(code))).await? {
            EnrolAnswer::Confirmed => Ok(()),
            _ => Err(IdentityError::OutOfTurn),
        }
    }

    /// Ends it in good order.
    pub async fn close(self) {
        self.0.close().await;
    }

    async fn ask(&mut self, ask: &EnrolAsk) -> Result<EnrolAnswer, IdentityError> {
        let answer = self.0.ask(&ask.encode()).await?;
        match EnrolAnswer::decode(&answer).map_err(IdentityError::Answer)? {
            EnrolAnswer::Refused(refused) => Err(refused.into()),
            answer => Ok(answer),
        }
    }
}
