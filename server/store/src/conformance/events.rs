//! What every [`EventBus`] promises.

use super::race::{Racer, join_all, look};
use crate::{Delivery, Event, EventBus, EventStream, StoreError, Topic};
use aitrading_model::{TenantId, Timestamp, TraceId};
use std::{collections::BTreeSet, fmt, sync::Arc};

type Bus = Arc<dyn EventBus>;
type Checked = Result<(), StoreError>;
type Stream = Box<dyn EventStream>;

/// Two instances on one bus without events.
pub struct EventWorld {
    /// One instance.
    pub one: Bus,
    /// Another one on the same bus; the same one where there is only one.
    pub two: Bus,
}

impl fmt::Debug for EventWorld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventWorld").finish_non_exhaustive()
    }
}

const ONE: TenantId = TenantId(1);

fn topic() -> Result<Topic, StoreError> {
    Topic::new("signals.issued")
}

fn event(n: u64) -> Result<Event, StoreError> {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&n.to_be_bytes());
    let at = Timestamp(1_700_000_000_123_456_789);
    Ok(Event { tenant: ONE, topic: topic()?, id, trace: TraceId([7; 16]), at, body: n.to_be_bytes().to_vec() })
}

/// Acknowledges and answers the next event.
async fn take(stream: &mut Stream) -> Result<Event, StoreError> {
    let delivery = next(stream).await?;
    stream.acknowledge(delivery.place).await?;
    Ok(delivery.event)
}

async fn next(stream: &mut Stream) -> Result<Delivery, StoreError> {
    stream.next().await?.ok_or_else(|| StoreError::corrupt("the bus closed in the middle of a property"))
}

async fn publish(bus: &Bus, numbers: impl Iterator<Item = u64>) -> Checked {
    for n in numbers {
        assert!(bus.publish(event(n)?).await?, "event {n} is new");
    }
    Ok(())
}

async fn check_next(stream: &mut Stream, numbers: impl Iterator<Item = u64>) -> Checked {
    for n in numbers {
        assert_eq!(take(stream).await?, event(n)?);
    }
    Ok(())
}

/// A new consumer begins with the next event and gets them in order, whichever instance published.
pub async fn events_come_in_order(world: EventWorld) -> Checked {
    publish(&world.one, 0..3).await?;
    let mut stream = world.two.subscribe(ONE, &topic()?, "reader").await?;
    publish(&world.one, 3..40).await?;
    publish(&world.two, 40..60).await?;
    let mut last = 0;
    for n in 3..60 {
        let delivery = next(&mut stream).await?;
        assert_eq!(delivery.event, event(n)?);
        assert!(delivery.place > last, "places grow");
        last = delivery.place;
        stream.acknowledge(last).await?;
    }
    Ok(())
}

/// Every field arrives as it was sent: empty and largest bodies, every byte, extremes.
pub async fn every_field_of_an_event_survives(world: EventWorld) -> Checked {
    let longest = Topic::new("a_9.".repeat(15) + "b234")?;
    assert_eq!(longest.as_str().len(), Topic::BYTES_MAX);
    let bodies = [vec![], (0..=u8::MAX).collect(), vec![0xff; Event::BODY_MAX]];
    let mut stream = world.one.subscribe(TenantId(u64::MAX), &longest, &"c".repeat(64)).await?;
    for (n, body) in (0_u8..).zip(bodies) {
        let at = Timestamp(if n == 0 { i64::MIN } else { i64::MAX });
        let (id, trace) = ([n.wrapping_sub(1); 16], TraceId([0xa5; 16]));
        let sent = Event { tenant: TenantId(u64::MAX), topic: longest.clone(), id, trace, at, body };
        world.two.publish(sent.clone()).await?;
        assert_eq!(take(&mut stream).await?, sent);
    }
    Ok(())
}

/// The same id again is no second event, also through another instance and with another body.
pub async fn an_id_counts_once(world: EventWorld) -> Checked {
    let mut stream = world.one.subscribe(ONE, &topic()?, "reader").await?;
    publish(&world.one, 1..2).await?;
    assert!(!world.one.publish(event(1)?).await?);
    assert!(!world.two.publish(Event { body: b"other".to_vec(), ..event(1)? }).await?);
    check_next(&mut stream, 1..2).await?;
    assert!(!world.one.publish(event(1)?).await?, "an acknowledged one is known too");
    publish(&world.one, 2..3).await?;
    check_next(&mut stream, 2..3).await
}

/// Of many that publish the same id at once, one does.
pub async fn a_raced_id_counts_once(world: EventWorld) -> Checked {
    let mut stream = world.one.subscribe(ONE, &topic()?, "reader").await?;
    let racers = (0_u8..16).map(|n| {
        let bus = Arc::clone(if n % 2 == 0 { &world.one } else { &world.two });
        let racer: Racer<'_, _> = Box::pin(async move { bus.publish(event(1)?).await });
        racer
    });
    let new = join_all(racers).await.into_iter().collect::<Result<Vec<bool>, _>>()?;
    assert_eq!(new.iter().filter(|new| **new).count(), 1);
    publish(&world.one, 2..3).await?;
    check_next(&mut stream, 1..3).await
}

/// Tenants and topics are apart, in what they hear and in whose ids they know.
pub async fn tenants_and_topics_do_not_mix(world: EventWorld) -> Checked {
    let others = [Topic::new("signals")?, Topic::new("signals.issued.late")?, Topic::new("signals_issued")?];
    let mut stream = world.one.subscribe(ONE, &topic()?, "reader").await?;
    let mut foreign = world.one.subscribe(TenantId(11), &topic()?, "reader").await?;
    for topic in others {
        assert!(world.one.publish(Event { topic, ..event(1)? }).await?, "an id of another topic is another event");
    }
    let of_eleven = Event { tenant: TenantId(11), ..event(1)? };
    assert!(world.one.publish(of_eleven.clone()).await?, "an id of another tenant is another event");
    publish(&world.one, 1..3).await?;
    check_next(&mut stream, 1..3).await?;
    assert_eq!(take(&mut foreign).await?, of_eleven);
    Ok(())
}

/// Every consumer gets every event; what one acknowledges is still the other's.
pub async fn consumers_are_independent(world: EventWorld) -> Checked {
    let mut one = world.one.subscribe(ONE, &topic()?, "one").await?;
    let mut two = world.two.subscribe(ONE, &topic()?, "two").await?;
    publish(&world.one, 1..6).await?;
    check_next(&mut one, 1..6).await?;
    let mut late = world.one.subscribe(ONE, &topic()?, "late").await?;
    publish(&world.one, 6..8).await?;
    check_next(&mut two, 1..8).await?;
    check_next(&mut late, 6..8).await
}

/// What is not acknowledged comes again to a consumer that comes back; what is acknowledged does not. A bus that is not durable
/// promises it for as long as it lives.
pub async fn a_consumer_that_comes_back_goes_on(world: EventWorld) -> Checked {
    let mut stream = world.one.subscribe(ONE, &topic()?, "reader").await?;
    publish(&world.one, 1..6).await?;
    let mut deliveries = Vec::new();
    for _ in 1..6 {
        deliveries.push(next(&mut stream).await?);
    }
    for place in [deliveries[0].place, deliveries[2].place, deliveries[2].place] {
        stream.acknowledge(place).await?;
    }
    drop(stream);
    publish(&world.two, 6..8).await?;
    let mut again = world.two.subscribe(ONE, &topic()?, "reader").await?;
    let mut seen = BTreeSet::new();
    while seen.len() < 5 {
        let delivery = next(&mut again).await?;
        seen.insert(delivery.event.body.clone());
        again.acknowledge(delivery.place).await?;
    }
    let expected: BTreeSet<_> = [2_u64, 4, 5, 6, 7].iter().map(|n| n.to_be_bytes().to_vec()).collect();
    assert_eq!(seen, expected, "the unacknowledged ones and the new ones");
    drop(again);
    let mut third = world.one.subscribe(ONE, &topic()?, "reader").await?;
    publish(&world.one, 8..9).await?;
    check_next(&mut third, 8..9).await
}

/// A wait that is given up loses no event, and a wait ends when an event comes.
pub async fn giving_up_a_wait_loses_nothing(world: EventWorld) -> Checked {
    let mut stream = world.one.subscribe(ONE, &topic()?, "reader").await?;
    let mut given_up: Racer<'_, _> = Box::pin(stream.next());
    assert!(look(&mut given_up).await.is_none(), "an event that nobody published");
    drop(given_up);
    let bus = Arc::clone(&world.two);
    let waits: Racer<'_, Checked> = Box::pin(async { check_next(&mut stream, 1..3).await });
    let publishes: Racer<'_, Checked> = Box::pin(async move { publish(&bus, 1..3).await });
    join_all([waits, publishes]).await.into_iter().collect()
}

/// Events that are published at once all arrive, each once.
pub async fn raced_events_all_arrive(world: EventWorld) -> Checked {
    const EVENTS: u64 = 200;
    let mut stream = world.one.subscribe(ONE, &topic()?, "reader").await?;
    let racers = (0..EVENTS).map(|n| {
        let bus = Arc::clone(if n % 2 == 0 { &world.one } else { &world.two });
        let racer: Racer<'_, Checked> = Box::pin(async move { publish(&bus, n..n + 1).await });
        racer
    });
    join_all(racers).await.into_iter().collect::<Checked>()?;
    let mut seen = BTreeSet::new();
    for _ in 0..EVENTS {
        assert!(seen.insert(take(&mut stream).await?.id), "an event came twice");
    }
    Ok(())
}

/// What breaks a rule is refused, and nothing of it arrives.
pub async fn limits_are_kept(world: EventWorld) -> Checked {
    let mut stream = world.one.subscribe(ONE, &topic()?, "reader").await?;
    let refused = world.one.publish(Event { body: vec![0; Event::BODY_MAX + 1], ..event(1)? }).await;
    assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
    let long = "c".repeat(65);
    for consumer in ["", "a.b", "A", "a b", "*", ">", "é", &long] {
        let refused = world.one.subscribe(ONE, &topic()?, consumer).await.map(|_| ());
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "consumer {consumer:?}: {refused:?}");
    }
    for bad in ["", ".", "a..b", ".a", "a.", "A", "a b", "*", "a.>", "é", &"a".repeat(65)] {
        assert!(matches!(Topic::new(bad), Err(StoreError::Invalid { .. })), "topic {bad:?}");
    }
    publish(&world.one, 1..2).await?;
    check_next(&mut stream, 1..2).await
}
