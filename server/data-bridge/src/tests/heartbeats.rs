//! What heartbeats tell: the store's word on the account and the log's newest checkpoint, and nothing that nobody said.

use super::{
    sessions::{Client, connect, table},
    *,
};
use aitrading_channel::{Event, Resume};
use aitrading_env::{Clock, sim::ManualClock};
use aitrading_store::{Entitlement, Place, Placed, StoreError, Subscription, SubscriptionStatus, SymbolScope};
use aitrading_wire::link::{Heartbeat, SubscriptionState};
use std::time::Duration;

/// Noon of the tests' clock.
const NOW: i64 = MONDAY * 1_000_000;
const HOUR: i64 = 3_600_000_000_000;

fn subscription(status: SubscriptionStatus, expires_at: i64) -> Subscription {
    Subscription {
        tenant: SEAT.tenant,
        account: SEAT.account,
        status,
        expires_at: Timestamp(expires_at),
        symbols: SymbolScope::All,
        auto_trading: true,
        entitlement: Entitlement::default(),
    }
}

/// A store that fails, or never answers.
struct Broken {
    hangs: bool,
}

#[async_trait::async_trait]
impl SubscriptionStore for Broken {
    async fn put(&self, _: Subscription) -> Result<(), StoreError> {
        Err(StoreError::Invalid { what: "broken" })
    }
    async fn get(&self, _: TenantId, _: AccountId) -> Result<Option<Subscription>, StoreError> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        Err(StoreError::Invalid { what: "broken" })
    }
    async fn all(&self, _: usize) -> Result<Vec<Subscription>, StoreError> {
        Err(StoreError::Invalid { what: "broken" })
    }
    async fn since(&self, _: TenantId, _: Place, _: usize) -> Result<Vec<Placed<Subscription>>, StoreError> {
        Err(StoreError::Invalid { what: "broken" })
    }
}

/// Asks for a heartbeat and waits for its answer.
async fn heartbeat(client: &mut Client) -> Heartbeat {
    client.session.sender.heartbeat_now();
    let answer = async {
        loop {
            if let Event::Heartbeat { extra } = client.next().await {
                return Heartbeat::decode(&extra).unwrap();
            }
        }
    };
    // The tests' clock may stand, and then no heartbeat comes by itself.
    Env::real().timeout(Duration::from_secs(20), answer).await.expect("a heartbeat that was asked for")
}

fn world() -> (World, ManualClock) {
    let clock = ManualClock::new(NOW);
    let mut world = World::new();
    world.env.clock = Arc::new(clock.clone());
    (world, clock)
}

async fn open(world: &World) -> (Bridge, Client) {
    let bridge = world.open().await;
    let mut client = connect(world, &bridge, &table(), &Resume::new(&world.env)).await;
    client.welcomed().await;
    (bridge, client)
}

async fn check(stored: Option<Subscription>, expected: SubscriptionState) {
    let (world, _) = world();
    if let Some(stored) = stored {
        world.subscriptions.put(stored).await.unwrap();
    }
    let (_bridge, mut client) = open(&world).await;
    assert_eq!(heartbeat(&mut client).await, Heartbeat { subscription: expected, checkpoint: None });
}

#[tokio::test]
async fn the_first_heartbeat_tells_the_subscription_as_the_store_has_it() {
    use SubscriptionStatus as S;
    let until = Timestamp(NOW + HOUR);
    check(None, SubscriptionState::None).await;
    check(Some(subscription(S::Active, NOW + HOUR)), SubscriptionState::Active { until }).await;
    check(Some(subscription(S::Active, NOW)), SubscriptionState::Lapsed).await;
    check(Some(subscription(S::Lapsed, NOW + HOUR)), SubscriptionState::Lapsed).await;
    check(Some(subscription(S::Suspended, NOW + HOUR)), SubscriptionState::Suspended).await;
}

/// Carried over from the last answer, a state would be shown that nobody vouches for.
#[tokio::test]
async fn a_store_that_cannot_be_read_makes_the_subscription_unknown() {
    let (mut world, clock) = world();
    world.subscriptions = Arc::new(Broken { hangs: false });
    let (_bridge, mut client) = open(&world).await;
    assert_eq!(heartbeat(&mut client).await, Heartbeat::default());
    let mut hanging = World { subscriptions: Arc::new(Broken { hangs: true }), ..World::new() };
    hanging.env.clock = Arc::new(clock.clone());
    let opening = open(&hanging);
    let passing = async {
        // The store is waited for a second; the hello's own limit is ten.
        loop {
            Env::real().clock.sleep(Duration::from_millis(5)).await;
            clock.advance(Duration::from_millis(100));
        }
    };
    let (_bridge, mut client) = tokio::select! {
        opened = opening => opened,
        () = passing => unreachable!("time passes for ever"),
    };
    assert_eq!(heartbeat(&mut client).await, Heartbeat::default());
}

#[tokio::test]
async fn later_heartbeats_follow_the_store_the_clock_and_the_log() {
    let (world, clock) = world();
    world.subscriptions.put(subscription(SubscriptionStatus::Active, NOW + HOUR)).await.unwrap();
    *world.notes.checkpoint.lock().unwrap() = Some("first".into());
    let (_bridge, mut client) = open(&world).await;
    let active = SubscriptionState::Active { until: Timestamp(NOW + HOUR) };
    let first = heartbeat(&mut client).await;
    assert_eq!(first, Heartbeat { subscription: active, checkpoint: Some("first".into()) });

    *world.notes.checkpoint.lock().unwrap() = Some("second".into());
    world.subscriptions.put(subscription(SubscriptionStatus::Suspended, NOW + HOUR)).await.unwrap();
    let second = Heartbeat { subscription: SubscriptionState::Suspended, checkpoint: Some("second".into()) };
    follow(&clock, &mut client, &second).await;

    *world.notes.checkpoint.lock().unwrap() = None;
    world.subscriptions.put(subscription(SubscriptionStatus::Active, clock.wall_ns())).await.unwrap();
    follow(&clock, &mut client, &Heartbeat { subscription: SubscriptionState::Lapsed, checkpoint: None }).await;
}

/// One refresh later the heartbeats must say so; how fast the tasks run is not what is tested.
async fn follow(clock: &ManualClock, client: &mut Client, expected: &Heartbeat) {
    clock.advance(crate::pulse::REFRESH);
    for _ in 0..1_000 {
        if heartbeat(client).await == *expected {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the heartbeats do not follow: {expected:?}");
}
