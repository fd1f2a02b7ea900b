//! A server on loopback that answers what the test tells it, in order, and notes every breach of the contract.

use crate::contract::Contract;
use aitrading_env::{Env, Task};
use aitrading_testkit::servers::Certificates;
use rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::ring};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde_json::Value;
use std::{
    collections::VecDeque,
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;

/// Nothing here waits longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of a request's head or body.
const REQUEST_MAX: usize = 32 << 20;

/// What a mock answers.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Status and body.
    Json(u16, Value),
    /// A status alone.
    Empty(u16),
    /// A status and a text that is no JSON.
    Text(u16, &'static str),
    /// Nothing: the connection stays open.
    Silence,
    /// The connection is closed.
    Hangup,
    /// A good status and a body that never ends.
    Endless,
    /// A good status and the promise of this many bytes.
    Promise(u64),
}

/// A step of the script: the operation that is expected, and the answer.
pub(crate) type Step = (&'static str, Reply);

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Value>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

struct Script {
    contract: &'static Contract,
    steps: Mutex<VecDeque<Step>>,
    seen: Mutex<Vec<Seen>>,
    breaches: Mutex<Vec<String>>,
    asked: watch::Sender<usize>,
    ended: AtomicBool,
}

/// A running mock.
pub(crate) struct Mock {
    address: SocketAddr,
    script: Arc<Script>,
    _thread: Task,
}

impl Mock {
    /// In plain text.
    pub(crate) fn start(contract: &'static Contract, steps: Vec<Step>) -> Self {
        Self::launch(contract, steps, None)
    }

    /// Over TLS with these certificates.
    pub(crate) fn start_tls(contract: &'static Contract, steps: Vec<Step>, certificates: &Certificates) -> Self {
        let chain = vec![CertificateDer::from_pem_file(&certificates.server).unwrap()];
        let key = PrivateKeyDer::from_pem_file(&certificates.server_key).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Self::launch(contract, steps, Some(Arc::new(config)))
    }

    fn launch(contract: &'static Contract, steps: Vec<Step>, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Script {
            contract,
            steps: Mutex::new(steps.into()),
            seen: Mutex::default(),
            breaches: Mutex::default(),
            asked: watch::Sender::new(0),
            ended: AtomicBool::new(false),
        });
        let own = Arc::clone(&script);
        let serve = move || {
            // Those that were answered with silence stay open until the mock ends.
            let mut silent = Vec::new();
            while let Ok((stream, _)) = listener.accept() {
                if own.ended.load(Ordering::SeqCst) {
                    return;
                }
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_write_timeout(Some(PATIENCE)).unwrap();
                silent.extend(own.welcome(stream, tls.as_ref()));
            }
        };
        let thread = Env::real().spawn.thread("mock-server", Box::new(serve)).unwrap();
        Self { address, script, _thread: thread }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Waits until that many requests have come.
    pub(crate) async fn asked(&self, requests: usize) {
        let mut asked = self.script.asked.subscribe();
        let enough = asked.wait_for(|asked| *asked >= requests);
        Env::real().timeout(PATIENCE, enough).await.expect("the requests never came").unwrap();
    }

    /// Every step was taken and nothing broke the contract. Answers with what was asked.
    pub(crate) fn finish(self) -> Vec<Seen> {
        let breaches = self.script.breaches.lock().unwrap().clone();
        assert_eq!(breaches, Vec::<String>::new());
        let left: Vec<&str> = self.script.steps.lock().unwrap().iter().map(|(operation, _)| *operation).collect();
        assert_eq!(left, Vec::<&str>::new(), "never asked for");
        self.script.seen.lock().unwrap().clone()
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.script.ended.store(true, Ordering::SeqCst);
        // Wakes the thread up; if that fails, it has ended already.
        drop(TcpStream::connect(self.address));
    }
}

impl Script {
    fn welcome(&self, stream: TcpStream, tls: Option<&Arc<ServerConfig>>) -> Option<TcpStream> {
        let kept = stream.try_clone().unwrap();
        let served = match tls {
            None => self.serve(stream),
            Some(config) => {
                let connection = ServerConnection::new(Arc::clone(config)).unwrap();
                self.serve(StreamOwned::new(connection, stream))
            }
        };
        // A client that leaves early, as one does that trusts nobody, is no breach.
        served.unwrap_or(false).then_some(kept)
    }

    /// One request and its answer; whether the connection is to stay open without one.
    fn serve(&self, stream: impl Read + Write) -> io::Result<bool> {
        let mut stream = BufReader::new(stream);
        let (method, seen) = read_request(&mut stream)?;
        let reply = self.judge(&method, &seen);
        self.seen.lock().unwrap().push(seen);
        self.asked.send_modify(|asked| *asked += 1);
        let out = stream.get_mut();
        let json = "Content-Type: application/json\r\nConnection: close";
        match reply {
            Reply::Json(status, body) => {
                let body = body.to_string();
                write!(out, "HTTP/1.1 {status} Said\r\n{json}\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
            }
            Reply::Empty(204) => write!(out, "HTTP/1.1 204 Said\r\nConnection: close\r\n\r\n")?,
            Reply::Empty(status) => {
                write!(
                    out,
                    "HTTP/1.1 {status} Said\r\nLocation: /elsewhere\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                )?;
            }
            Reply::Text(status, body) => {
                write!(
                    out,
                    "HTTP/1.1 {status} Said\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )?;
            }
            Reply::Silence => return Ok(true),
            Reply::Hangup => {}
            Reply::Promise(bytes) => write!(out, "HTTP/1.1 200 Said\r\n{json}\r\nContent-Length: {bytes}\r\n\r\n")?,
            Reply::Endless => {
                write!(out, "HTTP/1.1 200 Said\r\n{json}\r\n\r\n")?;
                let spaces = vec![b' '; 1 << 20];
                // Until the client has had enough.
                while out.write_all(&spaces).is_ok() {}
            }
        }
        out.flush()?;
        Ok(false)
    }

    fn judge(&self, method: &str, seen: &Seen) -> Reply {
        let Some((expected, reply)) = self.steps.lock().unwrap().pop_front() else {
            return self.breach(format!("not expected: {method} {}", seen.path));
        };
        let operation = match self.contract.operation(method, &seen.path) {
            Ok(operation) => operation,
            Err(error) => return self.breach(error),
        };
        if operation.name != expected {
            return self.breach(format!("{} instead of {expected}", operation.name));
        }
        let mut wrong = self.contract.check_request(&operation, &seen.query, seen.body.as_ref());
        match &reply {
            Reply::Json(status, body) => wrong.extend(self.contract.check_answer(&operation, *status, Some(body))),
            Reply::Empty(status) if *status < 300 => {
                wrong.extend(self.contract.check_answer(&operation, *status, None))
            }
            _ => {}
        }
        if wrong.is_empty() { reply } else { self.breach(format!("{expected}: {wrong:?}")) }
    }

    fn breach(&self, breach: String) -> Reply {
        self.breaches.lock().unwrap().push(breach);
        Reply::Text(418, "this mock was asked for something else")
    }
}

fn read_request(stream: &mut impl BufRead) -> io::Result<(String, Seen)> {
    let mut head = stream.take(REQUEST_MAX as u64);
    let mut line = String::new();
    head.read_line(&mut line)?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let [method, target, "HTTP/1.1"] = words.as_slice() else {
        return Err(io::Error::other("no request"));
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (method, path, query) = ((*method).to_owned(), path.to_owned(), query.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        head.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let mut seen = Seen { path, query, headers, body: None };
    if let Some(length) = seen.header("content-length").and_then(|length| length.parse::<usize>().ok()) {
        let mut body = vec![0; length.min(REQUEST_MAX)];
        head.read_exact(&mut body)?;
        assert_eq!(seen.header("content-type").is_some(), length > 0);
        seen.body = (length > 0).then(|| serde_json::from_slice(&body).unwrap());
    }
    Ok((method, seen))
}
