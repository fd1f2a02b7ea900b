//! Access tokens, refresh families and revocation: bytes and time in, verdicts out. No socket, no store, no clock of its own.
//!
//! The formats and rules are docs/specs/tokens.md. [`TokenGate`] is the one call for a door: it checks the token, its binding to
//! the connection's certificate, and whether it was revoked. [`RefreshFamily`] is what a store keeps of a login.

mod cache;
mod claims;
mod gate;
mod hex;
mod ids;
mod issue;
mod keys;
mod provider;
pub mod refresh;
mod refused;
mod revocation;
#[cfg(test)]
mod tests;
mod verify;

pub use cache::{CACHE_ENTRIES_MAX, VerifiedTokens};
pub use claims::{AUDIENCE_MAX, Claims, Grant, Level, Role};
pub use gate::TokenGate;
pub use ids::{FamilyId, Subject, TokenId};
pub use issue::{IssuedToken, TokenIssuer};
pub use keys::{RETIRED_KEYS_MAX, RetiredKey, TokenKeySet, TokenKeys};
pub use refresh::{RefreshBody, RefreshFamily, RefreshHolder, RefreshRefused, RefreshRequest, RefreshSecret, Rotation};
pub use refused::{TokenFault, TokenRefused};
pub use revocation::{REVOCATIONS_MAX, Revocation, RevocationList, RevocationScope};
pub use verify::{TokenVerifier, Verified};

use aitrading_env::Clock;
/// The model's, for crates that keep logins and know nothing else of the model.
pub use aitrading_model::Timestamp;
use std::time::Duration;

/// Longest token that is looked at, in bytes.
pub const TOKEN_BYTES_MAX: usize = 4_096;
/// Life of an access token. A longer one is refused, whoever signed it.
pub const TOKEN_LIFETIME: Duration = Duration::from_mins(15);
/// How far two clocks of the platform may differ.
pub const LEEWAY: Duration = Duration::from_secs(5);
/// For so long verifying goes on without news from the durable source of revocations.
pub const REVOCATION_STALE_AFTER: Duration = Duration::from_secs(60);

/// Nanoseconds of a second.
const SECOND_NS: i64 = 1_000_000_000;

/// One instant on both clocks: the wall clock for what a token says of itself, the monotonic one for everything that must
/// not be stretched by a clock that is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Wall clock.
    pub wall: Timestamp,
    /// Monotonic clock of this process, nanoseconds.
    pub mono_ns: u64,
}

impl Moment {
    /// Now.
    #[must_use]
    pub fn of(clock: &dyn Clock) -> Self {
        Self { wall: Timestamp(clock.wall_ns()), mono_ns: clock.mono_ns() }
    }

    /// Has `span` passed since `earlier`, by the monotonic clock?
    const fn is_after(self, earlier_mono_ns: u64, span: Duration) -> bool {
        self.mono_ns.saturating_sub(earlier_mono_ns) as u128 >= span.as_nanos()
    }
}

/// The instant at which the last token that was issued by `at` is dead on every clock within the leeway.
fn last_token_dead(at: Timestamp) -> Timestamp {
    at.plus(TOKEN_LIFETIME).plus(LEEWAY).plus(LEEWAY)
}

/// The whole second that `at` lies in.
const fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp(at.0.saturating_sub(at.0.rem_euclid(SECOND_NS)))
}
