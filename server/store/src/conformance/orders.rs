//! What every [`OrderStore`] promises.

use super::{
    race::{Racer, check_refused, check_stale, one_wins},
    sample::symbol,
};
use crate::{
    OrderEvent, OrderId, OrderState, OrderStore, OrderView, PAGE_MAX, StoreError, StoredOrderEvent, Version, Versioned,
};
use aitrading_model::{
    AccountId, OrderType, PositionTicket, Price, Side, SignalId, StrategyId, TenantId, Ticket, Timestamp, TraceId,
    Volume,
};
use std::sync::Arc;

type Store = Arc<dyn OrderStore>;
type Checked = Result<(), StoreError>;

const KEY: (TenantId, AccountId) = (TenantId(1), AccountId(7));

fn order(tenant: u64, account: u64, n: u8, state: OrderState) -> OrderView {
    OrderView {
        tenant: TenantId(tenant),
        account: AccountId(account),
        id: OrderId([n; 16]),
        signal: Some(SignalId([n; 16])),
        strategy: StrategyId(1),
        symbol: symbol("GBPJPY"),
        side: Side::Buy,
        order_type: OrderType::Market,
        state,
        volume: Volume::from_raw(10),
        filled: Volume::ZERO,
        price: Price::ZERO,
        ticket: Ticket(0),
        position: PositionTicket(0),
        created_at: Timestamp(1),
        changed_at: Timestamp(i64::from(n)),
    }
}

fn events(kinds: &[&str]) -> Vec<OrderEvent> {
    let event = |(n, kind): (i64, &&str)| OrderEvent {
        kind: (*kind).to_owned(),
        at: Timestamp(n),
        trace: TraceId([9; 16]),
        body: kind.as_bytes().to_vec(),
    };
    (0_i64..).zip(kinds).map(event).collect()
}

fn kinds(stored: &[StoredOrderEvent]) -> Vec<(u64, u8, &str)> {
    stored.iter().map(|stored| (stored.place, stored.order.0[0], stored.event.kind.as_str())).collect()
}

fn at(value: OrderView, version: u64) -> Versioned<OrderView> {
    Versioned { value, version: Version(version) }
}

/// Nothing is made up.
pub async fn a_new_store_is_empty(store: Store) -> Checked {
    let (tenant, account) = KEY;
    assert_eq!(store.order(tenant, account, OrderId([1; 16])).await?, None);
    assert_eq!(store.open(tenant, account, None, 9).await?, []);
    assert_eq!(store.latest(tenant, 9).await?, []);
    assert_eq!(store.events(tenant, account, OrderId([1; 16]), Version::NONE, 9).await?, []);
    assert_eq!(store.history(tenant, account, 0, 9).await?, []);
    Ok(())
}

/// Every field of an order and its events comes back: every state, extremes, the largest body.
pub async fn every_field_of_an_order_survives(store: Store) -> Checked {
    for (n, state) in (0_u8..).zip(OrderState::ALL) {
        let view = OrderView {
            signal: n.is_multiple_of(2).then_some(SignalId([0xfe; 16])),
            strategy: StrategyId(u32::MAX),
            symbol: symbol("a \" , b"),
            side: Side::Sell,
            order_type: OrderType::Market,
            volume: Volume::from_raw(i64::MAX),
            filled: Volume::from_raw(i64::MAX),
            price: Price::from_raw(i64::MAX),
            ticket: Ticket(u64::MAX),
            position: PositionTicket(u64::MAX),
            created_at: Timestamp(i64::MIN),
            changed_at: Timestamp(i64::MAX),
            ..order(u64::MAX, u64::MAX, n, *state)
        };
        let event = OrderEvent {
            kind: "k".repeat(OrderEvent::KIND_MAX),
            at: Timestamp(i64::MIN),
            trace: TraceId([0xff; 16]),
            body: (0..=u8::MAX).cycle().take(OrderEvent::BODY_MAX).collect(),
        };
        store.append(view, vec![event.clone()], Version::NONE).await?;
        let (tenant, account) = (TenantId(u64::MAX), AccountId(u64::MAX));
        assert_eq!(store.order(tenant, account, view.id).await?, Some(at(view, 1)));
        let stored = StoredOrderEvent { place: u64::from(n) + 1, order: view.id, event };
        assert_eq!(store.events(tenant, account, view.id, Version::NONE, 9).await?, [stored]);
    }
    Ok(())
}

/// An order is its events in order; its view is as of the last one; the account's history counts without a hole.
pub async fn events_make_a_history(store: Store) -> Checked {
    let (tenant, account) = KEY;
    let (a, b) = (order(1, 7, 1, OrderState::Decided), order(1, 7, 2, OrderState::Decided));
    assert_eq!(store.append(a, events(&["decided", "sent"]), Version::NONE).await?, Version(2));
    assert_eq!(store.append(b, events(&["decided"]), Version::NONE).await?, Version(1));
    let filled = OrderView { filled: a.volume, state: OrderState::Filled, ..a };
    assert_eq!(store.append(filled, events(&["filled"]), Version(2)).await?, Version(3));
    assert_eq!(store.order(tenant, account, a.id).await?, Some(at(filled, 3)));
    assert_eq!(store.order(tenant, account, b.id).await?, Some(at(b, 1)));
    let own = store.events(tenant, account, a.id, Version::NONE, 9).await?;
    assert_eq!(kinds(&own), [(1, 1, "decided"), (2, 1, "sent"), (4, 1, "filled")]);
    let rest = store.events(tenant, account, a.id, Version(1), 1).await?;
    assert_eq!(kinds(&rest), [(2, 1, "sent")]);
    assert_eq!(store.events(tenant, account, a.id, Version(3), 9).await?, []);
    let history = store.history(tenant, account, 0, 9).await?;
    assert_eq!(kinds(&history), [(1, 1, "decided"), (2, 1, "sent"), (3, 2, "decided"), (4, 1, "filled")]);
    assert_eq!(store.history(tenant, account, 2, 1).await?, history[2..3]);
    assert_eq!(store.history(tenant, account, 4, 9).await?, []);
    Ok(())
}

/// A writer who has not seen the last event is refused, and nothing of what he brought stays.
pub async fn a_late_writer_is_refused(store: Store) -> Checked {
    let (tenant, account) = KEY;
    let first = order(1, 7, 1, OrderState::Decided);
    check_stale(store.append(first, events(&["sent"]), Version(1)).await, 0);
    store.append(first, events(&["decided", "sent"]), Version::NONE).await?;
    let late = OrderView { state: OrderState::Rejected, ..first };
    for version in [0, 1, 3] {
        check_stale(store.append(late, events(&["rejected"]), Version(version)).await, 2);
    }
    assert_eq!(store.order(tenant, account, first.id).await?, Some(at(first, 2)));
    assert_eq!(store.history(tenant, account, 0, 9).await?.len(), 2);
    Ok(())
}

/// Of many who go on from the same event, one wins; orders that are begun at once share the account's numbers.
pub async fn of_raced_writers_one_wins(store: Store) -> Checked {
    let (tenant, account) = KEY;
    store.append(order(1, 7, 1, OrderState::Decided), events(&["decided"]), Version::NONE).await?;
    let writers = (0..12).map(|_| {
        let store = Arc::clone(&store);
        let racer: Racer<'_, _> =
            Box::pin(
                async move { store.append(order(1, 7, 1, OrderState::Sent), events(&["sent"]), Version(1)).await },
            );
        racer
    });
    one_wins(writers).await?;
    let others = (2_u8..14).map(|n| {
        let store = Arc::clone(&store);
        let racer: Racer<'_, _> = Box::pin(async move {
            store.append(order(1, 7, n, OrderState::Decided), events(&["decided"]), Version::NONE).await
        });
        racer
    });
    super::race::join_all(others).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let places: Vec<u64> = store.history(tenant, account, 0, 99).await?.iter().map(|stored| stored.place).collect();
    assert_eq!(places, (1..=14).collect::<Vec<_>>());
    Ok(())
}

/// Open orders are found page by page, whatever became of the others.
pub async fn open_orders_are_found(store: Store) -> Checked {
    let (tenant, account) = KEY;
    for (n, state) in (1_u8..).zip(OrderState::ALL) {
        store.append(order(1, 7, n, *state), events(&["adopted"]), Version::NONE).await?;
    }
    let open: Vec<u8> = (1_u8..).zip(OrderState::ALL).filter(|(_, state)| state.is_open()).map(|(n, _)| n).collect();
    for size in [1, 2, 9] {
        let mut seen: Vec<OrderId> = Vec::new();
        loop {
            let page = store.open(tenant, account, seen.last().copied(), size).await?;
            if page.is_empty() {
                break;
            }
            seen.extend(page.iter().map(|order| order.value.id));
        }
        assert_eq!(seen.iter().map(|id| id.0[0]).collect::<Vec<_>>(), open);
    }
    let done = order(1, 7, open[0], OrderState::Cancelled);
    store.append(done, events(&["cancelled"]), Version(1)).await?;
    assert_eq!(store.open(tenant, account, None, 9).await?.len(), open.len() - 1);
    let latest = store.latest(tenant, 2).await?;
    assert_eq!(latest.iter().map(|order| order.value.id.0[0]).collect::<Vec<_>>(), [9, 8], "newest first");
    Ok(())
}

/// The same order id of another tenant or account is another order.
pub async fn tenants_and_accounts_do_not_mix(store: Store) -> Checked {
    let keys = [(1, 7), (1, 8), (11, 7)];
    for (tenant, account) in keys {
        store.append(order(tenant, account, 1, OrderState::Decided), events(&["decided"]), Version::NONE).await?;
    }
    store.append(order(1, 8, 1, OrderState::Filled), events(&["filled"]), Version(1)).await?;
    for ((tenant, account), version) in keys.into_iter().zip([1, 2, 1]) {
        let (tenant, account) = (TenantId(tenant), AccountId(account));
        let stored = store.order(tenant, account, OrderId([1; 16])).await?;
        assert_eq!(stored.map(|order| order.version), Some(Version(version)));
        let history = store.history(tenant, account, 0, 9).await?;
        assert_eq!(history.last().map(|stored| stored.place), Some(version), "each account counts for itself");
        assert_eq!(store.events(tenant, account, OrderId([1; 16]), Version::NONE, 9).await?, history);
        assert_eq!(store.open(tenant, account, None, 9).await?.len() as u64, 2 - version);
    }
    assert_eq!(store.latest(TenantId(1), 9).await?.len(), 2);
    assert_eq!(store.latest(TenantId(2), 9).await?, []);
    Ok(())
}

/// What breaks a rule is refused and leaves nothing behind; the most events at once are taken.
pub async fn limits_are_kept(store: Store) -> Checked {
    let good = order(1, 7, 1, OrderState::Decided);
    let many = vec!["e"; OrderEvent::AT_ONCE_MAX + 1];
    let large = vec![OrderEvent { body: vec![0; OrderEvent::BODY_MAX + 1], ..events(&["e"])[0].clone() }];
    let long = "k".repeat(OrderEvent::KIND_MAX + 1);
    for bad in [vec![], events(&many), large, events(&[""]), events(&["A"]), events(&["good", &long])] {
        check_refused(store.append(good, bad, Version::NONE).await);
    }
    let volumes = [(0, 0), (-1, 0), (1, 2), (1, -1)];
    let mut bad: Vec<OrderView> = volumes
        .iter()
        .map(|(volume, filled)| OrderView {
            volume: Volume::from_raw(*volume),
            filled: Volume::from_raw(*filled),
            ..good
        })
        .collect();
    bad.push(OrderView { price: Price::from_raw(-1), ..good });
    for view in bad {
        check_refused(store.append(view, events(&["e"]), Version::NONE).await);
    }
    assert_eq!(store.history(KEY.0, KEY.1, 0, 9).await?, []);
    let most = store.append(good, events(&many[1..]), Version::NONE).await?;
    assert_eq!(most, Version(OrderEvent::AT_ONCE_MAX as u64));
    for limit in [0, PAGE_MAX + 1] {
        check_refused(store.open(KEY.0, KEY.1, None, limit).await);
        check_refused(store.latest(KEY.0, limit).await);
        check_refused(store.events(KEY.0, KEY.1, good.id, Version::NONE, limit).await);
        check_refused(store.history(KEY.0, KEY.1, 0, limit).await);
    }
    Ok(())
}
