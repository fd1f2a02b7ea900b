//! Codes that are good once.

use super::super::second_factor::totp;
use super::super::{Authenticator, FactorRefused, RECOVERY_CODES, SecondFactor};
use super::{NOW, at, name};
use aitrading_env::sim::SeededRng;
use aitrading_model::Timestamp;
use std::sync::{Barrier, Mutex};

const SECRET: &[u8] = b"12345678901234567890";

#[test]
fn codes_agree_with_rfc_6238_and_rfc_4226() {
    let of_rfc_6238 = [
        (59, 94_287_082),
        (1_111_111_109, 7_081_804),
        (1_111_111_111, 14_050_471),
        (1_234_567_890, 89_005_924),
        (2_000_000_000, 69_279_037),
        (20_000_000_000, 65_353_130),
    ];
    for (seconds, code) in of_rfc_6238 {
        assert_eq!(totp(SECRET, seconds / 30, 100_000_000), code, "at {seconds} s");
    }
    let of_rfc_4226 = [755_224, 287_082, 359_152, 969_429, 338_314, 254_676, 287_922, 162_583, 399_871, 520_489];
    for (count, code) in (0..).zip(of_rfc_4226) {
        assert_eq!(totp(SECRET, count, 1_000_000), code, "count {count}");
    }
}

/// A factor and the codes that its authenticator shows.
fn enrolled(seed: u64) -> (SecondFactor, impl Fn(Timestamp) -> String) {
    let (factor, _) = SecondFactor::enrol(&SeededRng::new(seed));
    let secret: [u8; 20] = factor.to_bytes().expose()[2..22].try_into().unwrap();
    let step = |now: Timestamp| u64::try_from(now.0 / 30_000_000_000).unwrap();
    (factor, move |now| format!("{:06}", totp(&secret, step(now), 1_000_000)))
}

fn confirmed(seed: u64) -> (SecondFactor, impl Fn(Timestamp) -> String) {
    let (factor, code) = enrolled(seed);
    (factor.confirm(&code(at(-300)), at(-300)).unwrap(), code)
}

#[test]
fn a_code_counts_one_step_early_and_one_late() {
    let (factor, code) = confirmed(1);
    for (seconds, wanted) in [(0, true), (29, true), (30, true), (59, true), (60, false), (-1, true), (-30, true)] {
        let verdict = factor.use_code(&code(NOW), at(seconds)).map(drop);
        assert_eq!(verdict, if wanted { Ok(()) } else { Err(FactorRefused::Wrong) }, "{seconds} s later");
    }
    assert_eq!(factor.use_code(&code(NOW), at(-31)).unwrap_err(), FactorRefused::Wrong);
    let spaced = code(NOW);
    factor.use_code(&format!(" {} {} ", &spaced[..3], &spaced[3..]), NOW).unwrap();
}

#[test]
fn t29_used_code_and_all_before_it_are_refused() {
    let (factor, code) = confirmed(2);
    let next = factor.use_code(&code(NOW), NOW).unwrap();
    for (shown, now) in [(NOW, NOW), (NOW, at(30)), (at(-30), NOW), (at(-30), at(0))] {
        assert_eq!(next.use_code(&code(shown), now).unwrap_err(), FactorRefused::Used);
    }
    let later = next.use_code(&code(at(30)), at(30)).unwrap();
    // A clock that goes back brings no code back.
    assert_eq!(later.use_code(&code(NOW), NOW).unwrap_err(), FactorRefused::Used);
}

#[test]
fn t29_setup_code_counts_as_used() {
    let (factor, code) = enrolled(3);
    assert_eq!(factor.use_code(&code(NOW), NOW).unwrap_err(), FactorRefused::NotConfirmed);
    assert_eq!(factor.confirm("000000", NOW).unwrap_err(), FactorRefused::Wrong);
    let ready = factor.confirm(&code(NOW), NOW).unwrap();
    assert!(ready.is_confirmed());
    assert_eq!(ready.use_code(&code(NOW), NOW).unwrap_err(), FactorRefused::Used);
    assert_eq!(ready.confirm(&code(at(30)), at(30)).map(drop).unwrap_err(), FactorRefused::AlreadyConfirmed);
}

/// What a store does: it swaps only what has not changed since it was read.
struct Cell(Mutex<Vec<u8>>);

impl Cell {
    fn read(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }

    fn swap(&self, from: &[u8], to: &[u8]) -> bool {
        let mut now = self.0.lock().unwrap();
        let same = *now == from;
        if same {
            *now = to.to_vec();
        }
        same
    }
}

/// One login: reads, uses, swaps, and looks again when somebody else was faster.
fn login(cell: &Cell, next: impl Fn(&SecondFactor) -> Result<SecondFactor, FactorRefused>) -> bool {
    loop {
        let before = cell.read();
        let Ok(after) = next(&SecondFactor::from_bytes(&before).unwrap()) else { return false };
        if cell.swap(&before, after.to_bytes().expose()) {
            return true;
        }
    }
}

fn check_one_of_64(cell: &Cell, next: impl Fn(&SecondFactor) -> Result<SecondFactor, FactorRefused> + Sync) {
    let (start, next) = (Barrier::new(64), &next);
    let one = || {
        start.wait();
        login(cell, next)
    };
    let won = std::thread::scope(|threads| {
        let all: Vec<_> = (0..64).map(|_| threads.spawn(one)).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).filter(|won| *won).count()
    });
    assert_eq!(won, 1);
}

#[test]
fn t29_of_64_parallel_logins_with_one_code_one_wins() {
    let (factor, code) = confirmed(4);
    let (cell, shown) = (Cell(Mutex::new(factor.to_bytes().expose().clone())), code(NOW));
    check_one_of_64(&cell, |factor| factor.use_code(&shown, NOW));
    assert!(login(&cell, |factor| factor.use_code(&code(at(30)), at(30))), "the next code is good");
}

#[test]
fn t29_of_64_parallel_logins_with_one_recovery_code_one_wins() {
    let (factor, codes) = SecondFactor::enrol(&SeededRng::new(5));
    let (_, code) = enrolled(5);
    let cell = Cell(Mutex::new(factor.confirm(&code(NOW), NOW).unwrap().to_bytes().expose().clone()));
    let text = codes.texts().swap_remove(6);
    check_one_of_64(&cell, |factor| factor.use_recovery(text.expose()));
    assert_eq!(SecondFactor::from_bytes(&cell.read()).unwrap().recovery_left(), RECOVERY_CODES - 1);
}

/// Two steps of one window show the same digits once in a million: the code is good once all the same.
#[test]
fn t29_code_that_two_steps_show_is_good_once() {
    // Found by search.
    let (secret, step) = (*b"aitrading test twins", 58_013_896);
    let mut bytes = vec![1, 1];
    bytes.extend_from_slice(&secret);
    bytes.extend_from_slice(&[0; 8 + 16 + 1]);
    let factor = SecondFactor::from_bytes(&bytes).unwrap();
    let code = format!("{:06}", totp(&secret, step, 1_000_000));
    assert_eq!(code, format!("{:06}", totp(&secret, step + 1, 1_000_000)));
    let at_step = |n: u64| Timestamp(i64::try_from(n).unwrap() * 30_000_000_000);
    let next = factor.use_code(&code, at_step(step)).unwrap();
    // The window of the last one holds the second of the two steps alone.
    for n in [step, step + 1, step + 2] {
        assert_eq!(next.use_code(&code, at_step(n)).unwrap_err(), FactorRefused::Used, "step {n}");
    }
}

#[test]
fn what_is_no_code_is_refused_as_such() {
    let (factor, _) = confirmed(6);
    for bad in
        ["", "12345", "1234567", "12345a", "-12345", "１２３４５６", "+12345", "1 2 3 4 5 6 7", &"1".repeat(9_000)]
    {
        assert_eq!(factor.use_code(bad, NOW).unwrap_err(), FactorRefused::Malformed, "{bad:?}");
        assert_eq!(factor.use_recovery(bad).unwrap_err(), FactorRefused::Malformed, "{bad:?}");
    }
    assert_eq!(factor.use_code("123456", Timestamp(-1)).unwrap_err(), FactorRefused::Clock);
    for extreme in [Timestamp(0), Timestamp(i64::MAX)] {
        let refused = factor.use_code("123456", extreme).unwrap_err();
        assert!(matches!(refused, FactorRefused::Wrong | FactorRefused::Used), "{extreme:?}");
    }
}

#[test]
fn a_recovery_code_is_good_once() {
    let (factor, codes) = SecondFactor::enrol(&SeededRng::new(7));
    let (_, code) = enrolled(7);
    let texts = codes.texts();
    assert_eq!(factor.use_recovery(texts[0].expose()).unwrap_err(), FactorRefused::NotConfirmed);
    let mut factor = factor.confirm(&code(NOW), NOW).unwrap();
    for (used, text) in texts.iter().enumerate() {
        let careless = text.expose().to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        let next = factor.use_recovery(&careless).unwrap();
        assert_eq!(next.recovery_left(), RECOVERY_CODES - used - 1);
        assert_eq!(next.use_recovery(text.expose()).unwrap_err(), FactorRefused::Wrong);
        factor = next;
    }
}

#[test]
fn new_recovery_codes_replace_the_old_ones() {
    let (factor, old) = SecondFactor::enrol(&SeededRng::new(8));
    let (_, code) = enrolled(8);
    let (renewed, new) = factor.confirm(&code(NOW), NOW).unwrap().renew_recovery(&SeededRng::new(9));
    assert_eq!(renewed.use_recovery(old.texts()[0].expose()).unwrap_err(), FactorRefused::Wrong);
    assert_eq!(renewed.use_recovery(new.texts()[9].expose()).unwrap().recovery_left(), RECOVERY_CODES - 1);
    assert_eq!(renewed.use_code(&code(NOW), NOW).unwrap_err(), FactorRefused::Used, "codes that were used stay used");
    let text = new.texts()[0].expose().clone();
    assert_eq!((text.len(), text.matches('-').count()), (19, 3));
    assert!(!renewed.to_bytes().expose().windows(10).any(|w| w == &text.as_bytes()[..10]));
}

#[test]
fn the_state_has_one_encoding() {
    let (factor, _) = confirmed(10);
    let sound = factor.to_bytes();
    let sound = sound.expose();
    assert_eq!(sound.len(), 2 + 20 + 8 + 16 + 1 + 32 * RECOVERY_CODES);
    assert_eq!(SecondFactor::from_bytes(sound).unwrap().to_bytes().expose(), sound);
    let changed = |at: usize, value: u8| {
        let mut bytes = sound.clone();
        bytes[at] = value;
        bytes
    };
    let longer = [&sound[..], &[0]].concat();
    let bad = [longer, changed(0, 2), changed(1, 2), changed(46, 9), changed(46, 11)];
    for bytes in (0..sound.len()).map(|len| sound[..len].to_vec()).chain(bad) {
        assert_eq!(SecondFactor::from_bytes(&bytes).unwrap_err(), FactorRefused::Damaged);
    }
    assert_eq!(format!("{factor:?}"), "SecondFactor(confirmed: true, recovery codes: 10)");
}

#[test]
fn an_authenticator_can_read_the_secret() {
    let mut bytes = vec![1, 1];
    bytes.extend_from_slice(SECRET);
    bytes.extend_from_slice(&[0; 8 + 16 + 1]);
    let uri = SecondFactor::from_bytes(&bytes).unwrap().uri("Desk & Söhne", &name("anna+1@example.com"));
    assert_eq!(
        uri.expose(),
        "otpauth://totp/Desk%20%26%20S%C3%B6hne:anna%2B1%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&\
         issuer=Desk%20%26%20S%C3%B6hne&algorithm=SHA1&digits=6&period=30"
    );
}

#[test]
fn an_authenticator_shows_what_the_server_expects() {
    let rng = SeededRng::new(17);
    let (factor, _) = SecondFactor::enrol(&rng);
    let uri = factor.uri("AI Trading", &name("anna"));
    let shown = Authenticator::from_uri(uri.expose()).unwrap();
    for seconds in [0, 30, 59, 86_400] {
        assert!(factor.confirm(shown.code(at(seconds)).unwrap().expose(), at(seconds)).is_ok(), "{seconds}");
    }
    assert_eq!(shown.code(Timestamp(-1)).unwrap_err(), FactorRefused::Clock);
    let one = format!("otpauth://totp/x?secret=1{}", "A".repeat(31));
    for bad in ["", "otpauth://totp/x", "otpauth://totp/x?issuer=y", "otpauth://totp/x?secret=ABC", &one] {
        assert_eq!(Authenticator::from_uri(bad).unwrap_err(), FactorRefused::Malformed, "{bad}");
    }
}
