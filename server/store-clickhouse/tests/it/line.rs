//! A line to the server that fails at a chosen request: before it, after it, or by delivering it too late.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// What happens to the chosen request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is lost.
    Before,
    /// It is carried out, its answer is lost.
    After,
    /// It seems lost, and is carried out when [`Line::deliver`] is called.
    Late,
}

#[derive(Default)]
struct State {
    requests: u64,
    fault: Option<(u64, Fault)>,
    late: Vec<(TcpStream, Vec<u8>)>,
}

/// Forwards HTTP to a server, one request after the other on each connection.
pub(crate) struct Line {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Line {
    pub(crate) fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let theirs = Arc::clone(&state);
        // Ends with the test's process.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&theirs);
                thread::spawn(move || serve(client, target, &state));
            }
        });
        Self { address, state }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The `n`-th request from now fails.
    pub(crate) fn arm(&self, n: u64, fault: Fault) {
        let mut state = self.state.lock().unwrap();
        state.fault = Some((state.requests + n, fault));
    }

    /// Takes the fault away; true if it happened.
    pub(crate) fn disarm(&self) -> bool {
        self.state.lock().unwrap().fault.take().is_none()
    }

    /// Hands over what was late, and waits for the server's answer.
    pub(crate) fn deliver(&self) {
        let late = std::mem::take(&mut self.state.lock().unwrap().late);
        for (mut server, request) in late {
            server.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            server.write_all(&request).unwrap();
            let read = server.read(&mut [0; 4096]).unwrap();
            assert!(read > 0, "the server answered nothing to what was late");
        }
    }
}

fn serve(mut client: TcpStream, target: SocketAddr, state: &Mutex<State>) {
    let Ok(mut server) = TcpStream::connect(target) else { return };
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    while let Some(request) = read_message(&mut client) {
        let fault = {
            let mut state = state.lock().unwrap();
            state.requests += 1;
            let now = state.requests;
            state.fault.take_if(|(at, _)| *at == now).map(|(_, fault)| fault)
        };
        match fault {
            Some(Fault::Before) => break,
            Some(Fault::Late) => {
                drop(client.shutdown(Shutdown::Both));
                state.lock().unwrap().late.push((server, request));
                return;
            }
            Some(Fault::After) | None => {}
        }
        if server.write_all(&request).is_err() {
            break;
        }
        let Some(answer) = read_message(&mut server) else { break };
        if fault.is_some() || client.write_all(&answer).is_err() {
            break;
        }
    }
    drop(client.shutdown(Shutdown::Both));
    drop(server.shutdown(Shutdown::Both));
}

/// One whole message; none if the peer hung up.
fn read_message(from: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut message, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    while !is_whole(&message) {
        match from.read(&mut buffer) {
            Ok(count @ 1..) => message.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
    Some(message)
}

fn is_whole(message: &[u8]) -> bool {
    let Some(end) = message.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&message[..end]).to_ascii_lowercase();
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    if field("transfer-encoding:") == Some("chunked") {
        return message.ends_with(b"\r\n0\r\n\r\n");
    }
    let length = field("content-length:").map_or(0, |length| length.parse().unwrap());
    message.len() >= end + 4 + length
}
