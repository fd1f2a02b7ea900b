//! NATS with JetStream, which waits for the disk before it acknowledges.

use super::{Door, Ground, Recipe, Server, USER, programs};
use std::fmt::Write as _;

/// A NATS server with JetStream on.
#[derive(Debug)]
pub struct Nats {
    pub(super) server: Server,
}

impl Nats {
    /// A fresh server, or `None` where tests need nothing.
    #[must_use]
    pub fn start(door: Door) -> Option<Self> {
        if programs::skipped("NATS") {
            return None;
        }
        let program = programs::needed(programs::nats());
        let ground = Ground::new("nats", door);
        let file = ground.write("nats.conf", &settings(&ground));
        let recipe = Recipe {
            name: "NATS",
            program,
            arguments: vec!["-c".into(), file.into()],
            ready: "Server is ready",
            stop: "TERM",
        };
        Some(Self { server: Server::launch(ground, recipe) })
    }
}

fn settings(ground: &Ground) -> String {
    let mut text = format!(
        "host: 127.0.0.1\nport: {}\nserver_name: test\njetstream {{\n  store_dir: \"{}\"\n  sync_interval: always\n  \
         max_memory_store: 64MB\n  max_file_store: 512MB\n}}\n",
        ground.number(),
        ground.path("jetstream").display()
    );
    if ground.door.has_password() {
        let word = &ground.password;
        writeln!(text, "authorization {{ user: {USER}, password: \"{word}\" }}").expect("a string takes all");
    }
    if ground.door.has_tls() {
        let keys = &ground.certificates;
        let (ca, server, key) = (keys.ca.display(), keys.server.display(), keys.server_key.display());
        writeln!(
            text,
            "tls {{\n  cert_file: \"{server}\"\n  key_file: \"{key}\"\n  ca_file: \"{ca}\"\n  timeout: 10\n}}"
        )
        .expect("a string takes all");
    }
    text
}
