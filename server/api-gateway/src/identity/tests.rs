//! Enrolment, login, refresh and revocation from both ends, over connections in memory and the stores' twins.

mod enrolment;
mod hostile;
mod login;
mod refresh;
mod renewal;
mod revocation;
mod whole;
mod world;
