//! The inner handshake and cipher, behind two small traits so that the library can be replaced, and the cipher made a mock for
//! fuzzing.

mod exchange;
mod resolver;
#[cfg(test)]
mod tests;

use crate::ChannelError;
use aitrading_env::Env;
use aitrading_security::NoiseKeyPair;
use bytes::{Bytes, BytesMut};
pub(crate) use exchange::Shake;
use resolver::Resolver;
use snow::{Builder, HandshakeState, TransportState};

const PROTOCOL: &str = "Noise_IK_25519_AESGCM_SHA256";
const TAG: usize = 16;
/// Longest handshake message: IK's first one has 96 bytes with an empty payload.
const HANDSHAKE_BUFFER: usize = 256;

/// A handshake under way. Payloads are empty: IK's first message can be replayed, so nothing may hang on it.
pub(crate) trait Handshake: Send {
    /// The next message to the peer.
    fn write(&mut self) -> Result<Bytes, ChannelError>;
    /// Takes the peer's next message.
    fn read(&mut self, message: &[u8]) -> Result<(), ChannelError>;
    /// The hash over everything exchanged, and the session's ciphers. Only after the last message.
    fn finish(self: Box<Self>) -> Result<Finished, ChannelError>;
}

/// A complete handshake.
pub(crate) struct Finished {
    pub(crate) hash: [u8; 32],
    pub(crate) peer: [u8; 32],
    pub(crate) transport: Box<dyn Transport>,
}

/// Both directions of an established session.
pub(crate) trait Transport: Send {
    /// Encrypts the next message.
    fn seal(&mut self, plain: &[u8]) -> Result<BytesMut, ChannelError>;
    /// Decrypts the next message. After an error the expected counter is unchanged.
    fn open(&mut self, message: &[u8]) -> Result<Bytes, ChannelError>;
    /// Messages of the busier direction so far.
    fn messages(&self) -> u64;
}

/// The client's side.
pub(crate) fn initiator(
    env: &Env,
    own: &NoiseKeyPair,
    server: &[u8; 32],
    prologue: &[u8],
) -> Result<Box<dyn Handshake>, ChannelError> {
    let state = builder(env)
        .and_then(|b| b.local_private_key(&own.secret()[..])?.remote_public_key(server)?.prologue(prologue))
        .and_then(Builder::build_initiator);
    Ok(Box::new(Snow(state.map_err(refused)?)))
}

/// The server's side.
pub(crate) fn responder(env: &Env, own: &NoiseKeyPair, prologue: &[u8]) -> Result<Box<dyn Handshake>, ChannelError> {
    let state = builder(env)
        .and_then(|b| b.local_private_key(&own.secret()[..])?.prologue(prologue))
        .and_then(Builder::build_responder);
    Ok(Box::new(Snow(state.map_err(refused)?)))
}

/// The prologue of a new connection: protocol, TLS connection, server policy. It ties the session to that TLS connection.
pub(crate) fn prologue(exporter: &[u8; 32], policy_id: &[u8]) -> Vec<u8> {
    [b"atp/1".as_slice(), exporter, policy_id].concat()
}

fn builder<'a>(env: &Env) -> Result<Builder<'a>, snow::Error> {
    Ok(Builder::with_resolver(PROTOCOL.parse()?, Box::new(Resolver::new(env))))
}

fn refused(_: snow::Error) -> ChannelError {
    // The library's word says no more than this; the cause lies in the keys or the prologue.
    ChannelError::HandshakeRefused
}

struct Snow(HandshakeState);

impl Handshake for Snow {
    fn write(&mut self) -> Result<Bytes, ChannelError> {
        let mut out = vec![0; HANDSHAKE_BUFFER];
        let len = self.0.write_message(&[], &mut out).map_err(refused)?;
        out.truncate(len);
        Ok(out.into())
    }

    fn read(&mut self, message: &[u8]) -> Result<(), ChannelError> {
        let mut payload = [0; HANDSHAKE_BUFFER];
        match self.0.read_message(message, &mut payload) {
            Ok(0) => Ok(()),
            Ok(_) | Err(_) => Err(ChannelError::HandshakeRefused),
        }
    }

    fn finish(self: Box<Self>) -> Result<Finished, ChannelError> {
        let fixed = |bytes: &[u8]| bytes.try_into().map_err(|_| ChannelError::HandshakeRefused);
        let hash = fixed(self.0.get_handshake_hash())?;
        let peer = fixed(self.0.get_remote_static().unwrap_or_default())?;
        let transport = self.0.into_transport_mode().map_err(refused)?;
        Ok(Finished { hash, peer, transport: Box::new(SnowTransport(transport)) })
    }
}

struct SnowTransport(TransportState);

impl Transport for SnowTransport {
    fn seal(&mut self, plain: &[u8]) -> Result<BytesMut, ChannelError> {
        let mut out = BytesMut::zeroed(plain.len() + TAG);
        match self.0.write_message(plain, &mut out) {
            Ok(len) if len == out.len() => Ok(out),
            Ok(_) | Err(_) => Err(ChannelError::Decrypt),
        }
    }

    fn open(&mut self, message: &[u8]) -> Result<Bytes, ChannelError> {
        let mut out = BytesMut::zeroed(message.len().saturating_sub(TAG));
        match self.0.read_message(message, &mut out) {
            Ok(len) if len == out.len() => Ok(out.freeze()),
            Ok(_) | Err(_) => Err(ChannelError::Decrypt),
        }
    }

    fn messages(&self) -> u64 {
        self.0.sending_nonce().max(self.0.receiving_nonce())
    }
}
