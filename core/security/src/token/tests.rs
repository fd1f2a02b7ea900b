//! Tokens that are good pass once at the right door; everything else is refused with its own code.

mod access;
mod gate;
mod refresh;
mod revocation;
mod vectors;

use super::*;
use crate::signing::SigningKey;
use aitrading_env::sim::SeededRng;
use aitrading_model::{AccountId, DeviceId, TenantId};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// 2026-01-01T00:00:00Z, and a bit.
const NOW: Timestamp = Timestamp(1_767_225_600_250_000_000);
const CERTIFICATE: [u8; 32] = [0xC1; 32];
const ISSUER: &str = "aitrading.example";
const AUDIENCE: &str = "data-bridge";

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&[n; 32])
}

fn keys() -> TokenKeys {
    TokenKeys::new(key(1), Some(key(2)), Vec::new()).unwrap()
}

fn issuer() -> TokenIssuer {
    TokenIssuer::new(ISSUER, keys(), Timestamp(0)).unwrap()
}

fn verifier() -> TokenVerifier {
    TokenVerifier::new(ISSUER, keys().public()).unwrap()
}

fn grant() -> Grant {
    Grant {
        tenant: TenantId(1),
        subject: Subject([0xA1; 16]),
        role: Role::Subscriber,
        level: Level::SecondFactor,
        family: FamilyId([0xF1; 16]),
        device: Some(DeviceId([0xD1; 16])),
        account: Some(AccountId(70_001)),
        certificate: CERTIFICATE,
        audience: AUDIENCE.to_owned(),
    }
}

fn rng() -> SeededRng {
    SeededRng::new(7)
}

fn issued(grant: Grant) -> IssuedToken {
    issuer().issue(grant, NOW, &rng()).unwrap()
}

fn good() -> String {
    issued(grant()).token.expose().clone()
}

fn seconds(n: i64) -> Timestamp {
    Timestamp(n * SECOND_NS)
}

fn later(at: Timestamp, seconds: i64) -> Timestamp {
    Timestamp(at.0 + seconds * SECOND_NS)
}

/// `at` seconds after [`NOW`], on both clocks.
fn moment(at: i64) -> Moment {
    Moment { wall: later(NOW, at), mono_ns: u64::try_from((1_000_000 + at) * SECOND_NS).unwrap() }
}

/// The header and the claims of a token, as JSON.
fn opened(token: &str) -> (String, String) {
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let mut text = || String::from_utf8(parts.next().unwrap()).unwrap();
    (text(), text())
}

/// A token of any header and claims, signed as it should be.
fn signed(key: &SigningKey, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign_raw(message.as_bytes()));
    format!("{message}.{signature}")
}

fn verify(token: &str) -> Result<Verified, TokenRefused> {
    verifier().verify(token, &CERTIFICATE, AUDIENCE, NOW)
}

fn check_refused(name: &str, token: &str, wanted: TokenRefused) {
    assert_eq!(verify(token).map(|_| "accepted"), Err(wanted), "{name}: {}", token.get(..200).unwrap_or(token));
}
