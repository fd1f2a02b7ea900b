//! What the operations do, by area. Each gets a call that has passed the gate, asks for the rows that the call names, and
//! answers 404 for what is not there and for what is somebody else's alike.

pub(crate) mod accounts;
pub(crate) mod devices;
pub(crate) mod market;
pub(crate) mod me;
pub(crate) mod security;
pub(crate) mod signals;
pub(crate) mod subscriptions;
pub(crate) mod users;
