//! The gate: a remembered token is as strictly looked at as a new one.

use super::*;
use std::sync::Arc;

fn gate() -> TokenGate {
    let gate = TokenGate::new(ISSUER, keys().public()).unwrap();
    gate.load([], moment(0));
    gate
}

fn admit(gate: &TokenGate, token: &str, at: i64) -> Result<Arc<Verified>, TokenRefused> {
    // The durable source is read all the time.
    gate.load([], moment(at));
    gate.admit(token, &CERTIFICATE, AUDIENCE, moment(at))
}

fn user() -> Revocation {
    Revocation { scope: RevocationScope::User { tenant: TenantId(1), subject: grant().subject }, at: NOW }
}

#[test]
fn a_remembered_token_is_checked_for_time_door_and_certificate_at_every_use() {
    let (gate, token) = (gate(), good());
    let first = admit(&gate, &token, 0).unwrap();
    assert_eq!(gate.remembered(), 1);
    assert!(Arc::ptr_eq(&first, &admit(&gate, &token, 1).unwrap()), "the second time it is remembered");
    let with = |certificate, audience| gate.admit(&token, certificate, audience, moment(1)).map(|_| ());
    assert_eq!(with(&[0; 32], AUDIENCE), Err(TokenRefused::Binding));
    assert_eq!(with(&CERTIFICATE, "api-gateway"), Err(TokenRefused::Audience));
    assert_eq!(with(&CERTIFICATE, AUDIENCE), Ok(()));
    assert_eq!(admit(&gate, &token, -10).map(|_| ()), Err(TokenRefused::NotYet));
    assert_eq!(gate.remembered(), 1);
    assert_eq!(admit(&gate, &token, 905).map(|_| ()), Err(TokenRefused::Expired));
    assert_eq!(gate.remembered(), 0, "what has expired is not kept");
}

#[test]
fn t21_a_clock_that_jumps_ahead_and_back_makes_no_session_immortal_and_ends_none() {
    let (gate, token) = (gate(), good());
    admit(&gate, &token, 0).unwrap();
    let wall = |seconds| Moment { wall: later(NOW, seconds), ..moment(0) };
    let at = |seconds| gate.admit(&token, &CERTIFICATE, AUDIENCE, wall(seconds)).map(|_| ());
    assert_eq!(at(3_600), Err(TokenRefused::Expired));
    assert_eq!(at(0), Ok(()), "the clock was set right");
    assert_eq!(at(-3_600), Err(TokenRefused::NotYet));
    assert_eq!(at(904), Ok(()));
}

#[test]
fn refused_tokens_are_not_remembered() {
    let gate = gate();
    let (header, claims) = opened(&good());
    for token in ["", "a.b.c", &signed(&key(3), header, claims), &"a".repeat(5_000)] {
        assert!(admit(&gate, token, 0).is_err());
    }
    assert_eq!(gate.remembered(), 0);
}

#[test]
fn t24_a_revocation_drops_what_is_remembered_and_refuses_from_then_on() {
    let (gate, token) = (gate(), good());
    admit(&gate, &token, 0).unwrap();
    assert_eq!(gate.revoke(user(), moment(1)), user());
    assert_eq!(gate.remembered(), 0);
    assert_eq!(admit(&gate, &token, 1).map(|_| ()), Err(TokenRefused::Revoked));
    assert_eq!(admit(&gate, &token, 2).map(|_| ()), Err(TokenRefused::Revoked), "remembered again or not");
    let after = issuer().issue(grant(), later(NOW, 2), &rng()).unwrap();
    assert!(admit(&gate, after.token.expose(), 2).is_ok(), "who logs in again is let in");
    gate.load([Revocation { at: later(NOW, 3), ..user() }], moment(3));
    assert_eq!(gate.remembered(), 0, "what another process revoked is dropped too");
    assert_eq!(admit(&gate, after.token.expose(), 3).map(|_| ()), Err(TokenRefused::Revoked));
}

#[test]
fn t24_a_revocation_on_a_clock_that_went_back_still_ends_the_newest_token() {
    let (gate, token) = (gate(), good());
    admit(&gate, &token, 0).unwrap();
    let made = gate.revoke(Revocation { at: later(NOW, -3_600), ..user() }, moment(1));
    assert_eq!(made.at, seconds(1_767_225_600), "dated at the newest token that was seen");
    assert_eq!(admit(&gate, &token, 1).map(|_| ()), Err(TokenRefused::Revoked));
}

#[test]
fn t24_after_a_restart_and_without_news_nobody_is_let_in() {
    let token = good();
    let gate = TokenGate::new(ISSUER, keys().public()).unwrap();
    let at = |seconds| gate.admit(&token, &CERTIFICATE, AUDIENCE, moment(seconds)).map(|_| ());
    assert_eq!(at(0), Err(TokenRefused::RevocationUnknown));
    gate.load([], moment(0));
    assert_eq!(at(0), Ok(()));
    assert_eq!(at(59), Ok(()), "a dead store is endured for a minute");
    assert_eq!(at(60), Err(TokenRefused::RevocationUnknown), "remembered tokens as well");
    gate.load([], moment(61));
    assert_eq!(at(61), Ok(()));
}

#[test]
fn keys_that_change_are_asked_about_remembered_tokens_too() {
    let (gate, token) = (gate(), good());
    admit(&gate, &token, 0).unwrap();
    gate.set_keys(TokenKeys::new(key(5), None, Vec::new()).unwrap().public()).unwrap();
    assert_eq!(gate.remembered(), 0);
    assert_eq!(admit(&gate, &token, 0).map(|_| ()), Err(TokenRefused::Key));
}

#[test]
fn the_memory_is_bounded_and_lets_go_of_what_expires_first() {
    let mut cache = VerifiedTokens::new(3);
    let mut issuer = issuer();
    let tokens: Vec<IssuedToken> = (0..5).map(|n| issuer.issue(grant(), later(NOW, n), &rng()).unwrap()).collect();
    let verifier = verifier();
    let order = [2, 0, 4, 3, 1];
    for n in order {
        let token = tokens[n].token.expose();
        let verified = verifier.verify(token, &CERTIFICATE, AUDIENCE, later(NOW, 5)).unwrap();
        cache.put(token, &CERTIFICATE, Arc::new(verified));
        assert!(cache.len() <= 3);
    }
    let known: Vec<usize> = (0..5)
        .filter(|n| cache.get(tokens[*n].token.expose(), &CERTIFICATE, AUDIENCE, later(NOW, 5)).is_some())
        .collect();
    assert_eq!(known, [1, 3, 4], "0 went for 3, and 2 for 1");
    cache.forget(|claims| claims.issued_at == tokens[3].claims.issued_at);
    assert_eq!(cache.len(), 2);
    cache.clear();
    assert!(cache.is_empty());
}
