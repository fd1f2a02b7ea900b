//! Deadline, repetition, breaker and record, on a clock that is set by hand.

use super::{Guard, Repeat};
use crate::{BreakerPolicy, Limits, LinkError, LinkState, Role};
use aitrading_env::{
    Env,
    sim::{ManualClock, SeededRng},
};
use aitrading_store::StoreError;
use std::{
    future::{Future, pending},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

const LIMITS: Limits = Limits {
    deadline: Duration::from_secs(5),
    connect: Duration::from_secs(3),
    retries: 2,
    breaker: BreakerPolicy { failures: 3, pause: Duration::from_secs(1), pause_max: Duration::from_secs(30) },
};

struct World {
    clock: ManualClock,
    guard: Guard,
    attempts: AtomicU32,
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::new(0);
        let env = Env { clock: Arc::new(clock.clone()), rng: Arc::new(SeededRng::new(1)), ..Env::real() };
        Self { clock, guard: Guard::new(&env, Role::Cache, "redis", LIMITS), attempts: AtomicU32::new(0) }
    }

    /// Calls with answers in order; the last one is given again and again.
    async fn call(&self, repeat: Repeat, answers: &[Answer]) -> Result<u32, StoreError> {
        let attempt = || {
            let number = self.attempts.fetch_add(1, Ordering::SeqCst);
            let answer = answers.get(number as usize).or(answers.last()).copied().unwrap();
            async move { answer.give(number).await }
        };
        self.driven(self.guard.call("asking", repeat, attempt)).await
    }

    async fn fail(&self) {
        self.attempts.store(0, Ordering::SeqCst);
        assert!(self.call(Repeat::Once, &[Answer::Outage]).await.is_err());
    }

    /// Lets time pass for as long as the future waits.
    async fn driven<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            tokio::select! {
                biased;
                out = &mut future => return out,
                () = tokio::task::yield_now() => self.clock.advance(Duration::from_millis(1)),
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Answer {
    Good,
    Outage,
    Refusal,
    Silence,
}

impl Answer {
    async fn give(self, number: u32) -> Result<u32, StoreError> {
        match self {
            Self::Good => Ok(number),
            Self::Outage => Err(StoreError::Unavailable { doing: "asking", source: "no server there".into() }),
            Self::Refusal => Err(StoreError::Conflict { what: "it is there already" }),
            Self::Silence => pending().await,
        }
    }
}

fn reason(error: &StoreError) -> Option<&LinkError> {
    let StoreError::Unavailable { source, .. } = error else { return None };
    source.downcast_ref()
}

#[tokio::test]
async fn only_an_idempotent_call_is_repeated_and_only_after_an_outage() {
    use Answer::{Good, Outage, Refusal, Silence};
    use Repeat::{Idempotent, Once};
    for (repeat, answers, attempts, good) in [
        (Idempotent, vec![Good], 1, true),
        (Idempotent, vec![Outage, Good], 2, true),
        (Idempotent, vec![Outage, Outage, Good], 3, true),
        (Idempotent, vec![Outage], 3, false),
        (Idempotent, vec![Refusal, Good], 1, false),
        (Idempotent, vec![Silence, Good], 1, false),
        (Once, vec![Outage, Good], 1, false),
        (Once, vec![Good], 1, true),
    ] {
        let world = World::new();
        let result = world.call(repeat, &answers).await;
        assert_eq!(result.is_ok(), good, "{repeat:?} {answers:?}");
        assert_eq!(world.attempts.load(Ordering::SeqCst), attempts, "{repeat:?} {answers:?}");
    }
}

#[tokio::test]
async fn no_call_is_waited_for_beyond_its_deadline() {
    let world = World::new();
    let error = world.call(Repeat::Idempotent, &[Answer::Silence]).await.unwrap_err();
    assert!(matches!(reason(&error), Some(LinkError::Deadline { limit, .. }) if *limit == LIMITS.deadline), "{error}");
    let short = Duration::from_millis(50);
    let silent = || pending::<Result<(), StoreError>>();
    let begun = world.guard.now();
    let error = world.driven(world.guard.call_within(short, "asking", Repeat::Once, silent)).await.unwrap_err();
    assert!(matches!(reason(&error), Some(LinkError::Deadline { limit, .. }) if *limit == short), "{error}");
    assert!(world.guard.now() - begun <= 52_000_000);
}

#[tokio::test]
async fn repetitions_share_one_deadline() {
    let world = World::new();
    // Each attempt takes most of the time and then fails.
    let slow = || async {
        world.attempts.fetch_add(1, Ordering::SeqCst);
        world.guard.env.clock.sleep(Duration::from_millis(3_000)).await;
        Answer::Outage.give(0).await
    };
    let begun = world.guard.now();
    let result = world.driven(world.guard.call("asking", Repeat::Idempotent, slow)).await;
    assert!(result.is_err());
    assert_eq!(world.attempts.load(Ordering::SeqCst), 2);
    assert!(world.guard.now() - begun <= 5_002_000_000);
}

#[tokio::test]
async fn a_server_that_keeps_failing_is_left_alone_then_tried_by_one_call() {
    let world = World::new();
    for _ in 0..LIMITS.breaker.failures {
        assert_ne!(world.guard.health().state, LinkState::Down);
        world.fail().await;
    }
    assert_eq!(world.guard.health().state, LinkState::Down);
    world.attempts.store(0, Ordering::SeqCst);
    let error = world.call(Repeat::Idempotent, &[Answer::Good]).await.unwrap_err();
    assert!(matches!(reason(&error), Some(LinkError::Paused { again, .. }) if *again <= LIMITS.breaker.pause));
    assert_eq!(world.attempts.load(Ordering::SeqCst), 0, "the server was asked while it was to be left alone");

    world.clock.advance(LIMITS.breaker.pause);
    assert_eq!(world.call(Repeat::Once, &[Answer::Good]).await.unwrap(), 0);
    assert_eq!(world.guard.health().state, LinkState::Up);
}

#[tokio::test]
async fn refusals_are_answers_and_open_nothing() {
    let world = World::new();
    for _ in 0..10 {
        assert!(world.call(Repeat::Once, &[Answer::Refusal]).await.is_err());
    }
    assert_eq!(world.guard.health().state, LinkState::Up);
}

#[tokio::test]
async fn a_caller_that_goes_away_during_the_probe_blocks_nobody() {
    let world = World::new();
    for _ in 0..LIMITS.breaker.failures {
        world.fail().await;
    }
    world.clock.advance(LIMITS.breaker.pause);
    {
        let mut probe = pin!(world.guard.call("asking", Repeat::Once, || Answer::Silence.give(0)));
        tokio::select! {
            biased;
            _ = &mut probe => unreachable!("a silent server answers nothing"),
            () = tokio::task::yield_now() => {}
        }
        assert_eq!(world.guard.health().state, LinkState::Probing);
    }
    world.attempts.store(0, Ordering::SeqCst);
    assert!(world.call(Repeat::Once, &[Answer::Good]).await.is_ok());
}

#[tokio::test]
async fn health_knows_latency_and_the_last_trouble_without_what_the_driver_said() {
    let world = World::new();
    assert_eq!(world.guard.health().state, LinkState::Unknown);
    let slow = || async {
        world.guard.env.clock.sleep(Duration::from_millis(4)).await;
        Answer::Good.give(0).await
    };
    world.driven(world.guard.call("asking", Repeat::Once, slow)).await.unwrap();
    let sample = world.guard.health();
    assert!(sample.latency_us.is_some_and(|us| (4_000..=5_000).contains(&us)), "{sample:?}");
    assert_eq!((sample.state, sample.note), (LinkState::Up, None));

    world.fail().await;
    let sample = world.guard.health();
    assert_eq!(sample.state, LinkState::Probing);
    let note = sample.note.unwrap();
    assert!(note.contains("asking") && !note.contains("no server there"), "{note}");
}
