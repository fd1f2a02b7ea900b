//! The stores from outside: the conformance suites, crashes, reopening, and files that other tools read.

mod conformance;
mod crash;
mod files;
mod opening;
mod world;
