//! The public web's authorities, of which a database connection must trust none.
//!
//! The relational driver (sqlx) adds the list of the crate `webpki-roots` to whatever authority it is given, and offers no
//! way to leave that out: any public authority could then vouch for a database server. This crate takes the place of that
//! list, by `[patch.crates-io]` in the workspace's manifest, and has nobody on it. What remains is the authority that the
//! operator names. A test of the database service fails if the real list is ever back.
#![no_std]
#![forbid(unsafe_code)]

use rustls_pki_types::TrustAnchor;

/// Nobody.
pub const TLS_SERVER_ROOTS: &[TrustAnchor<'static>] = &[];
