//! The whole connector between a simulated terminal and a server that speaks the real channel, over loopback sockets.

mod bridge;
mod flows;
mod refusals;
mod world;
