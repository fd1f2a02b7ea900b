//! Events over NATS JetStream.
//!
//! [`NatsEvents`] keeps all events of a deployment in one stream that is written to files; each consumer of a tenant's topic
//! is a durable pull consumer with explicit acknowledgement. A published event is acknowledged by the server when it is in
//! the stream. **It is on the medium by then only if the server is configured with `sync_interval: always` in its `jetstream`
//! block**: no client can ask the server for that setting, so it is part of the installation. The stream never drops what is
//! not handled: when it is full, publishing is refused. Names are spelt as [`Names`] says.
#![warn(missing_docs)]

mod bus;
mod codec;
mod errors;
mod names;
mod pull;
mod room;
mod settings;
mod stream;
mod subscription;
mod wire;

pub use bus::NatsEvents;
pub use names::Names;
pub use settings::EventLimits;
