//! Access tokens: what is issued is accepted where and when it belongs, and nothing that was made otherwise is.

use super::*;
use crate::mac;
use aitrading_error::Coded as _;
use proptest::prelude::*;

#[test]
fn what_was_granted_is_what_is_verified() {
    let until = later(seconds(NOW.0 / SECOND_NS), 300);
    let bare = Grant { device: None, account: None, role: Role::RiskOfficer, level: Level::Password, ..grant() };
    let service = Grant { role: Role::Service, tenant: TenantId(u64::MAX), account: Some(AccountId(0)), ..grant() };
    for grant in [grant(), bare, service, Grant { level: Level::StepUp { until }, ..grant() }] {
        let token = issued(grant.clone());
        let verified = verify(token.token.expose()).unwrap();
        assert_eq!(verified.claims(), &token.claims);
        assert_eq!(verified.claims().grant, grant);
    }
}

#[test]
fn a_token_is_written_in_one_way() {
    let (header, claims) = opened(&good());
    let kid = key(1).verifying_key().id();
    assert_eq!(header, format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}"}}"#));
    let thumbprint = URL_SAFE_NO_PAD.encode(CERTIFICATE);
    let id = issued(grant()).claims.id;
    let wanted = format!(
        r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"{}","tenant":"1","role":"subscriber","level":"second-factor","fam":"{}","device":"{}","account":"70001","iat":1767225600,"nbf":1767225600,"exp":1767226500,"jti":"{id}","cnf":{{"x5t#S256":"{thumbprint}"}}}}"#,
        "a1".repeat(16),
        "f1".repeat(16),
        "d1".repeat(16),
    );
    assert_eq!(claims, wanted);
    assert_eq!(signed(&key(1), header, claims), good(), "the library signs as we do");
}

#[test]
fn a_token_is_good_for_fifteen_minutes_and_five_seconds_of_doubt() {
    let token = good();
    let at = |ns: i64| verifier().verify(&token, &CERTIFICATE, AUDIENCE, Timestamp(ns)).map(|_| ());
    let issued_at = seconds(1_767_225_600);
    let (start, end) = (later(issued_at, -5).0, later(issued_at, 905).0);
    assert_eq!(at(start - 1), Err(TokenRefused::NotYet));
    assert_eq!(at(start), Ok(()));
    assert_eq!(at(end - 1), Ok(()));
    assert_eq!(at(end), Err(TokenRefused::Expired));
    assert_eq!(at(i64::MIN), Err(TokenRefused::NotYet));
    assert_eq!(at(i64::MAX), Err(TokenRefused::Expired));
}

#[test]
fn a_step_up_ends_before_its_token() {
    let until = later(seconds(NOW.0 / SECOND_NS), 300);
    let claims = issued(Grant { level: Level::StepUp { until }, ..grant() }).claims;
    assert_eq!(claims.level(Timestamp(until.0 - 1)), Level::StepUp { until });
    assert_eq!(claims.level(until), Level::SecondFactor);
    assert!(Level::StepUp { until } > Level::SecondFactor && Level::SecondFactor > Level::Password);
}

#[test]
fn a_grant_that_no_verifier_would_take_is_not_issued() {
    let issue = |grant| issuer().issue(grant, NOW, &rng()).map(|_| ());
    let step_up = |s| Grant { level: Level::StepUp { until: later(NOW, s) }, ..grant() };
    for grant in [step_up(-2), step_up(901), Grant { audience: String::new(), ..grant() }] {
        assert!(matches!(issue(grant), Err(TokenFault::Grant(_))));
    }
    for audience in ["a b", "a\"b", "a\\b", "\u{e9}", &"a".repeat(65)] {
        assert!(matches!(issue(Grant { audience: audience.to_owned(), ..grant() }), Err(TokenFault::Grant(_))));
    }
    let early = issuer().issue(grant(), Timestamp(-1), &rng());
    assert_eq!(early.map(|_| ()), Err(TokenFault::Clock));
    assert!(matches!(TokenIssuer::new("", keys(), NOW), Err(TokenFault::Grant(_))));
    assert!(matches!(TokenVerifier::new("a b", keys().public()), Err(TokenFault::Grant(_))));
}

#[test]
fn t16_a_token_over_another_certificate_is_refused() {
    let token = good();
    let with = |certificate: [u8; 32]| verifier().verify(&token, &certificate, AUDIENCE, NOW).map(|_| ());
    assert_eq!(with(CERTIFICATE), Ok(()));
    for bit in 0..256 {
        let mut other = CERTIFICATE;
        other[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(with(other), Err(TokenRefused::Binding), "bit {bit}");
    }
    assert_eq!(with([0; 32]), Err(TokenRefused::Binding));
    let alert = TokenRefused::Binding.dna();
    assert_eq!((alert.code, alert.severity), ("TOKEN_BINDING", aitrading_error::Severity::Critical));
}

#[test]
fn a_token_opens_one_door_of_one_issuer() {
    let token = good();
    let other = verifier().verify(&token, &CERTIFICATE, "api-gateway", NOW);
    assert_eq!(other.map(|_| ()), Err(TokenRefused::Audience));
    let elsewhere = TokenVerifier::new("other.example", keys().public()).unwrap();
    let elsewhere = elsewhere.verify(&token, &CERTIFICATE, AUDIENCE, NOW);
    assert_eq!(elsewhere.map(|_| ()), Err(TokenRefused::Issuer));
}

/// The signature with the group's order added to its second half: the same equation, another spelling.
fn malleated(signature: &[u8]) -> Vec<u8> {
    let order = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut out = signature.to_vec();
    let mut carry = 0_u16;
    for (byte, add) in out[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + add + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    out
}

/// Headers that an attacker would like, each with a signature that fits.
fn t17_headers(kid: &str) -> Vec<(String, String)> {
    let algorithms = [
        "none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "ES384", "ES256K",
        "Ed25519", "Ed448", "eddsa", "EdDSA ", "",
    ];
    let mut cases: Vec<(String, String)> = algorithms
        .iter()
        .map(|alg| (format!("alg {alg}"), format!(r#"{{"typ":"at+jwt","alg":"{alg}","kid":"{kid}"}}"#)))
        .collect();
    let whole = [
        format!(r#"{{"typ":"at+jwt","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"at+jwt","alg":null,"kid":"{kid}"}}"#),
        format!(r#"{{"typ":"at+jwt","alg":["EdDSA"],"kid":"{kid}"}}"#),
        format!(r#"{{"typ":"at+jwt","alg":"none","alg":"EdDSA","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"at+jwt","alg":"EdDSA","alg":"none","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}","alg":"none"}}"#),
        format!(r#"{{"typ":"JWT","alg":"EdDSA","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"AT+JWT","alg":"EdDSA","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"application/at+jwt","alg":"EdDSA","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"at+jwt","alg":"Ed\u0044SA","kid":"{kid}"}}"#),
        format!(r#" {{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}"}} "#),
        format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}","crit":["b64"],"b64":false}}"#),
        format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}","crit":[]}}"#),
        format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}","zip":"DEF"}}"#),
        format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}","cty":"JWT"}}"#),
        format!(r#"["at+jwt","EdDSA","{kid}"]"#),
        r#"{"typ":"at+jwt","alg":"EdDSA"}"#.to_owned(),
        "{}".to_owned(),
        "null".to_owned(),
        String::new(),
    ];
    cases.extend(whole.into_iter().map(|header| (header.clone(), header)));
    cases
}

#[test]
fn t17_algorithm_none_and_every_other_header_is_refused() {
    let (header, claims) = opened(&good());
    assert!(verify(&signed(&key(1), &header, &claims)).is_ok(), "the same with the right header is good");
    let kid = key(1).verifying_key().id().to_string();
    for (name, header) in t17_headers(&kid) {
        let token = signed(&key(1), &header, &claims);
        check_refused(&name, &token, TokenRefused::Malformed);
        let (message, _) = token.rsplit_once('.').unwrap();
        check_refused(&name, &format!("{message}."), TokenRefused::Malformed);
        let public = key(1).verifying_key().to_bytes();
        for secret in [&public[..], URL_SAFE_NO_PAD.encode(public).as_bytes(), kid.as_bytes(), b""] {
            let tag = URL_SAFE_NO_PAD.encode(mac::hmac_sha256(secret, message.as_bytes()));
            check_refused(&name, &format!("{message}.{tag}"), TokenRefused::Malformed);
        }
    }
}

#[test]
fn t17_signatures_that_do_not_fit_are_refused() {
    let token = good();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let flip = |byte: usize, bit: u8| {
        let mut raw = raw.clone();
        raw[byte] ^= 1 << bit;
        raw
    };
    let (header, claims) = opened(&token);
    let other = signed(&key(3), &header, &claims);
    let payload_alone = key(1).sign_raw(message.split_once('.').unwrap().1.as_bytes()).to_vec();
    let mut identity = vec![0; 64];
    identity[0] = 1;
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("another key", URL_SAFE_NO_PAD.decode(other.rsplit_once('.').unwrap().1).unwrap()),
        ("the next key", key(2).sign_raw(message.as_bytes()).to_vec()),
        ("over the payload alone", payload_alone),
        ("over a hash with a domain", key(1).sign_detached("atp-token-v1\0", message.as_bytes()).to_vec()),
        ("empty", Vec::new()),
        ("zeros", vec![0; 64]),
        ("ones", vec![0xff; 64]),
        ("the identity and zero", identity),
        ("cut", raw[..63].to_vec()),
        ("longer", [&raw[..], &[0]].concat()),
        ("twice", [&raw[..], &raw[..]].concat()),
        ("first half alone", raw[..32].to_vec()),
        ("halves swapped", [&raw[32..], &raw[..32]].concat()),
        ("order added", malleated(&raw)),
        ("first bit of R", flip(0, 0)),
        ("sign of R", flip(31, 7)),
        ("first bit of s", flip(32, 0)),
        ("top bit of s", flip(63, 7)),
        ("an HMAC", mac::hmac_sha256(&key(1).verifying_key().to_bytes(), message.as_bytes()).to_vec()),
    ];
    for (name, signature) in cases {
        check_refused(name, &format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)), TokenRefused::Signature);
    }
    let kid = |n| key(n).verifying_key().id().to_string();
    let renamed = signed(&key(1), header.replace(&kid(1), &kid(2)), &claims);
    check_refused("the name of the next key, signed by the active one", &renamed, TokenRefused::Signature);
    let foreign = signed(&key(3), header.replace(&kid(1), &kid(3)), &claims);
    check_refused("a key of nobody", &foreign, TokenRefused::Key);
    let next = signed(&key(2), header.replace(&kid(1), &kid(2)), &claims);
    assert!(verify(&next).is_ok(), "the next key is published before it is used");
}

#[test]
fn t17_other_spellings_and_shapes_are_refused() {
    let token = good();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    // The last of 86 digits carries 4 bits of the signature and 2 that have to be nought.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = alphabet.find(signature.chars().last().unwrap()).unwrap();
    let stray = format!("{}{}", &signature[..85], &alphabet[last + 1..last + 2]);
    let changed =
        format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(opened(&token).1.replace("70001", "70002")));
    let cases = [
        ("padded signature", format!("{token}==")),
        ("stray bits", format!("{message}.{stray}")),
        ("the other alphabet", token.replace('-', "+").replace('_', "/")),
        ("two parts", message.to_owned()),
        ("one part", header.to_owned()),
        ("four parts", format!("{token}.")),
        ("five parts", format!("{token}.{header}.{payload}")),
        ("empty", String::new()),
        ("dots", "..".to_owned()),
        ("a space before", format!(" {token}")),
        ("a line end after", format!("{token}\n")),
        ("a scheme before", format!("Bearer {token}")),
        ("no header", format!(".{payload}.{signature}")),
        ("padded header", format!("{header}=.{payload}.{signature}")),
        ("a NUL", format!("{header}.{payload}.{signature}\0")),
        (
            "JSON serialisation",
            format!(r#"{{"payload":"{payload}","protected":"{header}","signature":"{signature}"}}"#),
        ),
    ];
    assert!(token.contains(['-', '_']), "or the case of the other alphabet says nothing");
    for (name, token) in cases {
        check_refused(name, &token, TokenRefused::Malformed);
    }
    check_refused("no payload", &format!("{header}..{signature}"), TokenRefused::Signature);
    check_refused("another payload", &changed, TokenRefused::Signature);
}

#[test]
fn t18_claims_of_a_wrong_type_time_or_form_are_refused() {
    use TokenRefused::{Expired, Issuer, Lifetime, Malformed, NotYet};
    let (exp, nbf, iat) = (r#""exp":1767226500"#, r#""nbf":1767225600"#, r#""iat":1767225600"#);
    let (aud, iss) = (r#""aud":"data-bridge","#, r#""iss":"aitrading.example","#);
    let (sub, level) = (r#""sub":"a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1","#, r#""level":"second-factor""#);
    let cases = [
        (exp, r#""exp":"1767226500""#, Malformed),
        (exp, r#""exp":"2767226500""#, Malformed),
        (exp, r#""exp":1767226500.0"#, Malformed),
        (exp, r#""exp":1767226499.5"#, Malformed),
        (exp, r#""exp":1.7672265e9"#, Malformed),
        (exp, r#""exp":-1"#, Malformed),
        (exp, r#""exp":null"#, Malformed),
        (exp, r#""exp":true"#, Malformed),
        (exp, r#""exp":[1767226500]"#, Malformed),
        (exp, r#""exp":{}"#, Malformed),
        (exp, r#""exp":01767226500"#, Malformed),
        (exp, r#""exp":18446744073709551615"#, Malformed),
        (exp, r#""exp":18446744073709551616"#, Malformed),
        (exp, r#""exp":1e400"#, Malformed),
        (exp, r#""exp":9223372036"#, Lifetime),
        (exp, r#""exp":1767226501"#, Lifetime),
        (exp, r#""exp":1767225600"#, Lifetime),
        (exp, r#""exp":0"#, Lifetime),
        (&format!("{exp},"), "", Malformed),
        (exp, r#""exp":1767226500,"exp":1767226500"#, Malformed),
        (exp, r#""exp":1,"exp":1767226500"#, Malformed),
        (&format!("{nbf},"), "", Malformed),
        (nbf, r#""nbf":"1767225600""#, Malformed),
        (nbf, r#""nbf":1767225606"#, NotYet),
        (nbf, r#""nbf":1767225599"#, Lifetime),
        (&format!("{iat},{nbf},{exp}"), r#""iat":1767225606,"nbf":1767225606,"exp":1767226000"#, NotYet),
        (&format!("{iat},{nbf},{exp}"), r#""iat":1767224000,"nbf":1767224000,"exp":1767224900"#, Expired),
        (&format!("{iat},"), "", Malformed),
        (iat, r#""iat":"1767225600""#, Malformed),
        (iat, r#""iat":1767225599"#, Lifetime),
        (aud, "", Malformed),
        (aud, r#""aud":["data-bridge"],"#, Malformed),
        (aud, r#""aud":["data-bridge","x"],"#, Malformed),
        (aud, r#""aud":null,"#, Malformed),
        (aud, r#""aud":"","#, Malformed),
        (aud, r#""aud":"data-\u0062ridge","#, Malformed),
        (aud, r#""aud":"x","aud":"data-bridge","#, Malformed),
        (iss, "", Malformed),
        (iss, r#""iss":["aitrading.example"],"#, Malformed),
        (iss, r#""iss":"evil.example","#, Issuer),
        (sub, "", Malformed),
        (sub, r#""sub":7,"#, Malformed),
        (sub, r#""sub":"","#, Malformed),
        (sub, r#""sub":"A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1","#, Malformed),
        (sub, r#""sub":"a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1","#, Malformed),
        (r#""tenant":"1""#, r#""tenant":1"#, Malformed),
        (r#""tenant":"1""#, r#""tenant":"01""#, Malformed),
        (r#""tenant":"1""#, r#""tenant":"+1""#, Malformed),
        (r#""account":"70001""#, r#""account":null"#, Malformed),
        (r#""account":"70001""#, r#""account":"-1""#, Malformed),
        (r#""role":"subscriber""#, r#""role":"root""#, Malformed),
        (r#""role":"subscriber""#, r#""role":{"operator":null}"#, Malformed),
        (r#""role":"subscriber""#, r#""role":"operator","role":"subscriber""#, Malformed),
        (level, r#""level":"step-up""#, Malformed),
        (level, r#""level":"second-factor","stp":1767225700"#, Malformed),
        (level, r#""level":"step-up","stp":1767226501"#, Malformed),
        (level, r#""level":"step-up","stp":1767225599"#, Malformed),
        (level, r#""level":"step-up","stp":null"#, Malformed),
        (r#""cnf":{"#, r#""cnf":{"jkt":"x","#, Malformed),
        (r#","cnf":{"x5t#S256":"wcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcE"}"#, "", Malformed),
        (r#"wcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcE"#, "wcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcF", Malformed),
        (
            r#"{"x5t#S256":"wcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcE"}"#,
            r#"["wcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcE"]"#,
            Malformed,
        ),
        (r#"{"iss""#, r#"{"admin":true,"iss""#, Malformed),
        (r#"{"iss""#, r#"{ "iss""#, Malformed),
        (r#"{"iss""#, r#"{"__proto__":{},"iss""#, Malformed),
        (r#""}}"#, r#""}} "#, Malformed),
        (r#""}}"#, r#""}}{}"#, Malformed),
        (r#""}}"#, r#""}"#, Malformed),
    ];
    let (header, claims) = opened(&good());
    for (from, to, wanted) in cases {
        let changed = claims.replace(from, to);
        assert_ne!(changed, claims, "{from} is part of the claims");
        check_refused(&format!("{from} -> {to}"), &signed(&key(1), &header, changed), wanted);
    }
}

#[test]
fn t18_payloads_that_are_no_claims_are_refused() {
    let (header, claims) = opened(&good());
    let deep = "[".repeat(2_000);
    let cases: [&[u8]; 8] =
        [b"", b"null", b"[]", b"{}", b"\"x\"", b"\xff\xfe{}", deep.as_bytes(), b"{\"iss\":\"\xff\"}"];
    for payload in cases {
        check_refused(&format!("{payload:?}"), &signed(&key(1), &header, payload), TokenRefused::Malformed);
    }
    let long = format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{}"}}"#, "a".repeat(1 << 20));
    check_refused("1 MiB of header", &signed(&key(1), long, &claims), TokenRefused::TooLong);
    check_refused("4,097 bytes", &"a".repeat(4_097), TokenRefused::TooLong);
    check_refused("4,096 bytes", &"a".repeat(4_096), TokenRefused::Malformed);
    check_refused("1 MiB of dots", &".".repeat(1 << 20), TokenRefused::TooLong);
}

/// The verifier has no file, no database and no socket to be led to: these are names that are not in its map.
#[test]
fn t19_a_key_that_is_named_by_path_query_or_address_is_refused() {
    let (header, claims) = opened(&good());
    let kid = key(1).verifying_key().id().to_string();
    let upper = kid.to_uppercase();
    let names = [
        "../../etc/passwd",
        "/dev/null",
        "' OR 1=1 --",
        "x' UNION SELECT 'aa",
        "",
        "0",
        "*",
        "%00",
        "\\u0000",
        &upper,
        "0000000000000000",
        "http://127.0.0.1:9/k",
        &kid[..15],
        r#"aaaa","jku":"http://127.0.0.1:9/jwks"#,
    ];
    for name in names {
        let header = header.replace(&kid, name);
        let wanted = if name == "0000000000000000" { TokenRefused::Key } else { TokenRefused::Malformed };
        check_refused(name, &signed(&key(1), header, &claims), wanted);
    }
    let headers = [
        r#""jku":"http://127.0.0.1:9/jwks.json""#.to_owned(),
        r#""x5u":"http://127.0.0.1:9/cert.pem""#.to_owned(),
        r#""x5c":["MIIB"]"#.to_owned(),
        format!(
            r#""jwk":{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#,
            URL_SAFE_NO_PAD.encode(key(3).verifying_key().to_bytes())
        ),
        format!(r#""kid":"{kid}""#),
    ];
    for extra in headers {
        let before = header.replace(r#"{"typ""#, &format!(r#"{{{extra},"typ""#));
        check_refused(&extra, &signed(&key(1), before, &claims), TokenRefused::Malformed);
        let after = header.replace(r#""}"#, &format!(r#"",{extra}}}"#));
        assert!(verify(&signed(&key(1), &after, &claims)).is_err(), "{after}");
        assert!(verify(&signed(&key(3), &after, &claims)).is_err(), "{after}");
    }
}

#[test]
fn t21_nothing_is_issued_on_a_clock_that_went_back() {
    let mut issuer = issuer();
    let mut at = |seconds: i64, ns: i64| {
        let now = Timestamp(later(NOW, seconds).0 + ns);
        issuer.issue(grant(), now, &rng()).map(|_| ())
    };
    assert_eq!(at(0, 0), Ok(()));
    assert_eq!(at(-5, 0), Ok(()), "the leeway");
    assert_eq!(at(-5, -1), Err(TokenFault::ClockWentBack));
    assert_eq!(at(3_600, 0), Ok(()), "ahead it may jump");
    assert_eq!(at(0, 0), Err(TokenFault::ClockWentBack), "and back it may not");
    assert_eq!(at(3_595, 0), Ok(()));
    let last = issuer.last_issued();
    assert_eq!(last, later(NOW, 3_600));
    let mut restarted = TokenIssuer::new(ISSUER, keys(), last).unwrap();
    assert_eq!(restarted.issue(grant(), NOW, &rng()).map(|_| ()), Err(TokenFault::ClockWentBack));
}

#[test]
fn a_retired_key_verifies_until_its_last_token_is_dead() {
    let mut issuer = issuer();
    let old = issuer.issue(grant(), NOW, &rng()).unwrap();
    let at = later(NOW, 60);
    issuer.rotate(key(3), at).unwrap();
    let new = issuer.issue(grant(), at, &rng()).unwrap();
    assert!(opened(new.token.expose()).0.contains(&key(2).verifying_key().id().to_string()));
    let verifier = TokenVerifier::new(ISSUER, issuer.keys().public()).unwrap();
    let check =
        |token: &IssuedToken, now| verifier.verify(token.token.expose(), &CERTIFICATE, AUDIENCE, now).map(|_| ());
    assert_eq!(check(&old, at), Ok(()));
    assert_eq!(check(&new, at), Ok(()));
    assert_eq!(check(&old, later(NOW, 904)), Ok(()), "to its own end");
    // A token of the old key that is dated after the rotation is a forgery; it dies with the key, not by its own date.
    let dead_at = issuer.keys().retired()[0].dead_at;
    assert_eq!(dead_at, later(at, 910));
    let (header, claims) = opened(old.token.expose());
    let dates = r#""iat":1767225600,"nbf":1767225600,"exp":1767226500"#;
    assert!(claims.contains(dates));
    let forged = claims.replace(dates, r#""iat":1767226500,"nbf":1767226500,"exp":1767227000"#);
    let forged = signed(&key(1), header, forged);
    let check = |now| verifier.verify(&forged, &CERTIFICATE, AUDIENCE, now).map(|_| ());
    assert_eq!(check(Timestamp(dead_at.0 - 1)), Ok(()));
    assert_eq!(check(dead_at), Err(TokenRefused::Key));
}

#[test]
fn a_rotation_needs_a_published_key_a_new_key_and_room() {
    let alone = TokenKeys::new(key(1), None, Vec::new()).unwrap();
    assert_eq!(alone.rotated(key(2), NOW).map(|_| ()), Err(TokenFault::NoNextKey));
    assert!(alone.with_next(key(2)).unwrap().next().is_some());
    assert_eq!(keys().with_next(key(3)).map(|_| ()), Err(TokenFault::KeyTwice));
    for n in [1, 2] {
        assert_eq!(keys().rotated(key(n), NOW).map(|_| ()), Err(TokenFault::KeyTwice), "key {n}");
    }
    let mut ring = keys();
    for n in 3..11 {
        ring = ring.rotated(key(n), NOW).unwrap();
    }
    assert_eq!(ring.retired().len(), RETIRED_KEYS_MAX);
    assert_eq!(ring.rotated(key(11), NOW).map(|_| ()), Err(TokenFault::TooManyKeys));
    let ring = ring.rotated(key(11), later(NOW, 910)).unwrap();
    assert_eq!(ring.retired().len(), 1, "the dead have gone");
    // Also when the clock went back before the rotation, no token outlives its key.
    let mut issuer = issuer();
    issuer.issue(grant(), NOW, &rng()).unwrap();
    issuer.rotate(key(3), later(NOW, -3_600)).unwrap();
    assert_eq!(issuer.keys().retired()[0].dead_at, later(NOW, 910));
}

#[test]
fn refusals_have_codes_of_their_own_and_one_public_face() {
    use TokenRefused::*;
    let all = [
        TooLong,
        Malformed,
        Key,
        Signature,
        Expired,
        NotYet,
        Lifetime,
        Issuer,
        Audience,
        Binding,
        Revoked,
        RevocationUnknown,
    ];
    let codes: std::collections::BTreeSet<_> = all.iter().map(|why| why.dna().code).collect();
    assert_eq!(codes.len(), all.len());
    let faces: std::collections::BTreeSet<_> = all.iter().map(aitrading_error::Coded::public_message).collect();
    assert_eq!(faces.len(), 3, "expired, not checkable, and all the rest alike: {faces:?}");
}

proptest! {
    #[test]
    fn t18_no_bytes_make_the_verifier_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(verify(&String::from_utf8_lossy(&bytes)).is_err());
    }

    #[test]
    fn t18_no_json_under_a_good_signature_makes_the_verifier_panic(header in ".{0,80}", claims in ".{0,300}") {
        prop_assert!(verify(&signed(&key(1), &header, &claims)).is_err());
        prop_assert!(verify(&signed(&key(1), opened(&good()).0, &claims)).is_err());
    }

    #[test]
    fn t17_one_changed_character_anywhere_is_refused(at in any::<prop::sample::Index>(), to in any::<char>()) {
        let token = good();
        let mut chars: Vec<char> = token.chars().collect();
        let at = at.index(chars.len());
        prop_assume!(chars[at] != to);
        chars[at] = to;
        prop_assert!(verify(&chars.into_iter().collect::<String>()).is_err());
    }

    #[test]
    fn t18_one_changed_byte_of_the_claims_is_never_taken_for_what_it_was(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let (header, claims) = opened(&good());
        let was = verify(&good()).unwrap();
        let mut bytes = claims.into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        // Under a good signature other claims are other claims; what must not be is two texts of the same.
        if let Ok(verified) = verify(&signed(&key(1), header, bytes)) {
            prop_assert_ne!(verified, was);
        }
    }
}

#[test]
fn t30_a_verified_token_names_an_actor_who_is_as_sure_as_the_login_was() {
    use crate::access::{Actor, Identity, Level as Sure, Needed};
    let step_up = later(NOW, 60);
    let cases = [
        (Level::Password, Sure::Password, Needed::Password),
        (Level::SecondFactor, Sure::SecondFactor, Needed::SecondFactor),
        (
            Level::StepUp { until: seconds(step_up.0 / SECOND_NS) },
            Sure::StepUp { until: seconds(step_up.0 / SECOND_NS) },
            Needed::StepUp,
        ),
    ];
    for (level, sure, holds) in cases {
        let token = issued(Grant { level, ..grant() }).token;
        let actor = Actor::of_token(&verify(token.expose()).unwrap());
        assert_eq!((actor.level(), actor.level().holds(NOW)), (sure, holds));
        assert_eq!(
            (actor.tenant(), actor.role(), actor.account()),
            (TenantId(1), Role::Subscriber, Some(AccountId(70_001)))
        );
        assert_eq!(*actor.identity(), Identity::User([0xA1; 16]));
    }
}
