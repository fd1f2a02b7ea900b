//! What a step of a login costs the server, for whoever decides how many may run at once (T59).
//!
//! The server never stretches a password: it multiplies in a group. `cargo run --release -p aitrading-security
//! --example login_cost` measures the steps and fails above these budgets.

use super::{LoginFinish, LoginRequest, LoginResponse, PendingLogin, RegistrationRequest, RegistrationResponse};
use std::time::Duration;

/// The price of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepCost {
    /// Bytes that the client sends.
    pub received: usize,
    /// Bytes that the server answers with.
    pub sent: usize,
    /// Bytes that the server keeps in memory until the next step.
    pub held: usize,
    /// Time of one core that the step may take at most: several times what it takes on a server of 2020.
    pub budget: Duration,
}

/// [`super::ServerSetup::register`], with reading the message.
pub const REGISTER: StepCost = StepCost {
    received: RegistrationRequest::LEN,
    sent: RegistrationResponse::LEN,
    held: 0,
    budget: Duration::from_micros(500),
};
/// [`super::ServerSetup::respond`], with reading the message.
pub const RESPOND: StepCost = StepCost {
    received: LoginRequest::LEN,
    sent: LoginResponse::LEN,
    held: size_of::<PendingLogin>(),
    budget: Duration::from_millis(1),
};
/// [`super::PendingLogin::check`], with reading the message.
pub const CHECK: StepCost =
    StepCost { received: LoginFinish::LEN, sent: 0, held: 0, budget: Duration::from_micros(50) };

impl StepCost {
    /// How many of these steps `cores` manage in a second when logins may have `percent` of them: what an admission
    /// limit is set to. 0 when either, or the budget, is 0.
    #[must_use]
    pub const fn per_second(&self, cores: u32, percent: u32) -> u64 {
        let percent = if percent > 100 { 100 } else { percent };
        let spare = 10_000_000 * cores as u64 * percent as u64 / 1_000;
        match spare.checked_div(self.budget.as_micros() as u64) {
            Some(steps) => steps,
            None => 0,
        }
    }
}
