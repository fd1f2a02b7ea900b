//! Settings: what is good resolves, what is not is named with its cure.

use super::{ServerSettings, Settings, Transport};
use aitrading_config::{Collector, Layers, Violations, load};

fn resolve(text: &str) -> Result<ServerSettings, Violations> {
    let loaded = load::<Settings>(Layers::new().text("test", text))?;
    let mut collector = Collector::new(&loaded.provenance);
    let resolved = loaded.value.resolve(5432, &mut collector);
    collector.finish(resolved)
}

fn check_refused(text: &str, keys: &[&str]) {
    let Violations(found) = resolve(text).unwrap_err();
    let found: Vec<_> = found.iter().map(|violation| violation.key.as_str()).collect();
    assert_eq!(found, keys, "{text}");
}

const REMOTE: &str = "host = 'db.example.org'\nca_file = '/ca.pem'\npassword = 'file:/word'\n";

#[test]
fn a_remote_server_needs_authority_and_password_and_nothing_else() {
    let got = resolve(REMOTE).unwrap();
    assert_eq!((got.host.as_str(), got.port, got.user.as_str()), ("db.example.org", 5432, "aitrading"));
    assert!(matches!(got.transport, Transport::Tls(files) if files.client.is_none()));
    assert!(got.limits.breaker.pause_max >= got.limits.breaker.pause);
}

#[test]
fn a_server_here_may_be_open_and_in_plain_text() {
    let got = resolve("host = '127.0.0.1'\nplaintext = true\nport = 6379").unwrap();
    assert_eq!((got.transport, got.password, got.port), (Transport::Plaintext, None, 6379));
}

#[test]
fn our_certificate_stands_for_the_password() {
    let text = "host = 'db.example.org'\nca_file = '/ca.pem'\ncertificate_file = '/c.pem'\nclient_key = 'file:/k'";
    assert!(matches!(resolve(text).unwrap().transport, Transport::Tls(files) if files.client.is_some()));
}

#[test]
fn every_bad_value_is_named() {
    check_refused("", &["host", "ca_file"]);
    check_refused("host = 'db.example.org'\nplaintext = true\npassword = 'file:/word'", &["plaintext"]);
    check_refused("host = 'db.example.org'\nca_file = '/ca.pem'", &["password"]);
    check_refused("host = '127.0.0.1'\nplaintext = true\nca_file = '/ca.pem'", &["ca_file"]);
    check_refused(&format!("{REMOTE}certificate_file = '/c.pem'"), &["client_key"]);
    check_refused(&format!("{REMOTE}client_key = 'file:/k'"), &["certificate_file"]);
    check_refused(&REMOTE.replace("db.example.org", "http://db"), &["host"]);
    check_refused(&REMOTE.replace("file:/word", "hunter2"), &["password"]);
    check_refused(&format!("{REMOTE}user = ''\ndatabase = \"a\\nb\""), &["database", "user"]);
    check_refused(&format!("{REMOTE}pool_min = 9\npool_max = 8"), &["pool_min"]);
    let low = "deadline_ms = 0\nconnect_ms = 0\nretries = 11\nbreaker_failures = 0\nbreaker_pause_ms = 0\nport = 0";
    let all = ["deadline_ms", "connect_ms", "retries", "breaker_failures", "breaker_pause_ms", "port"];
    check_refused(&format!("{REMOTE}{low}"), &all);
    check_refused(&format!("{REMOTE}pasword = 'x'"), &["pasword"]);
}

#[test]
fn a_password_that_was_written_out_is_not_shown() {
    let said = resolve(&REMOTE.replace("file:/word", "hunter2")).unwrap_err().to_string();
    assert!(!said.contains("hunter2") && said.contains("file:PATH"), "{said}");
}
