//! A TCP proxy that is slow or broken on demand, to stand between a client and a server.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks of answers that wait for their delay on one connection.
const WAITING_MAX: usize = 256;
const CONNECTIONS_MAX: usize = 512;
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Forwards connections to a server on this machine; ends them when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    line: Arc<Line>,
    accepting: Option<thread::JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Line {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    delay: Duration,
    cut: bool,
    over: bool,
    accepted: u64,
    /// Both ends of every connection, by its number.
    open: Vec<(u64, TcpStream)>,
}

impl Proxy {
    /// Forwards to `target` without delay.
    #[must_use]
    pub fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let line = Arc::new(Line::default());
        let theirs = Arc::clone(&line);
        let accepting = thread::spawn(move || accept(&listener, target, &theirs));
        Self { address, line, accepting: Some(accepting) }
    }

    /// Where to connect to instead of the server.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that the server says arrives this much later; what is on its way already as well.
    pub fn set_delay(&self, delay: Duration) {
        self.line.state().delay = delay;
        self.line.changed.notify_all();
    }

    /// Closes all connections, and every new one at once, until [`Proxy::restore`].
    pub fn cut(&self) {
        self.line.cut();
    }

    /// Lets connections through again.
    pub fn restore(&self) {
        self.line.state().cut = false;
    }

    /// Connections that came in so far, those that were cut off included.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.line.state().accepted
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.line.state().over = true;
        self.line.cut();
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
    }
}

impl Line {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut(&self) {
        let mut state = self.state();
        state.cut = true;
        state.open.drain(..).for_each(|(_, end)| hang_up(&end));
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until what came at `came` may go on. False if the line was cut meanwhile.
    fn hold(&self, came: Instant) -> bool {
        let mut state = self.state();
        loop {
            let waited = came.elapsed();
            if state.cut || waited >= state.delay {
                return !state.cut;
            }
            let rest = state.delay - waited;
            state = self.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Remembers both ends, so that they can be cut. False if they must not be used.
    fn admit(&self, number: u64, ends: [&TcpStream; 2]) -> bool {
        let mut state = self.state();
        let room = !state.cut && state.open.len() < 2 * CONNECTIONS_MAX;
        let copies: Vec<_> = ends.into_iter().filter_map(|end| end.try_clone().ok()).collect();
        let admitted = room && copies.len() == 2;
        if admitted {
            state.open.extend(copies.into_iter().map(|end| (number, end)));
        }
        admitted
    }

    fn forget(&self, number: u64) {
        self.state().open.retain(|(of, _)| *of != number);
    }
}

fn accept(listener: &TcpListener, target: SocketAddr, line: &Arc<Line>) {
    for client in listener.incoming().flatten() {
        let mut state = line.state();
        if state.over {
            return;
        }
        state.accepted += 1;
        let (number, cut) = (state.accepted, state.cut);
        drop(state);
        if !cut {
            let line = Arc::clone(line);
            thread::spawn(move || connect(number, &client, target, &line));
        }
    }
}

fn connect(number: u64, client: &TcpStream, target: SocketAddr, line: &Arc<Line>) {
    let Ok(server) = TcpStream::connect_timeout(&target, CONNECT_LIMIT) else { return };
    let no_delay = client.set_nodelay(true).and_then(|()| server.set_nodelay(true));
    if no_delay.is_err() || !line.admit(number, [client, &server]) {
        return;
    }
    let (Ok(from_client), Ok(to_server)) = (client.try_clone(), server.try_clone()) else { return };
    let (Ok(from_server), Ok(to_client)) = (server.try_clone(), client.try_clone()) else { return };
    let (hold, held) = sync_channel(WAITING_MAX);
    let asking = thread::spawn(move || copy(from_client, to_server));
    let reading = thread::spawn(move || read_answers(from_server, &hold));
    deliver(to_client, &held, line);
    drop(held);
    hang_up(client);
    hang_up(&server);
    drop(asking.join());
    drop(reading.join());
    line.forget(number);
}

/// The way to the server: at once. Ends the connection's half when the client ends his.
fn copy(mut from: TcpStream, mut to: TcpStream) {
    drop(std::io::copy(&mut from, &mut to));
    drop(to.shutdown(Shutdown::Write));
}

fn read_answers(mut from: TcpStream, hold: &SyncSender<(Instant, Vec<u8>)>) {
    let mut buffer = vec![0; CHUNK_BYTES];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let chunk = buffer.get(..count).unwrap_or_default().to_vec();
        if hold.send((Instant::now(), chunk)).is_err() {
            return;
        }
    }
}

fn deliver(mut to: TcpStream, held: &Receiver<(Instant, Vec<u8>)>, line: &Line) {
    for (came, chunk) in held {
        if !line.hold(came) || to.write_all(&chunk).is_err() {
            return;
        }
    }
}

/// Ended already is fine.
fn hang_up(end: &TcpStream) {
    drop(end.shutdown(Shutdown::Both));
}
