//! WebSocket upgrades end to end.

use crate::world::{Running, dial, exchange, plain};
use aitrading_env::{BoxStream, Env};
use aitrading_http::{
    Handler, Request, Response,
    websocket::{Origins, upgrade},
};
use async_trait::async_trait;
use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use tokio_websockets::{ClientBuilder, Limits, Message, ServerBuilder, WebSocketStream};

/// Echoes messages.
struct Socket(Env);

#[async_trait]
impl Handler for Socket {
    async fn handle(&self, request: Request) -> Response {
        match upgrade(request, &Origins::only(vec!["https://desk.example".into()])) {
            Ok((response, stream)) => {
                let echo = async {
                    let limits = Limits::default().max_payload_len(Some(1000));
                    let mut socket = ServerBuilder::new().limits(limits).serve(stream.await.unwrap());
                    while let Some(Ok(message)) = socket.next().await {
                        if message.is_binary() {
                            socket.send(message).await.unwrap();
                        }
                    }
                };
                drop(self.0.spawn.task("socket", Box::pin(echo)));
                response
            }
            Err(error) => error.into(),
        }
    }
}

async fn door(connections: usize) -> Running {
    let env = Env::real();
    let mut config = plain();
    config.limits.connections = connections;
    Running::start(&env, config, Arc::new(Socket(env.clone()))).await.unwrap()
}

async fn connect(door: &Running) -> WebSocketStream<BoxStream> {
    let uri = format!("ws://{}/", door.addr);
    let builder = ClientBuilder::new().uri(&uri).unwrap();
    builder.connect_on(dial(door.addr).await).await.unwrap().0
}

#[tokio::test]
async fn messages_flow_after_the_upgrade_and_survive_the_doors_drain() {
    let door = door(10).await;
    let mut socket = connect(&door).await;
    let mut check = async |text: &str| {
        socket.send(Message::binary(text.to_owned())).await.unwrap();
        assert_eq!(&**socket.next().await.unwrap().unwrap().as_payload(), text.as_bytes());
    };
    check("before").await;
    door.stop().await;
    check("after: upgraded connections belong to the service").await;
}

#[tokio::test]
async fn an_upgraded_connection_keeps_its_place() {
    let door = door(1).await;
    let mut socket = connect(&door).await;
    socket.send(Message::binary("x")).await.unwrap();
    socket.next().await.unwrap().unwrap();
    let mut second = dial(door.addr).await;
    assert_eq!(crate::world::read_all(&mut second).await, "", "the only place is taken");
}

/// A valid opening with one line replaced (or added) gets this status.
async fn check_refused(line: &str, status: u16) {
    let door = door(10).await;
    let mut lines = vec![
        "host: x",
        "upgrade: websocket",
        "connection: keep-alive, Upgrade",
        "sec-websocket-version: 13",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let name = line.split(':').next().unwrap();
    lines.retain(|l| !l.starts_with(name));
    lines.push(line);
    // Only a refusal is followed by the end of the connection.
    let request = format!(
        "GET / HTTP/1.1\r\n{}\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        lines.join("\r\n")
    );
    let answer = exchange(door.addr, request.as_bytes()).await;
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {answer}");
}

#[tokio::test]
async fn openings_that_are_not_exactly_right_are_refused() {
    for (line, status) in [
        ("upgrade: h2c", 426),
        ("connection: close", 426),
        ("sec-websocket-version: 8", 426),
        ("sec-websocket-key: short", 426),
        ("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==", 426),
        ("origin: https://evil.example", 403),
        ("origin: null", 403),
        ("origin: https://desk.example\r\norigin: https://evil.example", 403),
    ] {
        check_refused(line, status).await;
    }
}

#[tokio::test]
async fn an_allowed_origin_is_let_in() {
    let door = door(10).await;
    let mut stream = dial(door.addr).await;
    let request = "GET / HTTP/1.1\r\nhost: x\r\norigin: https://desk.example\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
    let answer = crate::world::read_until(&mut stream, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
}
