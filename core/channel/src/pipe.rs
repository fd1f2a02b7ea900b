//! Frames over Noise over a WebSocket: what both the handshake and the running session write and read through.

use crate::{
    ChannelError, CloseReason, StreamId,
    control::Control,
    frame::{CONTROL, Frame},
    limits::{FLUSH_THRESHOLD, MAX_HANDSHAKE_MESSAGE, MAX_MESSAGE},
    noise::Transport,
};
use aitrading_env::BoxStream;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio_websockets::{CloseCode, Config, Message, WebSocketStream};

/// A WebSocket over any byte stream.
pub(crate) type Socket = WebSocketStream<BoxStream>;

/// WebSocket settings: one frame per message, and no flush before we ask for one.
pub(crate) fn config() -> Config {
    Config::default().frame_size(MAX_MESSAGE).flush_threshold(FLUSH_THRESHOLD)
}

/// WebSocket limits until the handshake is complete.
pub(crate) fn narrow() -> tokio_websockets::Limits {
    tokio_websockets::Limits::default().max_payload_len(Some(MAX_HANDSHAKE_MESSAGE))
}

/// What a WebSocket error means.
pub(crate) fn socket_error(error: tokio_websockets::Error) -> ChannelError {
    match error {
        tokio_websockets::Error::PayloadTooLong { len, max_len } => ChannelError::FrameTooLarge { len, limit: max_len },
        tokio_websockets::Error::Protocol(_) => ChannelError::BadFrame("not a WebSocket frame"),
        _ => ChannelError::Truncated,
    }
}

/// The binary payload of a message; anything else has no place in this protocol.
pub(crate) fn binary(message: Message) -> Result<Bytes, ChannelError> {
    if message.is_binary() {
        return Ok(message.into_payload().into());
    }
    match message.as_close() {
        Some((code, text)) => match CloseReason::from_websocket(code.into(), text) {
            // Only an authenticated close frame may end a session in good order.
            CloseReason::Normal | CloseReason::GoingAway | CloseReason::Unknown => Err(ChannelError::Truncated),
            CloseReason::HandshakeRefused => Err(ChannelError::HandshakeRefused),
            CloseReason::Capacity => Err(ChannelError::Capacity),
            reason => Err(ChannelError::Closed { reason }),
        },
        None => Err(ChannelError::BadFrame("not a binary message")),
    }
}

/// Waits for the next handshake message.
pub(crate) async fn receive(socket: &mut Socket) -> Result<Bytes, ChannelError> {
    match socket.next().await {
        Some(message) => binary(message.map_err(socket_error)?),
        None => Err(ChannelError::Truncated),
    }
}

/// Sends a handshake message.
pub(crate) async fn send(socket: &mut Socket, message: Bytes) -> Result<(), ChannelError> {
    socket.send(Message::binary(message)).await.map_err(socket_error)
}

/// Names the reason on the WebSocket level and closes.
pub(crate) async fn part(socket: &mut Socket, reason: CloseReason) {
    let code = CloseCode::try_from(reason.websocket_code()).unwrap_or(CloseCode::POLICY_VIOLATION);
    // The socket may be gone already; there is nobody left to tell then.
    drop(socket.start_send_unpin(Message::close(Some(code), reason.code())));
    drop(socket.close().await);
}

/// The ciphers of a session. During a key renewal the peer still writes under the old keys until it says otherwise.
pub(crate) struct Keys {
    current: Box<dyn Transport>,
    retiring: Option<Box<dyn Transport>>,
}

/// A socket with keys and the numbers of the control stream.
pub(crate) struct Pipe {
    pub(crate) socket: Socket,
    keys: Keys,
    scratch: Vec<u8>,
    control_sent: u64,
    control_received: u64,
}

impl Pipe {
    pub(crate) fn new(mut socket: Socket, transport: Box<dyn Transport>) -> Self {
        socket.limits_mut().set_max_payload_len(Some(MAX_MESSAGE));
        let keys = Keys { current: transport, retiring: None };
        Self { socket, keys, scratch: Vec::new(), control_sent: 0, control_received: 0 }
    }

    /// Encrypts a frame and queues it in the socket; it leaves with the next flush.
    pub(crate) fn feed(&mut self, stream: StreamId, kind: u8, seq: u64, body: &[u8]) -> Result<(), ChannelError> {
        self.scratch.clear();
        Frame::encode(kind, stream, seq, body, &mut self.scratch)?;
        let sealed = self.keys.current.seal(&self.scratch)?;
        self.socket.start_send_unpin(Message::binary(sealed)).map_err(socket_error)
    }

    /// Queues a control frame.
    pub(crate) fn feed_control(&mut self, control: &Control) -> Result<(), ChannelError> {
        let (kind, body) = control.encode();
        self.control_sent += 1;
        self.feed(CONTROL, kind, self.control_sent, &body)
    }

    /// Decrypts a message.
    pub(crate) fn open(&mut self, message: &[u8]) -> Result<Frame, ChannelError> {
        let keys = self.keys.retiring.as_mut().unwrap_or(&mut self.keys.current);
        Frame::decode(keys.open(message)?)
    }

    /// Reads a control frame, which must be the next one.
    pub(crate) fn control(&mut self, frame: Frame) -> Result<Control, ChannelError> {
        let expected = self.control_received + 1;
        if frame.seq != expected {
            return Err(ChannelError::SeqGap { stream: 0, expected, got: frame.seq });
        }
        self.control_received = expected;
        Control::decode(frame)
    }

    /// Waits for a control frame: only the handshake does.
    pub(crate) async fn receive_control(&mut self) -> Result<Control, ChannelError> {
        let message = receive(&mut self.socket).await?;
        let frame = self.open(&message)?;
        if frame.stream != CONTROL {
            return Err(ChannelError::BadFrame("a data frame before the session is open"));
        }
        self.control(frame)
    }

    /// Writes under new keys from here on; the peer's messages still come under the old ones if `peer_follows`.
    pub(crate) fn renew(&mut self, transport: Box<dyn Transport>, peer_follows: bool) {
        let old = std::mem::replace(&mut self.keys.current, transport);
        self.keys.retiring = peer_follows.then_some(old);
    }

    /// Is a renewal waiting for the peer?
    pub(crate) const fn renewing(&self) -> bool {
        self.keys.retiring.is_some()
    }

    /// The peer writes under the new keys from here on.
    pub(crate) fn renewed(&mut self) -> Result<(), ChannelError> {
        self.keys.retiring.take().map(drop).ok_or(ChannelError::BadFrame("a key switch that was not begun"))
    }

    /// Messages under the present keys, of the busier direction.
    pub(crate) fn messages(&self) -> u64 {
        self.keys.current.messages()
    }
}
