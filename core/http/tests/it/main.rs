//! Doors on real loopback sockets.

#[cfg(test)]
mod bodies;
#[cfg(test)]
mod door;
#[cfg(test)]
mod flood;
#[cfg(test)]
mod framing;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod observe;
#[cfg(test)]
mod streaming;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod upgrade;
#[cfg(test)]
mod world;
