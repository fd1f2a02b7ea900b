//! Lives of small processes, told as event lists.

use crate::*;
use aitrading_env::{Env, sim::ManualClock};
use aitrading_error::{Coded, Fault};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// What happened, in order.
#[derive(Clone, Default)]
struct Story(Arc<Mutex<Vec<String>>>);

impl Story {
    fn tell(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn told(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn position(&self, what: &str) -> usize {
        self.told().iter().position(|t| t == what).unwrap_or_else(|| panic!("{what} not in {:?}", self.told()))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("disk on fire")]
struct OnFire;

impl Coded for OnFire {
    fn dna(&self) -> aitrading_error::Dna {
        aitrading_error::Dna::new("sample", "ON_FIRE", aitrading_error::Category::Storage)
    }
}

/// A component that does all as it should.
fn orderly(story: &Story, name: &'static str, needs: &[&str]) -> Component {
    let story = story.clone();
    let run = move |ready: ReadyHandle, shutdown: Shutdown| async move {
        story.tell(format!("{name} starts"));
        tokio::task::yield_now().await;
        story.tell(format!("{name} ready"));
        ready.up();
        shutdown.begun().await;
        story.tell(format!("{name} drains"));
        tokio::task::yield_now().await;
        story.tell(format!("{name} complete"));
        Ok(())
    };
    Component::new(name, run).needs(needs)
}

/// A component that fails when `now` is triggered (or at once).
fn failing(name: &'static str, after_ready: bool) -> Component {
    Component::new(name, move |ready, _shutdown| async move {
        if after_ready {
            ready.up();
        }
        Err(Fault::new(OnFire))
    })
}

fn manual_env() -> (Env, ManualClock) {
    let clock = ManualClock::new(0);
    (Env { clock: Arc::new(clock.clone()), ..Env::real() }, clock)
}

/// Moves the clock until `end` is there.
async fn advancing<T>(clock: &ManualClock, end: impl Future<Output = T>) -> T {
    let mut end = std::pin::pin!(end);
    for _ in 0..100_000 {
        tokio::select! {
            biased;
            out = &mut end => return out,
            () = tokio::task::yield_now() => clock.advance(Duration::from_millis(10)),
        }
    }
    panic!("time alone does not end this");
}

fn start(components: Vec<Component>) -> Result<Running, HubError> {
    Hub::start(&Env::real(), HubConfig::default(), components)
}

fn component(health: &Health, name: &str) -> ComponentHealth {
    health.report(Some(name)).unwrap().1.components.remove(0)
}

#[tokio::test]
async fn starts_needs_first_and_drains_them_last() {
    let story = Story::default();
    let declared = vec![
        orderly(&story, "engine", &["store", "audit"]),
        orderly(&story, "store", &[]),
        orderly(&story, "audit", &[]),
        orderly(&story, "gateway", &["engine"]),
    ];
    let running = start(declared).unwrap();
    let report = running.ready().await.unwrap();
    assert_eq!(report.components.len(), 4);
    assert!(running.health().snapshot().ready);
    running.control().stop("the test is over");
    let end = running.wait().await.unwrap();
    assert_eq!((end.reason.as_str(), end.forced.len()), ("the test is over", 0));
    for (first, then) in [
        ("store ready", "engine starts"),
        ("audit ready", "engine starts"),
        ("engine ready", "gateway starts"),
        // Independent ones start side by side.
        ("audit starts", "store ready"),
        ("gateway complete", "engine drains"),
        ("engine complete", "store drains"),
        ("engine complete", "audit drains"),
    ] {
        assert!(story.position(first) < story.position(then), "{first} before {then}: {:?}", story.told());
    }
}

#[tokio::test]
async fn every_problem_of_the_graph_is_named() {
    let story = Story::default();
    let declared = vec![
        orderly(&story, "a", &["b"]),
        orderly(&story, "b", &["c"]),
        orderly(&story, "c", &["a"]),
        orderly(&story, "waits", &["a"]),
        orderly(&story, "self", &["self"]),
        orderly(&story, "lonely", &["nobody"]),
        orderly(&story, "twice", &[]),
        orderly(&story, "twice", &[]),
    ];
    let Err(HubError::Graph(problems)) = start(declared) else { panic!("must be refused") };
    let expected = [
        GraphProblem::Duplicate("twice".into()),
        GraphProblem::Missing { component: "lonely".into(), needs: "nobody".into() },
        GraphProblem::Cycle("`a`, `b`, `c`, `self`".into()),
    ];
    assert_eq!(problems, expected);
    assert!(story.told().is_empty(), "nothing was started");
}

/// A process in which `bad` fails must end with `code`, and what needs it must say why it failed.
async fn check_failure(bad: Component, code: &str) {
    let story = Story::default();
    let declared = vec![bad, orderly(&story, "dependant", &["bad"]), orderly(&story, "bystander", &[])];
    let running = start(declared).unwrap();
    let health = running.health();
    let error = running.wait().await.unwrap_err();
    assert_eq!(error.dna().code, code);
    assert_eq!(component(&health, "bad").state, State::Failed);
    let dependant = component(&health, "dependant");
    assert_eq!((dependant.state, dependant.reason.as_deref()), (State::Failed, Some("it needs `bad`, which failed")));
    assert_eq!(component(&health, "bystander").state, State::Stopped, "drained in order");
    assert!(!health.snapshot().ready);
}

#[tokio::test]
async fn a_dropped_ready_handle_is_a_failure_even_if_the_component_goes_on() {
    let bad = Component::new("bad", |ready, shutdown| async move {
        drop(ready);
        shutdown.begun().await;
        Ok(())
    });
    check_failure(bad, "READY_DROPPED").await;
}

#[tokio::test]
async fn an_error_before_ready_is_reported_as_itself() {
    check_failure(failing("bad", false), "ON_FIRE").await;
}

#[tokio::test]
async fn an_error_after_ready_is_reported_as_itself() {
    check_failure(failing("bad", true), "ON_FIRE").await;
}

#[tokio::test]
async fn ending_unasked_is_a_failure() {
    let bad = Component::new("bad", |ready, _| async move {
        ready.up();
        Ok(())
    });
    check_failure(bad, "ENDED_EARLY").await;
}

#[tokio::test]
async fn a_panic_is_a_failure() {
    let bad = Component::new("bad", |_ready, _| async move { panic!("on purpose") });
    check_failure(bad, "PANICKED").await;
}

#[tokio::test]
async fn the_chain_of_a_failure_names_component_and_cause_once() {
    let running = start(vec![failing("bad", false)]).unwrap();
    let error = running.ready().await.unwrap_err();
    let text = aitrading_error::chain(&error).to_string();
    assert_eq!(text, "component `bad` failed and the process was stopped: disk on fire");
    assert_eq!(error.public_message(), "component `bad`: disk on fire");
}

#[tokio::test]
async fn work_that_is_done_once_ready_may_end_early() {
    let story = Story::default();
    let migration = Component::new("migration", |ready, _| async move {
        ready.up();
        Ok(())
    });
    let running = start(vec![orderly(&story, "store", &["migration"]), migration.once()]).unwrap();
    running.ready().await.unwrap();
    assert_eq!(component(&running.health(), "migration").state, State::Ready);
    running.control().stop("over");
    running.wait().await.unwrap();
}

#[tokio::test]
async fn a_start_that_takes_too_long_is_stopped_and_named() {
    let (env, clock) = manual_env();
    let slow = Component::new("slow", |ready, shutdown| async move {
        shutdown.begun().await;
        drop(ready);
        Ok(())
    });
    let running = Hub::start(&env, HubConfig::default(), vec![slow]).unwrap();
    let error = advancing(&clock, running.ready()).await.unwrap_err();
    assert!(
        matches!(&error, HubError::StartTimeout { components, limit_ms: 30_000 } if components == "slow"),
        "{error}"
    );
}

#[tokio::test]
async fn the_deadline_forces_and_then_aborts() {
    let (env, clock) = manual_env();
    let story = Story::default();
    let told = story.clone();
    let lingers = Component::new("lingers", |ready, shutdown| async move {
        ready.up();
        shutdown.forced().await;
        told.tell("forced");
        Ok(())
    });
    let deaf = Component::new("deaf", |ready, _| async move {
        ready.up();
        std::future::pending().await
    });
    let running = Hub::start(&env, HubConfig::default(), vec![lingers, deaf]).unwrap();
    running.ready().await.unwrap();
    running.control().stop("over");
    let error = advancing(&clock, running.wait()).await.unwrap_err();
    assert!(matches!(&error, HubError::NotComplete { components } if components == "deaf"), "{error}");
    assert_eq!(story.told(), ["forced"]);
}

#[tokio::test]
async fn anyone_may_fail_the_process_and_the_first_wish_wins() {
    let story = Story::default();
    let running = start(vec![orderly(&story, "a", &[])]).unwrap();
    running.ready().await.unwrap();
    let control = running.control();
    control.fail("audit", Fault::new(OnFire));
    control.stop("too late");
    assert_eq!(running.wait().await.unwrap_err().dna().code, "ON_FIRE");
}

#[tokio::test]
async fn a_process_that_nobody_holds_stops() {
    let story = Story::default();
    let running = start(vec![orderly(&story, "a", &[])]).unwrap();
    running.ready().await.unwrap();
    let health = running.health();
    drop(running);
    for _ in 0..100_000 {
        if health.snapshot().phase == Phase::Stopped {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(story.told().last().unwrap(), "a complete");
}

#[tokio::test]
async fn health_is_the_worst_of_its_parts() {
    let worst = Arc::new(Mutex::new(Status::Degraded));
    let asked = Arc::clone(&worst);
    let journal = Component::new("journal", |ready, shutdown| async move {
        ready.up_with(move || vec![Part::new("disk", *asked.lock().unwrap(), "12% free")]);
        shutdown.begun().await;
        Ok(())
    });
    let running = start(vec![journal]).unwrap();
    let health = running.health();
    assert!(!health.snapshot().ready, "not ready before it says so");
    running.ready().await.unwrap();
    let json = serde_json::to_value(health.snapshot()).unwrap();
    assert_eq!((json["ready"].as_bool(), json["status"].as_str()), (Some(true), Some("degraded")));
    assert_eq!(json["components"][0]["parts"][0]["detail"], "12% free");
    *worst.lock().unwrap() = Status::Down;
    assert!(!health.report(Some("journal")).unwrap().0);
    assert!(health.report(Some("unknown")).is_none());
}

#[tokio::test]
async fn health_and_control_can_be_had_before_the_start() {
    let hub = Hub::new();
    let (health, control) = (hub.health(), hub.control());
    assert!(!health.report(None).unwrap().0, "nothing is started, so nothing is ready");
    assert!(health.report(Some("once")).is_none());
    let once = Component::new("once", |ready, shutdown| async move {
        ready.up();
        control.stop("the work is done");
        shutdown.begun().await;
        Ok(())
    });
    let running = hub.launch(&Env::real(), HubConfig::default(), vec![once]).unwrap();
    assert_eq!(running.wait().await.unwrap().reason, "the work is done");
    assert!(!health.report(None).unwrap().0);
}

#[test]
fn a_handover_is_filled_once_and_missed_loudly() {
    let slot = Handover::new("the tick store");
    assert_eq!(slot.get().unwrap_err().dna().code, "NOT_HANDED_OVER");
    slot.clone().give(7).unwrap();
    assert_eq!(slot.get().unwrap(), 7);
    assert_eq!(slot.give(8).unwrap_err().dna().code, "HANDED_OVER_TWICE");
}

#[tokio::test]
async fn a_manual_shutdown_only_rises() {
    let (trigger, shutdown) = Shutdown::manual();
    assert!(!shutdown.is_begun());
    trigger.force();
    trigger.begin();
    shutdown.forced().await;
    let (trigger, shutdown) = Shutdown::manual();
    drop(trigger);
    assert!(shutdown.is_begun());
    shutdown.forced().await;
}
