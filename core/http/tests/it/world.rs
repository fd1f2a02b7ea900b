//! A running door and a raw client for the tests.

use aitrading_env::{BoxStream, Env, sim::ManualClock};
use aitrading_http::{Door, DoorConfig, Handler, HttpError, Request, Response, StatusCode, text};
use async_trait::async_trait;
use std::{future::Future, net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::oneshot,
};

/// Body bytes that the echo takes.
pub(crate) const ECHO_BYTES: usize = 1000;

/// Echoes bodies; `/slow` waits for the clock.
pub(crate) struct Echo(pub(crate) Env);

#[async_trait]
impl Handler for Echo {
    async fn handle(&self, request: Request) -> Response {
        if request.path() == "/slow" {
            self.0.clock.sleep(Duration::from_secs(3)).await;
        }
        match request.body.read(ECHO_BYTES).await {
            Ok(body) => text(StatusCode::OK, body),
            Err(error) => error.into(),
        }
    }
}

/// A door that is served in the background until it is stopped or dropped.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    done: aitrading_env::Task,
}

impl Running {
    pub(crate) async fn start(env: &Env, config: DoorConfig, handler: Arc<dyn Handler>) -> Result<Self, HttpError> {
        let door = Door::bind(env, config).await?;
        let addr = door.local_addr();
        let (stop, stopped) = oneshot::channel::<()>();
        let begin = Box::pin(async move { drop(stopped.await) });
        let done = env.spawn.task("door", Box::pin(door.run(handler, begin)));
        Ok(Self { addr, stop: Some(stop), done })
    }

    /// Orders the drain; the returned future ends with the door.
    pub(crate) fn stop(mut self) -> impl Future<Output = ()> {
        drop(self.stop.take());
        async { self.done.join().await.unwrap() }
    }
}

pub(crate) fn plain() -> DoorConfig {
    DoorConfig::plain("test", "127.0.0.1:0".parse().unwrap())
}

pub(crate) async fn echo(env: &Env, config: DoorConfig) -> Running {
    Running::start(env, config, Arc::new(Echo(env.clone()))).await.unwrap()
}

/// Real sockets, time that only moves when told.
pub(crate) fn manual_env() -> (Env, ManualClock) {
    let clock = ManualClock::new(0);
    (Env { clock: Arc::new(clock.clone()), ..Env::real() }, clock)
}

/// Lets time pass in small steps until `end` is there.
pub(crate) async fn advancing<T>(clock: &ManualClock, end: impl Future<Output = T>) -> T {
    let mut end = pin!(end);
    for _ in 0..1_000_000 {
        tokio::select! {
            biased;
            out = &mut end => return out,
            () = tokio::task::yield_now() => clock.advance(Duration::from_millis(1)),
        }
    }
    panic!("time alone does not end this");
}

pub(crate) async fn dial(addr: SocketAddr) -> BoxStream {
    Env::real().net.connect(addr).await.unwrap()
}

/// Everything until the server closes; a reset counts as a close.
pub(crate) async fn read_all(stream: &mut BoxStream) -> String {
    let (mut all, mut buf) = (Vec::new(), [0; 4096]);
    while let Ok(n @ 1..) = stream.read(&mut buf).await {
        all.extend_from_slice(&buf[..n]);
    }
    String::from_utf8(all).unwrap()
}

/// Reads until the answer's head and the given end are there.
pub(crate) async fn read_until(stream: &mut BoxStream, end: &str) -> String {
    let mut all = String::new();
    while !all.ends_with(end) {
        let mut buf = [0; 4096];
        let n = stream.read(&mut buf).await.unwrap();
        assert_ne!(n, 0, "closed after {all:?}");
        all.push_str(std::str::from_utf8(&buf[..n]).unwrap());
    }
    all
}

/// Sends raw bytes and returns everything until the server closes.
pub(crate) async fn exchange(addr: SocketAddr, request: &[u8]) -> String {
    let mut stream = dial(addr).await;
    stream.write_all(request).await.unwrap();
    read_all(&mut stream).await
}

/// The connection still serves.
pub(crate) async fn check_serves(stream: &mut BoxStream) {
    stream.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nping").await.unwrap();
    assert!(read_until(stream, "ping").await.starts_with("HTTP/1.1 200 OK\r\n"));
}
