//! Rotation: what is in the file counts, for each connection anew.

use super::{CredentialSource, Secrets, Written};
use crate::{Role, ServerSettings, Transport};
use aitrading_config::Unseal;
use aitrading_env::{Env, sim::MemFs};
use aitrading_error::Coded;
use secrecy::{ExposeSecret, SecretString};
use std::{
    error::Error,
    path::Path,
    sync::{Arc, Mutex},
};

const FILE: &str = "/keys/password";

fn source(reference: Option<&str>) -> (Env, CredentialSource) {
    let env = Env { fs: Arc::new(MemFs::new()), ..Env::real() };
    env.fs.create_dir_all(Path::new("/keys")).unwrap();
    let source = CredentialSource::new(&env, Role::Relational, &server(reference), Secrets::default());
    (env, source)
}

fn server(reference: Option<&str>) -> ServerSettings {
    let password = reference.map(|text| text.parse().unwrap());
    ServerSettings { password, ..ServerSettings::new("127.0.0.1", 5432, Transport::Plaintext) }
}

/// A configuration that is rewritten while it is in use.
#[derive(Default)]
struct File(Mutex<Option<ServerSettings>>);

impl File {
    fn is_now(&self, server: Option<ServerSettings>) {
        *self.0.lock().unwrap() = server;
    }
}

impl Written for File {
    fn server(&self, role: Role) -> Option<ServerSettings> {
        assert_eq!(role, Role::Relational);
        self.0.lock().unwrap().clone()
    }
}

/// Opens whatever is sealed: it is the text itself.
struct Open;

impl Unseal for Open {
    fn unseal(&self, key: &str, sealed: &str) -> Result<SecretString, Box<dyn Error + Send + Sync>> {
        assert_eq!(key, "database.relational.password");
        Ok(SecretString::from(sealed.to_owned()))
    }
}

#[test]
fn a_sealed_password_is_read_again_from_the_configuration() {
    let env = Env { fs: Arc::new(MemFs::new()), ..Env::real() };
    let file = Arc::new(File::default());
    let written: Arc<dyn Written> = Arc::<File>::clone(&file);
    let secrets = Secrets { unseal: Arc::new(Open), written, ..Secrets::default() };
    let source = CredentialSource::new(&env, Role::Relational, &server(Some("sealed:old")), secrets);
    check_current(&source, Some("old"), 1);
    let moved = ServerSettings { host: "elsewhere".to_owned(), ..server(Some("sealed:other")) };
    let renamed = ServerSettings { user: "somebody".to_owned(), ..server(Some("sealed:other")) };
    for (case, now, password, generation) in [
        ("the same", Some(server(Some("sealed:old"))), Some("old"), 1),
        ("rotated", Some(server(Some("sealed:new"))), Some("new"), 2),
        ("of another server", Some(moved), Some("new"), 2),
        ("of another user", Some(renamed), Some("new"), 2),
        ("half written", None, Some("new"), 2),
        ("rotated again", Some(server(Some("sealed:newest"))), Some("newest"), 3),
        ("taken out", Some(server(None)), None, 4),
    ] {
        file.is_now(now);
        println!("{case}");
        check_current(&source, password, generation);
        check_current(&source, password, generation);
    }
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
