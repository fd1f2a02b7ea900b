//! The client's side of a family: which secret to present next, also after answers that never came.
//!
//! A request without an answer was carried out, or not. The holder keeps the secrets of both cases. It first asks the same again;
//! when the server might no longer repeat its answer, it probes: it presents the successor as its own successor. The server changes
//! nothing for that, and its refusal says whether the successor is in use. A probe that gets lost leaves no new doubt.

use super::{FamilyKey, RefreshRefused, RefreshSecret, SecretHash};
use aitrading_env::Rng;
use std::time::Duration;

/// For so long the same is asked again: well within the time in which the server repeats its answer.
const ASK_AGAIN_FOR: Duration = Duration::from_secs(20);

/// What to send.
#[derive(Debug)]
pub struct Asked {
    /// The secret to present.
    pub secret: RefreshSecret,
    /// The hash of its successor.
    pub successor: SecretHash,
}

/// What to do after a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshTurn {
    /// Ask again, with what [`RefreshHolder::ask`] says next.
    AskAgain,
    /// The login has ended.
    LogIn,
}

/// The secrets of a client. They have to be stored after every [`RefreshHolder::ask`] and before anything is sent: that is what
/// makes a lost answer harmless.
#[derive(Debug)]
pub struct RefreshHolder {
    key: FamilyKey,
    present: RefreshSecret,
    successor: Option<RefreshSecret>,
    /// When the present secret was first presented with this successor; `None` if that is too long ago, so that it has to be probed.
    asked_mono_ns: Option<u64>,
}

impl RefreshHolder {
    pub(super) const fn new(key: FamilyKey, present: RefreshSecret) -> Self {
        Self { key, present, successor: None, asked_mono_ns: None }
    }

    /// From what the client stored or was given.
    ///
    /// # Errors
    /// [`RefreshRefused::Malformed`] if these are not two secrets of the key's family, one after the other.
    pub fn restore(
        key: FamilyKey,
        present: RefreshSecret,
        successor: Option<RefreshSecret>,
    ) -> Result<Self, RefreshRefused> {
        let follows = |next: &RefreshSecret| {
            let generation = present.generation().checked_add(1);
            key.made(next) && next.family() == present.family() && generation == Some(next.generation())
        };
        if !key.made(&present) || !successor.as_ref().is_none_or(follows) {
            return Err(RefreshRefused::Malformed);
        }
        Ok(Self { key, present, successor, asked_mono_ns: None })
    }

    /// What has to be stored: the key, the present secret, and its successor.
    #[must_use]
    pub const fn state(&self) -> (&FamilyKey, &RefreshSecret, Option<&RefreshSecret>) {
        (&self.key, &self.present, self.successor.as_ref())
    }

    /// What to send now. Store [`RefreshHolder::state`] before it is sent; ask one question at a time. `None` at the end of all
    /// generations, which is never.
    #[must_use]
    pub fn ask(&mut self, mono_ns: u64, rng: &dyn Rng) -> Option<Asked> {
        if self.successor.is_none() {
            let generation = self.present.generation().checked_add(1)?;
            self.successor = Some(self.key.secret(self.present.family(), generation, rng));
            self.asked_mono_ns = Some(mono_ns);
        }
        let again = |asked: &u64| u128::from(mono_ns.saturating_sub(*asked)) <= ASK_AGAIN_FOR.as_nanos();
        self.asked_mono_ns = self.asked_mono_ns.filter(again);
        let successor = self.successor.as_ref()?;
        let presented = if self.asked_mono_ns.is_some() { &self.present } else { successor };
        Some(Asked { secret: presented.clone(), successor: successor.hash() })
    }

    /// The server granted an access token: the successor is the present secret.
    pub fn granted(&mut self) {
        if let Some(successor) = self.successor.take() {
            self.present = successor;
        }
        self.asked_mono_ns = None;
    }

    /// The server refused, at `mono_ns`.
    pub fn refused(&mut self, why: RefreshRefused, mono_ns: u64) -> RefreshTurn {
        let probed = self.successor.is_some() && self.asked_mono_ns.is_none();
        match why {
            RefreshRefused::Ahead if probed => self.asked_mono_ns = Some(mono_ns),
            RefreshRefused::Successor if probed => self.granted(),
            _ => return RefreshTurn::LogIn,
        }
        RefreshTurn::AskAgain
    }
}
