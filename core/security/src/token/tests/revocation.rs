//! The list of revocations: each scope takes what it names, nothing is forgotten while it matters, and doubt refuses.

use super::*;
use proptest::prelude::*;

const T: TenantId = TenantId(1);

fn scopes() -> Vec<(&'static str, RevocationScope, bool)> {
    use RevocationScope::*;
    let (certificate, expires_at) = (CERTIFICATE, later(NOW, 86_400));
    vec![
        ("everyone", Everyone, true),
        ("the user", User { tenant: T, subject: grant().subject }, true),
        ("the device", Device { tenant: T, device: DeviceId([0xD1; 16]) }, true),
        ("the family", Family { tenant: T, family: grant().family }, true),
        ("the certificate", Certificate { sha256: certificate, expires_at }, true),
        ("another user", User { tenant: T, subject: Subject([0; 16]) }, false),
        ("the user's namesake elsewhere", User { tenant: TenantId(2), subject: grant().subject }, false),
        ("another device", Device { tenant: T, device: DeviceId([0; 16]) }, false),
        ("the device's namesake elsewhere", Device { tenant: TenantId(2), device: DeviceId([0xD1; 16]) }, false),
        ("another family", Family { tenant: T, family: FamilyId([0; 16]) }, false),
        ("the family's namesake elsewhere", Family { tenant: TenantId(2), family: grant().family }, false),
        ("another certificate", Certificate { sha256: [0; 32], expires_at }, false),
    ]
}

fn list(revocations: impl IntoIterator<Item = Revocation>) -> RevocationList {
    let mut list = RevocationList::default();
    list.load(revocations, moment(0));
    list
}

fn check(list: &RevocationList, issued_at: Timestamp) -> Result<(), TokenRefused> {
    list.check(&Claims { issued_at, ..issued(grant()).claims }, moment(0))
}

#[test]
fn t24_each_scope_takes_what_it_names() {
    for (name, scope, takes) in scopes() {
        let list = list([Revocation { scope, at: NOW }]);
        let wanted = if takes { Err(TokenRefused::Revoked) } else { Ok(()) };
        assert_eq!(check(&list, whole_second(NOW)), wanted, "{name}");
    }
}

#[test]
fn t24_what_is_issued_after_an_epoch_is_good_unless_login_or_certificate_ended() {
    for (name, scope, takes) in scopes().into_iter().filter(|(_, _, takes)| *takes) {
        let list = list([Revocation { scope, at: NOW }]);
        let for_ever = matches!(scope, RevocationScope::Family { .. } | RevocationScope::Certificate { .. });
        let wanted = if takes && for_ever { Err(TokenRefused::Revoked) } else { Ok(()) };
        assert_eq!(check(&list, later(whole_second(NOW), 1)), wanted, "{name}");
    }
}

#[test]
fn a_later_revocation_of_the_same_wins_and_an_earlier_one_does_not() {
    let scope = RevocationScope::User { tenant: T, subject: grant().subject };
    for order in [[0, 100], [100, 0]] {
        let list = list(order.map(|at| Revocation { scope, at: later(NOW, at) }));
        assert_eq!(list.len(), 1);
        assert_eq!(check(&list, later(whole_second(NOW), 100)), Err(TokenRefused::Revoked));
        assert_eq!(check(&list, later(whole_second(NOW), 101)), Ok(()));
    }
}

#[test]
fn t24_a_reload_does_not_forget_what_was_revoked_meanwhile() {
    let mut list = list([]);
    let scope = RevocationScope::Family { tenant: T, family: grant().family };
    list.revoke(Revocation { scope, at: NOW }, moment(1));
    list.load([], moment(0));
    assert_eq!(check(&list, whole_second(NOW)), Err(TokenRefused::Revoked));
}

#[test]
fn t24_doubt_refuses() {
    let claims = issued(grant()).claims;
    let mut list = RevocationList::default();
    assert_eq!(list.check(&claims, moment(0)), Err(TokenRefused::RevocationUnknown), "never loaded");
    list.load([], moment(0));
    list.load([], moment(-30));
    assert_eq!(list.check(&claims, moment(59)), Ok(()), "an older reading that ends later changes nothing");
    assert_eq!(list.check(&claims, moment(60)), Err(TokenRefused::RevocationUnknown));
    let set_back = Moment { wall: later(NOW, -3_600), ..moment(60) };
    assert_eq!(list.check(&claims, set_back), Err(TokenRefused::RevocationUnknown), "no wall clock makes news of it");
}

#[test]
fn a_revocation_is_kept_until_no_token_and_no_certificate_is_left_by_both_clocks() {
    let mut list = list(scopes().into_iter().map(|(_, scope, _)| Revocation { scope, at: NOW }));
    assert_eq!(list.len(), 11);
    list.prune(moment(909));
    assert_eq!(list.len(), 11);
    list.prune(Moment { wall: later(NOW, 999_999), ..moment(1) });
    assert_eq!(list.len(), 11, "a clock that was set ahead");
    list.prune(Moment { wall: NOW, ..moment(999_999) });
    assert_eq!(list.len(), 11, "or back");
    list.load(scopes().into_iter().map(|(_, scope, _)| Revocation { scope, at: NOW }), moment(900));
    list.prune(moment(911));
    assert_eq!(list.len(), 2, "the certificates");
    list.prune(moment(86_406));
    assert!(list.is_empty());
}

#[test]
fn a_full_list_refuses_more_rather_than_less() {
    let mut list = RevocationList::new(3);
    list.load([], moment(0));
    let family = |n: u8, at: i64| Revocation {
        scope: RevocationScope::Family { tenant: T, family: FamilyId([n; 16]) },
        at: later(NOW, at),
    };
    for n in 0..3 {
        list.revoke(family(n, i64::from(n)), moment(0));
    }
    assert_eq!(check(&list, whole_second(NOW)), Ok(()), "there is room for these");
    list.revoke(family(9, 0), moment(0));
    assert_eq!(list.len(), 1);
    assert_eq!(check(&list, later(whole_second(NOW), 2)), Err(TokenRefused::Revoked), "one line for all");
    assert_eq!(check(&list, later(whole_second(NOW), 3)), Ok(()), "and who refreshes is let in");
    let expires_at = later(NOW, 86_400);
    for n in 0..4 {
        let scope = RevocationScope::Certificate { sha256: [n; 32], expires_at };
        list.revoke(Revocation { scope, at: NOW }, moment(0));
    }
    assert_eq!(check(&list, later(whole_second(NOW), 9)), Err(TokenRefused::RevocationUnknown));
}

#[test]
fn a_stored_revocation_comes_back_and_nothing_else_does() {
    for (name, scope, _) in scopes() {
        let revocation = Revocation { scope, at: NOW };
        let text = revocation.encode().unwrap();
        assert_eq!(Revocation::decode(&text), Ok(revocation), "{name}");
        let bad = [
            text.replace(r#""v":1"#, r#""v":2"#),
            text.replace(r#""v":1,"#, ""),
            text.replace(r#"{"v""#, r#"{"x":0,"v""#),
            text.replace(r#""at":"#, r#""at":0,"at":"#),
            text.replace('}', ""),
            format!("{text} x"),
            text.replace("everyone", "nobody").replace("tenant", "tenants").replace("sha256", "sha1"),
        ];
        for text in bad {
            assert!(Revocation::decode(&text).is_err(), "{name}: {text}");
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_decoders_panic(text in ".{0,300}") {
        prop_assert!(Revocation::decode(&text).is_err());
        prop_assert!(RefreshFamily::decode(&text).is_err());
        prop_assert!(RefreshSecret::parse(&text).is_err());
        prop_assert!(crate::token::refresh::FamilyKey::parse(&text).is_err());
    }
}
