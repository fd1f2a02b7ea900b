//! Redis, which also stands for DragonflyDB. What it acknowledged survives a kill of the process.

use super::{Door, Ground, Recipe, Server, USER, programs};
use std::fmt::Write as _;

/// A Redis server. With a password, `aitrading` and the default user have the same one.
#[derive(Debug)]
pub struct Redis {
    pub(super) server: Server,
}

impl Redis {
    /// How to install it, where it is not.
    #[must_use]
    pub fn lacking() -> Option<String> {
        programs::redis().err()
    }

    /// A fresh server, or `None` where tests need nothing.
    #[must_use]
    pub fn start(door: Door) -> Option<Self> {
        if programs::skipped("Redis") {
            return None;
        }
        let program = programs::needed(programs::redis());
        let ground = Ground::new("redis", door);
        let file = ground.write("redis.conf", &settings(&ground));
        let recipe = Recipe {
            name: "Redis",
            program,
            arguments: vec![file.into()],
            ready: "Ready to accept connections",
            stop: "TERM",
        };
        Some(Self { server: Server::launch(ground, recipe) })
    }
}

fn settings(ground: &Ground) -> String {
    let keys = &ground.certificates;
    let mut text = format!(
        "bind 127.0.0.1\ndir {}\nsave \"\"\nappendonly yes\nappendfsync everysec\ndatabases 4\nmaxmemory 256mb\n",
        ground.folder.path().display()
    );
    let port = ground.number();
    if ground.door.has_tls() {
        let (ca, server, key) = (keys.ca.display(), keys.server.display(), keys.server_key.display());
        write!(
            text,
            "port 0\ntls-port {port}\ntls-ca-cert-file {ca}\ntls-cert-file {server}\ntls-key-file {key}\n\
             tls-auth-clients optional\n"
        )
        .expect("a string takes all");
    } else {
        writeln!(text, "port {port}").expect("a string takes all");
    }
    if ground.door.has_password() {
        let word = &ground.password;
        writeln!(text, "requirepass {word}\nuser {USER} on >{word} ~* &* +@all").expect("a string takes all");
    }
    text
}
