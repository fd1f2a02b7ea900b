//! The server's half of an enrolment.

use super::{Identity, IdentityFault, SecurityKind, devices, factor::NewFactor};
use aitrading_channel::{
    CloseReason,
    exchange::{self, Answering},
};
use aitrading_env::{BoxStream, RngExt as _};
use aitrading_error::Coded;
use aitrading_http::Peer;
use aitrading_model::DeviceId;
use aitrading_security::{
    PeerIdentity,
    login::{DeviceFingerprint, InviteId, LoginName, PasswordRecord},
    sha256,
    signing::VerifyingKey,
};
use aitrading_store::{
    Device, Invite, InvitePurpose, LoginName as StoredName, User, UserId, UserRole, UserStatus, Version, Versioned,
};
use aitrading_wire::identity::{ENROL_DOMAIN, Enrol, EnrolAnswer, EnrolAsk, Fact, Granted, SecondFactorNeed};
use std::net::IpAddr;

/// An enrolment under way.
pub(super) struct Enrolment {
    pub(super) address: IpAddr,
    invite: InviteId,
    hash: [u8; 32],
    noise: [u8; 32],
    pub(super) stage: Stage,
}

/// How far it came.
pub(super) enum Stage {
    /// Nothing was asked.
    Begun,
    /// The device is enrolled, and nothing else was invited.
    Device,
    /// The user may register a password.
    User(Enrollee),
    /// The password's first half was answered.
    Registering(Enrollee),
    /// The password is known.
    Registered(Box<Registered>),
    /// Nothing may be asked any more.
    Over,
}

/// A password that is known.
pub(super) struct Registered {
    /// Whose.
    pub(super) user: Enrollee,
    /// Of the password.
    pub(super) record: PasswordRecord,
    /// That is to be confirmed.
    pub(super) factor: Option<NewFactor>,
    /// The user became active with the password alone, in this exchange.
    pub(super) active: bool,
}

/// A user who registers.
#[derive(Clone)]
pub(super) struct Enrollee {
    pub(super) id: UserId,
    pub(super) login: LoginName,
    pub(super) role: UserRole,
}

/// Who decides for others cannot log in by a password alone.
pub(super) const fn needs_factor(role: UserRole) -> bool {
    matches!(role, UserRole::Operator | UserRole::RiskOfficer | UserRole::Auditor)
}

/// A name as the proofs know it. The store's are a part of these.
pub(super) fn proved(name: &StoredName) -> Result<LoginName, IdentityFault> {
    Ok(LoginName::new(name.as_str())?)
}

/// A name as the store knows it.
pub(super) fn stored(name: &LoginName) -> Result<StoredName, IdentityFault> {
    StoredName::new(name.as_str()).map_err(|_| IdentityFault::Name)
}

impl Identity {
    /// Serves an enrolment over an upgraded connection, to its end.
    ///
    /// # Errors
    /// [`IdentityFault`]: how it ended, if not as it should; the peer has been told, and so has the sink.
    pub async fn serve_enrolment(&self, io: BoxStream, peer: &Peer) -> Result<(), IdentityFault> {
        let address = peer.addr.ip();
        let Some(tls) = &peer.tls else { return Err(self.turn_away(io, IdentityFault::NoTls).await) };
        let Ok(_place) = self.places.try_acquire() else { return Err(self.turn_away(io, IdentityFault::Busy).await) };
        let opened = exchange::serve_enrolment(&self.host, (io, tls.exporter), |id| self.psk(id)).await;
        let served = match opened {
            Ok((exchange, invite)) => {
                let (hash, noise) = (exchange.hash(), exchange.peer_key());
                let enrolment = Enrolment { address, invite, hash, noise, stage: Stage::Begun };
                self.enrolment(exchange, enrolment).await
            }
            Err(error) => Err(error.into()),
        };
        if let Err(fault) = &served {
            let dna = fault.dna();
            self.note(SecurityKind::EnrolmentRefused, (dna.code, dna.severity), "", Some(address));
        }
        served
    }

    pub(super) async fn turn_away(&self, io: BoxStream, fault: IdentityFault) -> IdentityFault {
        let reason = if matches!(fault, IdentityFault::Busy) { CloseReason::Capacity } else { CloseReason::Policy };
        exchange::turn_away(&self.host, io, reason).await;
        fault
    }

    async fn enrolment(&self, mut exchange: Answering, mut enrolment: Enrolment) -> Result<(), IdentityFault> {
        loop {
            let question = match exchange.question().await {
                Ok(question) => question,
                // The client has what it came for.
                Err(_) if enrolment.is_done() => return Ok(()),
                Err(error) => {
                    exchange.close(error.close_reason()).await;
                    return Err(error.into());
                }
            };
            let answered = match EnrolAsk::decode(&question) {
                Ok(ask) => self.enrolment_step(&mut enrolment, ask).await,
                Err(error) => Err(error.into()),
            };
            match answered {
                Ok(answer) => exchange.answer(&answer.encode()).await?,
                Err(fault) => {
                    exchange.answer(&EnrolAnswer::Refused(fault.told()).encode()).await?;
                    // A code that was mistyped may be typed again: it is the user's own authenticator.
                    if !matches!(fault, IdentityFault::Factor(_)) {
                        exchange.close(CloseReason::Policy).await;
                        return Err(fault);
                    }
                }
            }
        }
    }

    async fn enrolment_step(&self, at: &mut Enrolment, ask: EnrolAsk) -> Result<EnrolAnswer, IdentityFault> {
        match (std::mem::replace(&mut at.stage, Stage::Over), ask) {
            (Stage::Begun, EnrolAsk::Enrol(ask)) => self.enrol(at, *ask).await,
            (Stage::User(user), EnrolAsk::Register(request)) => self.register(at, user, &request).await,
            (Stage::Registering(user), EnrolAsk::Upload(upload)) => self.upload(at, user, &upload).await,
            (Stage::Registered(registered), EnrolAsk::Factor) => Ok(self.offer_factor(at, *registered)),
            (Stage::Registered(registered), EnrolAsk::Confirm(code)) => {
                self.confirm_factor(at, *registered, code.expose()).await
            }
            _ => Err(IdentityFault::OutOfTurn),
        }
    }

    /// Enrols the device: proof, then the invitation's one use, and only then anything else.
    async fn enrol(&self, at: &mut Enrolment, ask: Enrol) -> Result<EnrolAnswer, IdentityFault> {
        let key = VerifyingKey::from_bytes(&ask.public_key).map_err(|_| IdentityFault::Proof)?;
        key.verify_detached(ENROL_DOMAIN, &at.hash, &ask.proof).map_err(|_| IdentityFault::Proof)?;
        let invite = self.invite(at.invite).await?;
        let wish = if ask.login.is_empty() { None } else { Some(LoginName::new(&ask.login)?) };
        let invited = self.invited(&invite, wish.as_ref()).await?;
        let device = DeviceId(self.env.rng.bytes());
        let invite = self.redeem(at.invite, &devices::device_name(device)).await?;
        let user = self.settle(&invite, invited).await?;
        let account = invite.account.unwrap_or(devices::NO_ACCOUNT);
        let tenant = self.settings.tenant;
        let chain = self.certify(PeerIdentity::Device { tenant, device, account }, &key).await?;
        let leaf = chain.first().ok_or(IdentityFault::Damaged("certificate chain"))?;
        let row = Device {
            noise_key: Some(at.noise),
            certificate: Some(sha256(leaf)),
            enrolled_at: Some(self.now()),
            fingerprint: Some(self.fingerprint(&ask.facts).0),
            user: user.as_ref().map(Owner::id),
            ..Device::new(tenant, account, device, ask.public_key)
        };
        self.stores.devices.put(row).await?;
        self.note_ok(SecurityKind::DeviceEnrolled, devices::device_name(device), Some(at.address));
        let chain: Vec<Vec<u8>> = chain.iter().map(|certificate| certificate.to_vec()).collect();
        let (login, second_factor) = match &user {
            Some(Owner::Enrollee(user)) => (
                user.login.to_string(),
                if needs_factor(user.role) { SecondFactorNeed::Required } else { SecondFactorNeed::Optional },
            ),
            Some(Owner::Known(_)) | None => (String::new(), SecondFactorNeed::None),
        };
        at.stage = match user {
            Some(Owner::Enrollee(user)) => Stage::User(user),
            Some(Owner::Known(_)) | None => Stage::Device,
        };
        Ok(EnrolAnswer::Granted(Box::new(Granted {
            tenant,
            device,
            account,
            login,
            second_factor,
            deployment: self.settings.deployment.clone(),
            chain,
            authority: self.certificates.authority()?.to_vec(),
            noise_key: self.keys.noise.public(),
            pins: self.keys.pins.clone(),
            signal_keys: self.keys.signal_keys.clone(),
            now: self.now(),
        })))
    }

    pub(super) fn fingerprint(&self, facts: &[Fact]) -> DeviceFingerprint {
        let facts: Vec<(&str, &str)> = facts.iter().map(|fact| (fact.name.as_str(), fact.value.as_str())).collect();
        DeviceFingerprint::of(&self.keys.salt, &facts)
    }

    /// Whom the invitation is for. Nothing is written: an invitation that cannot be used so is not used up.
    async fn invited(&self, invite: &Invite, wish: Option<&LoginName>) -> Result<Invited, IdentityFault> {
        let fixed = invite.login.as_ref().map(proved).transpose()?;
        let login = match (fixed, wish) {
            (Some(fixed), Some(wish)) if fixed != *wish => return Err(IdentityFault::Name),
            (Some(fixed), _) => Some(fixed),
            (None, wish) => wish.cloned(),
        };
        let user = match &login {
            Some(login) => self.stores.users.by_login(self.settings.tenant, &stored(login)?).await?,
            None => None,
        };
        let may = |user: &User| matches!(user.status, UserStatus::Invited | UserStatus::Active);
        match (invite.purpose, login, user) {
            (InvitePurpose::Device, None, _) => Ok(Invited::Nobody),
            // A device's owner is named by the operator alone.
            (InvitePurpose::Device, Some(_), Some(user)) if invite.login.is_some() && may(&user.value) => {
                Ok(Invited::Owner(user.value.id))
            }
            (InvitePurpose::Device, Some(_), _) | (_, None, _) => Err(IdentityFault::Name),
            (_, Some(login), None) => Ok(Invited::New(login)),
            // Who is there already registers anew if the operator named him, and as what he is.
            (_, Some(login), Some(Versioned { value, .. }))
                if invite.login.is_some() && value.role == invite.role && may(&value) =>
            {
                Ok(Invited::Again(Enrollee { id: value.id, login, role: value.role }))
            }
            _ => Err(IdentityFault::NameTaken),
        }
    }

    /// Writes the user who is new. The name's uniqueness is the store's: of two who choose it at once one gets it.
    async fn settle(&self, invite: &Invite, invited: Invited) -> Result<Option<Owner>, IdentityFault> {
        let login = match invited {
            Invited::Nobody => return Ok(None),
            Invited::Owner(user) => return Ok(Some(Owner::Known(user))),
            Invited::Again(user) => return Ok(Some(Owner::Enrollee(user))),
            Invited::New(login) => login,
        };
        let (id, now) = (UserId(self.env.rng.bytes()), self.now());
        let user = User {
            tenant: self.settings.tenant,
            id,
            login: stored(&login)?,
            role: invite.role,
            status: UserStatus::Invited,
            opaque: Vec::new(),
            second_factor: Vec::new(),
            note: String::new(),
            created_at: now,
            changed_at: now,
        };
        match self.stores.users.put(user, Version::NONE).await {
            Ok(_) => Ok(Some(Owner::Enrollee(Enrollee { id, login, role: invite.role }))),
            Err(aitrading_store::StoreError::Conflict { .. }) => Err(IdentityFault::NameTaken),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whom an invitation is for.
enum Invited {
    /// A device alone.
    Nobody,
    /// A device of this user.
    Owner(UserId),
    /// A user who is there and registers anew.
    Again(Enrollee),
    /// A user who is not there yet.
    New(LoginName),
}

/// Whose the device is.
enum Owner {
    Known(UserId),
    Enrollee(Enrollee),
}

impl Owner {
    const fn id(&self) -> UserId {
        match self {
            Self::Known(id) | Self::Enrollee(Enrollee { id, .. }) => *id,
        }
    }
}

impl Enrolment {
    /// Is all there that was invited, so that the client may leave?
    const fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Device | Stage::Over)
            || matches!(&self.stage, Stage::Registered(registered) if registered.active)
    }
}
