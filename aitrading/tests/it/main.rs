//! The whole platform as real processes: the product's own binary over real ports, files and signals.
//!
//! Nothing of the product's code runs in the tests but what a stranger would use: a TLS client, and the keys to forge with.

#[cfg(test)]
mod audit;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod clock;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod databases;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod doors;
#[cfg(test)]
mod gaps;
#[cfg(test)]
mod history;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod sql;
#[cfg(test)]
mod tick_files;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod trust;
#[cfg(test)]
mod witness;
#[cfg(test)]
mod world;
