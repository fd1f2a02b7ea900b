//! A door over stores in memory, and those who ask it.

use aitrading_channel::tls;
use aitrading_env::{BoxFuture, Env};
use aitrading_error::Coded;
use aitrading_http::{
    Call, ClientTls, Door, DoorConfig, Handler, HeaderName, HeaderValue, HttpError, Limits, Reply, Request, Response,
    call, header,
};
use aitrading_model::{AccountId, DeviceId, TenantId};
use aitrading_security::pki::{Authority, Issued, spki_pin};
use aitrading_store::{PlatformStores, Stores, memory};
use aitrading_store_remote::{DEADLINE, PATH, PortsDoor, RemoteSettings, RemoteStores};
use async_trait::async_trait;
use serde_json::Value;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::oneshot;

const LIFE: Duration = Duration::from_hours(1);
pub(crate) const SILENCE: Duration = Duration::from_secs(30);

pub(crate) fn env() -> Env {
    Env::real()
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tls::install_provider();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(future)
}

/// A clock of the stores that is moved by hand.
#[derive(Clone, Default)]
pub(crate) struct Hand(Arc<AtomicU64>);

impl Hand {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_nanos()).unwrap(), Ordering::SeqCst);
    }
}

/// The door as a handler of a test's own, which can come between.
struct Shared(Arc<dyn Handler>);

#[async_trait]
impl Handler for Shared {
    async fn handle(&self, request: Request) -> Response {
        self.0.handle(request).await
    }
}

/// One deployment: its authority, its stores, its door.
pub(crate) struct World {
    pub(crate) stores: Stores,
    pub(crate) platform: PlatformStores,
    pub(crate) hand: Hand,
    authority: Authority,
    server: Issued,
    pub(crate) addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let hand = Hand::default();
        let now = hand.clone();
        let now = move || now.0.load(Ordering::SeqCst);
        Self::over(memory::stores(now.clone()), memory::platform_stores(now), hand).await
    }

    pub(crate) async fn over(stores: Stores, platform: PlatformStores, hand: Hand) -> Self {
        let authority = Authority::generate(&env(), LIFE).unwrap();
        let server = authority.issue_server(&env(), &[], LIFE).unwrap();
        let addr = "127.0.0.1:0".parse().unwrap();
        let mut world = Self { stores, platform, hand, authority, server, addr, stop: None };
        world.open().await;
        world
    }

    /// Opens the door at the address of before, with nothing remembered but the stores.
    pub(crate) async fn open(&mut self) {
        let door = PortsDoor::new(&env(), self.stores.clone(), self.platform.clone());
        self.open_with(Arc::new(door)).await;
    }

    pub(crate) async fn open_with(&mut self, handler: Arc<dyn Handler>) {
        let ca = self.authority.certificate().unwrap();
        let tls = tls::server_config(&env(), self.server.chain(), self.server.key(), &ca, true).unwrap();
        let limits = Limits { drain: Duration::from_millis(50), ..Limits::default() };
        let config = DoorConfig { name: "database-service", addr: self.addr, tls: Some(tls), limits };
        let door = Door::bind(&env(), config).await.unwrap();
        self.addr = door.local_addr();
        let (stop, stopped) = oneshot::channel::<()>();
        let begin: BoxFuture<'static, ()> = Box::pin(async move { drop(stopped.await) });
        let run = door.run(Arc::new(Shared(handler)), begin);
        drop(env().spawn.task("door", Box::pin(run)));
        self.stop = Some(stop);
    }

    /// Closes the door; connections are cut.
    pub(crate) async fn close(&mut self) {
        self.stop = None;
        // Until nobody listens there any more, and the last connection was cut.
        while env().net.connect(self.addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
        env().clock.sleep(Duration::from_millis(100)).await;
    }

    pub(crate) fn service(&self, tenant: u64, name: &str) -> Issued {
        self.authority.issue_service(&env(), TenantId(tenant), name, LIFE).unwrap()
    }

    pub(crate) fn device(&self) -> Issued {
        let (tenant, device, account) = (TenantId(1), DeviceId([7; 16]), AccountId(7));
        self.authority.issue_device(&env(), tenant, device, account, LIFE).unwrap()
    }

    pub(crate) fn tls(&self, who: &Issued) -> ClientTls {
        let ca = self.authority.certificate().unwrap();
        let pin = spki_pin(&self.server.chain()[0]).unwrap();
        tls::client_config(&env(), &ca, who.chain(), who.key(), &[pin]).unwrap()
    }

    pub(crate) fn settings(&self, who: &Issued) -> RemoteSettings {
        let mut settings = RemoteSettings::new(self.addr, self.tls(who));
        settings.limits.deadline = SILENCE;
        settings.batch_deadline = SILENCE;
        settings
    }

    /// All stores through the door, for a service that speaks for every tenant.
    pub(crate) async fn remote(&self) -> RemoteStores {
        RemoteStores::open(&env(), self.settings(&self.service(0, "operator"))).await.unwrap()
    }

    /// Posts whatever it is.
    pub(crate) async fn post(
        &self,
        who: &Issued,
        path: &str,
        body: Vec<u8>,
        headers: &[(&'static str, &str)],
    ) -> Result<Reply, HttpError> {
        let headers: Vec<(HeaderName, HeaderValue)> = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        let path = format!("{PATH}{path}");
        let asked = Call {
            addr: self.addr,
            tls: self.tls(who),
            path: &path,
            headers: &headers,
            body: body.into(),
            silence: SILENCE,
        };
        call(&env(), asked).await
    }

    /// Calls a method with JSON; the status, and the code or the answer.
    pub(crate) async fn ask(&self, who: &Issued, path: &str, arguments: Value) -> (u16, Value) {
        let headers = [(header::CONTENT_TYPE.as_str(), "application/json"), (DEADLINE, "20000")];
        // The names of headers are lower-case constants.
        let headers = headers.map(|(name, value)| (if name == DEADLINE { DEADLINE } else { "content-type" }, value));
        shown(self.post(who, path, arguments.to_string().into_bytes(), &headers).await.unwrap()).await
    }
}

/// The status, and a problem's code or the answer.
pub(crate) async fn shown(mut reply: Reply) -> (u16, Value) {
    let status = reply.status.as_u16();
    let body = reply.read(1 << 20).await.unwrap();
    let value: Value = serde_json::from_slice(&body).unwrap();
    if status == 200 {
        return (status, value);
    }
    assert_eq!(reply.headers[header::CONTENT_TYPE], "application/problem+json");
    assert!(!value["detail"].as_str().unwrap().is_empty());
    (status, value["code"].clone())
}

pub(crate) fn code(error: &impl Coded) -> &'static str {
    error.dna().code
}
