//! The primitives against published vectors.

use crate::{NoiseKeyPair, SecurityError, aead::AeadKey, mac, signing, x25519};
use aitrading_env::Env;
use serde_json::Value;

/// The published vectors, or `None` where they are not at hand.
fn wycheproof(file: &str) -> Option<Vec<(Value, Value)>> {
    let dir = aitrading_testkit::shared_data()?;
    let bytes = Env::real().fs.read(&dir.join("vectors/wycheproof").join(file), 8 << 20).unwrap();
    let all: Value = serde_json::from_slice(&bytes).unwrap();
    let groups = all["testGroups"].as_array().unwrap().clone();
    let cases = groups.iter().flat_map(|g| {
        let mut group = g.clone();
        let tests = group.as_object_mut().unwrap().remove("tests").unwrap();
        tests.as_array().unwrap().clone().into_iter().map(move |t| (group.clone(), t))
    });
    Some(cases.collect())
}

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap().as_bytes();
    text.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn is_valid(case: &Value) -> bool {
    case["result"] == "valid"
}

#[test]
fn ed25519_agrees_with_wycheproof() {
    let Some(cases) = wycheproof("ed25519_test.json") else { return };
    assert_eq!(cases.len(), 151);
    for (group, case) in cases {
        let key: [u8; 32] = hex(&group["publicKey"]["pk"]).try_into().unwrap();
        let verdict = signing::VerifyingKey::from_bytes(&key).and_then(|key| {
            let signature = hex(&case["sig"]).try_into().map_err(|_| SecurityError::BadSignature)?;
            key.verify_raw(&hex(&case["msg"]), &signature)
        });
        assert_eq!(verdict.is_ok(), is_valid(&case), "{case}");
    }
}

#[test]
fn hmac_agrees_with_wycheproof() {
    let Some(cases) = wycheproof("hmac_sha256_test.json") else { return };
    assert_eq!(cases.len(), 174);
    for (group, case) in cases {
        let (key, message, tag) = (hex(&case["key"]), hex(&case["msg"]), hex(&case["tag"]));
        if group["tagSize"] == 256 {
            assert_eq!(mac::hmac_sha256_verify(&key, &message, &tag), is_valid(&case), "{case}");
        } else {
            let made = mac::hmac_sha256(&key, &message);
            assert_eq!(made.starts_with(&tag), is_valid(&case), "{case}");
            assert!(!mac::hmac_sha256_verify(&key, &message, &tag), "a truncated tag is refused");
        }
    }
}

#[test]
fn hkdf_agrees_with_wycheproof() {
    let Some(cases) = wycheproof("hkdf_sha256_test.json") else { return };
    assert_eq!(cases.len(), 86);
    for (_, case) in cases {
        let mut out = vec![0; usize::try_from(case["size"].as_u64().unwrap()).unwrap()];
        let made = mac::hkdf_sha256(&hex(&case["ikm"]), &hex(&case["salt"]), &hex(&case["info"]), &mut out);
        let right = made.is_ok() && out == hex(&case["okm"]);
        assert_eq!(right, is_valid(&case), "{case}");
    }
}

#[test]
fn aes_256_gcm_agrees_with_wycheproof() {
    let Some(cases) = wycheproof("aes_gcm_test.json") else { return };
    let ours = |g: &Value| g["keySize"] == 256 && g["ivSize"] == 96 && g["tagSize"] == 128;
    let cases: Vec<_> = cases.into_iter().filter(|(group, _)| ours(group)).collect();
    assert_eq!(cases.len(), 66);
    for (_, case) in cases {
        let key = AeadKey::new(&hex(&case["key"])).unwrap();
        let (nonce, tag) = (hex(&case["iv"]).try_into().unwrap(), hex(&case["tag"]).try_into().unwrap());
        let (aad, message) = (hex(&case["aad"]), hex(&case["msg"]));
        let mut text = hex(&case["ct"]);
        let opened = key.open(nonce, &aad, &mut text, &tag).is_ok();
        assert_eq!(opened, is_valid(&case), "{case}");
        if opened {
            assert_eq!(text, message);
            assert_eq!(key.seal(nonce, &aad, &mut text).unwrap(), tag);
            assert_eq!(text, hex(&case["ct"]));
        }
    }
}

/// Without the check of the all-zero secret the 32 cases of that kind would be accepted.
#[test]
fn x25519_agrees_with_wycheproof_and_refuses_the_zero_secret() {
    let Some(cases) = wycheproof("x25519_test.json") else { return };
    assert_eq!(cases.len(), 518);
    let mut refused = 0;
    for (_, case) in cases {
        let secret = hex(&case["private"]).try_into().unwrap();
        let public = hex(&case["public"]).try_into().unwrap();
        let wanted = hex(&case["shared"]);
        if let Ok(shared) = x25519::shared_secret(&secret, &public) {
            assert_eq!(shared.to_vec(), wanted, "{case}");
        } else {
            assert_eq!(wanted, [0; 32], "{case}");
            refused += 1;
        }
    }
    assert!(refused >= 30, "{refused} zero secrets refused");
}

#[test]
fn both_sides_of_a_key_exchange_agree() {
    let env = Env::real();
    let (a, b) = (NoiseKeyPair::generate(&env), NoiseKeyPair::generate(&env));
    let ab = x25519::shared_secret(a.secret(), &b.public()).unwrap();
    assert_eq!(ab, x25519::shared_secret(b.secret(), &a.public()).unwrap());
    assert_eq!(NoiseKeyPair::from_secret(**a.secret()).public(), a.public());
}

#[test]
fn a_hash_of_pieces_is_the_hash_of_the_whole() {
    let bytes: Vec<u8> = (0..=255).cycle().take(1_000).collect();
    for step in [1, 63, 64, 65, 1_000] {
        let mut hash = crate::Sha256::default();
        bytes.chunks(step).for_each(|piece| hash.update(piece));
        assert_eq!(hash.finish(), crate::sha256(&bytes), "pieces of {step}");
    }
}
