//! The published vectors of RFC 9807 for our suite, through our own halves; theirs do not stretch, and nothing else
//! differs.

use super::super::parties::Bound;
use super::super::stretch::Stretch;
use super::super::{ClientLogin, ClientRegistration, LoginRequest, PasswordRecord, ServerSetup};
use super::{Script, typed};
use aitrading_env::Env;
use serde_json::Value;

/// The vectors of the suite, or `None` where they are not at hand.
fn vectors(fake: &str) -> Option<Vec<Value>> {
    let file = aitrading_testkit::shared_data()?.join("vectors/opaque/rfc9807_vectors.json");
    let all: Vec<Value> = serde_json::from_slice(&Env::real().fs.read(&file, 1 << 20).unwrap()).unwrap();
    let ours = |v: &Value| v["config"]["Group"] == "ristretto255" && v["config"]["Fake"] == fake;
    Some(all.into_iter().filter(ours).collect())
}

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap().as_bytes();
    text.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

struct Case(Value);

impl Case {
    fn input(&self, key: &str) -> Vec<u8> {
        hex(&self.0["inputs"][key])
    }

    fn output(&self, key: &str) -> Vec<u8> {
        hex(&self.0["outputs"][key])
    }

    /// A party that names itself, or is named by its public key.
    fn identity(&self, name: &str, key: Vec<u8>) -> Vec<u8> {
        if self.0["inputs"][name].is_null() { key } else { self.input(name) }
    }

    fn bound(&self, client_key: Vec<u8>) -> Bound {
        Bound {
            credential: self.input("credential_identifier"),
            client: self.identity("client_identity", client_key),
            server: self.identity("server_identity", self.input("server_public_key")),
            context: hex(&self.0["config"]["Context"]),
        }
    }

    fn setup(&self) -> ServerSetup {
        let parts = [&[1][..], &self.input("oprf_seed"), &self.input("server_private_key")];
        ServerSetup::from_bytes(&[&parts.concat()[..], &self.input("server_public_key")].concat()).unwrap()
    }

    /// Randomness of the server's answer: the library draws a masking key for a fake record first, and does not use it.
    fn server_script(&self) -> Script {
        let key_share = [self.input("server_keyshare_seed"), self.input("server_nonce")].concat();
        Script::new(&[&[0; 64], &self.input("masking_nonce"), &key_share])
    }
}

/// A scalar as it is drawn: 64 bytes that are reduced to it.
fn wide(scalar: &[u8]) -> Vec<u8> {
    [scalar, &[0; 32]].concat()
}

#[test]
fn registration_and_login_agree_with_rfc_9807() {
    let Some(cases) = vectors("False") else { return };
    assert_eq!(cases.len(), 2);
    for case in cases.into_iter().map(Case) {
        let (setup, bound) = (case.setup(), case.bound(hex(&case.0["intermediates"]["client_public_key"])));
        let password = || typed(std::str::from_utf8(&case.input("password")).unwrap());
        let rng = Script::new(&[&wide(&case.input("blind_registration"))]);
        let (client, request) = ClientRegistration::start(&rng, password()).unwrap();
        assert_eq!(request.to_bytes()[..], case.output("registration_request"));
        let response = setup.evaluate(&bound.credential, request).unwrap();
        assert_eq!(response.to_bytes()[..], case.output("registration_response"));
        let rng = Script::new(&[&case.input("envelope_nonce")]);
        let registered = client.seal(Stretch::Identity, &rng, &bound, response).unwrap();
        assert_eq!(registered.upload.to_bytes()[..], case.output("registration_upload"));
        assert_eq!(registered.export_key.expose()[..], case.output("export_key"));

        let record = PasswordRecord::of(&registered.upload);
        let blind = wide(&case.input("blind_login"));
        let rng = Script::new(&[&blind, &case.input("client_keyshare_seed"), &case.input("client_nonce")]);
        let (client, request) = ClientLogin::start(&rng, password()).unwrap();
        assert!(rng.is_used_up());
        assert_eq!(request.to_bytes()[..], case.output("KE1"));
        let rng = case.server_script();
        let (pending, response) = setup.respond_bound(&rng, &bound, Some(&record), request).unwrap();
        assert!(rng.is_used_up());
        assert_eq!(response.to_bytes()[..], case.output("KE2"));
        let done = client.open(Stretch::Identity, &Script::new(&[]), &bound, response).unwrap();
        assert_eq!(done.finish.to_bytes()[..], case.output("KE3"));
        assert_eq!(done.session_key.expose()[..], case.output("session_key"));
        assert_eq!(done.export_key.expose()[..], case.output("export_key"));
        assert_eq!(pending.check(done.finish).unwrap().expose()[..], case.output("session_key"));
    }
}

#[test]
fn t26_answer_to_an_unknown_user_agrees_with_rfc_9807() {
    let Some(cases) = vectors("True") else { return };
    assert_eq!(cases.len(), 1);
    for case in cases.into_iter().map(Case) {
        let bound = case.bound(case.input("client_public_key"));
        let fake = [&[1][..], &case.input("client_public_key"), &case.input("masking_key"), &[0; 96]].concat();
        let record = PasswordRecord::from_bytes(&fake).unwrap();
        let request = LoginRequest::from_bytes(&case.input("KE1")).unwrap();
        let (_, response) = case.setup().respond_bound(&case.server_script(), &bound, Some(&record), request).unwrap();
        assert_eq!(response.to_bytes()[..], case.output("KE2"));
    }
}
