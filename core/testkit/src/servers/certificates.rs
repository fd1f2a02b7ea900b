//! An authority, a server's certificate and a client's, made anew for each test.

use super::USER;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use std::{
    fs::Permissions,
    net::Ipv4Addr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// PEM files. The server's certificate is valid for `localhost` and 127.0.0.1, the client's names [`USER`].
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The authority's certificate.
    pub ca: PathBuf,
    /// The server's certificate.
    pub server: PathBuf,
    /// The server's key.
    pub server_key: PathBuf,
    /// A client's certificate.
    pub client: PathBuf,
    /// The client's key.
    pub client_key: PathBuf,
}

impl Certificates {
    /// Makes them in `folder`, which is created. Two calls make two authorities that do not know each other.
    #[must_use]
    pub fn issue(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).expect("a folder for certificates");
        let authority = authority();
        let write = |name: &str, text: &str, mode| {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("a certificate file");
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).expect("its permissions");
            path
        };
        let (server, server_key) = leaf(&authority, "localhost", ExtendedKeyUsagePurpose::ServerAuth);
        let (client, client_key) = leaf(&authority, USER, ExtendedKeyUsagePurpose::ClientAuth);
        Self {
            ca: write("ca.pem", &authority.pem(), 0o644),
            server: write("server.pem", &server, 0o644),
            server_key: write("server.key", &server_key, 0o600),
            client: write("client.pem", &client, 0o644),
            client_key: write("client.key", &client_key, 0o600),
        }
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "test authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

fn leaf(authority: &CertifiedIssuer<'static, KeyPair>, name: &str, usage: ExtendedKeyUsagePurpose) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    if usage == ExtendedKeyUsagePurpose::ServerAuth {
        params.subject_alt_names.push(SanType::IpAddress(Ipv4Addr::LOCALHOST.into()));
    }
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![usage];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    (certificate.pem(), key.serialize_pem())
}
