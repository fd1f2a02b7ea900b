//! The gateway, seen from outside.

#[cfg(test)]
mod gateway;
