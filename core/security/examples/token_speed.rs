//! Prints how long a token takes to be checked, new and remembered, each beside its limit; ends with 1 if one is missed.
//!
//! `cargo run --release -p aitrading-security --example token_speed`

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement for the one who runs it"
)]

use aitrading_env::{Clock as _, Env, RealClock, RngExt as _};
use aitrading_model::{AccountId, DeviceId, TenantId, Timestamp};
use aitrading_security::{
    signing::SigningKey,
    token::{FamilyId, Grant, Level, Moment, Role, Subject, TokenGate, TokenIssuer, TokenKeys, TokenVerifier},
};
use std::{hint::black_box, process::ExitCode};

const CERTIFICATE: [u8; 32] = [7; 32];
const DOOR: &str = "data-bridge";
const TOKENS: usize = 4_000;
const ROUNDS: usize = 25;

fn main() -> ExitCode {
    let env = Env::real();
    let ring = TokenKeys::new(SigningKey::generate(&env), Some(SigningKey::generate(&env)), Vec::new()).unwrap();
    let mut issuer = TokenIssuer::new("aitrading", ring, Timestamp(0)).unwrap();
    let now = Moment::of(env.clock.as_ref());
    let grant = || Grant {
        tenant: TenantId(1),
        subject: Subject(env.rng.bytes()),
        role: Role::Subscriber,
        level: Level::SecondFactor,
        family: FamilyId(env.rng.bytes()),
        device: Some(DeviceId(env.rng.bytes())),
        account: Some(AccountId(70_001)),
        certificate: CERTIFICATE,
        audience: DOOR.to_owned(),
    };
    let mut issue = || issuer.issue(grant(), now.wall, env.rng.as_ref()).unwrap().token.expose().clone();
    let tokens: Vec<String> = (0..TOKENS).map(|_| issue()).collect();
    let verifier = TokenVerifier::new("aitrading", issuer.keys().public()).unwrap();
    let gate = TokenGate::new("aitrading", issuer.keys().public()).unwrap();
    gate.load([], now);
    println!("{} tokens of {} bytes", tokens.len(), tokens[0].len());
    let cold = measure(&tokens, |token| drop(black_box(verifier.verify(token, &CERTIFICATE, DOOR, now.wall).unwrap())));
    let mut holds = show("verify, new", 150.0, cold);
    for token in &tokens {
        gate.admit(token, &CERTIFICATE, DOOR, now).unwrap();
    }
    assert_eq!(gate.remembered(), TOKENS);
    let many: Vec<String> = tokens.iter().cycle().take(TOKENS * ROUNDS).cloned().collect();
    let known = measure(&many, |token| drop(black_box(gate.admit(token, &CERTIFICATE, DOOR, now).unwrap())));
    holds &= show("admit, remembered, revocations looked at", 5.0, known);
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Nanoseconds of each call, sorted.
fn measure(tokens: &[String], check: impl Fn(&str)) -> Vec<u64> {
    let clock = RealClock::new();
    let mut samples: Vec<u64> = tokens
        .iter()
        .map(|token| {
            let start = clock.mono_ns();
            check(token);
            clock.mono_ns() - start
        })
        .collect();
    samples.sort_unstable();
    samples
}

fn show(name: &str, limit_us: f64, sorted: Vec<u64>) -> bool {
    let at = |percent: usize| {
        std::time::Duration::from_nanos(sorted[(sorted.len() - 1) * percent / 100]).as_secs_f64() * 1e6
    };
    println!("{name:<42} p50 {:>7.2} us  p99 {:>7.2} us  limit {limit_us} us", at(50), at(99));
    at(50) <= limit_us
}
