//! The client dies at every point of the way, and the server sends again: at most one order per signal, always settled.

use super::{
    broker::Fate,
    world::{World, frame, passing, signal, terms},
};
use crate::execution::Received;
use aitrading_env::{RngExt, sim::SeededRng};
use aitrading_model::{ReportState as S, Retcode};

#[tokio::test]
async fn a_duplicate_is_acknowledged_and_does_nothing() {
    let world = World::new(1);
    let client = world.client();
    client.run(&world, &signal(1)).await.unwrap();
    client.run(&world, &signal(1)).await.unwrap();
    client.ledger.shutdown().await;
    let client = world.client();
    client.run(&world, &signal(1)).await.unwrap();
    assert_eq!(client.states(), [S::Executed], "the report of before the restart is still to be sent");
    assert_eq!(world.broker.requests().len(), 1);
}

/// Dies right behind the intent, before or after the order; the next run must look, and not send.
async fn check_crash(sent: bool, expected: &[S], executions: usize) {
    let world = World::new(1);
    let client = world.client();
    let Received::Execute(intended) = client.desk.receive(&frame(&signal(1)), &terms()).await.unwrap() else {
        panic!()
    };
    if sent {
        // Sent and filled; the program dies while it waits for the answer.
        world.broker.fate(&[Fate::FillSilently]);
        world.broker.blind(true);
        let mut work = std::pin::pin!(client.desk.execute(*intended));
        tokio::select! {
            biased;
            _ = &mut work => panic!("settled"),
            () = async { while world.broker.requests().is_empty() { tokio::task::yield_now().await } } => {}
        }
        world.broker.blind(false);
    }
    world.fs.crash(&SeededRng::new(3));
    let client = world.client();
    client.run(&world, &signal(1)).await.unwrap();
    client.recover(&world).await.unwrap();
    assert_eq!(client.states(), expected);
    assert_eq!(world.broker.deals(signal(1).id.magic()), executions);
    assert_eq!(world.broker.requests().len(), usize::from(sent));
}

#[tokio::test]
async fn a_crash_between_intent_and_order_ends_as_not_executed() {
    check_crash(false, &[S::Unknown, S::NotExecuted], 0).await;
}

#[tokio::test]
async fn a_crash_behind_the_order_ends_as_executed() {
    check_crash(true, &[S::Unknown, S::Executed], 1).await;
}

/// Every signal is delivered again and again, the disk dies after `syncs` more syncs, and power is lost each time.
async fn run_until_settled(seed: u64) {
    let rng = SeededRng::new(seed);
    let world = World::new(seed);
    let fates = [Fate::Fill, Fate::FillSilently, Fate::LoseBefore, Fate::Refuse(Retcode::REQUOTE), Fate::Fill];
    for _ in 0..40 {
        world.broker.fate(&[fates[rng.below(fates.len() as u64) as usize]]);
    }
    let signals = 4;
    for round in 0..12 {
        let last = round == 11;
        let client = world.client();
        if !last {
            world.fs.fail_sync_after(rng.below(9));
        }
        let work = async {
            client.recover(&world).await?;
            for seq in 1..=signals {
                client.run(&world, &signal(seq)).await?;
            }
            Ok::<_, crate::ledger::LedgerError>(())
        };
        let done = passing(&world, work).await;
        assert!(!last || done.is_ok(), "seed {seed}: {done:?}");
        for seq in 1..=signals {
            let executions = world.broker.deals(signal(seq).id.magic());
            assert!(executions <= 1, "seed {seed}, round {round}: signal {seq} was executed {executions} times");
        }
        if last {
            assert!(client.ledger.view().unsettled().is_empty(), "seed {seed}: something is still open");
            for report in client.reports().iter().filter(|report| report.state == S::Executed) {
                assert_eq!(world.broker.deals(report.signal.magic()), 1, "seed {seed}: reported and not there");
            }
        }
        drop(client);
        world.fs.set_fail_sync(false);
        world.fs.fail_sync_after(u64::MAX);
        world.fs.crash(&rng);
    }
}

#[tokio::test]
async fn at_no_kill_point_is_a_signal_executed_twice() {
    for seed in 0..12 {
        run_until_settled(seed).await;
    }
}
