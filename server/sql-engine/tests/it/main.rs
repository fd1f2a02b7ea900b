//! SQL over tick files that the tests write themselves, in the documented layout.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics")]

mod bounds;
mod damage;
mod formats;
mod layout;
mod nesting;
mod pruning;
mod reads;
mod refusals;
mod sizes;
mod world;
