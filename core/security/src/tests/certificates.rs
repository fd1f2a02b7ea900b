//! What certificates say, and which are refused.

use super::world;
use crate::{
    Authenticator, PeerIdentity, Refused, SanAuthenticator, SecurityError,
    identity::{AccountId, DeviceId, TenantId},
    parse_identity,
    pki::{self, Authority, Issued},
    signing::SigningKey,
};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose as Eku, IsCa, KeyPair, SanType};
use rustls_pki_types::CertificateDer;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

fn device() -> PeerIdentity {
    PeerIdentity::Device { tenant: TenantId(7), device: DeviceId([0xab; 16]), account: AccountId(51_234) }
}

#[test]
fn a_device_certificate_names_tenant_device_and_account() {
    let (env, _) = world();
    let authority = Authority::generate(&env, 90 * DAY).unwrap();
    let issued = authority.issue_device(&env, TenantId(7), DeviceId([0xab; 16]), AccountId(51_234), DAY).unwrap();
    assert_eq!(SanAuthenticator.authenticate(&issued.chain()), Ok(device()));
    assert_eq!(device().to_string(), format!("spiffe://aitrading/tenant/7/device/{}/account/51234", "ab".repeat(16)));
    let service = authority.issue_service(&env, TenantId(0), "data-bridge", DAY).unwrap();
    let wanted = PeerIdentity::Service { tenant: TenantId(0), name: "data-bridge".into() };
    assert_eq!(SanAuthenticator.authenticate(&service.chain()), Ok(wanted));
    assert_eq!(SanAuthenticator.authenticate(&[]), Err(Refused::NoCertificate));
    let server = authority.issue_server(&env, &["bridge.example"], DAY).unwrap();
    assert_eq!(SanAuthenticator.authenticate(&server.chain()), Err(Refused::NotForClients));
    let own = [authority.certificate().unwrap()];
    assert_eq!(SanAuthenticator.authenticate(&own), Err(Refused::NotForClients));
}

#[test]
fn dates_come_from_the_clock_and_begin_a_little_earlier() {
    let (env, clock) = world();
    let authority = Authority::generate(&env, 90 * DAY).unwrap();
    clock.advance(DAY);
    let issued = authority.issue_server(&env, &[], DAY).unwrap();
    let now = super::NOW_NS / 1_000_000_000 + 86_400;
    assert_eq!(pki::validity(&issued.chain()[0]).unwrap(), (now - 300, now + 86_400));
    assert!(matches!(authority.issue_server(&env, &[], Duration::MAX), Err(SecurityError::BadTime)));
}

#[test]
fn everything_survives_its_pem_form() {
    let (env, _) = world();
    let authority = Authority::generate(&env, DAY).unwrap();
    let again = Authority::from_pem(authority.certificate_pem(), authority.key_pem().expose()).unwrap();
    let issued = again.issue_device(&env, TenantId(7), DeviceId([0xab; 16]), AccountId(51_234), DAY).unwrap();
    let read = Issued::from_pem(issued.chain_pem(), issued.key_pem().expose()).unwrap();
    assert_eq!(read.chain(), issued.chain());
    assert_eq!(read.key(), issued.key());
    assert_eq!(read.pin().unwrap(), pki::spki_pin(&issued.chain()[0]).unwrap());
    assert_ne!(read.pin().unwrap(), pki::spki_pin(&authority.certificate().unwrap()).unwrap());
    for (chain, key) in [("", "x"), (issued.chain_pem(), ""), ("garbage", issued.key_pem().expose().as_str())] {
        assert!(Issued::from_pem(chain, key).is_err(), "{chain:.10}");
        assert!(Authority::from_pem(chain, key).is_err());
    }
    assert!(!format!("{issued:?}").contains("PRIVATE"));
}

#[test]
fn names_that_do_not_belong_in_certificates_are_refused() {
    let (env, _) = world();
    let authority = Authority::generate(&env, DAY).unwrap();
    for name in ["", "Data", "a/b", "a b", &"x".repeat(64)] {
        assert!(matches!(authority.issue_service(&env, TenantId(1), name, DAY), Err(SecurityError::BadName)), "{name}");
    }
    assert!(matches!(authority.issue_server(&env, &["ümlaut"], DAY), Err(SecurityError::BadName)));
}

fn certificate(uris: &[&str], usage: Option<Eku>, ca: bool) -> CertificateDer<'static> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
    params.subject_alt_names.push(SanType::DnsName("a.example".try_into().unwrap()));
    params.extended_key_usages = usage.into_iter().collect();
    if ca {
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    }
    params.self_signed(&KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap()).unwrap().der().clone()
}

/// One identity, one spelling: without the comparison with the canonical form the spellings with zeros, signs and capitals
/// would pass, and one device would have several names.
#[test]
fn only_one_spelling_of_an_identity_is_accepted() {
    let hex = "ab".repeat(16);
    let good = format!("spiffe://aitrading/tenant/7/device/{hex}/account/51234");
    assert_eq!(parse_identity(&certificate(&[&good], Some(Eku::ClientAuth), false)), Ok(device()));
    let bad = [
        format!("spiffe://aitrading/tenant/07/device/{hex}/account/51234"),
        format!("spiffe://aitrading/tenant/+7/device/{hex}/account/51234"),
        format!("spiffe://aitrading/tenant/7/device/{}/account/51234", "AB".repeat(16)),
        format!("spiffe://aitrading/tenant/7/device/{hex}/account/51234/"),
        format!("spiffe://aitrading/tenant/7/device/{hex}"),
        format!("spiffe://aitrading/tenant/7/device/{}/account/1", "a".repeat(31)),
        format!("spiffe://aitrading/tenant/99999999999999999999/device/{hex}/account/1"),
        format!("SPIFFE://aitrading/tenant/7/device/{hex}/account/51234"),
        format!("spiffe://elsewhere/tenant/7/device/{hex}/account/51234"),
        "spiffe://aitrading/tenant/7/service/".into(),
        "spiffe://aitrading/tenant/7/service/UP".into(),
        String::new(),
    ];
    for uri in &bad {
        let parsed = parse_identity(&certificate(&[uri], Some(Eku::ClientAuth), false));
        assert_eq!(parsed, Err(Refused::NoIdentity), "{uri}");
    }
    let twice = certificate(&[&good, &good], Some(Eku::ClientAuth), false);
    assert_eq!(parse_identity(&twice), Err(Refused::NoIdentity), "two names are no name");
    assert_eq!(parse_identity(&certificate(&[], Some(Eku::ClientAuth), false)), Err(Refused::NoIdentity));
    // Path validation lets a certificate without extended key usage pass; this does not.
    assert_eq!(parse_identity(&certificate(&[&good], None, false)), Err(Refused::NotForClients));
    assert_eq!(parse_identity(&certificate(&[&good], Some(Eku::ServerAuth), false)), Err(Refused::NotForClients));
    assert_eq!(parse_identity(&certificate(&[&good], Some(Eku::ClientAuth), true)), Err(Refused::NotForClients));
    assert_eq!(parse_identity(&CertificateDer::from(vec![0x30, 0])), Err(Refused::Malformed));
}

#[test]
fn a_server_key_gets_another_certificate_and_keeps_its_pin() {
    let (env, clock) = world();
    let authority = Authority::generate(&env, 90 * DAY).unwrap();
    let first = authority.issue_server(&env, &[], DAY).unwrap();
    clock.advance(DAY);
    let key = first.key_pem().expose();
    let second = authority.reissue_server(&env, key, &["bridge.example"], DAY).unwrap();
    assert_eq!((second.pin().unwrap(), second.key()), (first.pin().unwrap(), first.key()));
    assert_ne!(second.chain(), first.chain());
    assert!(pki::validity(&second.chain()[0]).unwrap() > pki::validity(&first.chain()[0]).unwrap());
    assert_eq!(Issued::from_pem(second.chain_pem(), second.key_pem().expose()).unwrap().key(), first.key());
    for bad in ["", "garbage", first.chain_pem()] {
        assert!(authority.reissue_server(&env, bad, &[], DAY).is_err(), "{bad:.10}");
    }
}

#[test]
fn a_certificate_is_issued_for_a_key_that_the_device_made() {
    let (env, _) = world();
    let authority = Authority::generate(&env, 90 * DAY).unwrap();
    let key = SigningKey::generate(&env);
    let leaf = authority.certify(&env, &device(), &key.verifying_key(), DAY).unwrap();
    assert_eq!(parse_identity(&leaf), Ok(device()));
    assert_eq!(pki::ed25519_key(&leaf).unwrap(), key.verifying_key().to_bytes());
    let issued = Issued::of_key(vec![leaf.clone()], &key).unwrap();
    assert_eq!((issued.chain(), issued.pin().unwrap()), (vec![leaf.clone()], pki::spki_pin(&leaf).unwrap()));
    // What is kept is read back as what was given, by the reader that files go through.
    let read = Issued::from_pem(issued.chain_pem(), issued.key_pem().expose()).unwrap();
    assert_eq!((read.chain(), read.key().secret_der()), (issued.chain(), issued.key().secret_der()));
    let other = SigningKey::generate(&env);
    for wrong in [Issued::of_key(vec![leaf], &other), Issued::of_key(vec![], &key)] {
        assert!(matches!(wrong, Err(SecurityError::BadCertificate { .. })), "{wrong:?}");
    }
}
