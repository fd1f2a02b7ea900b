//! The whole connector between a simulated terminal and a server that speaks the real channel, over loopback sockets.

#[cfg(test)]
mod bridge;
#[cfg(test)]
mod flows;
#[cfg(test)]
mod past;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod witness;
#[cfg(test)]
mod world;
