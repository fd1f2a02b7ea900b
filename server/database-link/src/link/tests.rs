//! What is missing is told when the link is opened; what is rotated counts for the next connection.

use super::Link;
use crate::{LinkError, LinkState, Role, Secrets, ServerSettings, Transport};
use aitrading_env::{Env, sim::MemFs};
use aitrading_error::Coded;
use secrecy::ExposeSecret;
use std::{path::Path, sync::Arc};

const WORD: &str = "/keys/word";

fn world() -> Env {
    let env = Env { fs: Arc::new(MemFs::new()), ..Env::real() };
    env.fs.create_dir_all(Path::new("/keys")).unwrap();
    env
}

fn open(env: &Env, host: &str) -> Result<Link, LinkError> {
    let mut settings = ServerSettings::new(host, 6379, Transport::Plaintext);
    settings.password = Some(format!("file:{WORD}").parse().unwrap());
    Link::open(env, Role::Cache, "redis", &settings, &Secrets::default())
}

#[test]
fn a_link_without_its_password_does_not_open() {
    assert_eq!(open(&world(), "127.0.0.1").unwrap_err().dna().code, "LINK_CREDENTIALS");
}

#[test]
fn a_link_to_another_machine_in_plain_text_does_not_open() {
    let env = world();
    env.fs.write_atomic(Path::new(WORD), b"old").unwrap();
    assert_eq!(open(&env, "10.0.0.5").unwrap_err().dna().code, "LINK_PLAINTEXT");
}

#[test]
fn a_reconnect_after_a_rotation_logs_in_with_the_new_password() {
    let env = world();
    env.fs.write_atomic(Path::new(WORD), b"old").unwrap();
    let link = open(&env, "127.0.0.1").unwrap();
    let before = link.credentials().unwrap();
    env.fs.write_atomic(Path::new(WORD), b"new").unwrap();
    let after = link.credentials().unwrap();
    assert_eq!(after.password.unwrap().expose_secret(), "new");
    assert!(after.generation > before.generation);
    assert_eq!(link.health().state, LinkState::Unknown);
}
