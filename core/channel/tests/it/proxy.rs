//! Somebody in the middle: at the level of WebSocket messages (where TLS would already be broken), and of bytes.

use aitrading_env::BoxStream;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_websockets::{ClientBuilder, Message, ServerBuilder};

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

/// What passed, by way.
pub(crate) type Log = Arc<Mutex<Vec<(Way, Bytes)>>>;

/// A tamperer: gets way, number of the message on that way, and payload; gives what is passed on, and whether it is sent back.
pub(crate) type Tamper = Box<dyn FnMut(Way, usize, Bytes) -> Vec<(Way, Bytes)> + Send>;

/// Passes everything on unchanged.
pub(crate) fn honest() -> Tamper {
    Box::new(|way, _, payload| vec![(way, payload)])
}

/// A connection through a tamperer: the client's end, the server's end, and what the peers sent.
pub(crate) fn tampered(mut tamper: Tamper) -> (BoxStream, BoxStream, Log) {
    let (client, near) = tokio::io::duplex(1 << 16);
    let (far, server) = tokio::io::duplex(1 << 16);
    let log = Log::default();
    let seen = Arc::clone(&log);
    let mut to_client = ServerBuilder::new().serve(near);
    let mut to_server = ClientBuilder::new().take_over(far);
    tokio::task::spawn(async move {
        let mut counts = [0, 0];
        loop {
            let (way, message) = tokio::select! {
                message = to_client.next() => (Way::ToServer, message),
                message = to_server.next() => (Way::ToClient, message),
            };
            let Some(Ok(message)) = message else { break };
            if !message.is_binary() {
                let other =
                    if way == Way::ToServer { to_server.send(message).await } else { to_client.send(message).await };
                if other.is_err() {
                    break;
                }
                continue;
            }
            let payload: Bytes = message.into_payload().into();
            seen.lock().unwrap().push((way, payload.clone()));
            let count = &mut counts[usize::from(way == Way::ToClient)];
            for (way, payload) in tamper(way, *count, payload) {
                let message = Message::binary(payload);
                // A side that has hung up no longer matters.
                match way {
                    Way::ToServer => drop(to_server.send(message).await),
                    Way::ToClient => drop(to_client.send(message).await),
                }
            }
            *count += 1;
        }
        // Whoever still waits gets the close handshake, then the end.
        drop(to_client.close().await);
        drop(to_server.close().await);
    });
    (Box::new(client), Box::new(server), log)
}

/// A connection whose way to the server ends after `limit` bytes. Returns the ends and the number of bytes that passed.
pub(crate) fn cut(limit: usize) -> (BoxStream, BoxStream, Arc<Mutex<usize>>) {
    let (client, near) = tokio::io::duplex(1 << 16);
    let (far, server) = tokio::io::duplex(1 << 16);
    let passed = Arc::new(Mutex::new(0));
    let count = Arc::clone(&passed);
    tokio::task::spawn(async move {
        let (mut near, mut far): (DuplexStream, DuplexStream) = (near, far);
        let (mut up, mut down) = (vec![0; 4096], vec![0; 4096]);
        loop {
            let left = limit - *count.lock().unwrap();
            if left == 0 {
                return;
            }
            let room = left.min(up.len());
            tokio::select! {
                n = near.read(&mut up[..room]) => match n {
                    Ok(n) if n > 0 && far.write_all(&up[..n]).await.is_ok() => *count.lock().unwrap() += n,
                    _ => return,
                },
                n = far.read(&mut down) => match n {
                    Ok(n) if n > 0 && near.write_all(&down[..n]).await.is_ok() => {}
                    _ => return,
                },
            }
        }
    });
    (Box::new(client), Box::new(server), passed)
}
