//! What can go wrong at a door.

use aitrading_error::{Category, Coded, Dna, FaultSide, Retry, Severity};
use std::{io, net::SocketAddr};

const COMPONENT: &str = "http";

/// Why a door did not open, or a request was refused.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Another socket listens there.
    #[error(
        "{addr} is in use by another program, perhaps by another aitrading; stop that one, or choose other ports (--port-offset)"
    )]
    PortInUse {
        /// What was asked for.
        addr: SocketAddr,
    },
    /// The system does not let us listen there.
    #[error("not allowed to listen on {addr}; ports below 1024 need a privilege, choose another one (--port-offset)")]
    PortDenied {
        /// What was asked for.
        addr: SocketAddr,
    },
    /// Listening failed otherwise.
    #[error("cannot listen on {addr}; check that this address belongs to the machine")]
    Bind {
        /// What was asked for.
        addr: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The request's body is longer than the handler takes.
    #[error("the request body is longer than {limit} bytes; send less at once")]
    BodyTooLarge {
        /// Bytes.
        limit: usize,
    },
    /// The request's body did not come in time.
    #[error("the request body did not arrive within {limit_ms} ms; send it without pauses")]
    BodyTimeout {
        /// The limit.
        limit_ms: u64,
    },
    /// The connection broke within the body.
    #[error("the request body ended early; send the announced length")]
    BodyBroken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The request's framing is ambiguous or unsupported.
    #[error("the request is refused: {why}")]
    BadRequest {
        /// What and how to do better.
        why: &'static str,
    },
    /// The body is compressed. Nothing that a peer sends is unpacked: a kilobyte can hold a gigabyte.
    #[error("the body is encoded, and nothing is unpacked here; send it as it is, without Content-Encoding")]
    EncodingRefused,
    /// The body is said to be something else.
    #[error("the body is taken as JSON alone; send `Content-Type: application/json`")]
    MediaTypeRefused,
    /// The body is no JSON, or not the JSON that is expected. What it contains is told to nobody: it may be a secret.
    #[error(
        "the body is not the JSON that is expected here, from line {line}, column {column}; see the interface's description"
    )]
    JsonInvalid {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// The body's JSON has too many levels.
    #[error("the body's JSON has more than {limit} levels; make it flatter")]
    JsonTooDeep {
        /// Levels.
        limit: usize,
    },
    /// Nothing lives at this path.
    #[error("there is nothing at this path; every service has `/health/live`, `/health/ready` and `/metrics`")]
    NotFound,
    /// The path does not take this method.
    #[error("this path does not take that method; see the Allow header")]
    MethodNotAllowed {
        /// Value of the Allow header.
        allow: &'static str,
    },
    /// The request is not a WebSocket upgrade that we take.
    #[error("no WebSocket upgrade: {why}")]
    UpgradeRefused {
        /// What and how to do better.
        why: &'static str,
    },
    /// A page of a foreign origin asked for a WebSocket.
    #[error("pages of this origin may not connect; add it to the allowed origins if it is yours")]
    OriginRefused,
    /// The connection broke between the 101 answer and the first frame.
    #[error("the connection broke while it was upgraded; connect again")]
    UpgradeLost(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The process has a metrics recorder of another kind.
    #[error("metrics are recorded by someone else in this process; install them once, at the start")]
    MetricsTaken,
    /// The probing client only talks to this machine.
    #[error("{addr} is not on this machine; health is asked over loopback only")]
    NotLoopback {
        /// What was asked for.
        addr: SocketAddr,
    },
    /// Nobody answers.
    #[error("no answer from {addr}; is the server running?")]
    Unreachable {
        /// Who was asked.
        addr: SocketAddr,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer did not come in time.
    #[error("{addr} did not answer within {limit_ms} ms; the server is overloaded or something else listens there")]
    AnswerTimeout {
        /// Who was asked.
        addr: SocketAddr,
        /// The limit.
        limit_ms: u64,
    },
    /// The answer broke off.
    #[error("the answer of {addr} broke off; what came is not all of it, ask again")]
    AnswerBroken {
        /// Who was asked.
        addr: SocketAddr,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Coded for HttpError {
    fn dna(&self) -> Dna {
        use Category::{Access, Capacity, Config, Input, Internal, Network};
        let dna = |code, category| Dna::new(COMPONENT, code, category);
        let caller = |code, category| dna(code, category).side(FaultSide::Caller).severity(Severity::Info);
        let outside = |code| dna(code, Network).side(FaultSide::Dependency).retry(Retry::Later);
        match self {
            Self::PortInUse { .. } => dna("PORT_IN_USE", Config).side(FaultSide::Dependency),
            Self::PortDenied { .. } => dna("PORT_DENIED", Config),
            Self::Bind { .. } => dna("BIND_FAILED", Config).side(FaultSide::Dependency),
            Self::BodyTooLarge { .. } => caller("BODY_TOO_LARGE", Capacity),
            Self::BodyTimeout { .. } => caller("BODY_TIMEOUT", Network).retry(Retry::Later),
            Self::BodyBroken(_) => caller("BODY_BROKEN", Network).retry(Retry::Later),
            Self::BadRequest { .. } => caller("BAD_REQUEST", Input),
            Self::EncodingRefused => caller("CONTENT_ENCODING_REFUSED", Input),
            Self::MediaTypeRefused => caller("MEDIA_TYPE_REFUSED", Input),
            Self::JsonInvalid { .. } => caller("JSON_INVALID", Input),
            Self::JsonTooDeep { .. } => caller("JSON_TOO_DEEP", Input),
            Self::NotFound => caller("NOT_FOUND", Input),
            Self::MethodNotAllowed { .. } => caller("METHOD_NOT_ALLOWED", Input),
            Self::UpgradeRefused { .. } => caller("UPGRADE_REFUSED", Input),
            Self::OriginRefused => caller("ORIGIN_REFUSED", Access),
            Self::UpgradeLost(_) => outside("UPGRADE_LOST"),
            Self::MetricsTaken => dna("METRICS_TAKEN", Internal),
            Self::NotLoopback { .. } => caller("NOT_LOOPBACK", Input),
            Self::Unreachable { .. } => outside("UNREACHABLE"),
            Self::AnswerTimeout { .. } => outside("ANSWER_TIMEOUT"),
            Self::AnswerBroken { .. } => outside("ANSWER_BROKEN"),
        }
    }
}
