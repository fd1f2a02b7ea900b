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
mod service;
#[cfg(test)]
mod sql;
#[cfg(test)]
mod sql_door;
#[cfg(test)]
mod world;
