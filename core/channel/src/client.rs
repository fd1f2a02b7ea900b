//! The client's way in: dial, TLS, upgrade, Noise, resume.

use crate::{
    ChannelError, Limits, Resume, Session,
    clock::ClockKeeper,
    control::Control,
    link::{Link, Side, nanos},
    noise,
    pipe::{self, Pipe, Socket},
    resume::Claim,
    session::{Receiver, Sender, Shared},
    tls,
};
use aitrading_env::{BoxStream, Env};
use aitrading_security::NoiseKeyPair;
use futures_util::SinkExt;
use rustls_pki_types::ServerName;
use std::{io, net::SocketAddr, sync::Arc};
use tokio_websockets::ClientBuilder;

/// The path of the upgrade request.
pub const PATH: &str = "/v1/channel";

/// Where to, as whom, and what to expect there.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Address.
    pub addr: SocketAddr,
    /// The name or address in the server's certificate.
    pub server_name: String,
    /// From [`tls::client_config`].
    pub tls: Arc<rustls::ClientConfig>,
    /// This client's static Noise key.
    pub noise_static: NoiseKeyPair,
    /// The server's static Noise key, known beforehand.
    pub server_noise_key: [u8; 32],
    /// The server policy that both sides go by.
    pub policy_id: Vec<u8>,
    /// Bounds and times.
    pub limits: Limits,
}

/// Connects, and resumes the session of `resume` if the server still knows it.
///
/// # Errors
/// [`ChannelError`], after which a later attempt with the same `resume` may resume.
pub async fn connect(env: &Env, s: &ClientSettings, resume: &Arc<Resume>) -> Result<Session, ChannelError> {
    let limit = s.limits.handshake_timeout;
    let attempt = async {
        let (socket, exporter) = dial(env, s).await?;
        open(env, s, socket, exporter, resume).await
    };
    env.timeout(limit, attempt).await.map_err(|_| ChannelError::HandshakeTimeout(limit))?
}

/// As [`connect`], over a byte stream that has been upgraded to a WebSocket already.
///
/// # Errors
/// As [`connect`].
pub async fn connect_over(
    env: &Env,
    s: &ClientSettings,
    io: BoxStream,
    exporter: [u8; 32],
    resume: &Arc<Resume>,
) -> Result<Session, ChannelError> {
    let limit = s.limits.handshake_timeout;
    let socket = ClientBuilder::new().config(pipe::config()).limits(pipe::narrow()).take_over(io);
    let attempt = open(env, s, socket, exporter, resume);
    env.timeout(limit, attempt).await.map_err(|_| ChannelError::HandshakeTimeout(limit))?
}

async fn dial(env: &Env, s: &ClientSettings) -> Result<(Socket, [u8; 32]), ChannelError> {
    dial_path(env, (s.addr, &s.server_name), &s.tls, PATH).await
}

/// Dials, and asks for a WebSocket at `path`. The exporter value belongs to this connection alone.
pub(crate) async fn dial_path(
    env: &Env,
    (addr, server_name): (SocketAddr, &str),
    tls: &Arc<rustls::ClientConfig>,
    path: &str,
) -> Result<(Socket, [u8; 32]), ChannelError> {
    let name = ServerName::try_from(server_name.to_owned()).map_err(|e| ChannelError::TlsSettings {
        what: "the server name is neither a host name nor an address",
        source: Some(Box::new(e)),
    })?;
    let tcp = env.net.connect(addr).await.map_err(ChannelError::Connect)?;
    let connector = tokio_rustls::TlsConnector::from(Arc::clone(tls));
    let stream = connector.connect(name, tcp).await.map_err(tls::handshake_error)?;
    let exporter = stream
        .get_ref()
        .1
        .export_keying_material([0; 32], tls::EXPORTER_LABEL, Some(&[]))
        .map_err(|e| ChannelError::Tls(Box::new(e)))?;
    let host = if server_name.contains(':') { format!("[{server_name}]") } else { server_name.to_owned() };
    let uri: http::Uri =
        format!("wss://{host}:{}{path}", addr.port()).parse().map_err(|e: http::uri::InvalidUri| {
            ChannelError::TlsSettings {
                what: "the server name does not fit an address line",
                source: Some(Box::new(e)),
            }
        })?;
    let stream: BoxStream = Box::new(stream);
    let builder = ClientBuilder::from_uri(uri).config(pipe::config()).limits(pipe::narrow());
    let (socket, _) = builder.connect_on(stream).await.map_err(upgrade_error)?;
    Ok((socket, exporter))
}

/// The first read after the TLS handshake, which is where a refusal of our certificate arrives.
fn upgrade_error(error: tokio_websockets::Error) -> ChannelError {
    match error {
        tokio_websockets::Error::Io(error) => match tls::handshake_error(error) {
            ChannelError::Connect(error) if closed(&error) => ChannelError::ClosedEarly(error),
            other => other,
        },
        other => ChannelError::Upgrade(Box::new(other)),
    }
}

fn closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

async fn open(
    env: &Env,
    s: &ClientSettings,
    mut socket: Socket,
    exporter: [u8; 32],
    resume: &Arc<Resume>,
) -> Result<Session, ChannelError> {
    let prologue = noise::prologue(&exporter, &s.policy_id);
    let mut handshake = noise::initiator(env, &s.noise_static, &s.server_noise_key, &prologue)?;
    pipe::send(&mut socket, handshake.write()?).await?;
    handshake.read(&pipe::receive(&mut socket).await?)?;
    let finished = handshake.finish()?;
    let mut pipe = Pipe::new(socket, finished.transport);
    let (claim, bells) = Claim::take(env, resume, s.limits.window());
    let (resumed, keeper) = greet(env, s, &mut pipe, resume).await?;
    let shared = Shared::new(env, Arc::clone(resume), claim.keep(), bells, false, keeper);
    let next_ping = env.clock.mono_ns().saturating_add(nanos(s.limits.heartbeat));
    let side = Side::Client { server_key: s.server_noise_key, next_ping, renewal: None };
    Link::new(env, pipe, Arc::clone(&shared), &s.limits, side, &s.noise_static, finished.hash).spawn();
    Ok(Session {
        sender: Sender(Arc::clone(&shared)),
        receiver: Receiver(shared),
        peer: None,
        resumed,
        handshake_hash: finished.hash,
        peer_key: finished.peer,
    })
}

/// Says what we have, learns what the server has, and continues from there.
async fn greet(
    env: &Env,
    s: &ClientSettings,
    pipe: &mut Pipe,
    resume: &Arc<Resume>,
) -> Result<(bool, ClockKeeper), ChannelError> {
    let hello = {
        let state = resume.lock();
        let (established, delivered) = (state.established, state.delivered());
        let (window, mono_ns) = (s.limits.window(), env.clock.mono_ns());
        Control::Hello { resume: resume.id(), established, window, mono_ns, delivered }
    };
    pipe.feed_control(&hello)?;
    pipe.socket.flush().await.map_err(pipe::socket_error)?;
    let Control::Welcome { resumed, window, wall_ns, echo_ns, delivered } = pipe.receive_control().await? else {
        return Err(ChannelError::BadFrame("no welcome"));
    };
    let mut state = resume.lock();
    if resumed && !(state.established && state.transmit.fits(&delivered)) {
        // Neither side's word can be trusted: the next attempt starts afresh.
        state.established = false;
        return Err(ChannelError::ResumeMismatch);
    }
    if !resumed {
        state.reset();
    }
    state.begin(window, if resumed { &delivered } else { &[] });
    let mut keeper = ClockKeeper::default();
    keeper.add(echo_ns, wall_ns, env.clock.mono_ns());
    Ok((resumed, keeper))
}
