//! Over TLS, a server of another authority is not spoken to.

use crate::{
    contract,
    mock::Mock,
    weaviate::meta,
    world::{block_on, weaviate},
};
use aitrading_database_link::{ServerSettings, TlsFiles, Transport};
use aitrading_env::Env;
use aitrading_error::Coded;
use aitrading_testkit::servers::Certificates;

fn settings(host: &str, port: u16, certificates: &Certificates) -> ServerSettings {
    let files = TlsFiles { ca: certificates.ca.clone(), client: None };
    let mut settings = ServerSettings::new(host, port, Transport::Tls(files));
    settings.limits.retries = 0;
    settings
}

#[test]
fn contract_only_a_server_of_the_configured_authority_is_spoken_to() {
    let Some(contract) = contract::weaviate() else { return };
    let folder = tempfile::tempdir().unwrap();
    let [own, stranger] = ["own", "stranger"].map(|name| Certificates::issue(&folder.path().join(name)));
    let probe = |mock: &Mock, host: &str, trusted: &Certificates| {
        block_on(weaviate(&Env::real(), &settings(host, mock.port(), trusted)).probe())
    };
    for host in ["localhost", "127.0.0.1"] {
        let mock = Mock::start_tls(contract, vec![meta("1.39.2")], &own);
        probe(&mock, host, &own).unwrap();
        assert_eq!(mock.finish().len(), 1);
    }
    // The script is empty: a request that arrived would be a breach.
    let mock = Mock::start_tls(contract, vec![], &own);
    let refused = probe(&mock, "localhost", &stranger).unwrap_err();
    assert_eq!(refused.dna().code, "STORE_UNAVAILABLE");
    let chain = aitrading_error::chain(&refused).to_string();
    assert!(chain.contains("invalid peer certificate"), "{chain}");
    assert!(mock.finish().is_empty());
}
