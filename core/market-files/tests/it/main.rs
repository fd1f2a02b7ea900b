//! Files in, records out: each format, each policy, the writers, and real files where they are at hand.

#[cfg(test)]
mod bi5;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod real;
#[cfg(test)]
mod sniffing;
#[cfg(test)]
mod support;
#[cfg(test)]
mod writing;
