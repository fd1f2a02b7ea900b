//! Sealed envelopes and signatures open and hold for nothing but what they were made for.

use super::world;
use crate::{
    Secret, SecurityError,
    aead::{SealKey, sealed_by},
    mac, sha256,
    signing::{KeyRing, REPORT_DOMAIN, SIGNAL_DOMAIN, SigningKey, VerifyingKey},
};

#[test]
fn a_sealed_envelope_opens_only_where_it_was_made_for() {
    let (env, _) = world();
    let key = SealKey::new(&[7; 32]).unwrap();
    let sealed = key.seal(env.rng.as_ref(), "mt5.password", 3, b"hunter2").unwrap();
    assert_eq!(key.open("mt5.password", 3, &sealed).unwrap().expose(), b"hunter2");
    assert_eq!(sealed_by(&sealed).unwrap(), key.id());
    assert!(!sealed.windows(7).any(|w| w == b"hunter2"));
    assert!(matches!(key.open("mt5.login", 3, &sealed), Err(SecurityError::SealBroken)));
    assert!(matches!(key.open("mt5.password", 4, &sealed), Err(SecurityError::SealBroken)));
    let other = SealKey::new(&[8; 32]).unwrap();
    assert!(matches!(other.open("mt5.password", 3, &sealed), Err(SecurityError::UnknownKey)));
    assert_ne!(sealed, key.seal(env.rng.as_ref(), "mt5.password", 3, b"hunter2").unwrap(), "a nonce is used once");
}

/// Without the tag check any of these would open as something.
#[test]
fn every_flipped_bit_and_every_cut_of_an_envelope_is_refused() {
    let (env, _) = world();
    let key = SealKey::new(&[7; 32]).unwrap();
    let sealed = key.seal(env.rng.as_ref(), "p", 1, b"secret").unwrap();
    for bit in 0..sealed.len() * 8 {
        let mut bad = sealed.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(key.open("p", 1, &bad).is_err(), "bit {bit}");
    }
    for len in 0..sealed.len() {
        assert!(key.open("p", 1, &sealed[..len]).is_err(), "cut at {len}");
    }
}

#[test]
fn a_signature_holds_for_its_domain_bytes_and_key_alone() {
    let (env, _) = world();
    let (key, other) = (SigningKey::generate(&env), SigningKey::generate(&env));
    let signature = key.sign_detached(SIGNAL_DOMAIN, b"buy");
    let public = VerifyingKey::from_bytes(&key.verifying_key().to_bytes()).unwrap();
    public.verify_detached(SIGNAL_DOMAIN, b"buy", &signature).unwrap();
    assert!(public.verify_detached(REPORT_DOMAIN, b"buy", &signature).is_err());
    assert!(public.verify_detached(SIGNAL_DOMAIN, b"sell", &signature).is_err());
    assert!(other.verifying_key().verify_detached(SIGNAL_DOMAIN, b"buy", &signature).is_err());
    // The format, spelt out: domain with its NUL, then the hash of the bytes.
    let message = [b"atp-signal-v1\0".as_slice(), &sha256(b"buy")].concat();
    public.verify_raw(&message, &signature).unwrap();
    assert_eq!(public.id().0, sha256(&public.to_bytes())[..8]);
    assert_eq!(SigningKey::from_seed(&key.seed()).verifying_key(), public);
}

#[test]
fn a_key_ring_trusts_the_current_and_the_next_key() {
    let (env, _) = world();
    let keys: Vec<SigningKey> = (0..3).map(|_| SigningKey::generate(&env)).collect();
    let public: Vec<VerifyingKey> = keys.iter().map(SigningKey::verifying_key).collect();
    let mut ring = KeyRing { next: Some(public[1]), ..KeyRing::new(public[0]) };
    let check = |ring: &KeyRing, n: usize| {
        ring.verify(public[n].id(), SIGNAL_DOMAIN, b"x", &keys[n].sign_detached(SIGNAL_DOMAIN, b"x"))
    };
    assert!(check(&ring, 0).is_ok() && check(&ring, 1).is_ok());
    assert!(matches!(check(&ring, 2), Err(SecurityError::UnknownKey)));
    ring.rotate();
    assert!(matches!(check(&ring, 0), Err(SecurityError::UnknownKey)) && check(&ring, 1).is_ok());
    ring.rotate();
    assert!(check(&ring, 1).is_ok(), "without a next key the current one stays");
}

#[test]
fn the_key_of_small_order_is_refused() {
    let mut identity = [0; 32];
    identity[0] = 1;
    assert!(VerifyingKey::from_bytes(&identity).is_err());
}

/// A signer can make a signature whose R is the neutral point: lax verifiers accept it, strict ones do not, and then two
/// verifiers would disagree.
#[test]
fn a_signature_with_a_point_of_small_order_is_refused() {
    use curve25519_dalek::{Scalar, scalar::clamp_integer};
    use sha2::{Digest, Sha512};
    let (env, _) = world();
    let key = SigningKey::generate(&env);
    let public = key.verifying_key();
    let half: [u8; 32] = Sha512::digest(*key.seed())[..32].try_into().unwrap();
    let secret = Scalar::from_bytes_mod_order(clamp_integer(half));
    let mut signature = [0; 64];
    signature[0] = 1;
    let hash: [u8; 64] = Sha512::digest([&signature[..32], &public.to_bytes(), b"m"].concat()).into();
    let s = Scalar::from_bytes_mod_order_wide(&hash) * secret;
    signature[32..].copy_from_slice(s.as_bytes());
    let lax = ed25519_dalek::VerifyingKey::from_bytes(&public.to_bytes()).unwrap();
    let parsed = ed25519_dalek::Signature::from_bytes(&signature);
    assert!(ed25519_dalek::Verifier::verify(&lax, b"m", &parsed).is_ok(), "the forgery is well made");
    assert!(public.verify_raw(b"m", &signature).is_err());
}

#[test]
fn secrets_do_not_show_themselves() {
    let (env, _) = world();
    let shown = format!("{:?} {:?}", Secret::new(String::from("hunter2")), SigningKey::generate(&env));
    assert!(shown.starts_with("Secret(redacted) SigningKey("), "{shown}");
    assert!(format!("{:?}", crate::NoiseKeyPair::generate(&env)).contains("redacted"));
    assert!(format!("{:?}", SealKey::new(&[1; 32]).unwrap()).contains("redacted"));
}

#[test]
fn more_than_hkdf_can_give_is_an_error() {
    assert!(mac::hkdf_sha256(b"k", b"", b"", &mut [0; 8161]).is_err());
}
