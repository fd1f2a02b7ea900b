//! Guessing at one account's password: who waits, who is locked out, and until when (docs/specs/limits.md, section 4).
//!
//! A [`Lockout`] is what a store keeps of one account, and changes by compare-and-set. Everything is counted by source
//! (network and installation), never by the account alone: a lock on the account would be a way for strangers to shut its
//! owner out. What strangers may try together has a pace of its own, which owners on an installation of theirs never meet.

mod event;
mod policy;
mod source;
mod state;
mod suspension;
#[cfg(test)]
mod tests;

pub use event::{Ended, LockoutEvent, Scope};
pub use policy::{LockoutPolicy, PolicyInvalid};
pub use source::{Source, Standing};
pub use state::{ENCODED_MAX, KNOWN_MAX, Lockout, LockoutRefused, LockoutUnreadable, STRANGERS_MAX};
pub use suspension::{
    Anomaly, Suspected, Suspension, SuspensionEvent, SuspensionPolicy, SuspensionRefused, Suspensions, Witness,
};
