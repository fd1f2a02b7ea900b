//! A server for one client: it takes ticks and reports as the data bridge does, and sends what a test gives it.

use aitrading_channel::{
    Event, Limits, ResumeTable, Sender, ServerSettings, Session, StreamId, accept,
    tls::{EXPORTER_LABEL, server_config},
};
use aitrading_env::{BoxStream, Env, Task};
use aitrading_model::*;
use aitrading_security::{NoiseKeyPair, PeerIdentity, pki::Authority, sha256, signing::SigningKey};
use aitrading_wire::{
    CheckpointNote, ReportEnvelope, SIGNAL_DOMAIN, SignalEnvelope, decode_report, encode_signal,
    link::{Control, Heartbeat, History, KIND_DEFAULT, Pacing, SubscriptionState, Welcome, decode_ticks, stream},
};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

pub(crate) const POLICY: &str = "test-policy";
const DAY: Duration = Duration::from_secs(86_400);

/// What the server has taken, and how it behaves.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) stored: BTreeMap<Symbol, Vec<(Epoch, u64, Tick)>>,
    cursors: BTreeMap<Symbol, Cursor>,
    pub(crate) reports: Vec<Report>,
    pub(crate) hellos: u32,
    pub(crate) resumed: u32,
    pub(crate) feed_ends: BTreeMap<Symbol, u64>,
    pub(crate) last_report_seq: u64,
    pub(crate) lock_step: bool,
    /// In lock step: nothing is ever settled, so that the feed stands at its first minute.
    pub(crate) hold: bool,
    /// The session is cut after so many more tick frames.
    pub(crate) cut_after: Option<u32>,
    /// What heartbeats tell, from the next hello on.
    pub(crate) heartbeat: Vec<u8>,
    /// What was said on the history stream.
    pub(crate) history: Vec<History>,
    sender: Option<Sender>,
}

pub(crate) struct Bridge {
    env: Env,
    pub(crate) books: Arc<Mutex<Books>>,
    pub(crate) addr: SocketAddr,
    pub(crate) noise: NoiseKeyPair,
    pub(crate) pin: [u8; 32],
    pub(crate) signing: SigningKey,
    _accepting: Aborting,
}

struct Aborting(Task);

impl Drop for Aborting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Bridge {
    /// Starts one whose certificate was issued in the world of `issued_in`.
    pub(crate) async fn start(env: &Env, authority: &Authority, peer: PeerIdentity, issued_in: &Env) -> Self {
        let issued = authority.issue_server(issued_in, &[], DAY).unwrap();
        let tls = server_config(env, issued.chain(), issued.key(), &authority.certificate().unwrap(), true).unwrap();
        let listener = env.net.listen(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (noise, signing) = (NoiseKeyPair::generate(env), SigningKey::generate(env));
        let books: Arc<Mutex<Books>> = Arc::default();
        let server = Arc::new(Serving {
            env: env.clone(),
            settings: ServerSettings {
                noise_static: noise.clone(),
                policy_id: POLICY.into(),
                limits: Limits::default(),
            },
            table: ResumeTable::new(4, Duration::from_secs(60)),
            books: Arc::clone(&books),
            signal_key: signing.verifying_key().to_bytes(),
            peer,
        });
        let acceptor = tokio_rustls::TlsAcceptor::from(tls);
        let world = env.clone();
        let accepting = async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (server, acceptor) = (Arc::clone(&server), acceptor.clone());
                drop(world.spawn.task("visitor", Box::pin(async move { server.enter(acceptor, stream).await })));
            }
        };
        let accepting = Aborting(env.spawn.task("bridge", Box::pin(accepting)));
        let pin = issued.pin().unwrap();
        Self { env: env.clone(), books, addr, noise, pin, signing, _accepting: accepting }
    }

    /// Sends a signal, signed by `key`.
    pub(crate) async fn signal(&self, signal: &Signal, key: &SigningKey) {
        let bytes = encode_signal(signal);
        let signature = key.sign_detached(SIGNAL_DOMAIN, &bytes);
        let envelope = SignalEnvelope { key_id: self.signing.verifying_key().id().0, bytes, signature };
        let sender = self.books.lock().unwrap().sender.clone().unwrap();
        sender.send(StreamId(stream::SIGNALS), KIND_DEFAULT, envelope.encode().into()).await.unwrap();
    }

    /// Asks about the terminal's past.
    pub(crate) async fn ask(&self, question: &History) {
        let sender = self.books.lock().unwrap().sender.clone().unwrap();
        sender.send(StreamId(stream::HISTORY), question.kind(), question.encode().into()).await.unwrap();
    }

    /// The key of its audit log: one key signs everything here.
    pub(crate) fn audit_key(&self) -> [u8; 32] {
        self.signing.verifying_key().to_bytes()
    }

    /// Tells a checkpoint of this size in the heartbeats of the sessions to come.
    pub(crate) fn tell_checkpoint(&self, size: u64) {
        let (origin, root, signature) = ("test/audit".to_owned(), [5; 32], [0; 64]);
        let blank = CheckpointNote { origin, size, root, key_id: [0; 4], signature };
        let [a, b, c, d, ..] = sha256(&blank.key_id_input(&self.audit_key()));
        let signature = self.signing.sign_raw(blank.signed_text().as_bytes());
        let note = CheckpointNote { key_id: [a, b, c, d], signature, ..blank }.note();
        let heartbeat = Heartbeat { subscription: SubscriptionState::Suspended, checkpoint: Some(note) };
        self.books.lock().unwrap().heartbeat = heartbeat.encode();
    }

    /// Waits until the books say so.
    pub(crate) async fn until(&self, what: &str, done: impl Fn(&Books) -> bool) {
        eventually(&self.env, what, || done(&self.books.lock().unwrap())).await;
    }
}

/// Looks until it is so, for at most 20 s.
pub(crate) async fn eventually(env: &Env, what: &str, done: impl Fn() -> bool) {
    for _ in 0..4_000 {
        if done() {
            return;
        }
        env.clock.sleep(Duration::from_millis(5)).await;
    }
    panic!("never came: {what}");
}

struct Serving {
    env: Env,
    settings: ServerSettings,
    table: ResumeTable,
    books: Arc<Mutex<Books>>,
    signal_key: [u8; 32],
    peer: PeerIdentity,
}

impl Serving {
    async fn enter(&self, acceptor: tokio_rustls::TlsAcceptor, stream: BoxStream) {
        let Ok(tls) = acceptor.accept(stream).await else { return };
        let exporter = tls.get_ref().1.export_keying_material([0; 32], EXPORTER_LABEL, Some(&[])).unwrap();
        let io: BoxStream = Box::new(tls);
        let Ok((_, socket)) = tokio_websockets::ServerBuilder::new().accept(io).await else { return };
        let peer = self.peer.clone();
        let accepted = accept(&self.env, &self.settings, socket.into_inner(), exporter, peer, &self.table).await;
        if let Ok(session) = accepted {
            self.serve(session).await;
        }
    }

    async fn serve(&self, session: Session) {
        let Session { sender, mut receiver, resumed, .. } = session;
        self.books.lock().unwrap().resumed += u32::from(resumed);
        while let Ok(event) = receiver.recv().await {
            let Event::Frame { stream, seq, kind, body } = event else { continue };
            let cut = match stream.0 {
                stream::CONTROL => {
                    self.control(&sender, Control::decode(kind, &body).unwrap()).await;
                    false
                }
                stream::TICKS => self.ticks(&sender, &body).await,
                stream::REPORTS => {
                    let envelope = ReportEnvelope::decode(&body).unwrap();
                    self.books.lock().unwrap().reports.push(decode_report(&envelope.bytes).unwrap());
                    false
                }
                stream::HISTORY => {
                    self.books.lock().unwrap().history.push(History::decode(kind, &body).unwrap());
                    false
                }
                other => panic!("stream {other}"),
            };
            sender.ack(stream, seq);
            if cut {
                // Without a receiver the session ends; what was taken is acknowledged on the next one.
                break;
            }
        }
    }

    async fn say(&self, sender: &Sender, message: Control) {
        drop(sender.send(StreamId(stream::CONTROL), message.kind(), message.encode().into()).await);
    }

    async fn control(&self, sender: &Sender, message: Control) {
        let answer = {
            let mut books = self.books.lock().unwrap();
            match message {
                Control::Hello(_) => {
                    books.hellos += 1;
                    sender.set_heartbeat_extra(books.heartbeat.clone().into()).unwrap();
                    books.sender = Some(sender.clone());
                    Control::Welcome(Welcome {
                        fence: Fence(3),
                        policy: PolicyHash([9; 32]),
                        signal_keys: vec![self.signal_key],
                        last_report_seq: books.last_report_seq,
                        now: Timestamp(self.env.clock.wall_ns()),
                        pacing: if books.lock_step { Pacing::LockStep } else { Pacing::Live },
                    })
                }
                Control::TickOpen(symbols) => {
                    let cursor = |s: Symbol| (s, books.cursors.get(&s).copied().unwrap_or_default());
                    Control::TickCursors(symbols.into_iter().map(cursor).collect())
                }
                Control::EpochStart { symbol, epoch, from } => {
                    let cursor = books.cursors.entry(symbol).or_default();
                    assert_eq!((*cursor, epoch > cursor.epoch), (from, true));
                    (cursor.epoch, cursor.seq) = (epoch, 0);
                    return;
                }
                Control::FeedEnd { symbol, total } => {
                    books.feed_ends.insert(symbol, total);
                    return;
                }
                _ => return,
            }
        };
        self.say(sender, answer).await;
    }

    async fn ticks(&self, sender: &Sender, body: &[u8]) -> bool {
        let batch = decode_ticks(body).unwrap();
        let (symbol, epoch) = (batch.source.symbol, batch.epoch);
        let last = batch.first_seq + batch.ticks.len() as u64 - 1;
        let (settle, cut) = {
            let mut books = self.books.lock().unwrap();
            let cursor = books.cursors.entry(symbol).or_default();
            assert_eq!((cursor.epoch, cursor.seq + 1), (epoch, batch.first_seq), "every tick in its place, once");
            cursor.seq = last;
            for tick in &batch.ticks {
                cursor.count_at_time = if tick.time == cursor.time { cursor.count_at_time + 1 } else { 1 };
                cursor.time = tick.time;
            }
            let rows = (batch.first_seq..).zip(batch.ticks).map(|(seq, tick)| (epoch, seq, tick));
            books.stored.entry(symbol).or_default().extend(rows);
            let cut = books.cut_after.as_mut().is_some_and(|left| {
                *left = left.saturating_sub(1);
                *left == 0
            });
            if cut {
                books.cut_after = None;
            }
            (books.lock_step && !books.hold, cut)
        };
        if settle {
            self.say(sender, Control::Settled { symbol, epoch, seq: last }).await;
        }
        cut
    }
}
