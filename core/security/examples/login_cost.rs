//! Measures the steps of a login beside their budgets, and compares answers to known and unknown users.
//!
//! `cargo run --release -p aitrading-security --example login_cost`; it ends with an error if a budget does not hold.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement for the one who runs it"
)]

use aitrading_env::Env;
use aitrading_model::TenantId;
use aitrading_security::Secret;
use aitrading_security::login::cost::{CHECK, REGISTER, RESPOND, StepCost};
use aitrading_security::login::{
    ChannelHash, ClientLogin, ClientRegistration, Deployment, LoginFinish, LoginName, LoginRequest, Parties, Password,
    PasswordRecord, RegistrationRequest, ServerSetup,
};
use std::process::ExitCode;

const RUNS: usize = 5_000;
const STRETCHED: usize = 9;
const CHANNEL: ChannelHash = ChannelHash([7; 32]);

struct Bench {
    env: Env,
    server: ServerSetup,
    anna: Parties,
}

fn password() -> Password {
    Password::typed(Secret::new("four words of nonsense".to_owned())).unwrap()
}

impl Bench {
    /// Nanoseconds of `work`.
    fn time<T>(&self, work: impl FnOnce() -> T) -> (f64, T) {
        let begin = self.env.clock.mono_ns();
        let done = work();
        (self.env.clock.mono_ns().saturating_sub(begin) as f64, done)
    }

    fn register(&self) -> (Vec<f64>, Vec<f64>, PasswordRecord) {
        let rng = self.env.rng.as_ref();
        let mut server = Vec::new();
        for _ in 0..RUNS {
            let bytes = ClientRegistration::start(rng, password()).unwrap().1.to_bytes();
            let answer = || self.server.register(&self.anna, RegistrationRequest::from_bytes(&bytes).unwrap()).unwrap();
            server.push(self.time(answer).0);
        }
        let registered = (0..STRETCHED).map(|_| {
            let (client, request) = ClientRegistration::start(rng, password()).unwrap();
            let response = self.server.register(&self.anna, request).unwrap();
            self.time(|| client.finish(rng, &self.anna, response).unwrap())
        });
        let (client, mut uploads): (Vec<f64>, Vec<_>) = registered.unzip();
        (server, client, PasswordRecord::of(&uploads.pop().unwrap().upload))
    }

    /// The answer to a known or an unknown user, and the check of a proof that is wrong.
    fn login(&self, record: Option<&PasswordRecord>) -> (f64, f64) {
        let rng = self.env.rng.as_ref();
        let bytes = ClientLogin::start(rng, password()).unwrap().1.to_bytes();
        let respond = || {
            let request = LoginRequest::from_bytes(&bytes).unwrap();
            self.server.respond(rng, &self.anna, &CHANNEL, record, request).unwrap()
        };
        let (responded, (pending, _)) = self.time(respond);
        let check = || pending.check(LoginFinish::from_bytes(&[1; LoginFinish::LEN]).unwrap()).unwrap_err();
        (responded, self.time(check).0)
    }

    fn log_in(&self, record: &PasswordRecord) -> f64 {
        let rng = self.env.rng.as_ref();
        let (client, request) = ClientLogin::start(rng, password()).unwrap();
        let (_, response) = self.server.respond(rng, &self.anna, &CHANNEL, Some(record), request).unwrap();
        self.time(|| client.finish(rng, &self.anna, &CHANNEL, response).unwrap()).0
    }
}

fn quantile(samples: &[f64], q: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * q) as usize]
}

/// Welch's t of the lower nine tenths: what the scheduler does to the rest says nothing of the code.
fn welch(a: &[f64], b: &[f64]) -> f64 {
    let moments = |samples: &[f64]| {
        let bound = quantile(samples, 0.9);
        let kept: Vec<f64> = samples.iter().copied().filter(|x| *x <= bound).collect();
        let n = kept.len() as f64;
        let mean = kept.iter().sum::<f64>() / n;
        (mean, kept.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0) / n)
    };
    let ((a, va), (b, vb)) = (moments(a), moments(b));
    (a - b) / (va + vb).sqrt()
}

fn show(name: &str, samples: &[f64], step: Option<StepCost>) -> bool {
    let (median, p99) = (quantile(samples, 0.5) / 1e3, quantile(samples, 0.99) / 1e3);
    let Some(step) = step else {
        println!("{name:<28} {median:>10.1} us {p99:>10.1} us");
        return true;
    };
    let budget = step.budget.as_micros() as f64;
    let holds = median <= budget;
    let verdict = if holds { "" } else { "  ABOVE ITS BUDGET" };
    let bytes = format!("in {} B, out {} B, held {} B", step.received, step.sent, step.held);
    println!("{name:<28} {median:>10.1} us {p99:>10.1} us  <= {budget:>6} us  {bytes}{verdict}");
    holds
}

fn main() -> ExitCode {
    let env = Env::real();
    let server = ServerSetup::generate(env.rng.as_ref()).unwrap();
    let deployment = Deployment::new("desk.example").unwrap();
    let bench = Bench { env, server, anna: Parties::new(TenantId(1), LoginName::new("anna").unwrap(), deployment) };
    let (register, client_registers, record) = bench.register();
    let (mut known, mut unknown, mut checks) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        // Side by side, so that what the machine does besides meets both.
        let (a, b) = (bench.login(Some(&record)), bench.login(None));
        known.push(a.0);
        unknown.push(b.0);
        checks.extend([a.1, b.1]);
    }
    let client: Vec<f64> = (0..STRETCHED).map(|_| bench.log_in(&record)).collect();
    println!("{:<28} {:>13} {:>13}", "STEP", "MEDIAN", "P99");
    let holds = [
        show("server registers", &register, Some(REGISTER)),
        show("server answers a known user", &known, Some(RESPOND)),
        show("server answers an unknown one", &unknown, Some(RESPOND)),
        show("server checks", &checks, Some(CHECK)),
        show("client finishes registering", &client_registers, None),
        show("client finishes a login", &client, None),
    ];
    println!("known against unknown user: t = {:.2} over {RUNS} answers each", welch(&known, &unknown));
    if holds.iter().all(|holds| *holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
