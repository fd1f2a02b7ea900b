//! The gateway in a running process.

use aitrading_api_gateway::{ApiParts, Gateway, GatewaySettings, RawGateway, observer};
use aitrading_config::{Layers, Provenance, load};
use aitrading_env::Env;
use aitrading_error::Coded;
use aitrading_http::{HttpError, Limits, Metrics, Observability, Probe, get};
use aitrading_hub::{Component, Handover, Hub, HubConfig, Running};
use aitrading_security::{
    SanAuthenticator,
    limits::{Proxies, Quotas},
    signing::SigningKey,
    token::{TokenGate, TokenKeys},
};
use aitrading_store::memory;
use aitrading_wire::services::{ChangeAsked, ChangeSink, ServiceError};
use std::{net::SocketAddr, sync::Arc, time::Duration};

struct World {
    env: Env,
    running: Running,
    gateway: Handover<SocketAddr>,
    observer: Handover<SocketAddr>,
}

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn settings() -> GatewaySettings {
    RawGateway::default().resolve("api_gateway", &Provenance::default()).unwrap()
}

/// Nothing is taken down here: nobody gets as far as a change.
struct Nowhere;

#[async_trait::async_trait]
impl ChangeSink for Nowhere {
    async fn asked(&self, _: ChangeAsked) -> Result<u64, ServiceError> {
        Err(ServiceError::from_coded(&HttpError::NotFound))
    }
}

fn parts(env: &Env) -> ApiParts {
    let keys = TokenKeys::new(SigningKey::generate(env), None, Vec::new()).unwrap();
    ApiParts {
        env: env.clone(),
        stores: memory::stores(|| 1),
        platform: memory::platform_stores(|| 1),
        changes: Arc::new(Nowhere),
        tokens: Arc::new(TokenGate::new("aitrading", keys.public()).unwrap()),
        authenticator: Arc::new(SanAuthenticator),
    }
}

fn start(listen: SocketAddr) -> World {
    let env = Env::real();
    let hub = Hub::new();
    let health = hub.health();
    let probe = Probe::new(move |service| health.report(service));
    let observability = Observability::new(probe, Metrics::install().unwrap());
    let (at_gateway, at_observer) = (Handover::new("gateway address"), Handover::new("observer address"));
    let gateway = Gateway {
        env: env.clone(),
        settings: GatewaySettings { listen, ..settings() },
        tls: None,
        observability: observability.clone(),
        api: parts(&env),
        address: at_gateway.clone(),
    };
    let secret = Component::new("secret-service", |ready, shutdown| async move {
        ready.up();
        shutdown.begun().await;
        Ok(())
    });
    let observer = observer(env.clone(), loopback(), observability, at_observer.clone());
    let components = vec![gateway.component(), observer, secret];
    let running = hub.launch(&env, HubConfig::default(), components).unwrap();
    World { env, running, gateway: at_gateway, observer: at_observer }
}

/// A GET must give this status, and a body that holds this text.
async fn check_get(world: &World, door: &Handover<SocketAddr>, path: &str, status: u16, part: &str) {
    let answer = get(&world.env, door.get().unwrap(), path, Duration::from_secs(5)).await.unwrap();
    let body = String::from_utf8(answer.body.to_vec()).unwrap();
    assert_eq!(answer.status.as_u16(), status, "{path}: {body}");
    assert!(body.contains(part), "{path}: {body}");
}

#[tokio::test]
async fn the_gateway_names_what_is_here_and_shows_its_own_health_alone() {
    let world = start(loopback());
    world.running.ready().await.unwrap();
    let gateway = &world.gateway;
    check_get(&world, gateway, "/", 200, concat!("\"version\":\"", env!("CARGO_PKG_VERSION"), "\"")).await;
    check_get(&world, gateway, "/health/live", 200, "live").await;
    check_get(&world, gateway, "/health/ready", 200, "\"name\":\"api-gateway\"").await;
    check_get(&world, gateway, "/health/ready/secret-service", 404, "NOT_FOUND").await;
    check_get(&world, gateway, "/metrics", 200, "http_connections_total").await;
    check_get(&world, gateway, "/api/v1/orders", 404, "urn:aitrading:problem:NOT_FOUND").await;
    check_get(&world, gateway, "/healthz", 404, "NOT_FOUND").await;
    let ready = get(&world.env, gateway.get().unwrap(), "/health/ready", Duration::from_secs(5)).await.unwrap();
    let ready: serde_json::Value = serde_json::from_slice(&ready.body).unwrap();
    assert_eq!(ready["components"].as_array().unwrap().len(), 1, "{ready}");
    assert_eq!(ready["components"][0]["parts"][0]["name"], "door");
}

#[tokio::test]
async fn every_path_of_the_index_answers() {
    let world = start(loopback());
    world.running.ready().await.unwrap();
    let index = get(&world.env, world.gateway.get().unwrap(), "/", Duration::from_secs(5)).await.unwrap();
    let index: serde_json::Value = serde_json::from_slice(&index.body).unwrap();
    let here = index["here"].as_array().unwrap();
    assert!(!here.is_empty());
    for entry in here {
        check_get(&world, &world.gateway, entry["path"].as_str().unwrap(), 200, "").await;
    }
}

#[tokio::test]
async fn the_observer_shows_all_services_until_the_end() {
    let world = start(loopback());
    world.running.ready().await.unwrap();
    for (path, part) in [
        ("/health/ready", "\"phase\":\"ready\""),
        ("/health/ready/secret-service", "\"state\":\"ready\""),
        ("/health/ready/api-gateway", "http://127.0.0.1:"),
        ("/metrics", "# TYPE"),
    ] {
        check_get(&world, &world.observer, path, 200, part).await;
    }
    check_get(&world, &world.observer, "/", 404, "NOT_FOUND").await;
    world.running.control().stop("the test is over");
    let (env, addr) = (world.env.clone(), world.gateway.get().unwrap());
    world.running.wait().await.unwrap();
    assert!(get(&env, addr, "/", Duration::from_secs(5)).await.is_err(), "nothing listens any more");
}

#[tokio::test]
async fn a_taken_port_fails_the_process_with_its_own_code() {
    let first = start(loopback());
    first.running.ready().await.unwrap();
    let second = start(first.gateway.get().unwrap());
    let error = second.running.ready().await.unwrap_err();
    assert_eq!(error.dna().code, "PORT_IN_USE");
    assert!(error.public_message().contains("--port-offset"), "{}", error.public_message());
}

/// The section's text must be refused with this line.
fn check_settings(text: &str, line: &str) {
    let loaded = load::<RawGateway>(Layers::new().text("a.toml", text));
    let refused = loaded.and_then(|l| l.value.resolve("", &l.provenance)).unwrap_err();
    assert_eq!(refused.0.iter().map(ToString::to_string).collect::<Vec<_>>(), [line]);
}

#[test]
fn bad_settings_are_refused_by_name() {
    check_settings(
        "listen = \"8000\"",
        "a.toml: listen = \"8000\": it has the wrong form; write an address like 127.0.0.1:8000",
    );
    check_settings(
        "connections_max = 0",
        "a.toml: connections_max = \"0\": it is out of bounds; write a number from 1 to 100000",
    );
    check_settings(
        "origins = [\"https://desk.example/\"]",
        "a.toml: origins = \"https://desk.example/\": it is no origin; write the page's scheme, host and port alone, in small \
         letters: `https://desk.example:8443`",
    );
    check_settings(
        "proxies = [\"10.0.0.0/33\"]",
        "a.toml: proxies = \"10.0.0.0/33\": it has the wrong form; write an address range, for instance 10.0.0.0/8",
    );
    check_settings(
        "requests_per_minute = 0",
        "a.toml: requests_per_minute = \"0\": it is out of bounds; write a number from 1 to 1000000",
    );
    check_settings("listn = \"x\"", "a.toml: listn = \"x\": there is no such key; did you mean `listen`?");
}

#[test]
fn without_settings_the_gateway_listens_on_this_machine_alone() {
    let settings = settings();
    assert_eq!((settings.listen, settings.limits), ("127.0.0.1:8000".parse().unwrap(), Limits::default()));
    assert_eq!((settings.origins, settings.proxies), (Vec::new(), Proxies::none()));
    assert_eq!(settings.quotas, Quotas::default());
}
