//! The heartbeats' words on the whole way: asked for at once, checked, kept, and compared in the next run.

use crate::{
    bridge::eventually,
    world::{World, history},
};
use aitrading_metatrader_connector::{
    Connector, Status,
    status::{AuditState, SubscriptionWord},
};

/// One run: until the audit log is in this state. Returns the last status with a session, and the final one.
async fn run(world: &World, state: AuditState) -> (Status, Status) {
    let connector: Connector = world.connector().await;
    let terminal = world.terminal(&connector, &[("EURUSD", history("EURUSD", 1, 300))]).await;
    // Far less than a heartbeat's pause: the client asks at once.
    eventually(&world.env, "the first heartbeat", || connector.status().audit.state == state).await;
    let status = connector.status();
    let last = connector.stop().await;
    terminal.stop().await;
    (status, last)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_is_verified_at_once_kept_and_compared_in_the_next_run() {
    let mut world = World::new().await;
    world.bridge.tell_checkpoint(40);
    let (status, last) = run(&world, AuditState::Current).await;
    assert_eq!((status.audit.size, status.subscription.state), (Some(40), SubscriptionWord::Suspended));
    assert_eq!(
        (last.audit.size, last.subscription.state),
        (Some(40), SubscriptionWord::Unknown),
        "no session any more"
    );

    world.bridge.tell_checkpoint(39);
    let (status, _) = run(&world, AuditState::Refused).await;
    assert_eq!((status.audit.alarms.rollback, status.audit.size), (1, Some(40)));
    assert_eq!(status.last_error.unwrap().code, "CHECKPOINT_ROLLBACK");
    assert!(world.settings.data_dir.join("checkpoint-conflict").exists());

    world.bridge.books.lock().unwrap().heartbeat.clear();
    let (status, _) = run(&world, AuditState::Missing).await;
    assert_eq!(status.subscription.state, SubscriptionWord::Unknown, "a server that says nothing vouches for nothing");

    world.settings.server.audit_key = None;
    world.bridge.tell_checkpoint(41);
    let (status, _) = run(&world, AuditState::NoKey).await;
    assert_eq!(status.audit.size, None);
}
