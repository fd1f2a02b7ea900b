//! Orders and what happened to them, in rows.

use super::{
    columns::{exact, limit, place, small, value, version},
    db::{Conn, Db, Doing},
};
use aitrading_model::{
    AccountId, OrderType, PositionTicket, Price, Side, SignalId, StrategyId, TenantId, Ticket, Timestamp, TraceId,
    Volume,
};
use aitrading_store::{
    OrderEvent, OrderId, OrderState, OrderStore, OrderView, StoreError, StoredOrderEvent, Version, Versioned,
    check_limit, check_order,
};
use async_trait::async_trait;

const KEEPING: &str = "keeping an order";
const READING: &str = "reading orders";

/// Keeps orders in rows.
#[derive(Debug)]
pub(super) struct SqlOrders(pub(super) Db);

async fn stored(conn: &mut Conn, view: &OrderView) -> Result<Version, StoreError> {
    let query = sqlx::query_scalar("SELECT version FROM orders WHERE tenant = $1 AND account = $2 AND id = $3");
    let query = query.bind(view.tenant.0.cast_signed()).bind(view.account.0.cast_signed()).bind(view.id.0.to_vec());
    Ok(version(query.fetch_optional(conn).await.doing(KEEPING)?))
}

async fn write(conn: &mut Conn, view: &OrderView, version: Version) -> Result<(), StoreError> {
    let statement =
        "INSERT INTO orders (tenant, account, id, signal, strategy, symbol, side, order_type, state, volume,
             filled, price, ticket, position, created_at, changed_at, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
         ON CONFLICT (tenant, account, id) DO UPDATE SET signal = excluded.signal, strategy = excluded.strategy,
             symbol = excluded.symbol, side = excluded.side, order_type = excluded.order_type, state = excluded.state,
             volume = excluded.volume, filled = excluded.filled, price = excluded.price, ticket = excluded.ticket,
             position = excluded.position, created_at = excluded.created_at, changed_at = excluded.changed_at,
             version = excluded.version";
    let query = sqlx::query(statement)
        .bind(view.tenant.0.cast_signed())
        .bind(view.account.0.cast_signed())
        .bind(view.id.0.to_vec())
        .bind(view.signal.map(|signal| signal.0.to_vec()))
        .bind(i64::from(view.strategy.0))
        .bind(view.symbol.as_str())
        .bind(view.side as i64)
        .bind(view.order_type as i64)
        .bind(view.state as i64)
        .bind(view.volume.raw())
        .bind(view.filled.raw())
        .bind(view.price.raw())
        .bind(view.ticket.0.cast_signed())
        .bind(view.position.0.cast_signed())
        .bind(view.created_at.0)
        .bind(view.changed_at.0)
        .bind(version.0.cast_signed());
    query.execute(conn).await.doing(KEEPING).map(drop)
}

/// Appends the events behind the account's last place and behind the order's `number`-th event.
async fn append(conn: &mut Conn, view: &OrderView, events: &[OrderEvent], number: Version) -> Result<(), StoreError> {
    let (tenant, account) = (view.tenant.0.cast_signed(), view.account.0.cast_signed());
    let last = "SELECT COALESCE(MAX(place), 0) FROM order_events WHERE tenant = $1 AND account = $2";
    let last = sqlx::query_scalar::<_, i64>(last).bind(tenant).bind(account);
    let last = last.fetch_one(&mut *conn).await.doing(KEEPING)?;
    for (n, event) in (1_i64..).zip(events) {
        let statement = "INSERT INTO order_events (tenant, account, place, order_id, number, kind, at, trace, body)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let query = sqlx::query(statement)
            .bind(tenant)
            .bind(account)
            .bind(last.saturating_add(n))
            .bind(view.id.0.to_vec())
            .bind(number.0.cast_signed().saturating_add(n))
            .bind(event.kind.as_str())
            .bind(event.at.0)
            .bind(event.trace.0.to_vec())
            .bind(event.body.as_slice());
        query.execute(&mut *conn).await.doing(KEEPING)?;
    }
    Ok(())
}

macro_rules! select_orders {
    ($which:literal) => {
        concat!(
            "SELECT tenant, account, id, signal, strategy, symbol, side, order_type, state, volume, filled, price,
                 ticket, position, created_at, changed_at, version
             FROM orders WHERE ",
            $which
        )
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    tenant: i64,
    account: i64,
    id: Vec<u8>,
    signal: Option<Vec<u8>>,
    strategy: i64,
    symbol: String,
    side: i64,
    order_type: i64,
    state: i64,
    volume: i64,
    filled: i64,
    price: i64,
    ticket: i64,
    position: i64,
    created_at: i64,
    changed_at: i64,
    version: i64,
}

fn view(row: Row) -> Result<Versioned<OrderView>, StoreError> {
    let signal = row.signal.map(|signal| exact(signal, "an order's signal").map(SignalId));
    let value = OrderView {
        tenant: TenantId(row.tenant.cast_unsigned()),
        account: AccountId(row.account.cast_unsigned()),
        id: OrderId(exact(row.id, "an order's id")?),
        signal: signal.transpose()?,
        strategy: StrategyId(small(row.strategy, "an order's strategy")?),
        symbol: row.symbol.parse().map_err(|_| StoreError::corrupt("an order's symbol"))?,
        side: value(row.side, Side::from_number, "an order's side")?,
        order_type: value(row.order_type, OrderType::from_number, "an order's type")?,
        state: value(row.state, OrderState::from_number, "an order's state")?,
        volume: Volume::from_raw(row.volume),
        filled: Volume::from_raw(row.filled),
        price: Price::from_raw(row.price),
        ticket: Ticket(row.ticket.cast_unsigned()),
        position: PositionTicket(row.position.cast_unsigned()),
        created_at: Timestamp(row.created_at),
        changed_at: Timestamp(row.changed_at),
    };
    Ok(Versioned { value, version: version(Some(row.version)) })
}

/// Place, order, kind, time, trace, body.
type EventRow = (i64, Vec<u8>, String, i64, Vec<u8>, Vec<u8>);

fn event((place, order, kind, at, trace, body): EventRow) -> Result<StoredOrderEvent, StoreError> {
    let trace = TraceId(exact(trace, "an order event's trace")?);
    Ok(StoredOrderEvent {
        place: place.cast_unsigned(),
        order: OrderId(exact(order, "an order event's order")?),
        event: OrderEvent { kind, at: Timestamp(at), trace, body },
    })
}

#[async_trait]
impl OrderStore for SqlOrders {
    async fn append(&self, view: OrderView, events: Vec<OrderEvent>, expected: Version) -> Result<Version, StoreError> {
        check_order(&view, &events)?;
        let mut tx = self.0.write(KEEPING).await?;
        expected.expect(stored(tx.conn(), &view).await?)?;
        append(tx.conn(), &view, &events, expected).await?;
        let version = expected.after(events.len() as u64);
        write(tx.conn(), &view, version).await?;
        tx.commit().await?;
        Ok(version)
    }

    async fn order(
        &self,
        tenant: TenantId,
        account: AccountId,
        id: OrderId,
    ) -> Result<Option<Versioned<OrderView>>, StoreError> {
        let question = || {
            let query = sqlx::query_as::<_, Row>(select_orders!("tenant = $1 AND account = $2 AND id = $3"));
            query.bind(tenant.0.cast_signed()).bind(account.0.cast_signed()).bind(id.0.to_vec())
        };
        self.0.one(READING, question).await?.map(view).transpose()
    }

    async fn open(
        &self,
        tenant: TenantId,
        account: AccountId,
        after: Option<OrderId>,
        n: usize,
    ) -> Result<Vec<Versioned<OrderView>>, StoreError> {
        check_limit(n)?;
        let mut tx = self.0.read(READING).await?;
        // The states that are open, as the index has them.
        let statement = select_orders!(
            "tenant = $1 AND account = $2 AND state <= 4 AND id > $3 ORDER BY tenant, account, id LIMIT $4"
        );
        let query = sqlx::query_as::<_, Row>(statement)
            .bind(tenant.0.cast_signed())
            .bind(account.0.cast_signed())
            .bind(after.map_or_else(Vec::new, |id| id.0.to_vec()))
            .bind(limit(n));
        query.fetch_all(&mut *tx).await.doing(READING)?.into_iter().map(view).collect()
    }

    async fn latest(&self, tenant: TenantId, n: usize) -> Result<Vec<Versioned<OrderView>>, StoreError> {
        check_limit(n)?;
        let mut tx = self.0.read(READING).await?;
        let statement = select_orders!("tenant = $1 ORDER BY changed_at DESC, account DESC, id DESC LIMIT $2");
        let query = sqlx::query_as::<_, Row>(statement).bind(tenant.0.cast_signed()).bind(limit(n));
        query.fetch_all(&mut *tx).await.doing(READING)?.into_iter().map(view).collect()
    }

    async fn events(
        &self,
        tenant: TenantId,
        account: AccountId,
        id: OrderId,
        after: Version,
        n: usize,
    ) -> Result<Vec<StoredOrderEvent>, StoreError> {
        check_limit(n)?;
        let mut tx = self.0.read(READING).await?;
        let statement = "SELECT place, order_id, kind, at, trace, body FROM order_events
             WHERE tenant = $1 AND account = $2 AND order_id = $3 AND number > $4 ORDER BY number LIMIT $5";
        let query = sqlx::query_as::<_, EventRow>(statement)
            .bind(tenant.0.cast_signed())
            .bind(account.0.cast_signed())
            .bind(id.0.to_vec())
            .bind(place(after.0))
            .bind(limit(n));
        query.fetch_all(&mut *tx).await.doing(READING)?.into_iter().map(event).collect()
    }

    async fn history(
        &self,
        tenant: TenantId,
        account: AccountId,
        after: u64,
        n: usize,
    ) -> Result<Vec<StoredOrderEvent>, StoreError> {
        check_limit(n)?;
        let mut tx = self.0.read(READING).await?;
        let statement = "SELECT place, order_id, kind, at, trace, body FROM order_events
             WHERE tenant = $1 AND account = $2 AND place > $3 ORDER BY place LIMIT $4";
        let query = sqlx::query_as::<_, EventRow>(statement)
            .bind(tenant.0.cast_signed())
            .bind(account.0.cast_signed())
            .bind(place(after))
            .bind(limit(n));
        query.fetch_all(&mut *tx).await.doing(READING)?.into_iter().map(event).collect()
    }
}
