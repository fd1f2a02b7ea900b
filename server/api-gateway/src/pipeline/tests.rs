//! Requests on their whole way, over the stores' in-memory twins, with real certificates and tokens.

mod changes;
mod coverage;
mod doors;
mod rows;

use super::Pipeline;
use crate::{
    GatewaySettings, RawGateway,
    api::{AUDIENCE, Api, ApiParts},
};
use aitrading_config::Provenance;
use aitrading_env::{Env, sim::ManualClock};
use aitrading_http::{Body, Handler, Metrics, Observability, Peer, Probe, Request, Response, StatusCode, TlsPeer};
use aitrading_model::{AccountId, DeviceId, TenantId, Timestamp};
use aitrading_security::{
    SanAuthenticator,
    access::Role,
    limits::{Action, Quota, Quotas, Row},
    login::Level,
    pki::Authority,
    sha256,
    signing::SigningKey,
    token::{FamilyId, Grant, Moment, Subject, TokenGate, TokenIssuer, TokenKeys},
};
use aitrading_store::{
    Device, Entitlement, LoginName, PaymentState, PlatformStores, Stores, Subscription, SubscriptionStatus,
    SymbolScope, User, UserId, UserRole, UserStatus, Version, memory,
};
use aitrading_wire::services::{ChangeAsked, ChangeSink, ServiceError};
use http_body_util::BodyExt;
use serde_json::Value;
use std::{
    net::SocketAddr,
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

pub(super) const TENANT: TenantId = TenantId(1);
pub(super) const ACCOUNT: AccountId = AccountId(7);
pub(super) const DEVICE: DeviceId = DeviceId([3; 16]);
/// A user of the tenant whom somebody else looks at.
pub(super) const OTHER: UserId = UserId([9; 16]);
const START: i64 = 1_700_000_000_000_000_000;

/// One recorder for the process.
static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics::install().unwrap());

/// What was taken down; it can be made to fail.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) asked: Mutex<Vec<ChangeAsked>>,
    pub(super) fails: AtomicBool,
}

#[async_trait::async_trait]
impl ChangeSink for Changes {
    async fn asked(&self, change: ChangeAsked) -> Result<u64, ServiceError> {
        if self.fails.load(Ordering::SeqCst) {
            let closed = aitrading_http::HttpError::NotFound;
            return Err(ServiceError::from_coded(&closed));
        }
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(change);
        Ok(asked.len() as u64)
    }
}

pub(super) struct World {
    pub(super) env: Env,
    pub(super) clock: ManualClock,
    pub(super) stores: Stores,
    pub(super) platform: PlatformStores,
    pub(super) changes: Arc<Changes>,
    pub(super) tokens: Arc<TokenGate>,
    issuer: Mutex<TokenIssuer>,
    authority: Authority,
    pipeline: Pipeline,
}

/// Somebody who asks: a certificate, and perhaps a token.
#[derive(Debug, Clone, Default)]
pub(super) struct Asker {
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) token: Option<String>,
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) headers: aitrading_http::HeaderMap,
    pub(super) body: Value,
}

impl Answered {
    pub(super) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("")
    }
}

fn wide() -> Quotas {
    let quota = Quota::new(1_000_000, Duration::from_mins(1), 1_000_000).ok();
    let row = Row { user: quota, device: quota, address: quota, network: quota };
    Action::ALL.into_iter().fold(Quotas::default(), |quotas, action| quotas.with(action, row))
}

pub(super) fn settings() -> GatewaySettings {
    RawGateway::default().resolve("gateway", &Provenance::default()).unwrap()
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(GatewaySettings { quotas: wide(), ..settings() }).await
    }

    pub(super) async fn with(settings: GatewaySettings) -> Self {
        let clock = ManualClock::new(START);
        let env = Env { clock: Arc::new(clock.clone()), ..Env::real() };
        let told = Arc::clone(&env.clock);
        let now = move || told.mono_ns();
        let (stores, platform) = (memory::stores(now.clone()), memory::platform_stores(now));
        let key = SigningKey::from_seed(&[5; 32]);
        let keys = TokenKeys::new(key, None, Vec::new()).unwrap();
        let tokens = Arc::new(TokenGate::new("aitrading", keys.public()).unwrap());
        tokens.load([], Moment::of(&*env.clock));
        let changes = Arc::new(Changes::default());
        let parts = ApiParts {
            env: env.clone(),
            stores: stores.clone(),
            platform: platform.clone(),
            changes: Arc::clone(&changes) as Arc<dyn ChangeSink>,
            tokens: Arc::clone(&tokens),
            authenticator: Arc::new(SanAuthenticator),
        };
        let probe = Probe::new(|_: Option<&str>| Some((true, "well")));
        let observability = Observability::new(probe, METRICS.clone()).of(crate::SERVICE);
        let world = Self {
            pipeline: Pipeline::new(observability, Arc::new(Api::new(parts, &settings))),
            issuer: Mutex::new(TokenIssuer::new("aitrading", keys, Timestamp(0)).unwrap()),
            authority: Authority::generate(&env, Duration::from_hours(24)).unwrap(),
            env,
            clock,
            stores,
            platform,
            changes,
            tokens,
        };
        world.stores.devices.put(Device::new(TENANT, ACCOUNT, DEVICE, [1; 32])).await.unwrap();
        world
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp(self.env.clock.wall_ns())
    }

    /// The installation of [`ACCOUNT`], by its certificate alone.
    pub(super) fn device(&self) -> Asker {
        self.device_of(TENANT, ACCOUNT, DEVICE)
    }

    pub(super) fn device_of(&self, tenant: TenantId, account: AccountId, device: DeviceId) -> Asker {
        let issued = self.authority.issue_device(&self.env, tenant, device, account, Duration::from_hours(1)).unwrap();
        Asker { certificates: issued.chain().iter().map(|der| der.to_vec()).collect(), token: None }
    }

    pub(super) fn service(&self, name: &str) -> Asker {
        let issued = self.authority.issue_service(&self.env, TENANT, name, Duration::from_hours(1)).unwrap();
        Asker { certificates: issued.chain().iter().map(|der| der.to_vec()).collect(), token: None }
    }

    /// A person of this role who has proved this much, on the installation.
    pub(super) fn person(&self, user: UserId, role: Role, level: Level) -> Asker {
        let asker = self.device();
        let certificate = sha256(&asker.certificates[0]);
        Asker { token: Some(self.token(user, role, level, certificate)), ..asker }
    }

    pub(super) fn token(&self, user: UserId, role: Role, level: Level, certificate: [u8; 32]) -> String {
        let grant = Grant {
            tenant: TENANT,
            subject: Subject(user.0),
            role,
            level,
            family: FamilyId([4; 16]),
            device: Some(DEVICE),
            account: Some(ACCOUNT),
            certificate,
            audience: AUDIENCE.to_owned(),
        };
        let issued = self.issuer.lock().unwrap().issue(grant, self.now(), &*self.env.rng).unwrap();
        issued.token.expose().clone()
    }

    /// An operator who has just proved everything.
    pub(super) fn operator(&self) -> Asker {
        self.person(UserId([2; 16]), Role::Operator, Level::stepped_up(self.now()))
    }

    pub(super) async fn user(&self, id: UserId, login: &str, role: UserRole) -> User {
        let user = User {
            tenant: TENANT,
            id,
            login: LoginName::new(login).unwrap(),
            role,
            status: UserStatus::Active,
            opaque: b"OPAQUE-RECORD".to_vec(),
            second_factor: b"SECOND-FACTOR".to_vec(),
            note: String::new(),
            created_at: self.now(),
            changed_at: self.now(),
        };
        self.platform.users.put(user.clone(), Version::NONE).await.unwrap();
        user
    }

    pub(super) async fn subscribe(&self, account: AccountId) {
        let subscription = Subscription {
            tenant: TENANT,
            account,
            status: SubscriptionStatus::Active,
            expires_at: self.now().plus(Duration::from_hours(24)),
            symbols: SymbolScope::All,
            auto_trading: true,
            entitlement: Entitlement { payment: PaymentState::Paid, ..Entitlement::default() },
        };
        self.stores.subscriptions.put(subscription).await.unwrap();
    }

    pub(super) fn request(asker: &Asker, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Request {
        let mut request = http::Request::builder().method(method).uri(target);
        if let Some(token) = &asker.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let tls = TlsPeer { exporter: [0; 32], certificates: asker.certificates.clone() };
        let peer = Arc::new(Peer { addr: SocketAddr::from(([192, 0, 2, 1], 40_000)), tls: Some(tls) });
        Request { head, body: Body::given(body.to_vec()), peer }
    }

    pub(super) async fn send(&self, request: Request) -> Answered {
        told(self.pipeline.handle(request).await).await
    }

    pub(super) async fn get(&self, asker: &Asker, target: &str) -> Answered {
        self.send(Self::request(asker, "GET", target, &[], b"")).await
    }

    /// A change under a key of its own.
    pub(super) async fn change(&self, asker: &Asker, method: &str, target: &str, body: &str) -> Answered {
        let key = format!("key-{}", self.changes.asked.lock().unwrap().len());
        self.change_as(asker, (method, target), &key, body).await
    }

    pub(super) async fn change_as(
        &self,
        asker: &Asker,
        (method, target): (&str, &str),
        key: &str,
        body: &str,
    ) -> Answered {
        let mut headers = vec![("idempotency-key", key)];
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        self.send(Self::request(asker, method, target, &headers, body.as_bytes())).await
    }

    pub(super) fn taken_down(&self) -> Vec<&'static str> {
        self.changes.asked.lock().unwrap().iter().map(|asked| asked.what).collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "our own answer, whole")]
async fn told(response: Response) -> Answered {
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap_or(Value::Null) };
    assert!(head.status != StatusCode::INTERNAL_SERVER_ERROR, "{body}");
    Answered { status: head.status.as_u16(), headers: head.headers, body }
}
