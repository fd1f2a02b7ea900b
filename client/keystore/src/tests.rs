//! Stores that are made, opened, exposed, damaged and confused.

use super::*;
use aitrading_env::{Env, Fs, sim::MemFs};
use aitrading_error::Coded;
use aitrading_security::identity::{AccountId, DeviceId, TenantId};
use aitrading_security::{
    pki::{Authority, Issued},
    signing::REPORT_DOMAIN,
};
use std::{path::Path, sync::Arc, time::Duration};

const DAY: Duration = Duration::from_secs(86_400);
const DIR: &str = "/keys";

fn issued(env: &Env) -> Issued {
    let authority = Authority::generate(env, DAY).unwrap();
    authority.issue_device(env, TenantId(1), DeviceId([2; 16]), AccountId(3), DAY).unwrap()
}

fn world() -> (MemFs, Env, SealedFiles) {
    let fs = MemFs::new();
    let env = Env { fs: Arc::new(fs.clone()), ..Env::real() };
    let store = SealedFiles::new(&env, Path::new(DIR));
    (fs, env, store)
}

fn created() -> (MemFs, Env, SealedFiles, DeviceKeys) {
    let (fs, env, store) = world();
    let keys = DeviceKeys::enrol(&env, issued(&env)).unwrap();
    store.create(&keys).unwrap();
    (fs, env, store, keys)
}

fn check_refused(store: &SealedFiles, code: &str) {
    let error = store.open().map(drop).unwrap_err();
    assert_eq!(error.dna().code, code, "{error}");
}

#[test]
fn what_is_stored_is_read_back() {
    let (_, _, store, keys) = created();
    let again = store.open().unwrap();
    assert_eq!(again.certificate.chain_pem(), keys.certificate.chain_pem());
    assert_eq!(again.noise.public(), keys.noise.public());
    assert_eq!(again.ea_secret.expose(), keys.ea_secret.expose());
    assert_eq!(again.signing.verifying_key(), keys.signing.verifying_key());
}

#[test]
fn the_certificates_own_key_signs_reports() {
    let (_, _, _, keys) = created();
    let signature = keys.signing.sign_detached(REPORT_DOMAIN, b"report");
    let certificate = &keys.certificate.chain()[0];
    let public = keys.signing.verifying_key().to_bytes();
    assert!(certificate.windows(32).any(|window| window == public), "the certificate carries this public key");
    keys.signing.verifying_key().verify_detached(REPORT_DOMAIN, b"report", &signature).unwrap();
}

#[test]
fn there_is_one_store_in_a_directory() {
    let (_, _, store, keys) = created();
    assert_eq!(store.create(&keys).unwrap_err().dna().code, "KEYSTORE_EXISTS");
}

#[test]
fn a_missing_store_is_told_from_a_damaged_one() {
    let (fs, _, store) = world();
    check_refused(&store, "KEYSTORE_ABSENT");
    fs.create_dir_all(Path::new(DIR)).unwrap();
    check_refused(&store, "KEYSTORE_ABSENT");
    let (fs, _, store, _) = created();
    fs.remove_file(&Path::new(DIR).join("noise.sealed")).unwrap();
    check_refused(&store, "KEYSTORE_IO");
}

#[test]
fn no_byte_of_a_sealed_key_may_change() {
    for name in ["device.sealed", "noise.sealed", "ea.sealed"] {
        let (fs, _, store, _) = created();
        let path = Path::new(DIR).join(name);
        let len = fs.metadata(&path).unwrap().unwrap().len;
        for offset in 0..len {
            fs.corrupt(&path, offset, 4).unwrap();
            check_refused(&store, "KEYSTORE_SEALED");
            fs.corrupt(&path, offset, 4).unwrap();
        }
        store.open().unwrap();
    }
}

#[test]
fn one_blob_cannot_stand_in_for_another() {
    let (fs, _, store, _) = created();
    let (noise, ea) = (Path::new(DIR).join("noise.sealed"), Path::new(DIR).join("ea.sealed"));
    let bytes = fs.read(&noise, 1024).unwrap();
    fs.write_atomic(&ea, &bytes).unwrap();
    check_refused(&store, "KEYSTORE_SEALED");
}

#[test]
fn a_damaged_sealing_key_opens_nothing() {
    let (fs, _, store, _) = created();
    let path = Path::new(DIR).join("seal.key");
    fs.corrupt(&path, 0, 1).unwrap();
    check_refused(&store, "KEYSTORE_SEALED");
    fs.write_atomic(&path, b"short").unwrap();
    check_refused(&store, "KEYSTORE_SEAL_KEY");
}

#[test]
fn a_renewed_certificate_leaves_the_other_keys() {
    let (_, env, store, keys) = created();
    let renewed = issued(&env);
    store.renew(&renewed).unwrap();
    let again = store.open().unwrap();
    assert_eq!(again.certificate.chain_pem(), renewed.chain_pem());
    assert_ne!(again.signing.verifying_key(), keys.signing.verifying_key());
    assert_eq!(again.noise.public(), keys.noise.public());
}

#[cfg(unix)]
#[test]
fn keys_that_others_can_read_are_refused() {
    use std::os::unix::fs::PermissionsExt;
    let chmod = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("keys");
    let env = Env::real();
    let store = SealedFiles::new(&env, &dir);
    store.create(&DeviceKeys::enrol(&env, issued(&env)).unwrap()).unwrap();
    store.open().unwrap();
    for name in ["seal.key", "device.sealed", "noise.sealed", "ea.sealed"] {
        chmod(&dir.join(name), 0o640);
        check_refused(&store, "KEYSTORE_EXPOSED");
        chmod(&dir.join(name), 0o600);
    }
    chmod(&dir, 0o770);
    check_refused(&store, "KEYSTORE_EXPOSED");
}

#[test]
fn nothing_shows_a_key() {
    let (_, _, _, keys) = created();
    let shown = format!("{keys:?}");
    assert!(shown.contains("SigningKey(") && !shown.contains("PRIVATE"), "{shown}");
}

#[test]
fn a_login_is_kept_before_it_is_asked_with_and_forgotten_at_its_end() {
    use aitrading_security::token::{RefreshFamily, Subject, refresh::Login};
    let (fs, env, store, _) = created();
    assert!(store.login().unwrap().is_none());
    let login =
        Login { tenant: TenantId(1), subject: Subject([1; 16]), device: None, account: None, second_factor: false };
    let (family, mut holder) =
        RefreshFamily::open(login, [7; 32], aitrading_security::token::Timestamp(0), env.rng.as_ref());
    store.keep_login(Some(&holder)).unwrap();
    assert!(store.login().unwrap().unwrap().state().2.is_none());
    let asked = holder.ask(1, env.rng.as_ref()).unwrap();
    store.keep_login(Some(&holder)).unwrap();
    // After a restart the same successor is at hand, so a lost answer loses nothing.
    let mut again = store.login().unwrap().unwrap();
    assert!(again.state().2.unwrap().hash().is(&asked.successor));
    assert_eq!(again.ask(1, env.rng.as_ref()).unwrap().secret.family(), family.id());
    let bytes = fs.read(&Path::new(DIR).join("login.sealed"), 4096).unwrap();
    assert!(!bytes.windows(5).any(|window| window == b"atr1_" || window == b"atf1_"), "it is sealed");
    let mut damaged = bytes.clone();
    *damaged.last_mut().unwrap() ^= 1;
    fs.write_atomic(&Path::new(DIR).join("login.sealed"), &damaged).unwrap();
    assert_eq!(store.login().unwrap_err().dna().code, "KEYSTORE_SEALED");
    store.keep_login(None).unwrap();
    assert!(store.login().unwrap().is_none());
}

#[test]
fn an_enrolled_device_keeps_the_noise_key_of_its_handshake() {
    let (_, env, store) = world();
    let noise = aitrading_security::NoiseKeyPair::generate(&env);
    store.create(&DeviceKeys::enrolled(&env, issued(&env), noise.clone()).unwrap()).unwrap();
    assert_eq!(store.open().unwrap().noise.public(), noise.public());
}
