//! The shared cache on a Redis or DragonflyDB server.
//!
//! [`RedisCache`] speaks RESP3 over three kinds of connections: one that all plain commands share, a few that belong to one
//! comparison at a time, and one that listens for changes. It uses only commands that DragonflyDB has as well: `HELLO`,
//! `PING`, `GET`, `SET .. PX`, `DEL`, `WATCH`, `UNWATCH`, `MULTI`, `EXEC`, `PUBLISH`, `SUBSCRIBE`. A user with rights of its
//! own needs these, the keys `PREFIX:*` and the channel `PREFIX:changed`. Keys are spelt as [`Keys`] says.
#![warn(missing_docs)]

mod cache;
mod compare;
mod dial;
mod errors;
mod hub;
mod keys;
mod line;
mod listen;
mod slot;

pub use cache::RedisCache;
pub use keys::Keys;
