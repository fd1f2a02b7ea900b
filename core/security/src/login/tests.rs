//! Logins from both ends, and what must not come through.

mod cost;
mod enrolment;
mod levels;
mod opaque;
mod password;
mod refusals;
mod risk;
mod second_factor;
mod vectors;

use super::{ChannelHash, ClientLogin, ClientRegistration, Deployment, LoginName, Parties, Password, PasswordRecord};
use super::{ExportKey, LoggedIn, LoginError, PendingLogin, ServerSetup};
use crate::Secret;
use aitrading_env::{Rng, sim::SeededRng};
use aitrading_model::{TenantId, Timestamp};
use std::{collections::VecDeque, sync::Mutex};

const PASSWORD: &str = "four words of nonsense";
const CHANNEL: ChannelHash = ChannelHash([7; 32]);
/// 2026-01-01T00:00:00Z, on a half minute.
const NOW: Timestamp = Timestamp(1_767_225_600_000_000_000);
const SECOND_NS: i64 = 1_000_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 + seconds * SECOND_NS)
}

fn name(text: &str) -> LoginName {
    LoginName::new(text).unwrap()
}

fn parties(tenant: u64, login: &str, deployment: &str) -> Parties {
    Parties::new(TenantId(tenant), name(login), Deployment::new(deployment).unwrap())
}

fn anna() -> Parties {
    parties(1, "anna", "desk.example")
}

fn typed(text: &str) -> Password {
    Password::typed(Secret::new(text.to_owned())).unwrap()
}

/// A server, and randomness that is the same in every run.
struct World {
    rng: SeededRng,
    server: ServerSetup,
}

impl World {
    fn new(seed: u64) -> Self {
        let rng = SeededRng::new(seed);
        let server = ServerSetup::generate(&rng).unwrap();
        Self { rng, server }
    }

    fn registered(&self, who: &Parties, password: &str) -> (PasswordRecord, ExportKey) {
        let (client, request) = ClientRegistration::start(&self.rng, typed(password)).unwrap();
        let response = self.server.register(who, request).unwrap();
        let registered = client.finish(&self.rng, who, response).unwrap();
        (PasswordRecord::of(&registered.upload), registered.export_key)
    }

    /// A login whose two ends may believe in different parties and channels.
    fn login(
        &self,
        (client_is, client_on): (&Parties, ChannelHash),
        (server_sees, server_on): (&Parties, ChannelHash),
        record: Option<&PasswordRecord>,
        password: &str,
    ) -> Result<(LoggedIn, PendingLogin), LoginError> {
        let (client, request) = ClientLogin::start(&self.rng, typed(password)).unwrap();
        let (pending, response) = self.server.respond(&self.rng, server_sees, &server_on, record, request).unwrap();
        Ok((client.finish(&self.rng, client_is, &client_on, response)?, pending))
    }
}

/// Randomness that was written down before; asking for more than there is ends the test.
#[derive(Debug)]
struct Script(Mutex<VecDeque<u8>>);

impl Script {
    fn new(pieces: &[&[u8]]) -> Self {
        Self(Mutex::new(pieces.concat().into()))
    }

    fn is_used_up(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

impl Rng for Script {
    fn fill(&self, out: &mut [u8]) {
        let mut left = self.0.lock().unwrap();
        out.fill_with(|| left.pop_front().expect("the script is long enough"));
    }
}

/// Counts what is asked for.
#[derive(Debug)]
struct Counting<'a>(&'a SeededRng, Mutex<Vec<usize>>);

impl Rng for Counting<'_> {
    fn fill(&self, out: &mut [u8]) {
        self.1.lock().unwrap().push(out.len());
        self.0.fill(out);
    }
}
