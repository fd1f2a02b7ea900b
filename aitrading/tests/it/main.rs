//! The whole platform as real processes: the product's own binary over real ports, files and signals.
//!
//! Nothing of the product's code runs in these processes but what a stranger would use: a TLS client, and the keys to forge with.
#![cfg(test)]
#![cfg(unix)]

mod audit;
mod clock;
mod crash;
mod demo;
mod disk;
mod doors;
mod hostile;
mod lifecycle;
mod refusals;
mod tick_files;
mod tls;
mod trust;
mod world;
