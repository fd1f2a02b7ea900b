//! An exchange: Noise inside a WebSocket for what comes before there can be a session. The client asks, the server answers, a
//! few times; nothing is resumed, there are no streams, and one deadline stands over all of it (docs/specs/enrolment.md).
//!
//! An enrolment runs `Noise_XXpsk3`: the id of the invitation travels with the first message, and the key that belongs to it
//! decides at the third. A login runs `Noise_IK` against the server's known key. Either prologue begins with a label of its own
//! and the exporter value of the TLS connection, so neither can be taken for the other, or for a session.

mod line;
#[cfg(test)]
mod tests;

use crate::{
    ChannelError, CloseReason,
    client::dial_path,
    noise::{Finished, Shake},
    pipe::{self, Socket},
};
use aitrading_env::{BoxStream, Env, RngExt};
use aitrading_security::{
    NoiseKeyPair, Secret,
    login::{EnrolmentCode, InviteId},
};
use line::Line;
use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use tokio_websockets::{ClientBuilder, ServerBuilder};

pub use line::{Answering, Asking};

/// The path of the upgrade request of an enrolment.
pub const ENROL_PATH: &str = "/v1/enrol";
/// The path of the upgrade request of a login.
pub const LOGIN_PATH: &str = "/v1/login";
/// Longest question and answer, in bytes.
pub const MESSAGE_MAX: usize = 16 * 1024;
/// Questions of one exchange; with their answers that makes 16 messages.
pub const QUESTIONS_MAX: u32 = 8;

const ENROLMENT_LABEL: &[u8] = b"atp-enrol/1\0";
const LOGIN_LABEL: &[u8] = b"atp-login/1\0";
/// How long a refusal may take to be told.
const CLOSE_WITHIN: Duration = Duration::from_secs(3);

/// How long an exchange may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExchangeLimits {
    /// For dialling and for the handshake.
    pub handshake: Duration,
    /// For all of it. A person types in between.
    pub whole: Duration,
}

impl Default for ExchangeLimits {
    fn default() -> Self {
        Self { handshake: Duration::from_secs(10), whole: Duration::from_mins(5) }
    }
}

/// Where a client's exchange goes.
#[derive(Debug, Clone)]
pub struct Target {
    /// Address.
    pub addr: SocketAddr,
    /// The name or address in the server's certificate.
    pub server_name: String,
    /// From [`crate::tls::enrolment_config`] or [`crate::tls::client_config`].
    pub tls: Arc<rustls::ClientConfig>,
    /// Times.
    pub limits: ExchangeLimits,
}

/// What a server holds exchanges with. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    /// The world.
    pub env: Env,
    /// This server's static Noise key.
    pub noise_static: NoiseKeyPair,
    /// Times.
    pub limits: ExchangeLimits,
    /// How many handshakes may compute at once.
    pub work: Arc<Semaphore>,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Dials for an enrolment with a code.
///
/// # Errors
/// [`ChannelError`]; [`ChannelError::HandshakeRefused`] at the first question if the code is wrong, used or expired.
pub async fn enrol(
    env: &Env,
    target: &Target,
    own: &NoiseKeyPair,
    code: &EnrolmentCode,
) -> Result<Asking, ChannelError> {
    let open = async {
        let (socket, exporter) = dial_path(env, (target.addr, &target.server_name), &target.tls, ENROL_PATH).await?;
        enrolling(env, socket, &exporter, own, code).await
    };
    begin(env, target.limits, open).await.map(Asking)
}

/// As [`enrol`], over a byte stream that has been upgraded to a WebSocket already.
///
/// # Errors
/// As [`enrol`].
pub async fn enrol_over(
    env: &Env,
    limits: ExchangeLimits,
    (io, exporter): (BoxStream, [u8; 32]),
    own: &NoiseKeyPair,
    code: &EnrolmentCode,
) -> Result<Asking, ChannelError> {
    begin(env, limits, enrolling(env, taken_over(io), &exporter, own, code)).await.map(Asking)
}

/// Dials for a login at the server whose Noise key is known.
///
/// # Errors
/// [`ChannelError`].
pub async fn login(env: &Env, target: &Target, own: &NoiseKeyPair, server: &[u8; 32]) -> Result<Asking, ChannelError> {
    let open = async {
        let (socket, exporter) = dial_path(env, (target.addr, &target.server_name), &target.tls, LOGIN_PATH).await?;
        logging_in(env, socket, &exporter, own, server).await
    };
    begin(env, target.limits, open).await.map(Asking)
}

/// As [`login`], over a byte stream that has been upgraded to a WebSocket already.
///
/// # Errors
/// As [`login`].
pub async fn login_over(
    env: &Env,
    limits: ExchangeLimits,
    (io, exporter): (BoxStream, [u8; 32]),
    own: &NoiseKeyPair,
    server: &[u8; 32],
) -> Result<Asking, ChannelError> {
    begin(env, limits, logging_in(env, taken_over(io), &exporter, own, server)).await.map(Asking)
}

/// The server's side of an enrolment over an upgraded connection. `psk_of` finds the key of an invitation that is good now. For
/// one that is not there the handshake goes on with a key of chance, and so fails as it does for a wrong code.
///
/// # Errors
/// [`ChannelError`]; the peer has been told the reason.
pub async fn serve_enrolment<F>(
    host: &Host,
    (io, exporter): (BoxStream, [u8; 32]),
    psk_of: impl FnOnce(InviteId) -> F + Send,
) -> Result<(Answering, InviteId), ChannelError>
where
    F: Future<Output = Option<Secret<[u8; 32]>>> + Send,
{
    let mut socket = served(io);
    let shaken = async {
        let mut shake = Shake::invited(&host.env, &host.noise_static, &[ENROLMENT_LABEL, &exporter].concat())?;
        let id = InviteId(shake.read(&pipe::receive(&mut socket).await?)?);
        let psk = psk_of(id).await.unwrap_or_else(|| Secret::new(host.env.rng.bytes()));
        shake.set_psk(&psk)?;
        let second = host.worked(|| shake.write(&[])).await?;
        pipe::send(&mut socket, second).await?;
        let third = pipe::receive(&mut socket).await?;
        let [] = host.worked(|| shake.read(&third)).await?;
        Ok((shake.finish()?, id))
    };
    let begun = host.env.clock.mono_ns();
    match within(&host.env, host.limits.handshake, shaken).await {
        Ok((finished, id)) => {
            Ok((Answering::new(Line::new(&host.env, host.limits.whole, begun, socket, finished)), id))
        }
        Err(error) => Err(host.refuse(&mut socket, error).await),
    }
}

/// The server's side of a login over an upgraded connection. Whether [`Answering::peer_key`] is the key that the device was
/// enrolled with is for the caller to check before anything else.
///
/// # Errors
/// [`ChannelError`]; the peer has been told the reason.
pub async fn serve_login(host: &Host, (io, exporter): (BoxStream, [u8; 32])) -> Result<Answering, ChannelError> {
    let mut socket = served(io);
    let shaken = async {
        let mut shake = Shake::admitting(&host.env, &host.noise_static, &[LOGIN_LABEL, &exporter].concat())?;
        let first = pipe::receive(&mut socket).await?;
        let [] = host.worked(|| shake.read(&first)).await?;
        let second = host.worked(|| shake.write(&[])).await?;
        pipe::send(&mut socket, second).await?;
        shake.finish()
    };
    let begun = host.env.clock.mono_ns();
    match within(&host.env, host.limits.handshake, shaken).await {
        Ok(finished) => Ok(Answering::new(Line::new(&host.env, host.limits.whole, begun, socket, finished))),
        Err(error) => Err(host.refuse(&mut socket, error).await),
    }
}

impl Host {
    /// Computes when there is room for it.
    async fn worked<T>(&self, step: impl FnOnce() -> Result<T, ChannelError>) -> Result<T, ChannelError> {
        // Nobody closes the semaphore.
        let _room = self.work.acquire().await.map_err(|_| ChannelError::Capacity)?;
        step()
    }

    /// Tells the peer why, and gives the error back.
    async fn refuse(&self, socket: &mut Socket, error: ChannelError) -> ChannelError {
        // A peer that does not answer the close is left behind.
        self.env.timeout(CLOSE_WITHIN, pipe::part(socket, error.close_reason())).await.unwrap_or(());
        error
    }
}

fn taken_over(io: BoxStream) -> Socket {
    ClientBuilder::new().config(pipe::config()).limits(pipe::narrow()).take_over(io)
}

fn served(io: BoxStream) -> Socket {
    ServerBuilder::new().config(pipe::config()).limits(pipe::narrow()).serve(io)
}

async fn within<T>(
    env: &Env,
    limit: Duration,
    step: impl Future<Output = Result<T, ChannelError>>,
) -> Result<T, ChannelError> {
    env.timeout(limit, step).await.unwrap_or(Err(ChannelError::HandshakeTimeout(limit)))
}

/// The client's line, if it opens in time.
async fn begin(
    env: &Env,
    limits: ExchangeLimits,
    open: impl Future<Output = Result<(Socket, Finished), ChannelError>>,
) -> Result<Line, ChannelError> {
    let begun = env.clock.mono_ns();
    let (socket, finished) = within(env, limits.handshake, open).await?;
    Ok(Line::new(env, limits.whole, begun, socket, finished))
}

async fn enrolling(
    env: &Env,
    mut socket: Socket,
    exporter: &[u8; 32],
    own: &NoiseKeyPair,
    code: &EnrolmentCode,
) -> Result<(Socket, Finished), ChannelError> {
    let mut shake = Shake::enrolling(env, own, &code.psk(), &[ENROLMENT_LABEL, exporter].concat())?;
    pipe::send(&mut socket, shake.write(&code.id().0)?).await?;
    let [] = shake.read(&pipe::receive(&mut socket).await?)?;
    pipe::send(&mut socket, shake.write(&[])?).await?;
    Ok((socket, shake.finish()?))
}

async fn logging_in(
    env: &Env,
    mut socket: Socket,
    exporter: &[u8; 32],
    own: &NoiseKeyPair,
    server: &[u8; 32],
) -> Result<(Socket, Finished), ChannelError> {
    let mut shake = Shake::logging_in(env, own, server, &[LOGIN_LABEL, exporter].concat())?;
    pipe::send(&mut socket, shake.write(&[])?).await?;
    let [] = shake.read(&pipe::receive(&mut socket).await?)?;
    Ok((socket, shake.finish()?))
}

/// Closes an upgraded connection on which no exchange is to begin: for the checks that cost less than a handshake.
pub async fn turn_away(host: &Host, io: BoxStream, reason: CloseReason) {
    let mut socket = served(io);
    host.env.timeout(CLOSE_WITHIN, pipe::part(&mut socket, reason)).await.unwrap_or(());
}
