//! The gateway as a component: opens its door, says ready, drains.

use crate::{ApiParts, GatewaySettings, api::Api, pipeline::Pipeline};
use aitrading_env::Env;
use aitrading_error::Fault;
use aitrading_http::{Door, DoorConfig, Handler, Limits, Observability, Tls};
use aitrading_hub::{Component, Handover, HubError, Part, ReadyHandle, Shutdown, Status};
use std::{net::SocketAddr, sync::Arc};

/// Name of the service, in the component graph and at the probes.
pub const SERVICE: &str = "api-gateway";

/// Everything that the gateway needs to run.
#[derive(Debug)]
pub struct Gateway {
    /// The world.
    pub env: Env,
    /// Its settings.
    pub settings: GatewaySettings,
    /// TLS that asks for a client certificate and lives without; `None` serves plain HTTP, on loopback alone.
    pub tls: Option<Tls>,
    /// Health and metrics of the process; the gateway shows its own part.
    pub observability: Observability,
    /// What the interface works with.
    pub api: ApiParts,
    /// Filled with the address once the door is open.
    pub address: Handover<SocketAddr>,
}

impl Gateway {
    /// The component that serves the gateway.
    #[must_use]
    pub fn component(self) -> Component {
        let Self { env, settings, tls, observability, api, address } = self;
        let config = DoorConfig { name: SERVICE, addr: settings.listen, tls, limits: settings.limits };
        let api = Arc::new(Api::new(api, &settings));
        let pipeline = Arc::new(Pipeline::new(observability.of(SERVICE), api));
        component(env, config, pipeline, address)
    }
}

/// The component that serves health and metrics of the whole process on a loopback address, for probes and scrapers.
#[must_use]
pub fn observer(env: Env, addr: SocketAddr, observability: Observability, address: Handover<SocketAddr>) -> Component {
    // Probes are few; a small number keeps a runaway scraper from taking file handles from the trading path.
    let limits = Limits { connections: 64, connections_per_address: 64, ..Limits::default() };
    let config = DoorConfig { name: "observer", addr, tls: None, limits };
    component(env, config, Arc::new(observability), address)
}

fn component(env: Env, config: DoorConfig, handler: Arc<dyn Handler>, address: Handover<SocketAddr>) -> Component {
    Component::new(config.name, move |ready, shutdown| serve(env, config, handler, address, ready, shutdown))
}

async fn serve(
    env: Env,
    config: DoorConfig,
    handler: Arc<dyn Handler>,
    address: Handover<SocketAddr>,
    ready: ReadyHandle,
    shutdown: Shutdown,
) -> Result<(), Fault> {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let door = Door::bind(&env, config).await.map_err(Fault::new)?;
    let addr = door.local_addr();
    address.give(addr).map_err(|error: HubError| Fault::new(error))?;
    ready.up_with(move || vec![Part::new("door", Status::Up, format!("{scheme}://{addr}"))]);
    door.run(handler, Box::pin(shutdown.begun())).await;
    Ok(())
}
