//! Who a certificate lets in.

use super::*;
use aitrading_env::Env;
use aitrading_model::{AccountId, DeviceId, TenantId};
use aitrading_security::pki::Authority;

#[test]
fn the_device_key_is_the_one_of_the_certificate() {
    let env = Env::real();
    let year = Duration::from_hours(24 * 365);
    let authority = Authority::generate(&env, year).unwrap();
    let issued = authority.issue_device(&env, TenantId(1), DeviceId([7; 16]), AccountId(9), year).unwrap();
    let chain = issued.chain();
    let key = ed25519_key(&chain[0]).unwrap();
    let spki: Vec<u8> = ED25519_SPKI.into_iter().chain(key).collect();
    assert_eq!(sha256(&spki), issued.pin().unwrap());
    assert_eq!(ed25519_key(&CertificateDer::from(vec![0; 80])), None);
}
