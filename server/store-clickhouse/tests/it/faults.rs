//! The line fails at every single request of a commit, in every way, whatever the caller does next: all once, none twice.

use crate::{
    line::{Fault, Line},
    world::{History, World},
};
use aitrading_model::TenantId;
use aitrading_store::{
    ImportCommit, ImportKey, StoreError, TickCommit, TickStore,
    conformance::sample::{source, ticks},
};
use aitrading_store_clickhouse::ClickHouseTicks;
use aitrading_testkit::servers::Door;

/// What a caller does after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Asks how far the store is, as the bridge does.
    Ask,
    /// Hands the same over again.
    Again,
    /// Hands over more: the journal has grown.
    More,
    /// Starts anew, as after a crash.
    Restart,
}

const NEXT: [Next; 4] = [Next::Ask, Next::Again, Next::More, Next::Restart];

struct Run<'a> {
    world: &'a World,
    line: &'a Line,
    history: History,
}

impl Run<'_> {
    /// After a commit that failed: what the caller does until the stretch is stored.
    async fn recover(&mut self, mut store: ClickHouseTicks, failed: TickCommit, next: Next) -> ClickHouseTicks {
        let longer = self.history.next(7);
        if next == Next::Restart {
            store = self.world.store_at(self.line.address());
        }
        if matches!(next, Next::Ask | Next::Restart) && store.mark().await.unwrap() == failed.mark {
            self.history.add(failed);
            return store;
        }
        let retry = if next == Next::Again { failed } else { longer };
        match store.commit(retry.clone()).await {
            Ok(()) => {}
            Err(StoreError::AlreadyDone { stored }) => assert_eq!(stored, retry.mark),
            Err(error) => panic!("{next:?}: {error}"),
        }
        self.history.add(retry);
        store
    }

    /// One failure at the `n`-th request of a commit; false if the commit has fewer.
    async fn round(&mut self, fresh: bool, n: u64, fault: Fault, next: Next) -> bool {
        let case = format!("fresh {fresh}, request {n}, {fault:?}, {next:?}");
        let store = self.world.store_at(self.line.address());
        if !fresh {
            self.history.grow(&store, 3).await;
        }
        let commit = self.history.next(5);
        if fresh {
            store.prepare().await.unwrap();
        }
        self.line.arm(n, fault);
        let outcome = store.commit(commit.clone()).await;
        let happened = self.line.disarm();
        let store = match outcome {
            Ok(()) => {
                self.history.add(commit);
                store
            }
            Err(StoreError::Unavailable { .. }) => self.recover(store, commit, next).await,
            Err(error) => panic!("{case}: {error}"),
        };
        self.line.deliver();
        self.history.check(&store, &case).await;
        self.history.grow(&store, 2).await;
        self.history.check(&self.world.store(), &case).await;
        happened
    }
}

/// Each request of a commit fails in each way, followed by `nexts(request)`.
fn check_all(fresh: bool, nexts: fn(u64) -> Vec<Next>) {
    let Some(world) = World::start(Door::Password) else { return };
    let line = Line::start(world.server.address());
    let mut run = Run { world: &world, line: &line, history: History::new() };
    world.block_on(async {
        let mut most = 0;
        for fault in [Fault::Before, Fault::After, Fault::Late] {
            for n in 1.. {
                let mut happened = false;
                for next in nexts(n) {
                    happened |= run.round(fresh, n, fault, next).await;
                }
                if !happened {
                    break;
                }
                most = most.max(n);
            }
        }
        println!("{most} requests in a commit, each failed in three ways; {} ticks in the end", run.history.done.len());
        assert!(most >= 5, "{most} requests: the faults did not meet the commit");
    });
}

#[test]
fn a_line_that_fails_at_any_request_of_a_commit_loses_and_doubles_nothing() {
    check_all(false, |_| NEXT.to_vec());
}

#[test]
fn a_line_that_fails_at_any_request_of_the_first_commit_after_a_start_loses_and_doubles_nothing() {
    // Many requests: one continuation each.
    check_all(true, |n| NEXT.into_iter().cycle().skip(n as usize).take(1).collect());
}

/// The caller asks how far the import is, goes on there, and the journal's commits go on beside it.
#[test]
fn a_line_that_fails_at_any_request_of_an_import_loses_and_doubles_nothing() {
    let Some(world) = World::start(Door::Password) else { return };
    let line = Line::start(world.server.address());
    world.block_on(async {
        let (tenant, key, file) = (TenantId(2), ImportKey([4; 32]), source(2, "FILE"));
        let (mut history, mut done, mut parts, mut most) = (History::new(), Vec::new(), 0, 0);
        let store = world.store_at(line.address());
        for fault in [Fault::Before, Fault::After, Fault::Late] {
            for n in 1.. {
                let new = ticks(i64::try_from(done.len()).unwrap() * 250, 5);
                let bars = Vec::new();
                let import =
                    ImportCommit { key, part: parts, source: file, digits: 3, ticks: new.clone(), bars, last: false };
                line.arm(n, fault);
                let failed = store.import(import.clone()).await.is_err();
                let happened = line.disarm();
                let stored = async || store.imported(tenant, key).await.unwrap().map_or(0, |progress| progress.parts);
                if n % 2 == 0 {
                    history.grow(&store, 2).await;
                }
                if failed && stored().await == parts {
                    store.import(import).await.unwrap();
                }
                (parts, done) = (parts + 1, [done, new].concat());
                line.deliver();
                assert_eq!(stored().await, parts, "request {n}, {fault:?}");
                let mut read = Vec::new();
                store.scan(file, &mut |page| read.extend_from_slice(page)).await.unwrap();
                assert!(read == done, "request {n}, {fault:?}: another history");
                if !happened {
                    break;
                }
                most = most.max(n);
            }
        }
        assert!(most >= 5, "{most} requests: the faults did not meet the import");
        let mut streamed = Vec::new();
        store.scan(history.source, &mut |page| streamed.extend_from_slice(page)).await.unwrap();
        assert!(streamed == history.done, "the journal's ticks are other ones");
    });
}

/// A caller that was told "not done" hands the stretch over again; were the lost claim to count after all, it would be doubled.
#[test]
fn what_was_said_about_a_lost_commit_stays_true() {
    let Some(world) = World::start(Door::Password) else { return };
    let line = Line::start(world.server.address());
    world.block_on(async {
        let mut history = History::new();
        let store = world.store_at(line.address());
        history.grow(&store, 3).await;
        let before = store.mark().await.unwrap();
        let client = world.client();
        let claims = || client.query("SELECT count() AS n FROM marks").fetch_one::<u64>();
        // Ticks, refusals and cursors, the look at the writers, the claim.
        line.arm(5, Fault::Late);
        assert!(store.commit(history.next(5)).await.is_err() && line.disarm());
        assert_eq!(store.mark().await.unwrap(), before);
        let known = claims().await.unwrap();
        line.deliver();
        assert_eq!(claims().await.unwrap(), known + 1, "it was the claim that came late");
        assert_eq!(store.mark().await.unwrap(), before, "the late claim counts");
        history.check(&store, "a late claim").await;
        history.grow(&store, 7).await;
        history.check(&store, "and a commit after it").await;
    });
}

#[test]
fn a_killed_server_still_has_what_it_acknowledged() {
    let Some(world) = World::start(Door::Password) else { return };
    world.block_on(async {
        let mut history = History::new();
        let store = world.store();
        for _ in 0..3 {
            history.grow(&store, 50).await;
            world.server.kill();
            let lost = store.commit(history.next(5)).await.unwrap_err();
            assert!(matches!(lost, StoreError::Unavailable { .. }), "{lost}");
            world.server.restart();
            history.check(&store, "after a kill").await;
        }
        world.server.restart();
        history.check(&world.store(), "after a restart").await;
    });
}

#[test]
fn a_commit_that_is_dropped_in_the_middle_neither_loses_nor_doubles() {
    let Some(world) = World::start(Door::Password) else { return };
    world.block_on(async {
        let mut history = History::new();
        let store = world.store();
        history.grow(&store, 5).await;
        for polls in (1..200).step_by(3) {
            let commit = history.next(4);
            let mut left = polls;
            let mut going = Box::pin(store.commit(commit.clone()));
            let done = std::future::poll_fn(|context| {
                left -= 1;
                match going.as_mut().poll(context) {
                    std::task::Poll::Ready(result) => std::task::Poll::Ready(Some(result)),
                    std::task::Poll::Pending if left == 0 => std::task::Poll::Ready(None),
                    std::task::Poll::Pending => std::task::Poll::Pending,
                }
            })
            .await;
            drop(going);
            match done {
                Some(result) => result.unwrap(),
                None if store.mark().await.unwrap() == commit.mark => {}
                None => store.commit(commit.clone()).await.unwrap(),
            }
            let finished = done_in(polls, &store, &history, &commit).await;
            history.add(commit);
            if finished {
                break;
            }
        }
        history.check(&store, "dropped").await;
    });
}

/// The store is exactly at the commit, whichever way it came there.
async fn done_in(polls: usize, store: &ClickHouseTicks, history: &History, commit: &TickCommit) -> bool {
    assert_eq!(store.mark().await.unwrap(), commit.mark, "after {polls} polls");
    history.done.len() > 400
}

#[test]
fn of_two_instances_the_later_one_writes() {
    let Some(world) = World::start(Door::Password) else { return };
    world.block_on(async {
        let mut history = History::new();
        let (old, new) = (world.store(), world.store());
        history.grow(&old, 5).await;
        assert_eq!(new.mark().await.unwrap(), old.mark().await.unwrap(), "looking takes nothing over");
        history.grow(&old, 5).await;
        let late = world.store();
        history.grow(&late, 5).await;
        let refused = old.commit(history.next(5)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Conflict { .. }), "{refused}");
        history.grow(&late, 5).await;
        // It was told of a state that is long gone.
        let refused = new.commit(history.next(5)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Conflict { .. }), "{refused}");
        history.check(&new, "three instances").await;
    });
}
