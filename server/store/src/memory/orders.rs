//! Orders in memory.

use super::lock;
use crate::{
    OrderEvent, OrderId, OrderStore, OrderView, StoreError, StoredOrderEvent, Version, Versioned, check_limit,
    check_order,
};
use aitrading_model::{AccountId, TenantId};
use async_trait::async_trait;
use std::{cmp::Reverse, collections::BTreeMap, sync::Mutex};

type Account = (TenantId, AccountId);

/// Keeps orders in memory.
#[derive(Debug, Default)]
pub struct MemoryOrders(Mutex<BTreeMap<Account, Book>>);

#[derive(Debug, Default)]
struct Book {
    orders: BTreeMap<OrderId, Versioned<OrderView>>,
    history: Vec<StoredOrderEvent>,
}

impl Book {
    fn append(&mut self, view: OrderView, events: Vec<OrderEvent>, expected: Version) -> Result<Version, StoreError> {
        let stored = self.orders.get(&view.id).map_or(Version::NONE, |order| order.version);
        expected.expect(stored)?;
        let version = expected.after(events.len() as u64);
        for event in events {
            let place = (self.history.len() as u64).saturating_add(1);
            self.history.push(StoredOrderEvent { place, order: view.id, event });
        }
        self.orders.insert(view.id, Versioned { value: view, version });
        Ok(version)
    }
}

impl MemoryOrders {
    fn with<T: Default>(&self, account: Account, read: impl FnOnce(&Book) -> T) -> T {
        lock(&self.0).get(&account).map(read).unwrap_or_default()
    }
}

#[async_trait]
impl OrderStore for MemoryOrders {
    async fn append(&self, view: OrderView, events: Vec<OrderEvent>, expected: Version) -> Result<Version, StoreError> {
        check_order(&view, &events)?;
        lock(&self.0).entry((view.tenant, view.account)).or_default().append(view, events, expected)
    }

    async fn order(
        &self,
        tenant: TenantId,
        account: AccountId,
        id: OrderId,
    ) -> Result<Option<Versioned<OrderView>>, StoreError> {
        Ok(self.with((tenant, account), |book| book.orders.get(&id).copied()))
    }

    async fn open(
        &self,
        tenant: TenantId,
        account: AccountId,
        after: Option<OrderId>,
        limit: usize,
    ) -> Result<Vec<Versioned<OrderView>>, StoreError> {
        check_limit(limit)?;
        let wanted = |order: &&Versioned<OrderView>| {
            order.value.state.is_open() && after.is_none_or(|after| order.value.id > after)
        };
        Ok(self.with((tenant, account), |book| book.orders.values().filter(wanted).take(limit).copied().collect()))
    }

    async fn latest(&self, tenant: TenantId, limit: usize) -> Result<Vec<Versioned<OrderView>>, StoreError> {
        check_limit(limit)?;
        let books = lock(&self.0);
        let own = books.iter().filter(|((owner, _), _)| *owner == tenant);
        let mut orders: Vec<_> = own.flat_map(|(_, book)| book.orders.values().copied()).collect();
        orders.sort_by_key(|order| Reverse((order.value.changed_at, order.value.account, order.value.id)));
        orders.truncate(limit);
        Ok(orders)
    }

    async fn events(
        &self,
        tenant: TenantId,
        account: AccountId,
        id: OrderId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<StoredOrderEvent>, StoreError> {
        check_limit(limit)?;
        let skipped = usize::try_from(after.0).unwrap_or(usize::MAX);
        Ok(self.with((tenant, account), |book| {
            let own = book.history.iter().filter(|stored| stored.order == id);
            own.skip(skipped).take(limit).cloned().collect()
        }))
    }

    async fn history(
        &self,
        tenant: TenantId,
        account: AccountId,
        place: u64,
        limit: usize,
    ) -> Result<Vec<StoredOrderEvent>, StoreError> {
        check_limit(limit)?;
        Ok(self.with((tenant, account), |book| {
            book.history.iter().filter(|stored| stored.place > place).take(limit).cloned().collect()
        }))
    }
}
