//! The shared cache against a real Redis server: the port's promises, and what happens when the server does not keep up.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod figures;
#[cfg(test)]
mod foreign;
#[cfg(test)]
mod world;
