//! The server's half of a login, and of a step-up within a session.

use super::{
    Identity, IdentityFault, SecurityKind, Visitor,
    enrol::{needs_factor, stored},
    lockouts::Counted,
};
use aitrading_channel::{
    ChannelError, CloseReason,
    exchange::{self, Answering},
};
use aitrading_env::BoxStream;
use aitrading_error::{Coded, Severity};
use aitrading_http::Peer;
use aitrading_security::{
    equal_in_constant_time,
    lockout::{Source, Standing},
    login::{
        ChannelHash, Level, LoginError, LoginFinish, LoginName, LoginRequest, Network, PasswordRecord, PendingLogin,
        RiskVerdict, Seen, Sight, assess, observe,
    },
    token::{FamilyId, RefreshFamily},
};
use aitrading_store::{LoginSessionId, User, UserStatus};
use aitrading_wire::identity::{
    Hidden, LoginAnswer, LoginAsk, LoginGranted, LoginLevel, LoginStart, Proof, RefreshGranted, Wanted,
};

/// A login under way.
struct Login {
    visitor: Visitor,
    channel: ChannelHash,
    stage: Stage,
}

/// How far it came.
enum Stage {
    Begun,
    /// The password is to be proved.
    Answered(Box<Try>, PendingLogin),
    /// The second factor is to be proved.
    Proved(Box<Try>, User),
    Over,
}

/// Who tries.
struct Try {
    wanted: Wanted,
    counted: Counted,
    /// Failures of this source before this try.
    failures: u32,
    /// The user, if there is one who may log in.
    user: Option<User>,
    seen: Seen,
}

impl Identity {
    /// Serves a login over an upgraded connection, to its end. Only enrolled devices get as far as a handshake.
    ///
    /// # Errors
    /// [`IdentityFault`]: how it ended, if not as it should; the peer has been told, and so has the sink.
    pub async fn serve_login(&self, io: BoxStream, peer: &Peer) -> Result<(), IdentityFault> {
        let visitor = match self.visitor(peer).await {
            Ok(visitor) => visitor,
            Err(fault) => return Err(self.turn_away(io, fault).await),
        };
        let Some(tls) = &peer.tls else { return Err(self.turn_away(io, IdentityFault::NoTls).await) };
        let Ok(_place) = self.places.try_acquire() else { return Err(self.turn_away(io, IdentityFault::Busy).await) };
        let exchange = exchange::serve_login(&self.host, (io, tls.exporter)).await?;
        let enrolled = visitor.device.noise_key;
        if !enrolled.is_some_and(|key| equal_in_constant_time(&key, &exchange.peer_key())) {
            let fault = IdentityFault::NoiseKey;
            let (code, severity) = (fault.dna().code, fault.dna().severity);
            self.note(SecurityKind::DeviceRefused, (code, severity), visitor.name(), Some(visitor.address));
            exchange.close(CloseReason::Policy).await;
            return Err(fault);
        }
        let login = Login { visitor, channel: ChannelHash(exchange.hash()), stage: Stage::Begun };
        self.login(exchange, login).await
    }

    async fn login(&self, mut exchange: Answering, mut login: Login) -> Result<(), IdentityFault> {
        loop {
            let question = match exchange.question().await {
                Ok(question) => question,
                Err(ChannelError::Truncated) if matches!(login.stage, Stage::Over) => return Ok(()),
                Err(error) => {
                    self.abandoned(login.stage, error.dna().code).await?;
                    exchange.close(error.close_reason()).await;
                    return Err(error.into());
                }
            };
            let answered = match LoginAsk::decode(&question) {
                Ok(ask) => self.login_step(&mut login, ask).await,
                Err(error) => Err(error.into()),
            };
            match answered {
                Ok(answer) => exchange.answer(&answer.encode()).await?,
                Err(fault) => {
                    exchange.answer(&LoginAnswer::Refused(fault.told()).encode()).await?;
                    exchange.close(CloseReason::Policy).await;
                    return Err(fault);
                }
            }
        }
    }

    async fn login_step(&self, at: &mut Login, ask: LoginAsk) -> Result<LoginAnswer, IdentityFault> {
        match (std::mem::replace(&mut at.stage, Stage::Over), ask) {
            (Stage::Begun, LoginAsk::Start(start)) => self.start(at, *start).await,
            (Stage::Answered(tried, pending), LoginAsk::Finish(finish)) => {
                let counted = tried.counted.clone();
                let proved = self.finish(at, tried, pending, &finish).await;
                self.noted(&counted, proved).await
            }
            (Stage::Proved(tried, user), LoginAsk::Factor(proof)) => {
                let counted = tried.counted.clone();
                let proved = self.factor(at, *tried, user, &proof).await;
                self.noted(&counted, proved).await
            }
            _ => Err(IdentityFault::OutOfTurn),
        }
    }

    /// The client left where a proof was due. That is what a wrong password looks like: who types one learns it from the server's
    /// answer, and never sends a proof.
    async fn abandoned(&self, stage: Stage, code: &'static str) -> Result<(), IdentityFault> {
        let (Stage::Answered(tried, _) | Stage::Proved(tried, _)) = stage else { return Ok(()) };
        let who = &tried.counted;
        self.note(SecurityKind::LoginRefused, (code, Severity::Warning), who.name.clone(), Some(who.address));
        self.failed(who).await
    }

    /// Counts and notes a try that was not good. It was counted before: what is due is the edge of a lock.
    async fn noted(
        &self,
        who: &Counted,
        answer: Result<LoginAnswer, IdentityFault>,
    ) -> Result<LoginAnswer, IdentityFault> {
        if let Err(fault) = &answer {
            let dna = fault.dna();
            self.note(SecurityKind::LoginRefused, (dna.code, dna.severity), who.name.clone(), Some(who.address));
            self.failed(who).await?;
        }
        answer
    }

    /// Everything here is the same for a user that there is not: the look-up, the counting, and the answer's making (T26).
    async fn start(&self, at: &mut Login, start: LoginStart) -> Result<LoginAnswer, IdentityFault> {
        let name = LoginName::new(&start.login)?;
        let request = LoginRequest::from_bytes(&start.request)?;
        let found = self.stores.users.by_login(self.settings.tenant, &stored(&name)?).await?.map(|user| user.value);
        let user = found.filter(|user| user.status == UserStatus::Active);
        let own = user.as_ref().is_some_and(|user| at.visitor.device.user == Some(user.id));
        let standing = if own { Standing::Known } else { Standing::Stranger };
        let source = Source::of(at.visitor.address, Some(at.visitor.device.device), standing);
        let counted = Counted { name: name.to_string(), source, address: at.visitor.address };
        let failures = match self.attempt(&counted).await {
            Ok(failures) => failures,
            Err(fault) => {
                let dna = fault.dna();
                self.note(SecurityKind::LoginRefused, (dna.code, dna.severity), counted.name, Some(counted.address));
                return Err(fault);
            }
        };
        // A record that does not read is as good as none, and the peer does not learn which.
        let record = user.as_ref().map(|user| PasswordRecord::from_bytes(&user.opaque));
        if let Some(Err(damaged)) = &record {
            let dna = damaged.dna();
            self.note(SecurityKind::StoreFailed, (dna.code, Severity::Critical), counted.name.clone(), None);
        }
        let record = record.and_then(Result::ok);
        let user = user.filter(|_| record.is_some());
        let (parties, rng) = (self.parties(name), self.env.rng.as_ref());
        let respond = || self.keys.setup.respond(rng, &parties, &at.channel, record.as_ref(), request);
        let (pending, response) = self.worked(respond).await??;
        let device = self.fingerprint(&start.facts);
        let seen = Seen { network: Network::of(at.visitor.address), device, device_clock: start.clock };
        let tried = Try { wanted: start.wanted, counted, failures, user, seen };
        at.stage = Stage::Answered(Box::new(tried), pending);
        Ok(LoginAnswer::Respond(Box::new(response.to_bytes())))
    }

    async fn finish(
        &self,
        at: &mut Login,
        tried: Box<Try>,
        pending: PendingLogin,
        finish: &[u8; 64],
    ) -> Result<LoginAnswer, IdentityFault> {
        let finish = LoginFinish::from_bytes(finish)?;
        let _session_key = self.worked(|| pending.check(finish)).await??;
        // Only a user that there is can have been proved.
        let user = tried.user.clone().ok_or(LoginError::Refused)?;
        let unusual = self.risk(&tried, &user).await?;
        if !user.second_factor.is_empty() {
            at.stage = Stage::Proved(tried, user);
            return Ok(LoginAnswer::FactorNeeded);
        }
        // Signs of risk ask for a second factor; who has none reaches no more than the level of a password, as ever.
        if needs_factor(user.role) || tried.wanted != Wanted::Session {
            return Err(IdentityFault::FactorMissing);
        }
        if unusual {
            self.note(SecurityKind::Risk, ("LOGIN_UNUSUAL", Severity::Warning), tried.counted.name.clone(), None);
        }
        self.grant(at, *tried, user, None).await
    }

    /// Looks for signs of risk.
    async fn risk(&self, tried: &Try, user: &User) -> Result<bool, IdentityFault> {
        let earlier = self.seen(user.id).await?;
        let signals = observe(&earlier, &Sight { seen: tried.seen, failures: tried.failures });
        match assess(&signals) {
            RiskVerdict::Continue => Ok(false),
            // A user's first login is on a new device in a new network: that is what first means.
            RiskVerdict::AskStepUp => Ok(!earlier.is_empty()),
            RiskVerdict::Refuse => {
                let (name, address) = (tried.counted.name.clone(), tried.counted.address);
                self.note(SecurityKind::Risk, ("LOGIN_RISK", Severity::Error), name, Some(address));
                Err(IdentityFault::Risk)
            }
        }
    }

    async fn factor(
        &self,
        at: &mut Login,
        tried: Try,
        user: User,
        proof: &Proof,
    ) -> Result<LoginAnswer, IdentityFault> {
        let left = self.use_factor(user.id, proof).await?;
        self.grant(at, tried, user, Some(left)).await
    }

    /// The user is recognised. `factor` says that a second factor was proved, and how many recovery codes are left.
    async fn grant(
        &self,
        at: &Login,
        tried: Try,
        user: User,
        factor: Option<u8>,
    ) -> Result<LoginAnswer, IdentityFault> {
        let (visitor, now) = (&at.visitor, self.now());
        let (family, holder, level) = match (tried.wanted, factor) {
            (Wanted::Session, _) => {
                let (family, holder) = self.open_session(&user, visitor, factor.is_some()).await?;
                let level = if factor.is_some() { Level::SecondFactor } else { Level::Password };
                (family, Some(holder), level)
            }
            (Wanted::StepUp(family), Some(_)) => {
                let family = FamilyId(family);
                self.check_session(family, &user, visitor).await?;
                (family, None, Level::stepped_up(now))
            }
            (Wanted::StepUp(_), None) => return Err(IdentityFault::FactorMissing),
        };
        let issued = self.token(&user, visitor, family, level).await?;
        self.succeeded(&tried.counted).await?;
        self.remember(user.id, tried.seen).await?;
        let device = visitor.device;
        self.stores.devices.seen(device.tenant, device.account, device.device, now).await?;
        let kind = if holder.is_some() { SecurityKind::LoggedIn } else { SecurityKind::SteppedUp };
        self.note_ok(kind, tried.counted.name, Some(visitor.address));
        let refresh = holder.map(|holder| {
            let (key, secret, _) = holder.state();
            RefreshGranted {
                family_key: Hidden::new(key.text().expose().as_str()),
                secret: Hidden::new(secret.text().expose().as_str()),
            }
        });
        Ok(LoginAnswer::Granted(Box::new(LoginGranted {
            token: Hidden::new(issued.token.expose().as_str()),
            expires_at: issued.claims.expires_at,
            level: match level {
                Level::Password => LoginLevel::Password,
                Level::SecondFactor => LoginLevel::SecondFactor,
                Level::StepUp { until } => LoginLevel::StepUp { until },
            },
            subject: user.id.0,
            account: device.account,
            recovery_left: factor.unwrap_or(0),
            refresh,
        })))
    }

    /// Is this session the user's, on this device, and alive?
    async fn check_session(&self, family: FamilyId, user: &User, visitor: &Visitor) -> Result<(), IdentityFault> {
        let found = self.stores.sessions.get(user.tenant, LoginSessionId(family.0)).await?;
        let session = found.ok_or(IdentityFault::NoSession)?.value;
        if session.user != user.id || session.device != Some(visitor.key) || session.ended.is_some() {
            return Err(IdentityFault::NoSession);
        }
        let state = std::str::from_utf8(&session.state).map_err(|_| IdentityFault::Damaged("login session"))?;
        let family = RefreshFamily::decode(state)?;
        if family.revoked_at().is_some() || self.now() >= family.over_at() {
            return Err(IdentityFault::NoSession);
        }
        Ok(())
    }
}
