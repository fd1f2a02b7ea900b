//! The shell over files that forget: nothing leaves unaudited, nothing is sent twice under two names, nothing is lost.

use super::{AuditParts, Parts, Recovered, TradingEngine};
use crate::testing::{
    CROSSING, SEAT, START, bar_batch, executed, keys, session, settings, signed, source, subscription,
};
use aitrading_audit::{AuditLog, CheckpointKey, EventKind, read_leaves};
use aitrading_env::{
    Env, Fs, RealNet, RealSpawn, Rng,
    sim::{ManualClock, MemFs, SeededRng},
};
use aitrading_model::{Epoch, Fence, Signal, SignalId, TraceId};
use aitrading_risk::TradingState;
use aitrading_store::{Stores, memory::stores};
use aitrading_wire::{
    SignalEnvelope, decode_signal,
    services::{
        AuditEvent, AuditEventKind, AuditSink, ChangeAsked, ChangeSink, ReportSink, Seat, ServiceError, SignalDelivery,
        TickFeed,
    },
};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::mpsc;

const JOURNAL: &str = "/data/engine";
const AUDIT: &str = "/data/audit";

/// A crash that keeps nothing that was not synced.
#[derive(Debug)]
struct Loser;

impl Rng for Loser {
    fn fill(&self, out: &mut [u8]) {
        out.fill(0);
    }
}

/// Takes signals, except for the first few.
struct Bridge(mpsc::Sender<SignalEnvelope>, Arc<AtomicUsize>);

#[async_trait::async_trait]
impl SignalDelivery for Bridge {
    async fn deliver(&self, _seat: Seat, _signal: SignalId, envelope: SignalEnvelope) -> Result<(), ServiceError> {
        let one_less = |left: usize| left.checked_sub(1);
        if self.1.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
            return Err(ServiceError::from_coded(&crate::EngineError::Closed));
        }
        self.0.send(envelope).await.unwrap();
        Ok(())
    }
}

/// A machine whose journal and audit log lie on two disks, so that either can fail alone.
struct Machine {
    clock: ManualClock,
    disk: MemFs,
    audit_disk: MemFs,
    stores: Stores,
    /// Deliveries that the bridge will not take.
    busy: Arc<AtomicUsize>,
    life: u64,
}

/// One life of the process.
struct Life {
    engine: TradingEngine,
    recovered: Recovered,
    sent: mpsc::Receiver<SignalEnvelope>,
}

impl Machine {
    async fn new() -> Self {
        let stores = stores(|| 1);
        stores.subscriptions.put(subscription()).await.unwrap();
        let (clock, busy) = (ManualClock::new(START.0), Arc::default());
        Self { clock, disk: MemFs::new(), audit_disk: MemFs::new(), stores, busy, life: 0 }
    }

    fn env(&self, fs: &MemFs) -> Env {
        let fs: Arc<dyn Fs> = Arc::new(fs.clone());
        let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(self.life));
        Env { clock: Arc::new(self.clock.clone()), rng, fs, net: Arc::new(RealNet), spawn: Arc::new(RealSpawn) }
    }

    async fn start(&mut self) -> Life {
        self.life += 1;
        let small = aitrading_audit::Settings {
            first_segment_bytes: 64 << 10,
            max_segment_bytes: 64 << 10,
            ballast_bytes: 16 << 10,
        };
        let audit_env = self.env(&self.audit_disk);
        let key = CheckpointKey::from_seed(&[6; 32]);
        let (log, _) = AuditLog::open(&audit_env, Path::new(AUDIT), key, "test.example/audit", small).unwrap();
        let parts = Parts {
            env: self.env(&self.disk),
            dir: JOURNAL.into(),
            config: settings().resolve().unwrap(),
            keys: keys(),
            audit: AuditParts { log, fs: Arc::clone(&audit_env.fs), dir: AUDIT.into() },
            signals: Arc::clone(&self.stores.signals),
            subscriptions: Arc::clone(&self.stores.subscriptions),
            ticks: Arc::clone(&self.stores.ticks),
        };
        let (engine, recovered) = TradingEngine::open(parts).await.unwrap();
        let (bridge, sent) = mpsc::channel(16);
        assert!(engine.set_delivery(Arc::new(Bridge(bridge, Arc::clone(&self.busy)))).is_ok());
        Life { engine, recovered, sent }
    }

    /// Power loss on both disks.
    fn crash(&self) {
        for disk in [&self.disk, &self.audit_disk] {
            disk.crash(&Loser);
            disk.set_fail_sync(false);
        }
    }

    fn leaves(&self, kind: EventKind) -> usize {
        let leaves = read_leaves(&self.audit_disk, Path::new(AUDIT), 0);
        leaves.filter(|leaf| leaf.as_ref().unwrap().entry.event == kind).count()
    }

    fn now(&self) -> aitrading_model::Timestamp {
        aitrading_model::Timestamp(aitrading_env::Clock::wall_ns(&self.clock))
    }
}

impl Life {
    async fn connect(&self, machine: &Machine, generation: u64, last_signal_seq: u64) -> Fence {
        let grant = self.engine.session_opened(session(generation, last_signal_seq, machine.now())).await.unwrap();
        self.engine.session_ready(SEAT, grant.fence).await.unwrap();
        grant.fence
    }

    /// Plays the market up to the crossing.
    async fn cross(&self, machine: &Machine) {
        for n in 0..4_u32 {
            self.engine.publish(bar_batch(n, CROSSING[n as usize], machine.now())).await.unwrap();
        }
    }

    async fn settled(&self) -> Result<(), ServiceError> {
        self.engine.settled(source(), Epoch(1), 4).await
    }
}

/// The engine must halt, and no signal may leave before or after.
async fn check_halts_unsent(life: &mut Life) {
    let outcome = tokio::select! {
        outcome = life.engine.settled(source(), Epoch(1), 4) => outcome,
        sent = life.sent.recv() => panic!("a signal left: {sent:?}"),
    };
    assert_eq!(outcome.unwrap_err().dna.code, "ENGINE_HALTED");
    assert!(life.sent.try_recv().is_err());
}

fn signal(envelope: &SignalEnvelope) -> Signal {
    decode_signal(&envelope.bytes).unwrap()
}

#[tokio::test]
async fn a_signal_is_journaled_and_audited_delivered_reported_and_projected() {
    let mut machine = Machine::new().await;
    let mut life = machine.start().await;
    let fence = life.connect(&machine, 1, 0).await;
    life.cross(&machine).await;
    let envelope = life.sent.recv().await.unwrap();
    let signal = signal(&envelope);
    assert_eq!(machine.leaves(EventKind::SignalDecided), 1, "the leaf is there before the signal is");
    life.engine.delivered(SEAT, signal.id, machine.now()).await.unwrap();
    let report = signed(&executed(&signal, 1, fence, "161.603", 77));
    life.engine.report(SEAT, report.clone(), machine.now()).await.unwrap();
    assert_eq!(machine.leaves(EventKind::ReportAccepted), 1);
    life.engine.report(SEAT, report, machine.now()).await.unwrap();
    assert_eq!(machine.leaves(EventKind::ReportAccepted), 1, "the same report again adds nothing");
    life.settled().await.unwrap();
    life.engine.projected().await.unwrap();
    let counts = machine.stores.signals.counts(SEAT.tenant).await.unwrap();
    assert_eq!((counts.issued, counts.delivered, counts.executed, counts.executions_per_signal_max), (1, 1, 1, 1));
    assert!(life.engine.health().iter().all(|part| part.status == aitrading_hub::Status::Up));
    life.engine.shutdown().await;
    assert!(life.engine.report(SEAT, signed(&executed(&signal, 2, fence, "161.603", 77)), START).await.is_err());
}

#[tokio::test]
async fn when_the_audit_log_fails_no_signal_leaves() {
    let mut machine = Machine::new().await;
    let mut life = machine.start().await;
    life.connect(&machine, 1, 0).await;
    machine.audit_disk.set_fail_sync(true);
    life.cross(&machine).await;
    check_halts_unsent(&mut life).await;
    let refused = life.engine.session_opened(session(1, 0, machine.now())).await.unwrap_err();
    assert_eq!(refused.dna.code, "ENGINE_HALTED");
    assert!(life.engine.set_state(None, TradingState::Active, "RESUME", TraceId::default()).await.is_err());
    assert!(life.engine.health().iter().any(|part| part.status == aitrading_hub::Status::Down));
}

#[tokio::test]
async fn when_the_journal_fails_no_signal_leaves() {
    let mut machine = Machine::new().await;
    let mut life = machine.start().await;
    life.connect(&machine, 1, 0).await;
    machine.disk.set_fail_sync(true);
    life.cross(&machine).await;
    check_halts_unsent(&mut life).await;
}

#[tokio::test]
async fn a_decision_whose_leaf_a_crash_took_is_voided_and_never_sent() {
    let mut machine = Machine::new().await;
    let mut life = machine.start().await;
    life.connect(&machine, 1, 0).await;
    machine.audit_disk.set_fail_sync(true);
    life.cross(&machine).await;
    check_halts_unsent(&mut life).await;
    machine.crash();
    let mut life = machine.start().await;
    assert_eq!((life.recovered.voided, life.recovered.open_signals), (1, 1));
    assert_eq!(machine.leaves(EventKind::SignalUnconfirmed), 1, "its end is audited");
    life.connect(&machine, 2, 0).await;
    life.cross(&machine).await;
    let next = signal(&life.sent.recv().await.unwrap());
    assert_eq!(next.seq, 2, "the voided number is not used again");
    life.engine.projected().await.unwrap();
    let counts = machine.stores.signals.counts(SEAT.tenant).await.unwrap();
    assert_eq!((counts.issued, counts.expired, counts.open), (2, 1, 1));
    // Voided once: a further start finds nothing to do.
    machine.crash();
    assert_eq!(machine.start().await.recovered.voided, 0);
}

#[tokio::test]
async fn after_a_crash_the_outbox_sends_the_same_bytes() {
    let mut machine = Machine::new().await;
    let mut life = machine.start().await;
    life.connect(&machine, 1, 0).await;
    life.cross(&machine).await;
    let first = life.sent.recv().await.unwrap();
    machine.crash();
    let mut life = machine.start().await;
    assert_eq!(life.recovered, Recovered { voided: 0, leaves_added: 0, open_signals: 1, ..life.recovered });
    let fence = life.connect(&machine, 2, 0).await;
    assert_eq!(fence, Fence(2));
    assert_eq!(life.sent.recv().await.unwrap(), first);
}

#[tokio::test]
async fn a_report_is_only_acknowledged_when_it_is_audited() {
    let mut machine = Machine::new().await;
    let mut life = machine.start().await;
    let fence = life.connect(&machine, 1, 0).await;
    life.cross(&machine).await;
    let signal = signal(&life.sent.recv().await.unwrap());
    machine.audit_disk.set_fail_sync(true);
    let report = signed(&executed(&signal, 1, fence, "161.603", 77));
    let refused = life.engine.report(SEAT, report.clone(), machine.now()).await.unwrap_err();
    assert_eq!(refused.dna.code, "ENGINE_HALTED");
    assert!(life.engine.report(SEAT, report.clone(), machine.now()).await.is_err(), "nor when it is repeated");
    machine.crash();
    let life = machine.start().await;
    assert_eq!(life.recovered.leaves_added, 1, "the journal has it, so the leaf is written now");
    assert_eq!(machine.leaves(EventKind::ReportAccepted), 1);
    life.connect(&machine, 2, 1).await;
    life.engine.report(SEAT, report, machine.now()).await.unwrap();
    assert_eq!(machine.leaves(EventKind::ReportAccepted), 1);
}

#[tokio::test]
async fn a_lapse_takes_effect_with_the_next_refresh() {
    let mut machine = Machine::new().await;
    let life = machine.start().await;
    life.connect(&machine, 1, 0).await;
    let lapsed =
        aitrading_store::Subscription { status: aitrading_store::SubscriptionStatus::Lapsed, ..subscription() };
    machine.stores.subscriptions.put(lapsed).await.unwrap();
    // The session's own opening reads it afresh.
    life.connect(&machine, 1, 0).await;
    life.cross(&machine).await;
    life.engine.shutdown().await;
    let counts = machine.stores.signals.counts(SEAT.tenant).await.unwrap();
    assert_eq!(counts.denied.get("ENTITLEMENT_LAPSED"), Some(&1));
    assert_eq!((counts.issued, machine.leaves(EventKind::SignalDenied)), (0, 1));
}

#[tokio::test]
async fn a_signal_that_the_bridge_did_not_take_is_tried_again_by_the_timer() {
    let mut machine = Machine::new().await;
    machine.busy.store(2, Ordering::SeqCst);
    let mut life = machine.start().await;
    life.connect(&machine, 1, 0).await;
    life.cross(&machine).await;
    let mut sent = None;
    for _ in 0..100 {
        // What was not taken has come back by the time that something else is durable; then the timer's turn comes.
        life.engine.set_state(None, TradingState::Active, "PACE", TraceId([1; 16])).await.unwrap();
        sent = life.sent.try_recv().ok();
        if sent.is_some() {
            break;
        }
        machine.clock.advance(Duration::from_millis(250));
    }
    let sent = sent.expect("it was tried again");
    assert_eq!((signal(&sent).seq, machine.busy.load(Ordering::SeqCst)), (1, 0));
}

#[tokio::test]
async fn a_halted_account_shows_in_health() {
    let mut machine = Machine::new().await;
    let life = machine.start().await;
    let account = Some((SEAT.tenant, SEAT.account));
    let state = |state| life.engine.set_state(account, state, "OPERATOR", TraceId([1; 16]));
    let trading = || life.engine.health().into_iter().find(|part| part.name == "trading").unwrap();
    assert_eq!(trading().status, aitrading_hub::Status::Up);
    state(TradingState::Halted).await.unwrap();
    state(TradingState::Halted).await.unwrap();
    assert_eq!((life.engine.halted_accounts(), trading().status), (1, aitrading_hub::Status::Degraded));
    assert!(trading().detail.contains("1 accounts halted"), "{:?}", trading());
    state(TradingState::Active).await.unwrap();
    assert_eq!((life.engine.halted_accounts(), trading().status), (0, aitrading_hub::Status::Up));
}

#[tokio::test]
async fn other_services_append_through_the_sink() {
    let mut machine = Machine::new().await;
    let life = machine.start().await;
    let event = AuditEvent {
        kind: AuditEventKind::PeerRefused,
        seat: Some(SEAT),
        trace: TraceId([1; 16]),
        code: Some("PIN_MISMATCH"),
    };
    let index = AuditSink::append(&life.engine, event).await.unwrap();
    let leaf = read_leaves(&machine.audit_disk, Path::new(AUDIT), index).next().unwrap().unwrap();
    assert_eq!(leaf.entry.event, EventKind::SessionClosed);
    assert_eq!(leaf.entry.trace_id, [1; 16]);
}

#[tokio::test]
async fn who_asks_for_a_change_is_taken_down_under_a_pseudonym() {
    let mut machine = Machine::new().await;
    let life = machine.start().await;
    let asked = |actor| ChangeAsked {
        tenant: SEAT.tenant,
        actor,
        what: "users.status",
        request: [9; 32],
        trace: TraceId([1; 16]),
    };
    let mut actors = Vec::new();
    for actor in [[7; 16], [7; 16], [8; 16]] {
        let index = ChangeSink::asked(&life.engine, asked(actor)).await.unwrap();
        let leaf = read_leaves(&machine.audit_disk, Path::new(AUDIT), index).next().unwrap().unwrap();
        assert_eq!(leaf.entry.event, EventKind::ChangeAsked);
        assert!(format!("{:?}", leaf.entry.public).contains("users.status"), "{:?}", leaf.entry.public);
        assert_ne!(leaf.entry.actor_ref, actor, "a pseudonym");
        actors.push(leaf.entry.actor_ref);
    }
    assert!(actors[0] == actors[1] && actors[1] != actors[2]);
}
