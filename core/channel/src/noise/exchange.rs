//! The handshakes of an exchange: `XXpsk3` where both sides share a one-time key, `IK` where the client knows the server.

use super::{Finished, SnowTransport, refused, resolver::Resolver};
use crate::ChannelError;
use aitrading_env::Env;
use aitrading_security::{NoiseKeyPair, Secret};
use bytes::Bytes;
use snow::{Builder, HandshakeState};

const ENROLMENT: &str = "Noise_XXpsk3_25519_AESGCM_SHA256";
const LOGIN: &str = super::PROTOCOL;
/// Where XXpsk3 mixes its key in.
const PSK_PLACE: u8 = 3;
/// Longest message: 96 bytes of keys and tags, and an invitation's id.
const BUFFER: usize = 256;

/// A handshake under way.
pub(crate) struct Shake(HandshakeState);

impl Shake {
    /// The client's side of an enrolment.
    pub(crate) fn enrolling(
        env: &Env,
        own: &NoiseKeyPair,
        psk: &Secret<[u8; 32]>,
        prologue: &[u8],
    ) -> Result<Self, ChannelError> {
        builder(env, ENROLMENT, own, prologue)
            .and_then(|b| b.psk(PSK_PLACE, psk.expose())?.build_initiator())
            .map(Self)
            .map_err(refused)
    }

    /// The server's side of an enrolment; the key follows by [`Shake::set_psk`].
    pub(crate) fn invited(env: &Env, own: &NoiseKeyPair, prologue: &[u8]) -> Result<Self, ChannelError> {
        builder(env, ENROLMENT, own, prologue).and_then(Builder::build_responder).map(Self).map_err(refused)
    }

    /// The client's side of a login.
    pub(crate) fn logging_in(
        env: &Env,
        own: &NoiseKeyPair,
        server: &[u8; 32],
        prologue: &[u8],
    ) -> Result<Self, ChannelError> {
        builder(env, LOGIN, own, prologue)
            .and_then(|b| b.remote_public_key(server)?.build_initiator())
            .map(Self)
            .map_err(refused)
    }

    /// The server's side of a login.
    pub(crate) fn admitting(env: &Env, own: &NoiseKeyPair, prologue: &[u8]) -> Result<Self, ChannelError> {
        builder(env, LOGIN, own, prologue).and_then(Builder::build_responder).map(Self).map_err(refused)
    }

    /// The key that the last message of an enrolment has to be made with.
    pub(crate) fn set_psk(&mut self, psk: &Secret<[u8; 32]>) -> Result<(), ChannelError> {
        self.0.set_psk(usize::from(PSK_PLACE), psk.expose()).map_err(refused)
    }

    /// The next message to the peer.
    pub(crate) fn write(&mut self, payload: &[u8]) -> Result<Bytes, ChannelError> {
        let mut out = vec![0; BUFFER];
        let len = self.0.write_message(payload, &mut out).map_err(refused)?;
        out.truncate(len);
        Ok(out.into())
    }

    /// Takes the peer's next message, with a payload of `N` bytes.
    pub(crate) fn read<const N: usize>(&mut self, message: &[u8]) -> Result<[u8; N], ChannelError> {
        let mut payload = [0; BUFFER];
        let len = self.0.read_message(message, &mut payload).map_err(refused)?;
        let payload = payload.get(..len).and_then(|payload| payload.try_into().ok());
        payload.ok_or(ChannelError::HandshakeRefused)
    }

    /// The hash over everything exchanged, the peer's static key, and the ciphers.
    pub(crate) fn finish(self) -> Result<Finished, ChannelError> {
        let fixed = |bytes: &[u8]| bytes.try_into().map_err(|_| ChannelError::HandshakeRefused);
        let hash = fixed(self.0.get_handshake_hash())?;
        let peer = fixed(self.0.get_remote_static().unwrap_or_default())?;
        let transport = self.0.into_transport_mode().map_err(refused)?;
        Ok(Finished { hash, peer, transport: Box::new(SnowTransport(transport)) })
    }
}

fn builder<'a>(
    env: &Env,
    protocol: &str,
    own: &'a NoiseKeyPair,
    prologue: &'a [u8],
) -> Result<Builder<'a>, snow::Error> {
    Builder::with_resolver(protocol.parse()?, Box::new(Resolver::new(env)))
        .local_private_key(&own.secret()[..])?
        .prologue(prologue)
}
