//! Refresh families: a thief ends the login, a bad line does not.

use super::*;
use crate::token::refresh::{Asked, FAMILY_IDLE, FAMILY_LIFETIME, FamilyKey, Login, RefreshTurn, SecretHash};
use aitrading_env::RngExt as _;
use aitrading_error::Coded as _;
use proptest::prelude::*;
use std::sync::Mutex;

const DEVICE_KEY: [u8; 32] = [0x5D; 32];

fn login() -> Login {
    let grant = grant();
    Login { tenant: grant.tenant, subject: grant.subject, device: grant.device, account: None, second_factor: true }
}

fn open() -> (RefreshFamily, RefreshHolder) {
    RefreshFamily::open(login(), DEVICE_KEY, NOW, &rng())
}

fn request(asked: &Asked) -> RefreshRequest {
    RefreshRequest { secret: asked.secret.clone(), successor: asked.successor.clone(), device_key: DEVICE_KEY }
}

fn said(rotation: &Rotation) -> &'static str {
    match rotation {
        Rotation::Issued(_) => "issued",
        Rotation::Repeated => "repeated",
        Rotation::Reused(_) => "reused",
        Rotation::Refused(why) => why.code(),
    }
}

fn mono(at: Timestamp) -> u64 {
    u64::try_from(at.0).unwrap()
}

/// A store with one place: what it holds is replaced only by who knows what it holds.
struct Cell(Mutex<String>);

impl Cell {
    fn new(family: &RefreshFamily) -> Self {
        Self(Mutex::new(family.encode().unwrap().expose().clone()))
    }

    fn read(&self) -> (String, RefreshFamily) {
        let text = self.0.lock().unwrap().clone();
        let family = RefreshFamily::decode(&text).unwrap();
        (text, family)
    }

    fn replace(&self, expected: &str, by: &RefreshFamily) -> bool {
        let mut held = self.0.lock().unwrap();
        let same = *held == expected;
        if same {
            held.clone_from(by.encode().unwrap().expose());
        }
        same
    }

    /// What a service does with a request: nothing is said before it is stored.
    fn rotate(&self, request: &RefreshRequest, now: Timestamp) -> &'static str {
        loop {
            let (text, family) = self.read();
            let rotation = family.rotate(request, now);
            let stored = match &rotation {
                Rotation::Issued(next) | Rotation::Reused(next) => self.replace(&text, next),
                Rotation::Repeated | Rotation::Refused(_) => true,
            };
            if stored {
                return said(&rotation);
            }
        }
    }
}

#[test]
fn a_login_is_refreshed_by_a_secret_that_the_client_made() {
    let (mut family, mut holder) = open();
    for n in 1..=20 {
        let now = later(NOW, n * 800);
        let asked = holder.ask(mono(now), &rng()).unwrap();
        let Rotation::Issued(next) = family.rotate(&request(&asked), now) else { panic!("refresh {n}") };
        family = *next;
        holder.granted();
        assert_eq!(family.generation(), u64::try_from(n).unwrap());
        assert_eq!(family.over_at(), now.plus(FAMILY_IDLE));
    }
    assert_eq!(family.login(), &login());
    assert_eq!(holder.state().1.family(), family.id());
}

#[test]
fn t22_attacker_first_ends_both() {
    let (family, mut victim) = open();
    let cell = Cell::new(&family);
    let (key, present, _) = victim.state();
    let mut thief = RefreshHolder::restore(key.clone(), present.clone(), None).unwrap();
    let ask = |holder: &mut RefreshHolder, at: i64, n| {
        let now = later(NOW, at);
        cell.rotate(&request(&holder.ask(mono(now), &SeededRng::new(n)).unwrap()), now)
    };
    assert_eq!(ask(&mut thief, 1, 1), "issued");
    thief.granted();
    assert_eq!(ask(&mut victim, 2, 2), "reused");
    assert_eq!(ask(&mut thief, 3, 1), "REFRESH_REVOKED");
    assert_eq!(ask(&mut victim, 4, 2), "REFRESH_REVOKED");
    assert_eq!(cell.read().1.revoked_at(), Some(later(NOW, 2)));
    assert_eq!(RefreshRefused::Reused.dna().severity, aitrading_error::Severity::Critical);
}

#[test]
fn t22_victim_first_ends_both() {
    for wait in [1, 31, 86_400] {
        let (family, mut victim) = open();
        let cell = Cell::new(&family);
        let stolen = victim.state().1.clone();
        let asked = victim.ask(mono(NOW), &rng()).unwrap();
        assert_eq!(cell.rotate(&request(&asked), NOW), "issued");
        victim.granted();
        let own = SecretHash::new([9; 32]);
        let theft = RefreshRequest { secret: stolen, successor: own, device_key: DEVICE_KEY };
        assert_eq!(cell.rotate(&theft, later(NOW, wait)), "reused", "{wait} s later");
        let asked = victim.ask(mono(NOW), &rng()).unwrap();
        assert_eq!(cell.rotate(&request(&asked), later(NOW, wait)), "REFRESH_REVOKED");
    }
}

#[test]
fn t22_every_secret_that_the_family_ever_had_is_recognised() {
    let (mut family, mut holder) = open();
    let mut spent = Vec::new();
    for _ in 0..300 {
        let asked = holder.ask(mono(NOW), &rng()).unwrap();
        let Rotation::Issued(next) = family.rotate(&request(&asked), NOW) else { panic!() };
        spent.push(request(&asked));
        family = *next;
        holder.granted();
    }
    // The last one may be repeated for 30 seconds, if it is the same in everything.
    assert_eq!(said(&family.rotate(&spent[299], NOW)), "repeated");
    for (n, old) in spent.iter().enumerate() {
        let now = later(NOW, if n == 299 { 31 } else { 0 });
        assert_eq!(said(&family.rotate(old, now)), "reused", "secret {n}");
    }
    assert!(family.encode().unwrap().expose().len() < 1_000, "without a list of them");
}

#[test]
fn t22_a_fork_of_the_family_is_recognised() {
    let (family, holder) = open();
    let (key, present, _) = holder.state();
    let mut forks: Vec<RefreshHolder> =
        (0..2).map(|_| RefreshHolder::restore(key.clone(), present.clone(), None).unwrap()).collect();
    let mut asked: Vec<Asked> = Vec::new();
    for (n, fork) in forks.iter_mut().enumerate() {
        asked.push(fork.ask(mono(NOW), &SeededRng::new(n as u64)).unwrap());
        fork.granted();
    }
    let Rotation::Issued(family) = family.rotate(&request(&asked[0]), NOW) else { panic!() };
    let own = forks[1].ask(mono(NOW), &rng()).unwrap();
    assert_eq!(said(&family.rotate(&request(&own), NOW)), "reused", "another secret of the same generation");
}

#[test]
fn a_retry_is_repeated_only_with_the_same_successor_from_the_same_device_in_time() {
    let (family, mut holder) = open();
    let asked = holder.ask(mono(NOW), &rng()).unwrap();
    let Rotation::Issued(family) = family.rotate(&request(&asked), NOW) else { panic!() };
    let other = RefreshRequest { successor: SecretHash::new([1; 32]), ..request(&asked) };
    let elsewhere = RefreshRequest { device_key: [0; 32], ..request(&asked) };
    let cases = [
        ("the same", request(&asked), 0, "repeated"),
        ("at the last moment", request(&asked), 30, "repeated"),
        ("too late", request(&asked), 31, "reused"),
        ("on a clock that went back", request(&asked), -60, "repeated"),
        ("with another successor", other, 1, "reused"),
        ("from another device", elsewhere, 1, "reused"),
    ];
    for (name, request, at, wanted) in cases {
        assert_eq!(said(&family.rotate(&request, later(NOW, at))), wanted, "{name}");
    }
    let late = Timestamp(NOW.0 + 30 * SECOND_NS + 1);
    assert_eq!(said(&family.rotate(&request(&asked), late)), "reused");
}

#[test]
fn the_present_secret_from_another_device_ends_the_login() {
    let (family, mut holder) = open();
    let asked = holder.ask(mono(NOW), &rng()).unwrap();
    let elsewhere = RefreshRequest { device_key: [0; 32], ..request(&asked) };
    let Rotation::Reused(ended) = family.rotate(&elsewhere, NOW) else { panic!() };
    assert_eq!(said(&ended.rotate(&request(&asked), NOW)), "REFRESH_REVOKED");
}

#[test]
fn a_strangers_guess_ends_nobodys_login() {
    let (family, mut holder) = open();
    let asked = holder.ask(mono(NOW), &rng()).unwrap();
    let (_, foreign) = RefreshFamily::open(login(), DEVICE_KEY, NOW, &SeededRng::new(99));
    let mut guesses = vec![foreign.state().1.clone()];
    let text = asked.secret.text();
    for at in 5..text.expose().len() {
        let other = if text.expose().as_bytes()[at] == b'A' { 'Q' } else { 'A' };
        let changed = format!("{}{other}{}", &text.expose()[..at], &text.expose()[at + 1..]);
        guesses.extend(RefreshSecret::parse(&changed));
    }
    assert!(guesses.len() > 100);
    for secret in guesses {
        let guess = RefreshRequest { secret, ..request(&asked) };
        assert_eq!(said(&family.rotate(&guess, NOW)), "REFRESH_UNKNOWN");
    }
    assert_eq!(said(&family.rotate(&request(&asked), NOW)), "issued");
}

#[test]
fn a_login_ends_by_age_by_idleness_and_by_word() {
    let (family, mut holder) = open();
    let asked = request(&holder.ask(mono(NOW), &rng()).unwrap());
    let at = |now| said(&family.rotate(&asked, now));
    assert_eq!(at(Timestamp(NOW.plus(FAMILY_IDLE).0 - 1)), "issued");
    assert_eq!(at(NOW.plus(FAMILY_IDLE)), "REFRESH_EXPIRED");
    assert_eq!(said(&family.revoked(NOW).rotate(&asked, NOW)), "REFRESH_REVOKED");
    assert_eq!(family.revoked(NOW).revoked(later(NOW, 9)).revoked_at(), Some(NOW));
    let (mut family, mut holder) = open();
    let mut now = NOW;
    let end = NOW.plus(FAMILY_LIFETIME);
    let ended = loop {
        now = later(now, 6 * 86_400);
        let asked = request(&holder.ask(mono(now), &rng()).unwrap());
        let Rotation::Issued(next) = family.rotate(&asked, now) else { break now };
        family = *next;
        holder.granted();
    };
    assert_eq!(ended, end, "the fifth time");
}

#[test]
fn a_successor_that_is_the_present_secret_changes_nothing_and_says_so() {
    let (family, mut holder) = open();
    let asked = holder.ask(mono(NOW), &rng()).unwrap();
    let probe = RefreshRequest { successor: asked.secret.hash(), ..request(&asked) };
    assert_eq!(said(&family.rotate(&probe, NOW)), "REFRESH_SUCCESSOR");
    let next = holder.state().2.unwrap();
    let ahead = RefreshRequest { secret: next.clone(), successor: next.hash(), device_key: DEVICE_KEY };
    assert_eq!(said(&family.rotate(&ahead, NOW)), "REFRESH_AHEAD");
}

/// A client on a line that loses requests and answers, and on which it waits for a time that is drawn from seconds to hours.
fn logouts_on_a_bad_line(seed: u64, drops: u32) -> (u32, u64) {
    let dice = SeededRng::new(seed);
    let (family, mut holder) = RefreshFamily::open(login(), DEVICE_KEY, NOW, &dice);
    let cell = Cell::new(&family);
    let (mut now, mut dropped) = (NOW, 0);
    while dropped < drops {
        let wait = [1, 10, 25, 40, 600, 7_200][usize::try_from(dice.below(6)).unwrap()];
        now = later(now, i64::try_from(1 + dice.below(wait)).unwrap());
        // A login lives for 30 days; the next one is opened in time, and is no logout.
        if now >= later(cell.read().1.over_at(), -86_400) {
            let (family, fresh) = RefreshFamily::open(login(), DEVICE_KEY, now, &dice);
            *cell.0.lock().unwrap() = family.encode().unwrap().expose().clone();
            holder = fresh;
        }
        let asked = holder.ask(mono(now), &dice).unwrap();
        // It may be switched off at any time after it has stored what it holds.
        if dice.below(5) == 0 {
            let (key, present, successor) = holder.state();
            holder = RefreshHolder::restore(key.clone(), present.clone(), successor.cloned()).unwrap();
        }
        let fate = dice.below(4);
        if fate == 0 {
            dropped += 1;
            continue;
        }
        let (text, family) = cell.read();
        let rotation = family.rotate(&request(&asked), now);
        if let Rotation::Issued(next) = &rotation {
            assert!(cell.replace(&text, next));
        }
        if fate == 1 {
            dropped += 1;
            continue;
        }
        match rotation {
            Rotation::Issued(_) | Rotation::Repeated => holder.granted(),
            Rotation::Refused(why) if holder.refused(why, mono(now)) == RefreshTurn::AskAgain => {}
            _ => return (1, cell.read().1.generation()),
        }
    }
    (0, cell.read().1.generation())
}

#[test]
fn t23_a_thousand_lost_requests_and_answers_log_nobody_out() {
    for seed in 0..10 {
        let (logouts, _) = logouts_on_a_bad_line(seed, 1_000);
        assert_eq!(logouts, 0, "seed {seed}");
    }
}

#[test]
fn t23_of_thirty_two_refreshes_at_once_one_has_a_successor() {
    for round in 0..20 {
        let (family, mut holder) = RefreshFamily::open(login(), DEVICE_KEY, NOW, &SeededRng::new(round));
        let cell = Cell::new(&family);
        let asked = holder.ask(mono(NOW), &rng()).unwrap();
        let answers: Vec<&str> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..32).map(|_| scope.spawn(|| cell.rotate(&request(&asked), NOW))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(answers.iter().filter(|answer| **answer == "issued").count(), 1);
        assert_eq!(answers.iter().filter(|answer| **answer == "repeated").count(), 31);
        holder.granted();
        let (_, family) = cell.read();
        assert_eq!((family.generation(), family.revoked_at()), (1, None));
        let next = holder.ask(mono(NOW), &rng()).unwrap();
        assert_eq!(cell.rotate(&request(&next), NOW), "issued");
    }
}

#[test]
fn t23_of_thirty_two_successors_at_once_one_wins_and_the_login_ends() {
    let (family, holder) = open();
    let cell = Cell::new(&family);
    let present = holder.state().1;
    let answers: Vec<&str> = std::thread::scope(|scope| {
        let ask = |n: u8| RefreshRequest {
            secret: present.clone(),
            successor: SecretHash::new([n; 32]),
            device_key: DEVICE_KEY,
        };
        let cell = &cell;
        let threads: Vec<_> =
            (0..32).map(|n| (ask(n), cell)).map(|(ask, cell)| scope.spawn(move || cell.rotate(&ask, NOW))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let count = |wanted: &str| answers.iter().filter(|answer| **answer == wanted).count();
    assert_eq!((count("issued"), count("reused"), count("REFRESH_REVOKED")), (1, 1, 30));
}

#[test]
fn a_stored_family_comes_back_and_nothing_else_does() {
    let (family, mut holder) = open();
    let asked = holder.ask(mono(NOW), &rng()).unwrap();
    let Rotation::Issued(next) = family.rotate(&request(&asked), NOW) else { panic!() };
    for family in [family, next.revoked(NOW), *next] {
        let text = family.encode().unwrap();
        let back = RefreshFamily::decode(text.expose()).unwrap();
        assert_eq!(back.encode().unwrap().expose(), text.expose());
        let text = text.expose();
        let bad = [
            text.replace(r#""v":1"#, r#""v":2"#),
            text.replace(r#""v":1,"#, ""),
            text.replace(r#"{"v""#, r#"{"admin":true,"v""#),
            text.replace(r#""second_factor":true"#, r#""second_factor":true,"admin":true"#),
            text.replace(r#""generation":"#, r#""generation":"x","#),
            text.replace(r#""current":""#, r#""current":"0"#),
            text.replace(r#""key":""#, r#""key":"G"#),
            text[..text.len() - 1].to_owned(),
            format!("{text}{}", " ".repeat(3_000)),
        ];
        for text in bad {
            assert_eq!(RefreshFamily::decode(&text).map(|_| ()), Err(TokenFault::BadState("refresh family")), "{text}");
        }
    }
}

#[test]
fn what_a_client_stored_comes_back_and_nothing_else_does() {
    let (_, mut holder) = open();
    assert!(holder.ask(0, &rng()).is_some());
    let (key, present, successor) = holder.state();
    let successor = successor.unwrap();
    let key_back = FamilyKey::parse(key.text().expose()).unwrap();
    let present_back = RefreshSecret::parse(present.text().expose()).unwrap();
    assert!(present_back.hash().is(&present.hash()) && !present_back.hash().is(&successor.hash()));
    assert!(RefreshHolder::restore(key_back, present_back, Some(successor.clone())).is_ok());
    let (_, foreign) = RefreshFamily::open(login(), DEVICE_KEY, NOW, &SeededRng::new(99));
    let restore = |present: &RefreshSecret, successor: &RefreshSecret| {
        RefreshHolder::restore(key.clone(), present.clone(), Some(successor.clone())).map(|_| ())
    };
    for (a, b) in
        [(successor, present), (present, present), (present, foreign.state().1), (foreign.state().1, successor)]
    {
        assert_eq!(restore(a, b), Err(RefreshRefused::Malformed));
    }
    let text = present.text();
    let text = text.expose();
    assert!(text.starts_with("atr1_") && text.len() == 123, "{}", text.len());
    let bad = [
        "",
        "atr1_",
        &text[..122],
        &format!("{text}A"),
        &format!("{text}="),
        &text.replace("atr1", "atr2"),
        &text[5..],
    ];
    for text in bad {
        assert!(RefreshSecret::parse(text).is_err(), "{text}");
    }
}

/// `==` on a secret stops at the first wrong byte. This does not compile for a type that has it.
macro_rules! assert_cannot_be_compared {
    ($($type:ty),*) => {$(
        const _: fn() = || {
            trait Ambiguous<A> { fn is() {} }
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + PartialEq> Ambiguous<u8> for T {}
            let _ = <$type as Ambiguous<_>>::is;
        };
    )*};
}

assert_cannot_be_compared!(
    crate::Secret<[u8; 32]>,
    crate::Secret<String>,
    RefreshSecret,
    SecretHash,
    FamilyKey,
    RefreshFamily,
    RefreshRequest,
    RefreshHolder,
    IssuedToken
);

#[test]
fn t78_no_secret_shows_in_any_debug_text() {
    let (family, mut holder) = open();
    let asked = holder.ask(0, &rng()).unwrap();
    let token = issued(grant());
    let shown = format!("{family:?} {holder:?} {asked:?} {:?} {:?} {token:?}", request(&asked), asked.secret.text());
    let stored = family.encode().unwrap();
    let canaries = [
        holder.state().0.text().expose()[5..].to_owned(),
        asked.secret.text().expose()[40..].to_owned(),
        token.token.expose().split('.').nth(2).unwrap().to_owned(),
        super::super::hex::hex(asked.successor.bytes()),
    ];
    for canary in canaries {
        assert!(!shown.contains(&canary));
        assert!(!shown.contains(&canary[..16]));
    }
    let key = stored.expose().split(r#""key":""#).nth(1).unwrap();
    assert!(!shown.contains(&key[..16]));
}

#[test]
fn a_refresh_body_has_one_reading() {
    let (_, mut holder) = open();
    let Asked { secret, successor } = holder.ask(1, &rng()).unwrap();
    let body = RefreshBody { secret: secret.clone(), successor: successor.clone() }.encode().unwrap();
    let read = RefreshBody::decode(body.expose().as_bytes()).unwrap();
    assert!(read.secret.hash().is(&secret.hash()) && read.successor.is(&successor));
    let text = body.expose();
    for end in 0..text.len() {
        assert_eq!(
            RefreshBody::decode(&text.as_bytes()[..end]).unwrap_err(),
            RefreshRefused::Malformed,
            "cut at {end}"
        );
    }
    let more = text.replacen('{', "{\"user\":\"x\",", 1);
    let twice = text.replacen('{', "{\"secret\":\"x\",", 1);
    let long = format!("{}{text}", " ".repeat(512));
    for bad in [more, twice, long, text.to_uppercase(), "[]".to_owned(), format!("{text}x")] {
        assert_eq!(RefreshBody::decode(bad.as_bytes()).unwrap_err(), RefreshRefused::Malformed, "{bad}");
    }
}

proptest! {
    #[test]
    fn no_secret_and_no_successor_makes_a_family_panic(
        bytes in proptest::collection::vec(any::<u8>(), 88),
        successor in any::<[u8; 32]>(),
        device_key in any::<[u8; 32]>(),
        now in any::<i64>(),
    ) {
        let (family, _) = open();
        let text = format!("atr1_{}", URL_SAFE_NO_PAD.encode(bytes));
        let secret = RefreshSecret::parse(&text).unwrap();
        let asked = RefreshRequest { secret, successor: SecretHash::new(successor), device_key };
        prop_assert_eq!(said(&family.rotate(&asked, Timestamp(now))), "REFRESH_UNKNOWN");
        let present = open().1.state().1.clone();
        let asked = RefreshRequest { secret: present, ..asked };
        let answer = said(&family.rotate(&asked, Timestamp(now)));
        prop_assert!(["reused", "REFRESH_EXPIRED"].contains(&answer), "{}", answer);
    }

    #[test]
    fn t23_no_seed_of_a_bad_line_logs_anybody_out(seed in any::<u64>()) {
        prop_assert_eq!(logouts_on_a_bad_line(seed, 40).0, 0);
    }
}

/// A service shares these between its threads.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<RefreshFamily>();
    shared::<RefreshHolder>();
    shared::<TokenGate>();
};
