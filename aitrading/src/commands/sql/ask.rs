//! A server runs: it is asked over mutual TLS, with the operator's certificate.

use super::{sink::Sink, warn};
use crate::{
    config::Config,
    exit::{Exit, Failure},
    layout::Layout,
    vault::operator,
};
use aitrading_database_service::{ERROR_CODE, ERROR_DETAIL, LEFT_OUT, Question, SQL_PATH};
use aitrading_env::Env;
use aitrading_error::chain;
use aitrading_http::{Call, HeaderValue, HttpError, Reply, call, header};
use serde::Deserialize;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

/// Beyond the time that the server allows itself.
const GRACE: Duration = Duration::from_secs(10);
/// Bytes of a problem that are read.
const PROBLEM_BYTES: usize = 64 << 10;

/// What came of it.
pub(super) enum Asked {
    Answered(Result<(), Failure>),
    /// No server answers, and why.
    NobodyThere(String),
}

/// A refusal, as every door of ours tells it.
#[derive(Deserialize)]
struct Problem {
    code: String,
    detail: String,
}

/// Asks the server of this directory.
pub(super) async fn ask(
    env: &Env,
    layout: &Layout,
    config: &Config,
    question: &Question,
    sink: &mut Sink<'_>,
) -> Asked {
    match begin(env, layout, config, question).await {
        Ok(Ok(reply)) => Asked::Answered(read(reply, sink).await),
        Ok(Err(error @ HttpError::Unreachable { .. })) => Asked::NobodyThere(chain(&error).to_string()),
        Ok(Err(error)) => Asked::Answered(Err(error.into())),
        Err(failure) => Asked::Answered(Err(failure)),
    }
}

async fn begin(
    env: &Env,
    layout: &Layout,
    config: &Config,
    question: &Question,
) -> Result<Result<Reply, HttpError>, Failure> {
    let tls = operator::tls(env, &layout.keys(), config.tenant)?;
    let body = serde_json::to_vec(question).map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::TE, HeaderValue::from_static("trailers")),
    ];
    let asked = Call {
        addr: reachable(config.database_service_listen),
        tls,
        path: SQL_PATH,
        headers: &headers,
        body: body.into(),
        silence: Duration::from_secs(config.database_service.sql_seconds.into()).saturating_add(GRACE),
    };
    Ok(call(env, asked).await)
}

/// A server that listens everywhere is reached on this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = if listen.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { listen.ip() };
    SocketAddr::new(ip, listen.port())
}

async fn read(mut reply: Reply, sink: &mut Sink<'_>) -> Result<(), Failure> {
    if !reply.status.is_success() {
        return Err(refused(&mut reply).await);
    }
    if let Some(names) = reply.headers.get(LEFT_OUT) {
        warn(&String::from_utf8_lossy(names.as_bytes()));
    }
    while let Some(chunk) = reply.chunk().await? {
        if !sink.put(&chunk)? {
            return Ok(());
        }
    }
    match reply.trailer(ERROR_CODE) {
        Some(code) => Err(Failure::sql(&code, &reply.trailer(ERROR_DETAIL).unwrap_or_default())),
        None => Ok(()),
    }
}

async fn refused(reply: &mut Reply) -> Failure {
    let status = reply.status;
    let body = match reply.read(PROBLEM_BYTES).await {
        Ok(body) => body,
        Err(error) => return error.into(),
    };
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => Failure::sql(&problem.code, &problem.detail),
        Err(_) => Failure::new(
            Exit::Unavailable,
            format!("the server answers {status}, but not as this version expects; are both of one version?"),
        ),
    }
}
