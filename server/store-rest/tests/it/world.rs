//! Links to a mock, and the patience to wait for it.

use aitrading_database_link::{Link, Role, Secrets, ServerSettings, Transport};
use aitrading_env::{Env, sim::MemFs};
use aitrading_store_rest::{ArangoChains, WeaviatePatterns};
use std::{future::Future, path::Path, sync::Arc};

/// The password that links log in with.
pub(crate) const PASSWORD: &str = "a key with \"quotes\" and spaces";
const PASSWORD_FILE: &str = "/keys/password";

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A world with the machine's network and clock, and files in memory.
pub(crate) fn env() -> Env {
    let env = Env { fs: Arc::new(MemFs::new()), ..Env::real() };
    env.fs.create_dir_all(Path::new("/keys")).unwrap();
    rotate(&env, PASSWORD);
    env
}

/// Writes another password where links read it.
pub(crate) fn rotate(env: &Env, password: &str) {
    env.fs.write_atomic(Path::new(PASSWORD_FILE), password.as_bytes()).unwrap();
}

/// A server on this machine in plain text. Calls are not repeated unless a test wants it.
pub(crate) fn settings(port: u16) -> ServerSettings {
    let mut settings = ServerSettings::new("127.0.0.1", port, Transport::Plaintext);
    settings.password = Some(format!("file:{PASSWORD_FILE}").parse().unwrap());
    settings.limits.retries = 0;
    settings
}

pub(crate) fn weaviate(env: &Env, settings: &ServerSettings) -> WeaviatePatterns {
    let link = Link::open(env, Role::Patterns, "weaviate", settings, &Secrets::default()).unwrap();
    WeaviatePatterns::open(link).unwrap()
}

pub(crate) fn arango(env: &Env, settings: &ServerSettings) -> ArangoChains {
    let link = Link::open(env, Role::Graph, "arangodb", settings, &Secrets::default()).unwrap();
    ArangoChains::open(env, link).unwrap()
}
