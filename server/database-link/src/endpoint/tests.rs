//! Where plain text is allowed, and how addresses are written.

use super::Endpoint;
use crate::{LinkError, Role, ServerSettings, Transport};
use aitrading_config::{Environment, NoUnseal};
use aitrading_env::Env;
use aitrading_error::Coded;

fn resolve(host: &str) -> Result<Endpoint, LinkError> {
    let settings = ServerSettings::new(host, 9000, Transport::Plaintext);
    Endpoint::resolve(&Env::real(), Role::Ticks, &settings, &NoUnseal, &Environment::new())
}

#[test]
fn plain_text_is_for_this_machine_alone() {
    for host in ["127.0.0.1", "127.8.9.1", "::1", "localhost", "LOCALHOST"] {
        assert!(resolve(host).is_ok(), "{host}");
    }
    let elsewhere = ["10.0.0.5", "db.example.org", "localhost.example.org", "0.0.0.0", "::", "128.0.0.1", "fe80::1"];
    for host in elsewhere {
        let error = resolve(host).unwrap_err();
        assert_eq!(error.dna().code, "LINK_PLAINTEXT", "{host}");
        let said = error.to_string();
        assert!(said.contains(host) && said.contains("ca_file") && said.contains("ticks"), "{said}");
    }
}

#[test]
fn a_host_that_is_none_is_refused() {
    for host in ["", "a b", "http://db", "db:9000", "user@db", "-"] {
        assert_eq!(resolve(host).unwrap_err().dna().code, "LINK_HOST", "{host:?}");
    }
}

#[test]
fn addresses_are_written_as_drivers_read_them() {
    for (host, authority) in [("127.0.0.1", "127.0.0.1:9000"), ("::1", "[::1]:9000"), ("localhost", "127.0.0.1:9000")] {
        let endpoint = resolve(host).unwrap();
        assert_eq!(endpoint.authority(), authority);
        assert_eq!(endpoint.url("http", "https"), format!("http://{authority}"));
        assert_eq!(endpoint.host(), host);
    }
}
