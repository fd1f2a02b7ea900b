//! One value has one encoding, every bound holds, and no bytes panic.

use super::*;
use crate::WireError;
use aitrading_model::{AccountId, DeviceId, TenantId, Timestamp};
use proptest::prelude::*;

fn facts(n: usize) -> Vec<Fact> {
    (0..n).map(|n| Fact { name: format!("fact {n}"), value: "x".repeat(FACT_BYTES_MAX) }).collect()
}

fn hidden(n: usize) -> Hidden {
    Hidden::new("s".repeat(n))
}

fn granted() -> Granted {
    Granted {
        tenant: TenantId(1),
        device: DeviceId([2; 16]),
        account: AccountId(u64::MAX),
        login: "l".repeat(LOGIN_BYTES_MAX),
        second_factor: SecondFactorNeed::Required,
        deployment: "d".repeat(DEPLOYMENT_BYTES_MAX),
        chain: vec![vec![3; CERTIFICATE_BYTES_MAX], vec![4]],
        authority: vec![5; CERTIFICATE_BYTES_MAX],
        noise_key: [6; 32],
        pins: vec![[7; 32]; PINS_MAX],
        signal_keys: vec![[8; 32]; SIGNAL_KEYS_MAX],
        now: Timestamp(-9),
    }
}

fn logged_in(refresh: bool, level: LoginLevel) -> LoginGranted {
    LoginGranted {
        token: hidden(TOKEN_BYTES_MAX),
        expires_at: Timestamp(i64::MAX),
        level,
        subject: [1; 16],
        account: AccountId(2),
        recovery_left: 10,
        refresh: refresh.then(|| RefreshGranted { family_key: hidden(48), secret: hidden(SECRET_BYTES_MAX) }),
    }
}

fn refused() -> Refused {
    Refused { code: "LOGIN_REFUSED".into(), text: "é".repeat(REFUSAL_TEXT_BYTES_MAX / 2) }
}

fn enrol_asks() -> Vec<EnrolAsk> {
    let enrol = |n: usize| {
        EnrolAsk::Enrol(Box::new(Enrol {
            public_key: [1; 32],
            proof: [2; 64],
            login: "l".repeat(n * 4),
            facts: facts(n),
            clock: Timestamp(3),
        }))
    };
    vec![
        enrol(0),
        enrol(FACTS_MAX),
        EnrolAsk::Register([4; 32]),
        EnrolAsk::Upload([5; 192]),
        EnrolAsk::Factor,
        EnrolAsk::Confirm(hidden(CODE_BYTES_MAX)),
    ]
}

fn enrol_answers() -> Vec<EnrolAnswer> {
    vec![
        EnrolAnswer::Granted(Box::new(granted())),
        EnrolAnswer::Registration([1; 64]),
        EnrolAnswer::Registered { active: false },
        EnrolAnswer::Registered { active: true },
        EnrolAnswer::Factor { uri: hidden(URI_BYTES_MAX), recovery: vec![hidden(19); RECOVERY_CODES_MAX] },
        EnrolAnswer::Confirmed,
        EnrolAnswer::Refused(refused()),
    ]
}

fn login_asks() -> Vec<LoginAsk> {
    let start = |wanted| {
        LoginAsk::Start(Box::new(LoginStart {
            wanted,
            login: "anna".into(),
            request: [1; 96],
            facts: facts(2),
            clock: Timestamp(i64::MIN),
        }))
    };
    vec![
        start(Wanted::Session),
        start(Wanted::StepUp([9; 16])),
        LoginAsk::Finish([1; 64]),
        LoginAsk::Factor(Proof::Code(hidden(6))),
        LoginAsk::Factor(Proof::Recovery(hidden(19))),
    ]
}

fn login_answers() -> Vec<LoginAnswer> {
    let levels = [LoginLevel::Password, LoginLevel::SecondFactor, LoginLevel::StepUp { until: Timestamp(5) }];
    let granted = levels.into_iter().flat_map(|level| [true, false].map(|refresh| logged_in(refresh, level)));
    let mut all: Vec<_> = granted.map(|granted| LoginAnswer::Granted(Box::new(granted))).collect();
    all.extend([LoginAnswer::Respond(Box::new([1; 320])), LoginAnswer::FactorNeeded, LoginAnswer::Refused(refused())]);
    all
}

/// Comes back, is refused when cut anywhere or followed by anything, and every byte of it counts.
fn check<T: PartialEq + std::fmt::Debug>(
    value: &T,
    encode: impl Fn(&T) -> Vec<u8>,
    decode: impl Fn(&[u8]) -> Result<T, WireError>,
) {
    let bytes = encode(value);
    assert!(bytes.len() <= 16 * 1024, "{} bytes do not fit an exchange", bytes.len());
    assert_eq!(decode(&bytes).as_ref(), Ok(value));
    for end in 0..bytes.len() {
        assert!(decode(&bytes[..end]).is_err(), "{value:?} cut at {end}");
    }
    assert_eq!(decode(&[bytes.as_slice(), &[0]].concat()), Err(WireError::Trailing), "{value:?}");
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 1;
        assert_ne!(decode(&other).as_ref(), Ok(value), "byte {at} of {value:?} is ignored");
    }
}

#[test]
fn every_message_has_one_encoding_and_no_truncation_is_a_message() {
    enrol_asks().iter().for_each(|m| check(m, EnrolAsk::encode, EnrolAsk::decode));
    enrol_answers().iter().for_each(|m| check(m, EnrolAnswer::encode, EnrolAnswer::decode));
    login_asks().iter().for_each(|m| check(m, LoginAsk::encode, LoginAsk::decode));
    login_answers().iter().for_each(|m| check(m, LoginAnswer::encode, LoginAnswer::decode));
}

#[test]
fn what_is_beyond_its_bound_is_refused() {
    let enrol = |change: fn(&mut Enrol)| {
        let EnrolAsk::Enrol(mut ask) = enrol_asks().swap_remove(1) else { panic!("the second is one") };
        change(&mut ask);
        EnrolAsk::decode(&EnrolAsk::Enrol(ask).encode()).unwrap_err()
    };
    assert_eq!(enrol(|ask| ask.login = "l".repeat(LOGIN_BYTES_MAX + 1)), WireError::TooLarge("login"));
    assert_eq!(enrol(|ask| ask.facts = facts(FACTS_MAX + 1)), WireError::TooLarge("facts"));
    assert_eq!(enrol(|ask| ask.facts[0].name = "n".repeat(FACT_BYTES_MAX + 1)), WireError::TooLarge("fact"));
    let answer = |change: fn(&mut Granted)| {
        let mut granted = Box::new(granted());
        change(&mut granted);
        EnrolAnswer::decode(&EnrolAnswer::Granted(granted).encode()).unwrap_err()
    };
    assert_eq!(answer(|g| g.chain.push(vec![])), WireError::TooLarge("chain"));
    assert_eq!(answer(|g| g.chain.clear()), WireError::BadValue("granted"));
    assert_eq!(answer(|g| g.chain[0].push(0)), WireError::TooLarge("certificate"));
    assert_eq!(answer(|g| g.pins.push([0; 32])), WireError::TooLarge("pins"));
    assert_eq!(answer(|g| g.pins.clear()), WireError::BadValue("granted"));
    assert_eq!(answer(|g| g.signal_keys.push([0; 32])), WireError::TooLarge("signal keys"));
    assert_eq!(answer(|g| g.deployment.push('x')), WireError::TooLarge("deployment"));
    let code = EnrolAsk::Confirm(hidden(CODE_BYTES_MAX + 1)).encode();
    assert_eq!(EnrolAsk::decode(&code), Err(WireError::TooLarge("code")));
}

#[test]
fn unknown_kinds_and_versions_are_refused() {
    for kind in (0..=u8::MAX).filter(|kind| !(1..=6).contains(kind)) {
        assert_eq!(EnrolAsk::decode(&[kind]), Err(WireError::BadValue("question")));
        assert_eq!(EnrolAnswer::decode(&[kind]), Err(WireError::BadValue("answer")));
        assert_eq!(LoginAsk::decode(&[kind]), Err(WireError::BadValue("question")));
        assert_eq!(LoginAnswer::decode(&[kind]), Err(WireError::BadValue("answer")));
    }
    assert_eq!(EnrolAsk::decode(&[1, 0, 2]), Err(WireError::Version(2)));
    assert_eq!(LoginAsk::decode(&[1, 0, 0]), Err(WireError::Version(0)));
    let spaced = Refused { code: "NO NO".into(), text: String::new() };
    assert_eq!(LoginAnswer::decode(&LoginAnswer::Refused(spaced).encode()), Err(WireError::BadValue("code")));
}

#[test]
fn a_long_refusal_is_cut_between_two_characters() {
    let long = Refused { code: "X".into(), text: format!("a{}", "é".repeat(REFUSAL_TEXT_BYTES_MAX)) };
    let LoginAnswer::Refused(read) = LoginAnswer::decode(&LoginAnswer::Refused(long.clone()).encode()).unwrap() else {
        panic!("a refusal")
    };
    assert!(long.text.starts_with(&read.text) && read.text.len() == REFUSAL_TEXT_BYTES_MAX - 1, "{}", read.text.len());
}

#[test]
fn t52_no_secret_is_shown_by_debug() {
    let canary = Hidden::new("canary-5f1d");
    let shown = format!(
        "{:?} {:?} {:?} {:?}",
        EnrolAsk::Confirm(canary.clone()),
        EnrolAnswer::Factor { uri: canary.clone(), recovery: vec![canary.clone()] },
        LoginAsk::Factor(Proof::Recovery(canary.clone())),
        LoginGranted { token: canary.clone(), ..logged_in(true, LoginLevel::Password) },
    );
    assert!(!shown.contains("canary"), "{shown}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic_and_have_one_spelling(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(read) = EnrolAsk::decode(&bytes) { prop_assert_eq!(read.encode(), bytes.clone()); }
        if let Ok(read) = EnrolAnswer::decode(&bytes) { prop_assert_eq!(read.encode(), bytes.clone()); }
        if let Ok(read) = LoginAsk::decode(&bytes) { prop_assert_eq!(read.encode(), bytes.clone()); }
        if let Ok(read) = LoginAnswer::decode(&bytes) { prop_assert_eq!(read.encode(), bytes); }
    }
}
