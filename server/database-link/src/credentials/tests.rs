//! Rotation: what is in the file counts, for each connection anew.

use super::{CredentialSource, Secrets};
use crate::Role;
use aitrading_env::{Env, sim::MemFs};
use aitrading_error::Coded;
use secrecy::ExposeSecret;
use std::{path::Path, sync::Arc};

const FILE: &str = "/keys/password";

fn source(reference: Option<&str>) -> (Env, CredentialSource) {
    let env = Env { fs: Arc::new(MemFs::new()), ..Env::real() };
    env.fs.create_dir_all(Path::new("/keys")).unwrap();
    let reference = reference.map(|text| text.parse().unwrap());
    let source = CredentialSource::new(&env, Role::Relational, "aitrading", reference, Secrets::default());
    (env, source)
}

fn check_current(source: &CredentialSource, password: Option<&str>, generation: u64) {
    let got = source.current().unwrap();
    assert_eq!(got.password.as_ref().map(|secret| secret.expose_secret().to_owned()).as_deref(), password);
    assert_eq!((got.user.as_str(), got.generation), ("aitrading", generation));
}

#[test]
fn a_rotated_password_is_used_for_the_next_connection_also_when_it_has_the_same_length() {
    let (env, source) = source(Some(&format!("file:{FILE}")));
    for (text, password, generation) in [("old\n", "old", 1), ("old", "old", 1), ("new\n", "new", 2), ("old", "old", 3)]
    {
        env.fs.write_atomic(Path::new(FILE), text.as_bytes()).unwrap();
        check_current(&source, Some(password), generation);
        check_current(&source, Some(password), generation);
    }
}

#[test]
fn a_password_that_is_gone_is_not_replaced_by_the_last_one() {
    let (env, source) = source(Some(&format!("file:{FILE}")));
    assert_eq!(source.current().unwrap_err().dna().code, "LINK_CREDENTIALS");
    env.fs.write_atomic(Path::new(FILE), b"word").unwrap();
    check_current(&source, Some("word"), 1);
    env.fs.write_atomic(Path::new(FILE), b"").unwrap();
    assert_eq!(source.current().unwrap_err().dna().code, "LINK_CREDENTIALS");
    env.fs.write_atomic(Path::new(FILE), b"word").unwrap();
    check_current(&source, Some("word"), 1);
}

#[test]
fn a_server_without_a_password_has_none() {
    check_current(&source(None).1, None, 1);
}

#[test]
fn no_password_is_ever_printed() {
    let (env, source) = source(Some(&format!("file:{FILE}")));
    env.fs.write_atomic(Path::new(FILE), b"wordofpass").unwrap();
    let printed = format!("{source:?} {:?}", source.current().unwrap());
    assert!(!printed.contains("wordofpass"), "{printed}");
}
