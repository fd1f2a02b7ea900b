//! The stores from outside: the conformance suites, crashes, reopening, and files that other tools read.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod files;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod platform;
#[cfg(test)]
mod platform_rows;
#[cfg(test)]
mod promised_tables;
#[cfg(test)]
mod service;
#[cfg(test)]
mod world;
