//! Who may do what: roles, permissions, and whose rows (docs/specs/limits.md, sections 6 and 7).
//!
//! A handler gets an [`Actor`], which only authentication makes, asks [`permit`] with what it is about to touch, and hands the
//! [`Permit`] on to what touches it. What belongs to others is answered as if it did not exist.

mod actor;
mod denied;
mod permission;
mod permit;
mod role;
mod rules;
#[cfg(test)]
mod tests;

pub use actor::{Actor, Identity, authenticate};
pub use denied::Denied;
pub use permission::Permission;
pub use permit::{Permit, Rows, Subject, permit};
pub use role::{Level, Needed, Role};
pub use rules::{Reach, rule};
