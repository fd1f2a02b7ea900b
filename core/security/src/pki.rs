//! The product's own certificate authority: Ed25519 keys drawn from the environment's randomness, dates from its clock.

use crate::{
    PeerIdentity, Secret, SecurityError,
    identity::check_name,
    sha256,
    signing::{SigningKey, VerifyingKey},
};
use aitrading_env::{Env, RngExt};
use aitrading_model::{AccountId, DeviceId, TenantId};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose as Eku, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, SanType, SerialNumber, SubjectPublicKeyInfo,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject};
use std::{net::IpAddr, time::Duration};
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::{Zeroize, Zeroizing};

/// Certificates begin this long before they are issued, so that a peer whose clock lags accepts them at once.
pub const BACKDATE: Duration = Duration::from_mins(5);
/// The last second that a certificate's date field can hold with a four-digit year.
const LAST_SECOND: u64 = 253_402_300_799;
/// PKCS #8 version 1 wrapping of an Ed25519 seed (RFC 8410): the seed follows.
const PKCS8_ED25519: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// The beginning of an Ed25519 public key's SPKI (RFC 8410): its 32 bytes follow.
const SPKI_ED25519: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// A certificate chain (leaf first) and its private key.
#[derive(Debug)]
pub struct Issued {
    chain: Vec<CertificateDer<'static>>,
    chain_pem: String,
    key: Secret<Vec<u8>>,
    key_pem: Secret<String>,
}

impl Issued {
    /// Reads a chain and a key as [`Issued::chain_pem`] and [`Issued::key_pem`] write them.
    ///
    /// # Errors
    /// [`SecurityError::BadCertificate`].
    pub fn from_pem(chain_pem: &str, key_pem: &str) -> Result<Self, SecurityError> {
        let chain = certificates_from_pem(chain_pem)?;
        let key = PrivatePkcs8KeyDer::from_pem_slice(key_pem.as_bytes()).map_err(bad("private key"))?;
        Ok(Self {
            chain,
            chain_pem: chain_pem.to_owned(),
            key: Secret::new(key.secret_pkcs8_der().to_vec()),
            key_pem: Secret::new(key_pem.to_owned()),
        })
    }

    /// A chain that was issued for a key which the holder made.
    ///
    /// # Errors
    /// [`SecurityError::BadCertificate`] if the chain is empty, or its leaf is not for this key.
    pub fn of_key(chain: Vec<CertificateDer<'static>>, key: &SigningKey) -> Result<Self, SecurityError> {
        let wrong = || SecurityError::BadCertificate { what: "certificate for this key", source: None };
        if ed25519_key(chain.first().ok_or_else(wrong)?)? != key.verifying_key().to_bytes() {
            return Err(wrong());
        }
        let der = Secret::new(pkcs8(&key.seed()));
        let chain_pem = chain.iter().map(|certificate| pem("CERTIFICATE", certificate)).collect();
        let key_pem = Secret::new(pem("PRIVATE KEY", der.expose()));
        Ok(Self { chain, chain_pem, key: der, key_pem })
    }

    /// The chain, leaf first; the authority is not part of it.
    #[must_use]
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.clone()
    }

    /// The private key as TLS wants it.
    #[must_use]
    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.expose().clone()).into()
    }

    /// The chain in PEM.
    #[must_use]
    pub fn chain_pem(&self) -> &str {
        &self.chain_pem
    }

    /// The private key in PEM, for a file of mode 0600 alone.
    #[must_use]
    pub const fn key_pem(&self) -> &Secret<String> {
        &self.key_pem
    }

    /// The SPKI pin of the leaf.
    ///
    /// # Errors
    /// [`SecurityError::BadCertificate`] if the chain is empty or unreadable.
    pub fn pin(&self) -> Result<[u8; 32], SecurityError> {
        spki_pin(self.chain.first().ok_or(SecurityError::BadCertificate { what: "certificate", source: None })?)
    }
}

/// A certificate authority: its own certificate and key.
#[derive(Debug)]
pub struct Authority {
    own: Issued,
}

impl Authority {
    /// A new authority, valid from now for `validity`.
    ///
    /// # Errors
    /// [`SecurityError::Issue`] or [`SecurityError::BadTime`].
    pub fn generate(env: &Env, validity: Duration) -> Result<Self, SecurityError> {
        let (key, key_der) = new_key(env)?;
        let mut params = params(env, validity, "AI Trading Authority")?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(issue)?;
        Ok(Self { own: issued(&certificate, &key, key_der) })
    }

    /// Reads an authority as [`Authority::certificate_pem`] and [`Authority::key_pem`] write it.
    ///
    /// # Errors
    /// [`SecurityError::BadCertificate`].
    pub fn from_pem(certificate_pem: &str, key_pem: &str) -> Result<Self, SecurityError> {
        let own = Issued::from_pem(certificate_pem, key_pem)?;
        let authority = Self { own };
        // Read once here, so that a damaged file is found at start and not at the first issue.
        authority.issuer().map(|_| authority)
    }

    /// Its certificate, which verifiers trust.
    ///
    /// # Errors
    /// [`SecurityError::BadCertificate`] if there is none.
    pub fn certificate(&self) -> Result<CertificateDer<'static>, SecurityError> {
        self.own.chain.first().cloned().ok_or(SecurityError::BadCertificate { what: "authority", source: None })
    }

    /// Its certificate in PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        self.own.chain_pem()
    }

    /// Its key in PEM, for a file of mode 0600 alone.
    #[must_use]
    pub const fn key_pem(&self) -> &Secret<String> {
        self.own.key_pem()
    }

    /// A certificate for our servers: `127.0.0.1`, `::1`, `localhost` and `extra` (addresses or host names).
    ///
    /// # Errors
    /// [`SecurityError::BadName`], [`SecurityError::BadTime`], [`SecurityError::Issue`].
    pub fn issue_server(&self, env: &Env, extra: &[&str], validity: Duration) -> Result<Issued, SecurityError> {
        self.issue(new_key(env)?, server_params(env, extra, validity)?)
    }

    /// A certificate as [`Authority::issue_server`] gives it, for a key that exists already: that of [`Issued::key_pem`].
    ///
    /// # Errors
    /// As [`Authority::issue_server`], and [`SecurityError::BadCertificate`] for what is no such key.
    pub fn reissue_server(
        &self,
        env: &Env,
        key_pem: &str,
        extra: &[&str],
        validity: Duration,
    ) -> Result<Issued, SecurityError> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(key_pem.as_bytes()).map_err(bad("private key"))?;
        let pair = KeyPair::from_pkcs8_der_and_sign_algo(&key, &PKCS_ED25519).map_err(bad("private key"))?;
        let der = Secret::new(key.secret_pkcs8_der().to_vec());
        self.issue((pair, der), server_params(env, extra, validity)?)
    }

    /// A client certificate for a device and the account that it may speak for.
    ///
    /// # Errors
    /// [`SecurityError::BadTime`], [`SecurityError::Issue`].
    pub fn issue_device(
        &self,
        env: &Env,
        tenant: TenantId,
        device: DeviceId,
        account: AccountId,
        validity: Duration,
    ) -> Result<Issued, SecurityError> {
        self.issue_client(env, &PeerIdentity::Device { tenant, device, account }, validity)
    }

    /// A client certificate for a service or an operator.
    ///
    /// # Errors
    /// [`SecurityError::BadName`], [`SecurityError::BadTime`], [`SecurityError::Issue`].
    pub fn issue_service(
        &self,
        env: &Env,
        tenant: TenantId,
        name: &str,
        validity: Duration,
    ) -> Result<Issued, SecurityError> {
        check_name(name)?;
        self.issue_client(env, &PeerIdentity::Service { tenant, name: name.to_owned() }, validity)
    }

    fn issue_client(&self, env: &Env, peer: &PeerIdentity, validity: Duration) -> Result<Issued, SecurityError> {
        self.issue(new_key(env)?, client_params(env, peer, validity)?)
    }

    /// A client certificate for a key that its holder made, and whose possession he has proved.
    ///
    /// # Errors
    /// [`SecurityError::BadTime`], [`SecurityError::Issue`].
    pub fn certify(
        &self,
        env: &Env,
        peer: &PeerIdentity,
        key: &VerifyingKey,
        validity: Duration,
    ) -> Result<CertificateDer<'static>, SecurityError> {
        let mut params = client_params(env, peer, validity)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let spki = [&SPKI_ED25519[..], &key.to_bytes()].concat();
        let key = SubjectPublicKeyInfo::from_der(&spki).map_err(issue)?;
        Ok(params.signed_by(&key, &self.issuer()?).map_err(issue)?.der().clone())
    }

    fn issue(
        &self,
        (key, key_der): (KeyPair, Secret<Vec<u8>>),
        mut params: CertificateParams,
    ) -> Result<Issued, SecurityError> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer()?).map_err(issue)?;
        Ok(issued(&certificate, &key, key_der))
    }

    fn issuer(&self) -> Result<Issuer<'static, KeyPair>, SecurityError> {
        let pkcs8 = PrivatePkcs8KeyDer::from(self.own.key.expose().as_slice());
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, &PKCS_ED25519).map_err(bad("authority's key"))?;
        Issuer::from_ca_cert_der(&self.certificate()?, key).map_err(bad("authority's certificate"))
    }
}

/// The certificates in a PEM text, at least one.
///
/// # Errors
/// [`SecurityError::BadCertificate`].
pub fn certificates_from_pem(pem: &str) -> Result<Vec<CertificateDer<'static>>, SecurityError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let found = found.map_err(bad("certificate"))?;
    if found.is_empty() {
        return Err(SecurityError::BadCertificate { what: "certificate", source: None });
    }
    Ok(found)
}

/// The pin of a certificate: SHA-256 over its DER subject public key info.
///
/// # Errors
/// [`SecurityError::BadCertificate`].
pub fn spki_pin(certificate: &CertificateDer<'_>) -> Result<[u8; 32], SecurityError> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(bad("certificate"))?;
    Ok(sha256(parsed.public_key().raw))
}

/// The Ed25519 key that a certificate is for.
///
/// # Errors
/// [`SecurityError::BadCertificate`], also for a key of another kind.
pub fn ed25519_key(certificate: &CertificateDer<'_>) -> Result<[u8; 32], SecurityError> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(bad("certificate"))?;
    let key = parsed.public_key().raw.strip_prefix(&SPKI_ED25519).and_then(|key| key.try_into().ok());
    key.ok_or(SecurityError::BadCertificate { what: "certificate's Ed25519 key", source: None })
}

/// First and last second of validity, Unix time.
///
/// # Errors
/// [`SecurityError::BadCertificate`].
pub fn validity(certificate: &CertificateDer<'_>) -> Result<(i64, i64), SecurityError> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(bad("certificate"))?;
    Ok((parsed.validity().not_before.timestamp(), parsed.validity().not_after.timestamp()))
}

fn new_key(env: &Env) -> Result<(KeyPair, Secret<Vec<u8>>), SecurityError> {
    let seed = Zeroizing::new(env.rng.bytes::<32>());
    let mut der = pkcs8(&seed);
    let key =
        KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(der.as_slice()), &PKCS_ED25519).map_err(issue);
    match key {
        Ok(key) => Ok((key, Secret::new(der))),
        Err(error) => {
            der.zeroize();
            Err(error)
        }
    }
}

fn pkcs8(seed: &[u8; 32]) -> Vec<u8> {
    // Room for all of it: growing would leave a part of the seed behind in memory.
    let mut der = Vec::with_capacity(PKCS8_ED25519.len() + seed.len());
    der.extend_from_slice(&PKCS8_ED25519);
    der.extend_from_slice(seed);
    der
}

/// RFC 7468: lines of 64 characters.
fn pem(label: &str, der: &[u8]) -> String {
    const LINE: usize = 48;
    let begin = format!("-----BEGIN {label}-----\n");
    let lines = der.len().div_ceil(LINE);
    let mut out = String::with_capacity(2 * begin.len() + der.len() * 4 / 3 + 2 * lines + 8);
    out.push_str(&begin);
    for line in der.chunks(LINE) {
        STANDARD.encode_string(line, &mut out);
        out.push('\n');
    }
    out.push_str("-----END ");
    out.push_str(label);
    out.push_str("-----\n");
    out
}

fn client_params(env: &Env, peer: &PeerIdentity, validity: Duration) -> Result<CertificateParams, SecurityError> {
    let mut params = params(env, validity, "AI Trading Client")?;
    params.extended_key_usages = vec![Eku::ClientAuth];
    params.subject_alt_names = vec![SanType::URI(peer.to_string().try_into().map_err(|_| SecurityError::BadName)?)];
    Ok(params)
}

fn server_params(env: &Env, extra: &[&str], validity: Duration) -> Result<CertificateParams, SecurityError> {
    let mut params = params(env, validity, "AI Trading Server")?;
    params.extended_key_usages = vec![Eku::ServerAuth];
    for name in ["127.0.0.1", "::1", "localhost"].iter().chain(extra) {
        params.subject_alt_names.push(match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName((*name).try_into().map_err(|_| SecurityError::BadName)?),
        });
    }
    Ok(params)
}

fn params(env: &Env, validity: Duration, name: &str) -> Result<CertificateParams, SecurityError> {
    let now = u64::try_from(env.clock.wall_ns()).map_err(|_| SecurityError::BadTime)? / 1_000_000_000;
    let end = now.checked_add(validity.as_secs()).filter(|end| *end <= LAST_SECOND).ok_or(SecurityError::BadTime)?;
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let mut params = CertificateParams::default();
    params.not_before = epoch + Duration::from_secs(now.saturating_sub(BACKDATE.as_secs()));
    params.not_after = epoch + Duration::from_secs(end);
    let mut serial: [u8; 16] = env.rng.bytes();
    // A positive DER integer of full length: the top bit clear, the next one set.
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

fn issued(certificate: &rcgen::Certificate, key: &KeyPair, key_der: Secret<Vec<u8>>) -> Issued {
    Issued {
        chain: vec![certificate.der().clone()],
        chain_pem: certificate.pem(),
        key: key_der,
        key_pem: Secret::new(key.serialize_pem()),
    }
}

fn issue(error: rcgen::Error) -> SecurityError {
    SecurityError::Issue(Box::new(error))
}

fn bad<E: std::error::Error + Send + Sync + 'static>(what: &'static str) -> impl FnOnce(E) -> SecurityError {
    move |error| SecurityError::BadCertificate { what, source: Some(Box::new(error)) }
}
