//! Sessions over the real channel, on a stream in memory.

use super::*;
use aitrading_channel::{ClientSettings, Event, Resume, ResumeTable, Session, StreamId, connect_over};
use aitrading_env::BoxStream;
use aitrading_model::{Cursor, Symbol};
use aitrading_security::PeerIdentity;
use aitrading_wire::{
    SignalEnvelope,
    link::{Control, Hello, KIND_DEFAULT, LINK_VERSION, encode_ticks, stream},
    services::SignalDelivery,
};
use bytes::Bytes;

const CONTROL: StreamId = StreamId(stream::CONTROL);
const TICKS: StreamId = StreamId(stream::TICKS);

/// A client on the other end.
pub(super) struct Client {
    pub(super) session: Session,
    pub(super) server: aitrading_env::Task,
    /// Questions that came while something else was waited for.
    questions: std::collections::VecDeque<Event>,
}

fn client_tls() -> Arc<rustls::ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

pub(super) async fn connect(world: &World, bridge: &Bridge, table: &Arc<ResumeTable>, resume: &Arc<Resume>) -> Client {
    let (near, far) = tokio::io::duplex(1 << 20);
    let core = bridge.core();
    let (env, keys, table) = (world.env.clone(), core.keys.channel.clone(), Arc::clone(table));
    let settings = ClientSettings {
        addr: ([127, 0, 0, 1], 1).into(),
        server_name: "localhost".into(),
        tls: client_tls(),
        noise_static: NoiseKeyPair::generate(&env),
        server_noise_key: keys.noise_static.public(),
        policy_id: keys.policy_id.clone(),
        limits: keys.limits.clone(),
    };
    let serve = async move {
        let peer = PeerIdentity::Device { tenant: SEAT.tenant, device: SEAT.device, account: SEAT.account };
        let io: BoxStream = Box::new(far);
        let accepted = aitrading_channel::accept(&env, &keys, io, [9; 32], peer, &table).await.unwrap();
        crate::session::run(core, SEAT, DEVICE_KEY, accepted).await;
    };
    let server = world.env.spawn.task("server", Box::pin(serve));
    let io: BoxStream = Box::new(near);
    let session = connect_over(&world.env, &settings, io, [9; 32], resume).await.unwrap();
    Client { session, server, questions: std::collections::VecDeque::new() }
}

pub(super) fn table() -> Arc<ResumeTable> {
    Arc::new(ResumeTable::new(4, std::time::Duration::from_secs(60)))
}

fn account_state(account: AccountId) -> AccountState {
    use aitrading_model::{MarginMode, Money, Permissions};
    AccountState {
        account,
        server: "Demo".into(),
        currency: "EUR".parse().unwrap(),
        margin_mode: MarginMode::RetailHedging,
        leverage: 30,
        balance: Money::ONE,
        equity: Money::ONE,
        margin: Money::ZERO,
        free_margin: Money::ONE,
        stop_out_percent: 50,
        permissions: Permissions::from_bits(0xff),
        time: MarketTime(MONDAY),
        positions: Vec::new(),
    }
}

impl Client {
    pub(super) async fn control(&self, message: Control) -> u64 {
        self.session.sender.send(CONTROL, message.kind(), message.encode().into()).await.unwrap()
    }

    pub(super) async fn hello(&mut self, account: AccountId) {
        self.hello_of(account, LINK_VERSION).await;
    }

    async fn hello_of(&mut self, account: AccountId, version: u16) {
        let hello = Hello {
            version,
            instance: [4; 16],
            ledger_generation: 1,
            last_signal_seq: 11,
            state: account_state(account),
            specs: Vec::new(),
        };
        self.control(Control::Hello(Box::new(hello))).await;
    }

    pub(super) async fn welcomed(&mut self) {
        self.hello(SEAT.account).await;
        let Control::Welcome(welcome) = self.next_control().await else { panic!("no welcome") };
        assert_eq!((welcome.fence, welcome.last_report_seq), (Fence(7), 3));
    }

    pub(super) async fn send_ticks(&self, batch: &TickBatch) -> u64 {
        self.session.sender.send(TICKS, KIND_DEFAULT, encode_ticks(batch).into()).await.unwrap()
    }

    pub(super) async fn next(&mut self) -> Event {
        match self.questions.pop_front() {
            Some(question) => question,
            None => self.session.receiver.recv().await.unwrap(),
        }
    }

    async fn next_control(&mut self) -> Control {
        loop {
            match self.next().await {
                Event::Frame { stream: CONTROL, kind, body, seq } => {
                    self.session.sender.ack(CONTROL, seq);
                    return Control::decode(kind, &body).unwrap();
                }
                Event::Closed { reason } => panic!("closed: {reason}"),
                _ => {}
            }
        }
    }

    pub(super) async fn acked(&mut self, stream: StreamId, wanted: u64) {
        loop {
            match self.session.receiver.recv().await.unwrap() {
                Event::Acked { stream: on, through } if on == stream && through >= wanted => return,
                Event::Closed { reason } => panic!("closed: {reason}"),
                question @ Event::Frame { stream: StreamId(stream::HISTORY), .. } => self.questions.push_back(question),
                _ => {}
            }
        }
    }

    /// Reads on until the session is over; returns the refusals on the way.
    pub(super) async fn refused(&mut self) -> Vec<String> {
        let mut codes = Vec::new();
        while let Ok(event) = self.session.receiver.recv().await {
            match event {
                Event::Frame { stream: CONTROL, kind, body, .. } => {
                    if let Ok(Control::Refused { code, .. }) = Control::decode(kind, &body) {
                        codes.push(code);
                    }
                }
                Event::Closed { .. } => break,
                _ => {}
            }
        }
        codes
    }

    pub(super) async fn leave(self) {
        self.session.sender.close(aitrading_channel::CloseReason::Normal).await;
        self.server.join().await.unwrap();
    }

    pub(super) async fn cursor(&mut self) -> Cursor {
        self.control(Control::TickOpen(vec![source().symbol])).await;
        match self.next_control().await {
            Control::TickCursors(cursors) => cursors[0].1,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_says_hello_asks_for_cursors_and_streams() {
    let world = World::new();
    let bridge = world.open().await;
    let mut client = connect(&world, &bridge, &table(), &Resume::new(&world.env)).await;
    client.welcomed().await;
    for said in ["audit SessionOpened", "opened 11", "ready 7"] {
        world.notes.wait_for(said).await;
    }
    assert_eq!(client.cursor().await, Cursor::default());
    let symbol = source().symbol;
    client.control(Control::EpochStart { symbol, epoch: Epoch(1), from: Cursor::default() }).await;
    for n in 0..200 {
        client.send_ticks(&batch(n * 50 + 1..n * 50 + 51)).await;
    }
    client.acked(TICKS, 200).await;
    assert_eq!(client.cursor().await.seq, 10_000);
    client.control(Control::FeedEnd { symbol, total: 10_000 }).await;
    eventually("feed end", || bridge.feed_ends() == [(source(), 10_000)]).await;
    client.leave().await;
    world.notes.wait_for("closed NORMAL").await;
    world.notes.wait_for("audit SessionClosed").await;
    bridge.shutdown().await.unwrap();
    assert_eq!(world.stored().await, numbered(1..10_001));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_client_goes_on_in_a_new_epoch_and_adds_nothing_twice() {
    let world = World::new();
    let bridge = world.open().await;
    let mut first = connect(&world, &bridge, &table(), &Resume::new(&world.env)).await;
    first.welcomed().await;
    first.send_ticks(&batch(1..101)).await;
    first.acked(TICKS, 1).await;
    // A second run of the program, while the first session still stands.
    let mut second = connect(&world, &bridge, &table(), &Resume::new(&world.env)).await;
    second.welcomed().await;
    let told = second.cursor().await;
    assert_eq!((told.epoch, told.seq), (Epoch(1), 100));
    let symbol = source().symbol;
    let stale = Cursor { seq: 99, ..told };
    second.control(Control::EpochStart { symbol, epoch: Epoch(2), from: stale }).await;
    assert_eq!(second.next_control().await, Control::TickCursors(vec![(symbol, told)]));
    second.control(Control::EpochStart { symbol, epoch: Epoch(2), from: told }).await;
    let ticks = TickBatch { epoch: Epoch(2), first_seq: 1, ..batch(101..151) };
    let seq = second.send_ticks(&ticks).await;
    second.acked(TICKS, seq).await;
    second.leave().await;
    bridge.shutdown().await.unwrap();
    assert_eq!(world.stored().await, numbered(1..151));
    assert!(world.notes.has("closed BRIDGE_SUPERSEDED"));
}

/// A start of the program: it greets, asks where the source stands, and announces `epoch` there.
async fn start(world: &World, bridge: &Bridge, epoch: u64) -> (Client, Cursor) {
    let mut client = connect(world, bridge, &table(), &Resume::new(&world.env)).await;
    client.welcomed().await;
    let from = client.cursor().await;
    client.control(Control::EpochStart { symbol: source().symbol, epoch: Epoch(epoch), from }).await;
    (client, from)
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_without_a_tick_do_not_keep_the_next_start_from_sending() {
    let world = World::new();
    let bridge = world.open().await;
    let (mut client, _) = start(&world, &bridge, 1).await;
    let seq = client.send_ticks(&batch(1..101)).await;
    client.acked(TICKS, seq).await;
    client.leave().await;
    for epoch in 2..4 {
        let (client, from) = start(&world, &bridge, epoch).await;
        assert_eq!((from.epoch, from.seq), (Epoch(1), 100));
        client.leave().await;
    }
    // Killed behind its announcement, with a batch under way or not: the next one goes on where the journal stands.
    let (client, _) = start(&world, &bridge, 4).await;
    client.send_ticks(&TickBatch { epoch: Epoch(4), first_seq: 1, ..batch(101..151) }).await;
    drop(client);
    let (mut client, from) = start(&world, &bridge, 5).await;
    let next = u64::try_from((from.time.0 - MONDAY) / 250).unwrap() + 1;
    let seq = client.send_ticks(&TickBatch { epoch: Epoch(5), first_seq: 1, ..batch(next..201) }).await;
    client.acked(TICKS, seq).await;
    assert_eq!(client.cursor().await.epoch, Epoch(5));
    client.leave().await;
    bridge.shutdown().await.unwrap();
    assert_eq!(world.stored().await, numbered(1..201));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_that_nobody_filled_leaves_the_one_before_open() {
    let world = World::new();
    let bridge = world.open().await;
    let (mut first, _) = start(&world, &bridge, 1).await;
    let seq = first.send_ticks(&batch(1..11)).await;
    first.acked(TICKS, seq).await;
    let (second, _) = start(&world, &bridge, 2).await;
    second.leave().await;
    // The first program still runs, and comes back in its own epoch.
    let mut again = connect(&world, &bridge, &table(), &Resume::new(&world.env)).await;
    again.welcomed().await;
    assert_eq!((again.cursor().await.epoch, again.cursor().await.seq), (Epoch(1), 10));
    let seq = again.send_ticks(&batch(11..21)).await;
    again.acked(TICKS, seq).await;
    again.leave().await;
    bridge.shutdown().await.unwrap();
    assert_eq!(world.stored().await, numbered(1..21));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_waits_for_the_disk_holds_nothing_else_up() {
    let world = World::new();
    let bridge = world.open().await;
    let mut client = connect(&world, &bridge, &table(), &Resume::new(&world.env)).await;
    client.welcomed().await;
    // A record of an earlier session that the disk has not answered for.
    let core = bridge.core();
    let slot = core.ingest.sources.find_or_add(&source()).unwrap();
    let now = (core.ingest.now(), core.ingest.now());
    let record = slot.take(batch(1..11), now, &core.ingest.rules, Ok).unwrap();
    let question = client.control(Control::TickOpen(vec![source().symbol])).await;
    let other = Source { symbol: "EURUSD".parse().unwrap(), ..source() };
    let seq = client.send_ticks(&TickBatch { source: other, ..batch(1..11) }).await;
    loop {
        match client.next().await {
            Event::Acked { stream: TICKS, through } if through >= seq => break,
            Event::Acked { stream: CONTROL, through } => assert!(through < question, "not answered yet"),
            Event::Frame { stream: CONTROL, .. } => panic!("answered too early"),
            Event::Closed { reason } => panic!("closed: {reason}"),
            _ => {}
        }
    }
    slot.applied(|state| state.apply(&record));
    let Control::TickCursors(cursors) = client.next_control().await else { panic!("no cursors") };
    assert_eq!((cursors[0].1.epoch, cursors[0].1.seq), (Epoch(1), 10));
    client.leave().await;
    drop(core);
    bridge.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_session_repeats_and_loses_nothing() {
    let world = World::new();
    let bridge = world.open().await;
    let (table, resume) = (table(), Resume::new(&world.env));
    let mut client = connect(&world, &bridge, &table, &resume).await;
    client.welcomed().await;
    for n in 0..40 {
        client.send_ticks(&batch(n * 10 + 1..n * 10 + 11)).await;
    }
    // The cable is pulled: whatever is under way is under way.
    drop(client);
    let mut again = connect(&world, &bridge, &table, &resume).await;
    assert!(again.session.resumed);
    again.welcomed().await;
    let seq = again.send_ticks(&batch(401..411)).await;
    again.acked(TICKS, seq).await;
    again.leave().await;
    bridge.shutdown().await.unwrap();
    assert_eq!(world.stored().await, numbered(1..411));
    assert_eq!(world.store.counts(SEAT.tenant).await.unwrap().duplicates, 0);
}

fn envelope(n: u8) -> SignalEnvelope {
    SignalEnvelope { key_id: [n; 8], bytes: vec![n; 30], signature: [n; 64] }
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_reach_the_device_and_its_acknowledgement_the_engine() {
    let world = World::new();
    let seats = Seats::new();
    let bridge = world.open_with(Arc::clone(&seats)).await.unwrap();
    let signal = SignalId([8; 16]);
    let offline = seats.deliver(SEAT, signal, envelope(1)).await.unwrap_err();
    assert_eq!(offline.dna.code, "BRIDGE_DEVICE_OFFLINE");
    let mut client = connect(&world, &bridge, &table(), &Resume::new(&world.env)).await;
    assert!(seats.deliver(SEAT, signal, envelope(1)).await.is_err(), "no signal before the welcome");
    client.welcomed().await;
    world.notes.wait_for("ready 7").await;
    seats.deliver(SEAT, signal, envelope(1)).await.unwrap();
    let (seq, body) = loop {
        if let Event::Frame { stream: StreamId(stream::SIGNALS), seq, body, .. } = client.next().await {
            break (seq, body);
        }
    };
    assert_eq!(SignalEnvelope::decode(&body).unwrap(), envelope(1));
    assert!(!world.notes.has(&format!("delivered {signal}")));
    client.session.sender.ack(StreamId(stream::SIGNALS), seq);
    world.notes.wait_for(&format!("delivered {signal}")).await;
    client.leave().await;
    assert!(seats.is_empty());
    bridge.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_acknowledged_only_when_the_engine_has_it_durable() {
    let mut world = World::new();
    let notes = Arc::get_mut(&mut world.notes).unwrap();
    notes.reports = Semaphore::new(0);
    let bridge = world.open().await;
    let mut client = connect(&world, &bridge, &table(), &Resume::new(&world.env)).await;
    client.welcomed().await;
    let report = ReportEnvelope { bytes: vec![1; 77], signature: [0; 64] };
    let reports = StreamId(stream::REPORTS);
    let seq = client.session.sender.send(reports, KIND_DEFAULT, report.encode().into()).await.unwrap();
    // Ticks do not wait for it.
    let ticks = client.send_ticks(&batch(1..11)).await;
    loop {
        match client.next().await {
            Event::Acked { stream: TICKS, through } if through >= ticks => break,
            Event::Acked { stream, .. } => assert_ne!(stream, reports, "acknowledged too early"),
            _ => {}
        }
    }
    world.notes.reports.add_permits(1);
    client.acked(reports, seq).await;
    assert!(world.notes.has("report 77"));
    client.leave().await;
    bridge.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn in_lock_step_a_batch_is_settled_when_the_engine_says_so() {
    let mut world = World::new();
    world.raw.lock_step = true;
    let bridge = world.open().await;
    let mut client = connect(&world, &bridge, &table(), &Resume::new(&world.env)).await;
    client.welcomed().await;
    let seq = client.send_ticks(&batch(1..31)).await;
    client.acked(TICKS, seq).await;
    eventually("the engine has it", || world.notes.fed.lock().unwrap().len() == 1).await;
    world.notes.settle.add_permits(1);
    let settled = Control::Settled { symbol: source().symbol, epoch: Epoch(1), seq: 30 };
    assert_eq!(client.next_control().await, settled);
    client.leave().await;
    bridge.shutdown().await.unwrap();
}

async fn check_refused(code: &str, misbehave: impl AsyncFnOnce(&mut Client)) {
    let world = World::new();
    let bridge = world.open().await;
    let mut client = connect(&world, &bridge, &table(), &Resume::new(&world.env)).await;
    misbehave(&mut client).await;
    assert_eq!(client.refused().await, [code]);
    client.server.join().await.unwrap();
    bridge.shutdown().await.unwrap();
    assert!(world.stored().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_oversteps_is_told_why_and_sent_away() {
    check_refused("BRIDGE_NOT_ADMITTED", async |client: &mut Client| client.hello(AccountId(43)).await).await;
    let older = async |client: &mut Client| client.hello_of(SEAT.account, LINK_VERSION - 1).await;
    check_refused("BRIDGE_PROTOCOL", older).await;
    check_refused("BRIDGE_PROTOCOL", async |client: &mut Client| {
        let foreign = Source { account: AccountId(43), ..source() };
        client.send_ticks(&TickBatch { source: foreign, ..batch(1..3) }).await;
    })
    .await;
    check_refused("BRIDGE_PROTOCOL", async |client: &mut Client| {
        client.session.sender.send(TICKS, KIND_DEFAULT, Bytes::from_static(b"garbage")).await.unwrap();
    })
    .await;
    check_refused("BRIDGE_PROTOCOL", async |client: &mut Client| {
        let symbol: Symbol = source().symbol;
        client.control(Control::Settled { symbol, epoch: Epoch(1), seq: 1 }).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_engine_refuses_ends_the_session_with_its_code() {
    let mut world = World::new();
    Arc::get_mut(&mut world.notes).unwrap().refuse_hello = true;
    let bridge = world.open().await;
    let mut client = connect(&world, &bridge, &table(), &Resume::new(&world.env)).await;
    client.hello(SEAT.account).await;
    assert_eq!(client.refused().await, ["BRIDGE_NOT_ADMITTED"]);
    bridge.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_out_of_step_are_answered_with_the_cursor() {
    let world = World::new();
    let bridge = world.open().await;
    let mut client = connect(&world, &bridge, &table(), &Resume::new(&world.env)).await;
    client.welcomed().await;
    let seq = client.send_ticks(&batch(1..11)).await;
    client.acked(TICKS, seq).await;
    client.send_ticks(&batch(21..31)).await;
    let Control::TickCursors(cursors) = client.next_control().await else { panic!("no cursors") };
    assert_eq!((cursors[0].1.epoch, cursors[0].1.seq), (Epoch(1), 10));
    assert!(client.refused().await.is_empty());
    bridge.shutdown().await.unwrap();
    assert_eq!(world.stored().await, numbered(1..11));
}

/// The registry's answer is what counts: see it fail with `admit` returning `Ok` always.
#[tokio::test]
async fn a_device_that_the_registry_does_not_know_is_refused() {
    for (key, revoked, code) in [([8; 32], false, "DEVICE_NOT_ENROLLED"), (DEVICE_KEY, true, "DEVICE_REVOKED")] {
        let world = World::new();
        let bridge = world.open().await;
        world.enrol(key, revoked).await;
        let mut client = connect(&world, &bridge, &table(), &Resume::new(&world.env)).await;
        let Control::Refused { code: told, .. } = client.next_control().await else { panic!("let in") };
        assert_eq!(told, code);
    }
}
