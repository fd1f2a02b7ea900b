//! The server's way in: Noise, then the client's first transport frame, and only then any effect.

use crate::{
    ChannelError, Limits, ResumeTable, Session,
    clock::ClockKeeper,
    control::Control,
    link::{Link, Side},
    noise,
    pipe::{self, Pipe, Socket},
    session::{Receiver, Sender, Shared},
};
use aitrading_env::{BoxStream, Env};
use aitrading_security::{NoiseKeyPair, PeerIdentity};
use std::sync::Arc;
use tokio_websockets::ServerBuilder;

/// What a server goes by.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// This server's static Noise key, which clients know beforehand.
    pub noise_static: NoiseKeyPair,
    /// The policy that both sides go by.
    pub policy_id: Vec<u8>,
    /// Bounds and times.
    pub limits: Limits,
}

/// Makes a session of an upgraded connection. `exporter` is the TLS exporter value of that connection
/// ([`crate::tls::EXPORTER_LABEL`], empty context, 32 bytes), `peer` whom its certificate names.
///
/// # Errors
/// [`ChannelError`]; the peer has been told the reason.
pub async fn accept(
    env: &Env,
    s: &ServerSettings,
    io: BoxStream,
    exporter: [u8; 32],
    peer: PeerIdentity,
    table: &ResumeTable,
) -> Result<Session, ChannelError> {
    let socket = ServerBuilder::new().config(pipe::config()).limits(pipe::narrow()).serve(io);
    let (mut pipe, hash, peer_key) = shake(env, s, socket, &exporter).await?;
    let hello = within(env, s, pipe.receive_control()).await;
    match hello.and_then(|hello| admit(env, s, hello, &peer, table)) {
        Ok((welcome, shared)) => welcome_in(env, s, pipe, (hash, peer_key), peer, &welcome, shared),
        Err(error) => Err(refuse(env, s, &mut pipe.socket, error).await),
    }
}

async fn within<T>(
    env: &Env,
    s: &ServerSettings,
    step: impl Future<Output = Result<T, ChannelError>>,
) -> Result<T, ChannelError> {
    let limit = s.limits.handshake_timeout;
    env.timeout(limit, step).await.unwrap_or(Err(ChannelError::HandshakeTimeout(limit)))
}

/// Tells the peer why, and gives the error back.
async fn refuse(env: &Env, s: &ServerSettings, socket: &mut Socket, error: ChannelError) -> ChannelError {
    // A peer that does not answer the close is left behind.
    env.timeout(s.limits.close_timeout, pipe::part(socket, error.close_reason())).await.unwrap_or(());
    error
}

async fn shake(
    env: &Env,
    s: &ServerSettings,
    mut socket: Socket,
    exporter: &[u8; 32],
) -> Result<(Pipe, [u8; 32], [u8; 32]), ChannelError> {
    match within(env, s, exchange(env, s, &mut socket, exporter)).await {
        Ok(finished) => Ok((Pipe::new(socket, finished.transport), finished.hash, finished.peer)),
        Err(error) => Err(refuse(env, s, &mut socket, error).await),
    }
}

async fn exchange(
    env: &Env,
    s: &ServerSettings,
    socket: &mut Socket,
    exporter: &[u8; 32],
) -> Result<noise::Finished, ChannelError> {
    let mut handshake = noise::responder(env, &s.noise_static, &noise::prologue(exporter, &s.policy_id))?;
    handshake.read(&pipe::receive(socket).await?)?;
    pipe::send(socket, handshake.write()?).await?;
    handshake.finish()
}

/// The client's first transport frame has decrypted: it is alive, and may be remembered.
fn admit(
    env: &Env,
    s: &ServerSettings,
    hello: Control,
    peer: &PeerIdentity,
    table: &ResumeTable,
) -> Result<(Control, Arc<Shared>), ChannelError> {
    let Control::Hello { resume: id, established, window, mono_ns, delivered } = hello else {
        return Err(ChannelError::BadFrame("no hello"));
    };
    let (resume, found) = table.find(env.clock.mono_ns(), peer, id)?;
    let (resumed, own, generation, bells) = {
        let mut state = resume.lock();
        let (generation, bells) = state.attach(s.limits.window());
        let resumed = found && established && state.established && state.transmit.fits(&delivered);
        if !resumed {
            state.reset();
        }
        let own = state.delivered();
        state.begin(window, if resumed { &delivered } else { &[] });
        (resumed, own, generation, bells)
    };
    let wall_ns = env.clock.wall_ns();
    let welcome = Control::Welcome { resumed, window: s.limits.window(), wall_ns, echo_ns: mono_ns, delivered: own };
    Ok((welcome, Shared::new(env, resume, generation, bells, true, ClockKeeper::default())))
}

fn welcome_in(
    env: &Env,
    s: &ServerSettings,
    pipe: Pipe,
    (hash, peer_key): ([u8; 32], [u8; 32]),
    peer: PeerIdentity,
    welcome: &Control,
    shared: Arc<Shared>,
) -> Result<Session, ChannelError> {
    let side = Side::Server { pong: None };
    let mut link = Link::new(env, pipe, Arc::clone(&shared), &s.limits, side, &s.noise_static, hash);
    link.control(welcome)?;
    link.spawn();
    Ok(Session {
        sender: Sender(Arc::clone(&shared)),
        receiver: Receiver(shared),
        peer: Some(peer),
        resumed: matches!(welcome, Control::Welcome { resumed: true, .. }),
        handshake_hash: hash,
        peer_key,
    })
}
