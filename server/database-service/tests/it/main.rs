//! The stores from outside: the conformance suites, crashes, reopening, files that other tools read, and a real PostgreSQL.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod files;
#[cfg(test)]
mod identity_rows;
#[cfg(test)]
mod looks;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod platform;
#[cfg(test)]
mod platform_rows;
// The servers of the testkit are processes as Unix has them.
#[cfg(test)]
mod ports_door;
#[cfg(test)]
#[cfg(unix)]
mod postgres;
#[cfg(test)]
mod promised_tables;
#[cfg(test)]
mod remembered;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod service;
#[cfg(test)]
mod sql;
#[cfg(test)]
mod sql_door;
// The servers of the testkit are processes as Unix has them.
#[cfg(test)]
#[cfg(unix)]
mod transfer;
#[cfg(test)]
mod world;
