//! Codes that are typed once, and invitations that are used once.

use super::super::{ENROLMENT_VALID, EnrolmentCode, Invite, InviteId, InviteRefused, InviteRole, Purpose};
use super::{NOW, Script, at, name};
use aitrading_env::sim::SeededRng;
use aitrading_model::{AccountId, TenantId};
use std::collections::BTreeSet;

const SYMBOLS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Other programs have to derive the same: the code 00 01 .. 0f, computed by hand.
#[test]
fn a_code_its_id_and_its_key_are_what_the_specification_says() {
    let bytes: Vec<u8> = (0..16).collect();
    let code = EnrolmentCode::generate(&Script::new(&[&bytes]));
    assert_eq!(code.text().expose(), "0004-1061-050R-3GG2-8A1C-60T3-GF6");
    assert_eq!(code.id().to_string(), "05ee38551c8843f72e5fc3518afa62d0");
    assert_eq!(hex(code.psk().expose()), "3c7cff7f7d7f454514cce57a347b39d5f5886379e0d34dc7524869d31120062c");
    assert_eq!(format!("{code:?}"), "EnrolmentCode(redacted)");
}

#[test]
fn a_code_may_be_typed_carelessly() {
    let rng = SeededRng::new(1);
    for _ in 0..200 {
        let code = EnrolmentCode::generate(&rng);
        let text = code.text();
        let text = text.expose();
        let careless = text.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "I");
        for typed in [text.clone(), careless, text.replace('1', "l"), text.replace('-', "")] {
            assert_eq!(EnrolmentCode::parse(&typed).unwrap().id(), code.id(), "{typed}");
        }
    }
    for extreme in [[0; 16], [0xff; 16]] {
        let code = EnrolmentCode::generate(&Script::new(&[&extreme]));
        assert_eq!(EnrolmentCode::parse(code.text().expose()).unwrap().id(), code.id());
    }
}

#[test]
fn a_wrong_symbol_and_two_swapped_ones_are_found() {
    let text = EnrolmentCode::generate(&SeededRng::new(2)).text().expose().replace('-', "");
    let symbols: Vec<char> = text.chars().collect();
    let refused = |symbols: &[char]| {
        let typed: String = symbols.iter().collect();
        assert_eq!(EnrolmentCode::parse(&typed).unwrap_err(), InviteRefused::Mistyped, "{typed}");
    };
    for n in 0..symbols.len() {
        for other in SYMBOLS.chars().filter(|other| *other != symbols[n]) {
            let mut wrong = symbols.clone();
            wrong[n] = other;
            refused(&wrong);
        }
        if n > 0 && symbols[n] != symbols[n - 1] {
            let mut swapped = symbols.clone();
            swapped.swap(n, n - 1);
            refused(&swapped);
        }
        refused(&symbols[..n]);
    }
    for bad in ["", "-", "ü", &"0".repeat(28), &"0".repeat(100_000), "ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZ0"] {
        assert_eq!(EnrolmentCode::parse(bad).unwrap_err(), InviteRefused::Mistyped, "{bad:.40}");
    }
}

fn purposes() -> [Purpose; 4] {
    [
        Purpose::Admin { login: name("root") },
        Purpose::User { login: name("anna"), role: InviteRole::RiskOfficer },
        Purpose::User { login: name("bert"), role: InviteRole::Subscriber },
        Purpose::Device { account: AccountId(70_001) },
    ]
}

#[test]
fn an_invitation_is_good_once_and_for_a_quarter_of_an_hour() {
    let rng = SeededRng::new(3);
    for purpose in purposes() {
        let issued = Invite::issue(&rng, TenantId(1), purpose, NOW);
        let invite = issued.invite;
        assert_eq!((issued.code.id(), issued.code.psk().expose()), (invite.id, issued.psk.expose()));
        let used = invite.redeem(at(899)).unwrap();
        assert_eq!(used.used, Some(at(899)));
        assert_eq!(used.redeem(at(899)).unwrap_err(), InviteRefused::Used);
        assert_eq!(invite.redeem(at(900)).unwrap_err(), InviteRefused::Expired);
        assert_eq!(invite.redeem(at(-1)).unwrap_err(), InviteRefused::Clock);
        let longer = Invite { expires_at: at(901), ..invite.clone() };
        assert_eq!(longer.redeem(NOW).unwrap_err(), InviteRefused::Clock, "longer than any may last");
    }
    assert_eq!(ENROLMENT_VALID.as_secs(), 900);
}

/// Whoever reads the store before the invitation is used learns neither the code nor the key.
#[test]
fn what_the_store_keeps_says_nothing_of_code_and_key() {
    let issued = Invite::issue(&SeededRng::new(4), TenantId(1), purposes()[0].clone(), NOW);
    let stored = issued.invite.to_bytes();
    let code = issued.code.text().expose().replace('-', "");
    let secrets = [issued.psk.expose().to_vec(), code.into_bytes()];
    for secret in secrets {
        assert!(!stored.windows(8).any(|w| secret.windows(8).any(|s| s == w)));
    }
    assert!(!format!("{issued:?}").contains(&hex(issued.psk.expose())));
    assert_ne!(issued.invite.id.0, issued.psk.expose()[..16]);
}

#[test]
fn codes_do_not_repeat() {
    let rng = SeededRng::new(5);
    let ids: BTreeSet<InviteId> = (0..1_000).map(|_| EnrolmentCode::generate(&rng).id()).collect();
    assert_eq!(ids.len(), 1_000);
}

#[test]
fn the_state_has_one_encoding() {
    for purpose in purposes() {
        let invite = Invite::issue(&SeededRng::new(6), TenantId(9), purpose, NOW).invite;
        for invite in [invite.clone(), invite.redeem(NOW).unwrap()] {
            let sound = invite.to_bytes();
            assert_eq!(Invite::from_bytes(&sound).unwrap(), invite);
            let changed = |at: usize, value: u8| {
                let mut bytes = sound.clone();
                bytes[at] = value;
                bytes
            };
            // Version, used, time of use although unused, kind, and a name that is spelt otherwise or a number that is
            // longer.
            let unused = if invite.used.is_none() { changed(42, 1) } else { changed(41, 0) };
            let bad = [changed(0, 2), changed(41, 2), unused, changed(50, 9), [&sound[..], b"\n"].concat()];
            for bytes in (0..51).map(|len| sound[..len].to_vec()).chain(bad) {
                assert_eq!(Invite::from_bytes(&bytes).unwrap_err(), InviteRefused::Damaged, "{bytes:?}");
            }
        }
    }
}
