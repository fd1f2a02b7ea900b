//! A server in memory, its operator, and devices.

use crate::identity::{
    Identity, IdentityFault, IdentityKeys, IdentitySettings, IdentityStores, Invitation, Sealer, SecurityKind,
    SecurityNote, SecuritySink, Wish,
};
use aitrading_channel::{
    ChannelError,
    exchange::{self, Asking, ExchangeLimits},
    identity::{DeviceFacts, Enrolled, Enrolling, IdentityError, LoginStep, SignedIn, log_in, prove},
};
use aitrading_env::{
    BoxStream, Env, RngExt as _,
    sim::{ManualClock, SeededRng},
};
use aitrading_error::Coded;
use aitrading_http::{Peer, TlsPeer};
use aitrading_model::{AccountId, TenantId, Timestamp};
use aitrading_security::{
    NoiseKeyPair, Secret,
    aead::SealKey,
    lockout::LockoutPolicy,
    login::{Authenticator, Deployment, EnrolmentCode, LoginName, Parties, Password, ServerSetup},
    pki::Authority,
    sha256,
    signing::SigningKey,
    token::{Moment, TokenKeys, TokenRefused, Verified},
};
use aitrading_store::{LoginName as StoredName, UserRole, memory};
use aitrading_wire::identity::{Hidden, Proof, SecondFactorNeed, Wanted};
use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

pub(super) const TENANT: TenantId = TenantId(1);
pub(super) const ACCOUNT: AccountId = AccountId(70_001);
pub(super) const HOME: &str = "192.0.2.7";
pub(super) const PASSWORD: &str = "four words of nonsense";
/// 2026-01-01T00:00:00Z.
const NOW_NS: i64 = 1_767_225_600_000_000_000;

/// What was told.
#[derive(Debug, Default)]
pub(super) struct Notes(Mutex<Vec<SecurityNote>>);

impl SecuritySink for Notes {
    fn note(&self, note: SecurityNote) {
        assert!(note.subject.len() <= 128 && note.origin.len() <= 128, "{note:?}");
        self.0.lock().unwrap().push(note);
    }
}

impl Notes {
    pub(super) fn of(&self, kind: SecurityKind) -> Vec<SecurityNote> {
        self.0.lock().unwrap().iter().filter(|note| note.kind == kind).cloned().collect()
    }

    pub(super) fn codes(&self, kind: SecurityKind) -> Vec<&'static str> {
        self.of(kind).iter().map(|note| note.code).collect()
    }
}

/// The server.
pub(super) struct World {
    pub(super) env: Env,
    pub(super) clock: ManualClock,
    pub(super) identity: Arc<Identity>,
    pub(super) stores: IdentityStores,
    pub(super) notes: Arc<Notes>,
    pub(super) authority: Arc<Authority>,
    pub(super) settings: IdentitySettings,
    pub(super) seal: [u8; 32],
}

/// A device with its keys, and what its user knows and has.
#[derive(Debug)]
pub(super) struct Installed {
    pub(super) noise: NoiseKeyPair,
    pub(super) enrolled: Enrolled,
    pub(super) parties: Parties,
    pub(super) authenticator: Option<Authenticator>,
    pub(super) recovery: Vec<Hidden>,
}

/// Both ends of what happened on one connection.
pub(super) type Both<T> = (Result<T, IdentityError>, Result<(), IdentityFault>);

impl World {
    pub(super) async fn new() -> Self {
        Self::with(|_, _| {}).await
    }

    /// A world with other settings or stores.
    pub(super) async fn with(change: impl FnOnce(&mut IdentitySettings, &mut IdentityStores)) -> Self {
        Self::seeded(5, change).await
    }

    pub(super) async fn seeded(seed: u64, change: impl FnOnce(&mut IdentitySettings, &mut IdentityStores)) -> Self {
        let clock = ManualClock::new(NOW_NS);
        let env = Env { clock: Arc::new(clock.clone()), rng: Arc::new(SeededRng::new(seed)), ..Env::real() };
        let mut stores = IdentityStores::of(&memory::stores(|| 1), &memory::platform_stores(|| 1));
        let mut settings = IdentitySettings::new(TENANT, "desk.example");
        change(&mut settings, &mut stores);
        let authority = Arc::new(Authority::generate(&env, Duration::from_hours(24 * 90)).unwrap());
        let notes = Arc::new(Notes::default());
        let seal = env.rng.bytes();
        let identity = open(&env, &settings, &stores, (&authority, &notes), &seal).await.unwrap();
        Self { env, clock, identity, stores, notes, authority, settings, seal }
    }

    /// The same deployment in another process: the same stores and seals, nothing of the memory.
    pub(super) async fn other_process(&self) -> Result<Arc<Identity>, IdentityFault> {
        open(&self.env, &self.settings, &self.stores, (&self.authority, &self.notes), &self.seal).await
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp(self.env.clock.wall_ns())
    }

    pub(super) async fn invite(&self, wish: Wish) -> EnrolmentCode {
        let sealer = Sealer::new(SealKey::new(&self.seal).unwrap());
        let by = ("operator", self.now());
        let made = Invitation::make(self.env.rng.as_ref(), self.stores.invites.as_ref(), &sealer, TENANT, wish, by);
        made.await.unwrap().code
    }

    pub(super) fn facts(&self) -> DeviceFacts {
        DeviceFacts::new(&[("system", "windows 11"), ("machine", "m-1")])
    }

    /// Opens an enrolment, and does `body` with it; both ends are heard to the end.
    pub(super) async fn enrolment<T>(
        &self,
        noise: &NoiseKeyPair,
        code: &EnrolmentCode,
        body: impl AsyncFnOnce(&mut Enrolling) -> Result<T, IdentityError>,
    ) -> Both<T> {
        let (client, server, exporter) = self.pipe();
        let ask = async {
            let line = (client, exporter);
            let asking = exchange::enrol_over(&self.env, ExchangeLimits::default(), line, noise, code).await?;
            let mut enrolling = Enrolling::new(asking);
            body(&mut enrolling).await
        };
        let peer = peer(HOME, exporter, vec![]);
        tokio::join!(ask, self.identity.serve_enrolment(server, &peer))
    }

    pub(super) fn pipe(&self) -> (BoxStream, BoxStream, [u8; 32]) {
        let (a, b) = tokio::io::duplex(1 << 16);
        (Box::new(a), Box::new(b), self.env.rng.bytes())
    }

    /// Enrols a device, and a user with it if the invitation is for one; with a second factor if it is needed or `factor`.
    pub(super) async fn install(&self, code: &EnrolmentCode, wish: Option<&str>, factor: bool) -> Both<Installed> {
        let (signing, noise) = (SigningKey::generate(&self.env), NoiseKeyPair::generate(&self.env));
        let wish = wish.map(|wish| LoginName::new(wish).unwrap());
        self.enrolment(&noise.clone(), code, async |enrolling| {
            let enrolled = enrolling.device(&self.env, &signing, wish.as_ref(), &self.facts()).await?;
            let granted = &enrolled.granted;
            let login = if granted.login.is_empty() { "nobody" } else { granted.login.as_str() };
            let deployment = Deployment::new(&granted.deployment).unwrap();
            let parties = Parties::new(granted.tenant, LoginName::new(login).unwrap(), deployment);
            let (mut authenticator, mut recovery) = (None, vec![]);
            if granted.second_factor != SecondFactorNeed::None {
                let (active, _) = enrolling.password(&self.env, &parties, password(PASSWORD)).await?;
                assert_eq!(active, granted.second_factor == SecondFactorNeed::Optional);
                if factor || !active {
                    let offer = enrolling.factor().await?;
                    let shown = Authenticator::from_uri(offer.uri.expose()).unwrap();
                    enrolling.confirm(shown.code(self.now()).unwrap().expose()).await?;
                    (authenticator, recovery) = (Some(shown), offer.recovery);
                }
            }
            Ok(Installed { noise, enrolled, parties, authenticator, recovery })
        })
        .await
    }

    /// A subscriber with an account on a device of his own.
    pub(super) async fn subscriber(&self, login: &str, factor: bool) -> Installed {
        let login = Some(StoredName::new(login).unwrap());
        let code = self.invite(Wish::User { role: UserRole::Subscriber, login, account: Some(ACCOUNT) }).await;
        let (client, server) = self.install(&code, None, factor).await;
        server.unwrap();
        self.later(30).await;
        client.unwrap()
    }

    /// Time goes by, and the server reads its revocations as it does.
    pub(super) async fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.identity.reload().await.unwrap();
    }

    /// A device that belongs to nobody.
    pub(super) async fn stranger(&self) -> Installed {
        let code = self.invite(Wish::Device { account: AccountId(9), login: None }).await;
        let (client, server) = self.install(&code, None, false).await;
        server.unwrap();
        client.unwrap()
    }

    /// Opens a login from a device, and does `body` with it.
    pub(super) async fn exchange<T>(
        &self,
        (device, address): (&Installed, &str),
        body: impl AsyncFnOnce(&mut Asking) -> Result<T, IdentityError>,
    ) -> Both<T> {
        let (client, server, exporter) = self.pipe();
        let key = device.enrolled.granted.noise_key;
        let ask = async {
            let line = (client, exporter);
            let limits = ExchangeLimits::default();
            let mut asking = exchange::login_over(&self.env, limits, line, &device.noise, &key).await?;
            body(&mut asking).await
        };
        let peer = peer(address, exporter, device.certificates());
        tokio::join!(ask, self.identity.serve_login(server, &peer))
    }

    /// A whole login with what the user knows and has.
    pub(super) async fn log_in(&self, device: &Installed, address: &str) -> Both<SignedIn> {
        self.log_in_as(device, (&device.parties, PASSWORD), address, Wanted::Session).await
    }

    pub(super) async fn log_in_as(
        &self,
        device: &Installed,
        (parties, typed): (&Parties, &str),
        address: &str,
        wanted: Wanted,
    ) -> Both<SignedIn> {
        let typed = password(typed);
        self.exchange((device, address), async |asking| {
            match log_in(&self.env, asking, (parties, typed), wanted, &self.facts()).await?.0 {
                LoginStep::In(signed_in) => Ok(*signed_in),
                LoginStep::FactorNeeded => {
                    let shown = device.authenticator.as_ref().expect("an authenticator");
                    let code = shown.code(self.now()).unwrap();
                    prove(asking, Proof::Code(Hidden::new(code.expose().as_str()))).await
                }
            }
        })
        .await
    }

    /// Asks the gate.
    pub(super) fn admit(&self, token: &Hidden, device: &Installed) -> Result<Arc<Verified>, TokenRefused> {
        self.admit_at(&self.identity, token.expose(), &device.certificate_hash())
    }

    pub(super) fn admit_at(
        &self,
        identity: &Identity,
        token: &str,
        certificate: &[u8; 32],
    ) -> Result<Arc<Verified>, TokenRefused> {
        identity.gate().admit(token, certificate, "gateway", Moment::of(self.env.clock.as_ref()))
    }
}

impl Installed {
    pub(super) fn certificates(&self) -> Vec<Vec<u8>> {
        self.enrolled.certificate.chain().iter().map(|certificate| certificate.to_vec()).collect()
    }

    pub(super) fn certificate_hash(&self) -> [u8; 32] {
        sha256(&self.certificates()[0])
    }

    /// The device over some connection from `address`.
    pub(super) fn peer(&self, address: &str) -> Peer {
        peer(address, [1; 32], self.certificates())
    }
}

pub(super) fn password(typed: &str) -> Password {
    Password::typed(Secret::new(typed.to_owned())).unwrap()
}

pub(super) fn peer(address: &str, exporter: [u8; 32], certificates: Vec<Vec<u8>>) -> Peer {
    let ip: IpAddr = address.parse().unwrap();
    Peer { addr: SocketAddr::new(ip, 4_711), tls: Some(TlsPeer { exporter, certificates }) }
}

async fn open(
    env: &Env,
    settings: &IdentitySettings,
    stores: &IdentityStores,
    (authority, notes): (&Arc<Authority>, &Arc<Notes>),
    seal: &[u8; 32],
) -> Result<Arc<Identity>, IdentityFault> {
    // The vault gives the same keys to every process of a deployment.
    let vault = SeededRng::new(u64::from_be_bytes(seal[..8].try_into().unwrap()));
    let keys = IdentityKeys {
        noise: NoiseKeyPair::from_secret(vault.bytes()),
        sealer: Sealer::new(SealKey::new(seal).unwrap()),
        setup: ServerSetup::generate(&vault).unwrap(),
        tokens: TokenKeys::new(SigningKey::from_seed(&vault.bytes()), None, vec![]).unwrap(),
        salt: Secret::new(vault.bytes()),
        pins: vec![[1; 32], [2; 32]],
        signal_keys: vec![[3; 32]],
    };
    let (issuer, sink) = (Arc::clone(authority), Arc::clone(notes));
    Identity::open(env, settings.clone(), keys, stores.clone(), issuer, sink).await
}

/// What the client was told: the server's code, or its own.
pub(super) fn told<T: std::fmt::Debug>(client: Result<T, IdentityError>) -> String {
    match client.unwrap_err() {
        IdentityError::Refused { code, .. } => code,
        IdentityError::Channel(ChannelError::Closed { reason }) => format!("closed {reason}"),
        other => other.dna().code.to_owned(),
    }
}

pub(super) fn fault<T: std::fmt::Debug>(server: Result<T, IdentityFault>) -> &'static str {
    server.unwrap_err().dna().code
}

/// A policy under which many tries at once are tries, and not yet guessing.
pub(super) fn patient() -> LockoutPolicy {
    let hour = Duration::from_hours(1);
    LockoutPolicy::new(
        (90, Duration::from_secs(1)),
        (100, hour, hour),
        Duration::from_hours(2),
        LockoutPolicy::default().strangers(),
    )
    .unwrap()
}
