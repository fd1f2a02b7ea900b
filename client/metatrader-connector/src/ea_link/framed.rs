//! Frames over a byte stream, for both ends of the link: bounded reading, writing in large pieces, heartbeats.

use aitrading_env::Env;
use aitrading_wire::{
    WireError,
    ea::{Decoder, FLAG_STANDS, Frame, Heartbeat, Message},
};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
};

/// Frames that may wait for a connection's writer.
pub(crate) const OUTBOX: usize = 256;
/// What is written at once: beyond it, waiting frames wait for the next write.
const WRITE_CHUNK: usize = 256 * 1024;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// The peer closed it.
    #[error("the peer closed the connection")]
    Closed,
    /// The peer said nothing for too long, or took nothing.
    #[error("the peer is silent")]
    Silent,
    /// We ended it: replaced by a newer one, or shutting down.
    #[error("ended on this side")]
    Ended,
    /// The operating system says so.
    #[error("the connection failed ({})", .0.kind())]
    Io(io::Error),
    /// The peer's bytes are no frames, or frames that do not belong here.
    #[error("the peer does not speak this protocol ({0})")]
    Wire(WireError),
    /// The peer refused us, or we refused the peer.
    #[error("refused: {} ({})", .0.text, .0.code)]
    Refused(aitrading_wire::ea::Refuse),
}

impl From<WireError> for Broken {
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}

/// Reads frames.
#[derive(Debug)]
pub(crate) struct FrameReader<R> {
    half: R,
    decoder: Decoder,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(crate) fn new(half: R) -> Self {
        Self { half, decoder: Decoder::new() }
    }

    /// The next message at hand, with the frame's role and whether a feed stands behind it.
    pub(crate) fn take(&mut self) -> Result<Option<Incoming>, WireError> {
        self.decoder.next_frame()?.map(|frame| Incoming::from_frame(&frame)).transpose()
    }

    /// Waits for more bytes.
    pub(crate) async fn fill(&mut self, env: &Env, limit: Duration) -> Result<(), Broken> {
        let read = self.half.read_buf(self.decoder.space());
        match env.timeout(limit, read).await {
            Ok(Ok(0)) => Err(Broken::Closed),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Broken::Io(error)),
            Err(_) => Err(Broken::Silent),
        }
    }

    /// The next message, waiting for it.
    pub(crate) async fn next(&mut self, env: &Env, limit: Duration) -> Result<Incoming, Broken> {
        loop {
            if let Some(incoming) = self.take()? {
                return Ok(incoming);
            }
            self.fill(env, limit).await?;
        }
    }
}

/// One message with what its frame says beside it.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) message: Message,
    pub(crate) role: u8,
    pub(crate) stands: bool,
}

impl Incoming {
    fn from_frame(frame: &Frame<'_>) -> Result<Self, WireError> {
        let stands = frame.flags & FLAG_STANDS != 0;
        Ok(Self { message: Message::decode(frame)?, role: frame.role, stands })
    }
}

/// A frame on its way out.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// Any frame.
    Frame(Vec<u8>),
    /// An order's frame: asked about once more just before it is written.
    Order { request_id: u64, frame: Vec<u8> },
}

/// How a connection is written to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WriteRules {
    /// The connection's role, for heartbeats.
    pub(crate) role: u8,
    /// A frame goes out at least this often.
    pub(crate) heartbeat: Duration,
    /// A write that takes longer means that the peer is gone; `None` waits for ever (back-pressure).
    pub(crate) stall: Option<Duration>,
}

/// Writes what comes through `queue`, and heartbeats, until something breaks. `leaves` is asked for every order when its bytes
/// are about to leave: false drops it.
pub(crate) async fn write_loop<W: AsyncWrite + Unpin>(
    env: &Env,
    mut half: W,
    mut queue: mpsc::Receiver<Outgoing>,
    rules: WriteRules,
    mut leaves: impl FnMut(u64) -> bool,
) -> Broken {
    let mut bytes = Vec::new();
    let mut beats = 0;
    loop {
        bytes.clear();
        let pause = env.clock.sleep(rules.heartbeat);
        tokio::select! {
            biased;
            first = queue.recv() => {
                let mut next = first;
                if next.is_none() {
                    return Broken::Ended;
                }
                while let Some(outgoing) = next {
                    match outgoing {
                        Outgoing::Frame(frame) => bytes.extend_from_slice(&frame),
                        Outgoing::Order { request_id, frame } if leaves(request_id) => bytes.extend_from_slice(&frame),
                        Outgoing::Order { .. } => {}
                    }
                    next = if bytes.len() < WRITE_CHUNK { queue.try_recv().ok() } else { None };
                }
            }
            () = pause => {
                beats += 1;
                Message::Heartbeat(Heartbeat { number: beats }).push_frame(&mut bytes, rules.role);
            }
        }
        if let Err(broken) = write(env, &mut half, &bytes, rules.stall).await {
            return broken;
        }
    }
}

/// Writes all of `bytes`.
pub(crate) async fn write<W: AsyncWrite + Unpin>(
    env: &Env,
    half: &mut W,
    bytes: &[u8],
    stall: Option<Duration>,
) -> Result<(), Broken> {
    let writing = async {
        half.write_all(bytes).await?;
        half.flush().await
    };
    let written = match stall {
        None => writing.await,
        Some(limit) => env.timeout(limit, writing).await.map_err(|_| Broken::Silent)?,
    };
    written.map_err(Broken::Io)
}
