//! What every [`PositionStore`] promises.

use super::{
    race::{Racer, check_refused, check_stale, one_wins},
    sample::symbol,
};
use crate::{PAGE_MAX, PositionBook, PositionStore, StoreError, Version, Versioned};
use aitrading_model::{
    AccountId, AccountState, Money, PositionState, PositionTicket, Price, Side, TenantId, Timestamp, Volume,
};
use std::sync::Arc;

type Store = Arc<dyn PositionStore>;
type Checked = Result<(), StoreError>;

fn position(ticket: u64) -> PositionState {
    PositionState {
        ticket: PositionTicket(ticket),
        symbol: symbol("a \" , b"),
        side: Side::Sell,
        volume: Volume::from_raw(i64::MAX),
        price_open: Price::from_raw(1),
        stop_loss: Price::ZERO,
        take_profit: Price::from_raw(i64::MAX),
        profit: Money::from_raw(i64::MIN),
        magic: u64::MAX,
    }
}

fn book(tenant: u64, account: u64, tickets: impl Iterator<Item = u64>) -> PositionBook {
    PositionBook {
        tenant: TenantId(tenant),
        account: AccountId(account),
        place: 5,
        at: Timestamp(i64::MIN),
        positions: tickets.map(position).collect(),
    }
}

fn at(value: PositionBook, version: u64) -> Versioned<PositionBook> {
    Versioned { value, version: Version(version) }
}

/// A book is read back as it was last written, in the order of its positions; there is none at first.
pub async fn books_are_replaced(store: Store) -> Checked {
    let key = (TenantId(1), AccountId(7));
    assert_eq!(store.get(key.0, key.1).await?, None);
    let first = book(1, 7, [u64::MAX, 1, 5].into_iter());
    assert_eq!(store.put(first.clone(), Version::NONE).await?, Version(1));
    assert_eq!(store.get(key.0, key.1).await?, Some(at(first, 1)));
    let most = book(1, 7, 1..=AccountState::MAX_POSITIONS as u64);
    assert_eq!(store.put(most.clone(), Version(1)).await?, Version(2));
    assert_eq!(store.get(key.0, key.1).await?, Some(at(most, 2)));
    let flat = PositionBook { place: i64::MAX as u64, at: Timestamp(i64::MAX), ..book(1, 7, 0..0) };
    assert_eq!(store.put(flat.clone(), Version(2)).await?, Version(3));
    assert_eq!(store.get(key.0, key.1).await?, Some(at(flat, 3)));
    Ok(())
}

/// A late writer is refused and changes nothing; of many at once one wins.
pub async fn late_writers_are_refused(store: Store) -> Checked {
    let first = book(1, 7, 1..2);
    check_stale(store.put(first.clone(), Version(1)).await, 0);
    store.put(first.clone(), Version::NONE).await?;
    for late in [0, 2] {
        check_stale(store.put(book(1, 7, 0..0), Version(late)).await, 1);
    }
    assert_eq!(store.get(first.tenant, first.account).await?, Some(at(first, 1)));
    let writers = (0_u64..12).map(|n| {
        let store = Arc::clone(&store);
        let racer: Racer<'_, _> = Box::pin(async move { store.put(book(1, 7, n..n + 1), Version(1)).await });
        racer
    });
    one_wins(writers).await
}

/// Books come page by page by account, and only the tenant's own.
pub async fn books_are_paged_by_account(store: Store) -> Checked {
    for account in [30, u64::MAX, 4, 1 << 63, 100, 5] {
        store.put(book(1, account, 1..3), Version::NONE).await?;
        store.put(book(11, account, 0..0), Version::NONE).await?;
    }
    for size in [1, 3, PAGE_MAX] {
        let mut seen: Vec<AccountId> = Vec::new();
        loop {
            let page = store.of_tenant(TenantId(1), seen.last().copied(), size).await?;
            assert!(page.iter().all(|book| book.value.positions.len() == 2));
            if page.is_empty() {
                break;
            }
            seen.extend(page.iter().map(|book| book.value.account));
        }
        assert_eq!(seen, [4, 5, 30, 100, 1 << 63, u64::MAX].map(AccountId));
    }
    assert_eq!(store.of_tenant(TenantId(2), None, 9).await?, []);
    Ok(())
}

/// What breaks a rule is refused and leaves nothing behind.
pub async fn limits_are_kept(store: Store) -> Checked {
    check_refused(store.put(book(1, 7, 0..=AccountState::MAX_POSITIONS as u64), Version::NONE).await);
    check_refused(store.put(book(1, 7, [1, 2, 1].into_iter()), Version::NONE).await);
    assert_eq!(store.get(TenantId(1), AccountId(7)).await?, None);
    check_refused(store.of_tenant(TenantId(1), None, 0).await);
    check_refused(store.of_tenant(TenantId(1), None, PAGE_MAX + 1).await);
    Ok(())
}
