//! What an account is entitled to, now (docs/specs/limits.md, section 5).
//!
//! [`judge`] decides over facts, a need and a time, and nothing else, so that an engine which replays its inputs decides the
//! same again. [`Validator`] keeps the facts fresh: a change is pushed, nothing is believed for longer than a minute, and an
//! unreadable store ends in a refusal.

mod cache;
mod denied;
mod facts;
mod judge;
#[cfg(test)]
mod tests;
mod validator;

pub use cache::ACCOUNTS_MAX;
pub use denied::Denied;
pub use facts::{
    AccountKey, Facts, Feature, Features, Payment, REGIONS_MAX, Region, RegionInvalid, Regions, SubscriptionState,
    Symbols, Tier, UserState,
};
pub use judge::{Entitled, Need, judge, judge_again};
pub use validator::{EntitlementSource, Figures, Moment, Unreadable, Validator, ValidatorSettings};
