//! The ClickHouse engine behind a small HTTP bridge, since no ClickHouse server can be had from a package registry.

use super::{Door, Ground, LIFE, Recipe, Server, USER, programs};

const BRIDGE: &str = include_str!("../../servers/clickhouse_bridge.py");

/// The ClickHouse engine with its HTTP interface. It proves statements and encodings, not roles, clusters or concurrency.
#[derive(Debug)]
pub struct ClickHouse {
    pub(super) server: Server,
}

impl ClickHouse {
    /// How to install it, where it is not.
    #[must_use]
    pub fn lacking() -> Option<String> {
        programs::python_with_chdb().err()
    }

    /// A fresh engine, or `None` where tests need nothing.
    #[must_use]
    pub fn start(door: Door) -> Option<Self> {
        if programs::skipped("the ClickHouse engine") {
            return None;
        }
        let program = programs::needed(programs::python_with_chdb());
        let ground = Ground::new("clickhouse", door);
        let bridge = ground.write("bridge.py", BRIDGE);
        let settings = ground.write("bridge.json", &settings(&ground));
        let recipe = Recipe {
            name: "the ClickHouse bridge",
            program,
            arguments: vec!["-u".into(), bridge.into(), settings.into()],
            ready: "bridge is ready",
            stop: "TERM",
        };
        Some(Self { server: Server::launch(ground, recipe) })
    }

    /// Where its HTTP interface is: `https://localhost:PORT` behind TLS, `http://127.0.0.1:PORT` otherwise.
    #[must_use]
    pub fn url(&self) -> String {
        let start = if self.door().has_tls() { "https://localhost" } else { "http://127.0.0.1" };
        format!("{start}:{}", self.port())
    }
}

fn settings(ground: &Ground) -> String {
    let given = |given: bool, text: &str| if given { format!("{text:?}") } else { "null".to_owned() };
    let (password, tls) = (ground.door.has_password(), ground.door.has_tls());
    format!(
        "{{\"port\": {}, \"data\": {:?}, \"life\": {}, \"user\": {}, \"password\": {}, \"certificate\": {}, \"key\": {}}}",
        ground.number(),
        ground.path("data").display().to_string(),
        LIFE.as_secs(),
        given(password, USER),
        given(password, &ground.password),
        given(tls, &ground.certificates.server.display().to_string()),
        given(tls, &ground.certificates.server_key.display().to_string()),
    )
}
