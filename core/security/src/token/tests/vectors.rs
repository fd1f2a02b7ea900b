//! Published vectors: RFC 8037 signs as we do, and no JWS of Wycheproof is a token here.

use super::*;
use aitrading_env::Env;
use serde_json::Value;

fn read(file: &str) -> Option<Value> {
    let dir = aitrading_testkit::shared_data()?;
    let bytes = Env::real().fs.read(&dir.join("vectors").join(file), 8 << 20).unwrap();
    Some(serde_json::from_slice(&bytes).unwrap())
}

#[test]
fn the_provider_signs_and_verifies_as_rfc_8037_does() {
    let Some(all) = read("misc/published.json") else { return };
    let vector = &all["rfc8037_jws_ed25519"];
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(vector["jwk"][name].as_str().unwrap()).unwrap();
    let key = SigningKey::from_seed(&bytes("d").try_into().unwrap());
    assert_eq!(key.verifying_key().to_bytes().to_vec(), bytes("x"));
    let jws = vector["jws"].as_str().unwrap();
    let (message, signature) = jws.rsplit_once('.').unwrap();
    assert!(provider::is_installed());
    let made =
        jsonwebtoken::crypto::sign(message.as_bytes(), &provider::encoding_key(&key), jsonwebtoken::Algorithm::EdDSA);
    assert_eq!(made.unwrap(), signature);
    let public = provider::decoding_key(&key.verifying_key());
    let verify =
        |signature: &str, algorithm| jsonwebtoken::crypto::verify(signature, message.as_bytes(), &public, algorithm);
    assert!(verify(signature, jsonwebtoken::Algorithm::EdDSA).unwrap());
    let altered = signature.replacen('h', "i", 1);
    assert!(!verify(&altered, jsonwebtoken::Algorithm::EdDSA).unwrap());
    for other in [jsonwebtoken::Algorithm::HS256, jsonwebtoken::Algorithm::ES256, jsonwebtoken::Algorithm::RS256] {
        assert!(verify(signature, other).is_err(), "{other:?} is not served");
    }
    // A good JWS of this key is still no access token.
    let keys = TokenKeys::new(key, None, Vec::new()).unwrap();
    let verifier = TokenVerifier::new(ISSUER, keys.public()).unwrap();
    assert_eq!(verifier.verify(jws, &CERTIFICATE, AUDIENCE, NOW).map(|_| ()), Err(TokenRefused::Malformed));
}

#[test]
fn t17_no_jws_of_wycheproof_is_a_token() {
    let mut seen = 0;
    for file in ["wycheproof/json_web_crypto_test.json", "wycheproof/json_web_key_test.json"] {
        let Some(all) = read(file) else { return };
        for group in all["testGroups"].as_array().unwrap() {
            for case in group["tests"].as_array().unwrap() {
                let text = match case.get("jws").or_else(|| case.get("jwe")) {
                    Some(Value::String(text)) => text.clone(),
                    Some(other) => other.to_string(),
                    None => panic!("{case}"),
                };
                assert!(verify(&text).is_err(), "{case}");
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 83 + 26);
}

/// The classes of Wycheproof's signature groups, each as it would be done to one of our tokens. `acceptsValid` is ours; what is
/// done to a part is done to every character of it.
#[test]
fn t17_every_class_of_wycheproof_is_refused_when_it_is_done_to_a_token_of_ours() {
    let token = good();
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("three parts") };
    assert!(verify(&token).is_ok(), "acceptsValid");
    let missing = [
        ("rejectsMissingSignature", format!("{header}.{payload}.")),
        ("rejectsMissingSignatureAndSeparator", format!("{header}.{payload}")),
        ("rejectsMissingPayload", format!("{header}..{signature}")),
        ("rejectsMissingPayloadAndSeparator", format!("{header}.{signature}")),
        ("rejectsMissingHeader", format!(".{payload}.{signature}")),
        ("rejectsMissingHeaderAndSeparator", format!("{payload}.{signature}")),
        ("rejectsMissingHeaderAndSignature", format!(".{payload}.")),
        ("rejectsMissingHeaderSignatureAndSeparators", payload.to_owned()),
        ("rejectsEmptyString", String::new()),
        ("rejectsExtraEmptyComponent", format!("{token}.")),
        ("rejectsExtraComponent", format!("{token}.{header}")),
        ("ModifiedPadding", format!("{token}=")),
        ("ModifiedPadding", format!("{header}=.{payload}.{signature}")),
    ];
    for (class, token) in missing {
        assert!(verify(&token).is_err(), "{class}");
    }
    for at in (0..token.len()).filter(|at| token.as_bytes()[*at] != b'.') {
        let other = if token.as_bytes()[at] == b'X' { 'Y' } else { 'X' };
        let modified = format!("{}{other}{}", &token[..at], &token[at + 1..]);
        assert!(verify(&modified).is_err(), "rejectsModified at {at}");
    }
}
