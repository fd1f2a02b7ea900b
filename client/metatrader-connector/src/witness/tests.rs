//! Which checkpoints count, what is remembered of them, and when the client speaks up.

use super::*;
use crate::status::{AuditAlarms, SubscriptionWord};
use aitrading_env::sim::{ManualClock, MemFs};
use aitrading_error::Coded;
use aitrading_security::signing::SigningKey;
use aitrading_wire::link::SubscriptionState;

const DIR: &str = "/data";
const LOG: &str = "a/audit/critical";

struct World {
    env: Env,
    fs: MemFs,
    clock: ManualClock,
    board: Arc<Board>,
    log: SigningKey,
}

/// One run of the program.
struct Run {
    witness: Witness,
    memory: aitrading_env::Task,
}

impl Run {
    fn show(&mut self, checkpoint: Option<String>) {
        self.witness.heartbeat(&Heartbeat { checkpoint, ..Heartbeat::default() }.encode());
    }

    /// Ends in order, with everything on disk.
    async fn end(self) {
        drop(self.witness);
        self.memory.join().await.unwrap();
    }
}

impl World {
    fn new() -> Self {
        let (fs, clock) = (MemFs::new(), ManualClock::new(1_000_000_000));
        let env = Env { fs: Arc::new(fs.clone()), clock: Arc::new(clock.clone()), ..Env::real() };
        env.fs.create_dir_all(Path::new(DIR)).unwrap();
        Self { env, fs, clock, board: Arc::default(), log: SigningKey::from_seed(&[1; 32]) }
    }

    fn try_start(&mut self) -> Result<Run, WitnessError> {
        self.board = Arc::default();
        let key = self.log.verifying_key().to_bytes();
        let (witness, memory) = Witness::open(&self.env, Path::new(DIR), Some(key), Arc::clone(&self.board))?;
        Ok(Run { witness, memory: self.env.spawn.task("checkpoints", Box::pin(memory.run())) })
    }

    fn start(&mut self) -> Run {
        self.try_start().unwrap()
    }

    fn status(&self) -> AuditStatus {
        self.board.status(true, Default::default(), self.env.clock.wall_ns()).audit
    }

    fn checkpoint(&self, size: u64, root: u8) -> Option<String> {
        Some(signed(&self.log, LOG, size, root))
    }

    fn read(&self, name: &str) -> Option<String> {
        let bytes = self.env.fs.read(&Path::new(DIR).join(name), 1 << 16).ok()?;
        Some(String::from_utf8(bytes).unwrap())
    }
}

/// A note as a log with this key publishes it.
fn signed(key: &SigningKey, origin: &str, size: u64, root: u8) -> String {
    let blank = CheckpointNote { origin: origin.into(), size, root: [root; 32], key_id: [0; 4], signature: [0; 64] };
    let [a, b, c, d, ..] = sha256(&blank.key_id_input(&key.verifying_key().to_bytes()));
    let signature = key.sign_raw(blank.signed_text().as_bytes());
    CheckpointNote { key_id: [a, b, c, d], signature, ..blank }.note()
}

const fn alarms(rollback: u64, fork: u64, signature: u64) -> AuditAlarms {
    AuditAlarms { rollback, fork, signature }
}

#[tokio::test]
async fn the_largest_verified_checkpoint_is_kept_over_a_restart() {
    let mut world = World::new();
    let mut run = world.start();
    assert_eq!(world.status(), AuditStatus::default());
    for size in [0, 1, 7, 7, 900] {
        run.show(world.checkpoint(size, u8::try_from(size % 251).unwrap()));
        assert_eq!((world.status().state, world.status().size), (AuditState::Current, Some(size)));
    }
    run.end().await;
    // A power cut: only what was synced is left.
    world.fs.crash(world.env.rng.as_ref());
    world.clock.advance(Duration::from_secs(20));
    let mut run = world.start();
    let known = world.status();
    assert_eq!((known.state, known.size, known.age_s), (AuditState::Unseen, Some(900), Some(20)));
    assert_eq!(known.root.as_deref(), Some("939393939393"));
    run.show(world.checkpoint(899, 1));
    assert_eq!((world.status().state, world.status().alarms), (AuditState::Refused, alarms(1, 0, 0)));
    assert_eq!(world.status().size, Some(900), "the larger one stays");
    run.end().await;
}

/// T43, T44: without the comparison a log that was cut or rewritten looks as good as any.
#[tokio::test]
async fn t43_a_log_that_takes_back_what_it_signed_raises_a_named_alarm_and_leaves_evidence() {
    async fn check(size: u64, root: u8, origin: &str, expected: AuditAlarms, code: &'static str) {
        let mut world = World::new();
        let mut run = world.start();
        run.show(world.checkpoint(100, 1));
        let other = signed(&world.log, origin, size, root);
        run.show(Some(other.clone()));
        run.show(Some(other.clone()));
        let twice =
            AuditAlarms { rollback: expected.rollback * 2, fork: expected.fork * 2, signature: expected.signature * 2 };
        let status = world.status();
        assert_eq!((status.state, status.alarms, status.last_alarm), (AuditState::Refused, twice, Some(code)));
        assert_eq!(world.board.status(true, Default::default(), 0).last_error.unwrap().code, code);
        assert_eq!((status.size, status.evidence), (Some(100), true));
        // The log goes on as if nothing had been.
        run.show(world.checkpoint(200, 9));
        assert_eq!((world.status().state, world.status().last_alarm), (AuditState::Current, Some(code)));
        run.end().await;
        let evidence = world.read("checkpoint-conflict").unwrap();
        assert_eq!(evidence, format!("{}\n{other}", world.checkpoint(100, 1).unwrap()), "both, as they were signed");
        let run = world.start();
        assert!(world.status().evidence, "it is not forgotten with the run");
        run.end().await;
    }
    check(99, 1, LOG, alarms(1, 0, 0), "CHECKPOINT_ROLLBACK").await;
    check(0, 2, LOG, alarms(1, 0, 0), "CHECKPOINT_ROLLBACK").await;
    check(100, 2, LOG, alarms(0, 1, 0), "CHECKPOINT_FORK").await;
    check(500, 2, "b/audit/critical", alarms(0, 1, 0), "CHECKPOINT_FORK").await;
}

/// T80: somebody who cannot sign must neither move the witness nor make it see a fork.
#[tokio::test]
async fn t80_only_the_logs_own_signature_counts() {
    let mut world = World::new();
    let mut run = world.start();
    run.show(world.checkpoint(100, 1));
    let good = world.checkpoint(200, 2).unwrap();
    let other = SigningKey::from_seed(&[2; 32]);
    let mut forged = CheckpointNote::parse(&good).unwrap();
    forged.size = 1_000_000;
    let mut renamed = CheckpointNote::parse(&signed(&other, LOG, 300, 3)).unwrap();
    renamed.key_id = CheckpointNote::parse(&good).unwrap().key_id;
    let mut cases = vec![signed(&other, LOG, 300, 3), forged.note(), renamed.note(), "garbage".into(), "\n".into()];
    cases.extend((0..good.len()).filter(|at| good.is_char_boundary(*at)).skip(1).map(|at| good[..at].to_owned()));
    for bit in 0..8 {
        for at in 0..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            cases.extend(String::from_utf8(bytes));
        }
    }
    let count = cases.len() as u64;
    for case in cases {
        run.show(Some(case.clone()));
        let status = world.status();
        assert_eq!((status.state, status.size), (AuditState::Refused, Some(100)), "{case:?}");
        assert!(!status.evidence, "a forgery is no evidence against the log");
    }
    assert_eq!(world.status().alarms, alarms(0, 0, count));
    run.show(Some(good));
    assert_eq!((world.status().state, world.status().size), (AuditState::Current, Some(200)));
    run.end().await;
}

#[tokio::test]
async fn a_missing_or_unmoving_checkpoint_is_said_to_be_so() {
    let mut world = World::new();
    let mut run = world.start();
    run.show(None);
    assert_eq!(world.status(), AuditStatus { state: AuditState::Missing, ..AuditStatus::default() });
    run.show(world.checkpoint(5, 1));
    for (seconds, state) in [(59, AuditState::Current), (1, AuditState::Unchanged), (600, AuditState::Unchanged)] {
        world.clock.advance(Duration::from_secs(seconds));
        run.show(world.checkpoint(5, 1));
        assert_eq!(world.status().state, state);
    }
    assert_eq!(world.status().age_s, Some(660));
    run.show(world.checkpoint(6, 1));
    assert_eq!((world.status().state, world.status().age_s), (AuditState::Current, Some(0)));
    run.show(None);
    assert_eq!((world.status().state, world.status().size), (AuditState::Missing, Some(6)));
    world.clock.jump_wall(-3_600_000_000_000);
    assert_eq!(world.status().age_s, Some(0), "a clock that was set back makes no age");
    run.end().await;
}

#[tokio::test]
async fn what_is_not_said_in_this_session_is_unknown() {
    let mut world = World::new();
    let mut run = world.start();
    let word = |world: &World| world.board.status(true, Default::default(), 0).subscription.state;
    let active = SubscriptionState::Active { until: aitrading_model::Timestamp(0) };
    let told = Heartbeat { subscription: active, checkpoint: world.checkpoint(5, 1) }.encode();
    run.witness.heartbeat(&told);
    assert_eq!((word(&world), world.status().state), (SubscriptionWord::Active, AuditState::Current));
    let until = world.board.status(true, Default::default(), 0).subscription.until;
    assert_eq!(until.as_deref(), Some("1970-01-01T00:00:00.000000Z"));
    for silent in [&b""[..], &told[..told.len() - 1], &[9; 40]] {
        run.witness.heartbeat(&told);
        run.witness.heartbeat(silent);
        assert_eq!((word(&world), world.status().state), (SubscriptionWord::Unknown, AuditState::Missing));
    }
    run.witness.heartbeat(&told);
    run.witness.forget_session();
    assert_eq!((word(&world), world.status().state), (SubscriptionWord::Unknown, AuditState::Unseen));
    assert_eq!(world.status().size, Some(5), "what was verified stays so");
    run.end().await;
}

#[tokio::test]
async fn without_a_key_nothing_is_claimed() {
    let world = World::new();
    let (mut witness, _memory) = Witness::open(&world.env, Path::new(DIR), None, Arc::clone(&world.board)).unwrap();
    witness.heartbeat(&Heartbeat { checkpoint: world.checkpoint(5, 1), ..Heartbeat::default() }.encode());
    assert_eq!(world.status(), AuditStatus { state: AuditState::NoKey, ..AuditStatus::default() });
    let weak = Witness::open(&world.env, Path::new(DIR), Some([0; 32]), Arc::clone(&world.board));
    assert_eq!(weak.unwrap_err().dna().code, "CLIENT_SETTING");
}

/// Taken for absent, a damaged memory would let the log go back to any size.
#[tokio::test]
async fn a_memory_that_is_damaged_or_of_another_log_stops_the_start() {
    let mut world = World::new();
    let mut run = world.start();
    run.show(world.checkpoint(5, 1));
    run.end().await;
    let good = world.read("checkpoint").unwrap();
    let path = Path::new(DIR).join("checkpoint");
    for bad in [String::new(), good.replace('5', "4"), good.replace(" 1\n", " 2\n"), format!("{good}x")] {
        world.env.fs.write_atomic(&path, bad.as_bytes()).unwrap();
        assert_eq!(world.try_start().map(|_| ()).unwrap_err().dna().code, "CHECKPOINT_MALFORMED", "{bad:?}");
    }
    world.env.fs.write_atomic(&path, good.as_bytes()).unwrap();
    let run = world.start();
    run.end().await;
    world.log = SigningKey::from_seed(&[3; 32]);
    assert_eq!(world.try_start().map(|_| ()).unwrap_err().dna().code, "CHECKPOINT_MALFORMED");
}
