//! The client's half of enrolment and login: what it asks, and what it believes of the answers (docs/specs/enrolment.md).

mod enrolment;
mod error;
mod login;

pub use enrolment::{Enrolled, Enrolling, FactorOffer};
pub use error::IdentityError;
pub use login::{LoginStep, SignedIn, log_in, prove};

use aitrading_env::Env;
use aitrading_wire::identity::{FACT_BYTES_MAX, FACTS_MAX, Fact};

/// What a client says about its device: signs of risk, and no proof of anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceFacts(Vec<Fact>);

impl DeviceFacts {
    /// From names and values (system, machine, program). More than 16, and what is beyond 256 bytes of one, is left out.
    #[must_use]
    pub fn new(facts: &[(&str, &str)]) -> Self {
        let cut = |text: &str| text.get(..text.floor_char_boundary(FACT_BYTES_MAX)).unwrap_or_default().to_owned();
        let facts = facts.iter().take(FACTS_MAX).map(|(name, value)| Fact { name: cut(name), value: cut(value) });
        Self(facts.collect())
    }

    fn list(&self) -> Vec<Fact> {
        self.0.clone()
    }
}

/// Runs what takes long and waits for nothing (a password's stretching) beside the tasks.
///
/// # Errors
/// [`IdentityError::NoThread`].
async fn aside<T: Send + 'static>(env: &Env, work: impl FnOnce() -> T + Send + 'static) -> Result<T, IdentityError> {
    let (done, result) = tokio::sync::oneshot::channel();
    // Nobody may be waiting any more.
    let body = Box::new(move || drop(done.send(work())));
    drop(env.spawn.thread("password", body).map_err(IdentityError::NoThread)?);
    result.await.map_err(|_| IdentityError::NoThread(std::io::ErrorKind::Interrupted.into()))
}
