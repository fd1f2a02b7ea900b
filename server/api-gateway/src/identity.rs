//! Who is there: enrolment, login, refresh, logout and what is taken back, over the stores' ports (docs/specs/enrolment.md,
//! docs/specs/login.md, docs/specs/tokens.md). No route lives here: whoever has an upgraded connection, or a request, hands it in.
//!
//! What is revoked is durable before it is answered. What a store cannot say is a no.

mod devices;
mod enrol;
mod events;
mod factor;
mod fault;
mod grant;
mod invite;
mod lockouts;
mod login;
mod password;
mod refresh;
mod revoke;
mod seen;
#[cfg(test)]
mod tests;

pub use devices::{Renewed, Visitor};
pub use events::{SecurityKind, SecurityNote, SecuritySink};
pub use fault::IdentityFault;
pub use invite::{Invitation, Sealer, Wish};
pub use refresh::Refreshed;

use aitrading_channel::exchange::{ExchangeLimits, Host};
use aitrading_env::Env;
use aitrading_model::{TenantId, Timestamp};
use aitrading_security::{
    NoiseKeyPair, PeerIdentity, Secret, SecurityError,
    lockout::LockoutPolicy,
    login::{Deployment, LoginName, Parties, ServerSetup},
    pki::Authority,
    signing::VerifyingKey,
    token::{TokenGate, TokenIssuer, TokenKeys},
};
use aitrading_store::{
    DeviceStore, InviteStore, LockoutStore, LoginSessionStore, MetaStore, Place, PlatformStores, RevocationStore,
    Stores, UserStore,
};
use async_trait::async_trait;
use rustls_pki_types::CertificateDer;
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;

/// How long a device's certificate lasts; it is renewed daily.
pub const CERTIFICATE_LIFE: Duration = Duration::from_hours(24);
/// Where the time of the newest token is kept.
const LAST_ISSUED: &str = "identity/last-issued";

/// What the operator decides.
#[derive(Debug, Clone)]
pub struct IdentitySettings {
    /// Whose users and devices these are.
    pub tenant: TenantId,
    /// The deployment's name; it cannot change without every user registering anew.
    pub deployment: String,
    /// The issuer of tokens (`iss`), 1 to 64 visible ASCII characters.
    pub issuer: String,
    /// The door that tokens open (`aud`).
    pub audience: String,
    /// What an authenticator shows beside the code.
    pub label: String,
    /// How much guessing is put up with.
    pub lockout: LockoutPolicy,
    /// Enrolments and logins that may be under way at once.
    pub exchanges_max: usize,
    /// Handshakes and steps of OPAQUE that may compute at once (T59).
    pub work_at_once: usize,
    /// How long an exchange may take.
    pub limits: ExchangeLimits,
}

impl IdentitySettings {
    /// The defaults, for one tenant of one deployment.
    #[must_use]
    pub fn new(tenant: TenantId, deployment: &str) -> Self {
        Self {
            tenant,
            deployment: deployment.to_owned(),
            issuer: "aitrading".to_owned(),
            audience: "gateway".to_owned(),
            label: "AI Trading".to_owned(),
            lockout: LockoutPolicy::default(),
            exchanges_max: 64,
            work_at_once: 2,
            limits: ExchangeLimits::default(),
        }
    }
}

/// What comes from the vault.
#[derive(Debug)]
pub struct IdentityKeys {
    /// The server's static Noise key.
    pub noise: NoiseKeyPair,
    /// Seals what lies in the store.
    pub sealer: Sealer,
    /// What all passwords of the deployment stand on.
    pub setup: ServerSetup,
    /// The ring that signs tokens.
    pub tokens: TokenKeys,
    /// Under which devices' facts are hashed.
    pub salt: Secret<[u8; 32]>,
    /// SHA-256 of the server's TLS key, and of its spare.
    pub pins: Vec<[u8; 32]>,
    /// Ed25519 keys that sign signals: the current one, then the next one if there is one.
    pub signal_keys: Vec<[u8; 32]>,
}

/// The ports that are used.
#[derive(Clone)]
pub struct IdentityStores {
    /// Who logs in.
    pub users: Arc<dyn UserStore>,
    /// Who may enrol once.
    pub invites: Arc<dyn InviteStore>,
    /// Which devices there are.
    pub devices: Arc<dyn DeviceStore>,
    /// Who is logged in.
    pub sessions: Arc<dyn LoginSessionStore>,
    /// What is not believed any more.
    pub revocations: Arc<dyn RevocationStore>,
    /// Who has failed how often.
    pub lockouts: Arc<dyn LockoutStore>,
    /// Small facts.
    pub meta: Arc<dyn MetaStore>,
}

impl IdentityStores {
    /// Of a deployment's stores.
    #[must_use]
    pub fn of(stores: &Stores, platform: &PlatformStores) -> Self {
        Self {
            users: Arc::clone(&platform.users),
            invites: Arc::clone(&platform.invites),
            devices: Arc::clone(&stores.devices),
            sessions: Arc::clone(&platform.login_sessions),
            revocations: Arc::clone(&platform.revocations),
            lockouts: Arc::clone(&platform.lockouts),
            meta: Arc::clone(&stores.meta),
        }
    }
}

impl fmt::Debug for IdentityStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityStores").finish_non_exhaustive()
    }
}

/// Issues certificates for keys that devices have proved to hold.
#[async_trait]
pub trait CertificateIssuer: Send + Sync + fmt::Debug {
    /// A chain, leaf first, without the authority, good for `life` from now.
    ///
    /// # Errors
    /// [`SecurityError`].
    async fn issue(
        &self,
        env: &Env,
        peer: &PeerIdentity,
        key: &VerifyingKey,
        life: Duration,
    ) -> Result<Vec<CertificateDer<'static>>, SecurityError>;

    /// The authority's certificate.
    ///
    /// # Errors
    /// [`SecurityError`].
    fn authority(&self) -> Result<CertificateDer<'static>, SecurityError>;
}

#[async_trait]
impl CertificateIssuer for Authority {
    async fn issue(
        &self,
        env: &Env,
        peer: &PeerIdentity,
        key: &VerifyingKey,
        life: Duration,
    ) -> Result<Vec<CertificateDer<'static>>, SecurityError> {
        Ok(vec![self.certify(env, peer, key, life)?])
    }

    fn authority(&self) -> Result<CertificateDer<'static>, SecurityError> {
        self.certificate()
    }
}

/// Who is there. Shared by all of the gateway.
pub struct Identity {
    env: Env,
    settings: IdentitySettings,
    deployment: Deployment,
    keys: IdentityKeys,
    stores: IdentityStores,
    certificates: Arc<dyn CertificateIssuer>,
    sink: Arc<dyn SecuritySink>,
    host: Host,
    /// Exchanges that may still begin.
    places: Semaphore,
    issuer: Mutex<TokenIssuer>,
    /// What is durable of the issuer's time.
    issued: tokio::sync::Mutex<Timestamp>,
    /// One change of failures at a time: many tries on one account would otherwise only undo each other's compare-and-set.
    counting: tokio::sync::Mutex<()>,
    gate: Arc<TokenGate>,
    /// How far the revocations were read.
    place: tokio::sync::Mutex<Place>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Identity {
    /// Reads what has to be known before anybody is believed: the time of the newest token, and all revocations.
    ///
    /// # Errors
    /// [`IdentityFault`]: settings that are none, a store that does not answer, a damaged state.
    pub async fn open(
        env: &Env,
        settings: IdentitySettings,
        keys: IdentityKeys,
        stores: IdentityStores,
        certificates: Arc<dyn CertificateIssuer>,
        sink: Arc<dyn SecuritySink>,
    ) -> Result<Arc<Self>, IdentityFault> {
        let last = match stores.meta.get(LAST_ISSUED).await? {
            Some(bytes) => Timestamp(i64::from_be_bytes(
                bytes.try_into().map_err(|_| IdentityFault::Damaged("the time of the newest token"))?,
            )),
            None => Timestamp(i64::MIN),
        };
        let gate = Arc::new(TokenGate::new(&settings.issuer, keys.tokens.public())?);
        let issuer = TokenIssuer::new(&settings.issuer, keys.tokens.clone(), last)?;
        let host = Host {
            env: env.clone(),
            noise_static: keys.noise.clone(),
            limits: settings.limits,
            work: Arc::new(Semaphore::new(settings.work_at_once.max(1))),
        };
        let identity = Arc::new(Self {
            env: env.clone(),
            deployment: Deployment::new(&settings.deployment)?,
            places: Semaphore::new(settings.exchanges_max),
            settings,
            keys,
            stores,
            certificates,
            sink,
            host,
            issuer: Mutex::new(issuer),
            issued: tokio::sync::Mutex::new(last),
            counting: tokio::sync::Mutex::default(),
            gate,
            place: tokio::sync::Mutex::new(Place::START),
        });
        identity.reload().await?;
        Ok(identity)
    }

    /// The one question for every door: is this token good, here, over this connection, now?
    #[must_use]
    pub fn gate(&self) -> Arc<TokenGate> {
        Arc::clone(&self.gate)
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.env.clock.wall_ns())
    }

    fn parties(&self, login: LoginName) -> Parties {
        Parties::new(self.settings.tenant, login, self.deployment.clone())
    }

    /// Computes when there is room for it (T59).
    async fn worked<T>(&self, step: impl FnOnce() -> T) -> Result<T, IdentityFault> {
        // Nobody closes the semaphore.
        let _room = self.host.work.acquire().await.map_err(|_| IdentityFault::Busy)?;
        Ok(step())
    }

    fn issuer(&self) -> std::sync::MutexGuard<'_, TokenIssuer> {
        self.issuer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
