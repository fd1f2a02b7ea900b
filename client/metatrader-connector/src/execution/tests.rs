//! Orders against a broker that answers, loses answers, refuses and forgets; and crashes at every point of the way.

mod broker;
mod crashes;
mod outcomes;
mod world;
