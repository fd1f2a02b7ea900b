//! Subscriptions, in rows.

use super::{
    columns::{exact, limit, place, value},
    db::{Conn, Db, Doing},
    places::{self, Feed},
};
use aitrading_model::{AccountId, TenantId, Timestamp};
use aitrading_store::{
    Entitlement, PaymentState, Place, Placed, StoreError, Subscription, SubscriptionStatus, SubscriptionStore,
    SymbolScope, UserId, check_limit,
};
use async_trait::async_trait;

const DOING: &str = "keeping a subscription";

#[derive(Debug)]
pub(crate) struct SqlSubscriptions(pub(crate) Db);

macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT tenant, account, status, expires_at, all_symbols, auto_trading, user_id, tier, features, region,
                 payment, place
             FROM subscriptions ",
            $which
        )
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    tenant: i64,
    account: i64,
    status: i64,
    expires_at: i64,
    all_symbols: bool,
    auto_trading: bool,
    user_id: Option<Vec<u8>>,
    tier: String,
    features: String,
    region: String,
    payment: i64,
    place: i64,
}

async fn symbols(conn: &mut Conn, row: &Row) -> Result<SymbolScope, StoreError> {
    if row.all_symbols {
        return Ok(SymbolScope::All);
    }
    let statement = "SELECT symbol FROM subscription_symbols WHERE tenant = $1 AND account = $2 ORDER BY place";
    let names = sqlx::query_scalar::<_, String>(statement).bind(row.tenant).bind(row.account);
    let names = names.fetch_all(conn).await.doing(DOING)?;
    let parsed: Result<_, _> = names.iter().map(|name| name.parse()).collect();
    parsed.map(SymbolScope::Only).map_err(|_| StoreError::corrupt("a subscription's symbol"))
}

async fn with_symbols(conn: &mut Conn, row: Row) -> Result<Placed<Subscription>, StoreError> {
    let symbols = symbols(conn, &row).await?;
    let entitlement = Entitlement {
        user: row.user_id.map(|user| exact(user, "a subscription's user")).transpose()?.map(UserId),
        tier: row.tier,
        features: row.features.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect(),
        region: row.region,
        payment: value(row.payment, PaymentState::from_number, "a subscription's payment")?,
    };
    let value = Subscription {
        tenant: TenantId(row.tenant.cast_unsigned()),
        account: AccountId(row.account.cast_unsigned()),
        status: value(row.status, SubscriptionStatus::from_number, "a subscription's status")?,
        expires_at: Timestamp(row.expires_at),
        symbols,
        auto_trading: row.auto_trading,
        entitlement,
    };
    Ok(Placed { value, place: Place(row.place.cast_unsigned()) })
}

async fn write(conn: &mut Conn, subscription: &Subscription, place: Place) -> Result<(), StoreError> {
    let entitlement = &subscription.entitlement;
    let features = entitlement.features.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    let statement =
        "INSERT INTO subscriptions (tenant, account, status, expires_at, all_symbols, auto_trading, user_id,
             tier, features, region, payment, place)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (tenant, account) DO UPDATE SET status = excluded.status, expires_at = excluded.expires_at,
             all_symbols = excluded.all_symbols, auto_trading = excluded.auto_trading, user_id = excluded.user_id,
             tier = excluded.tier, features = excluded.features, region = excluded.region,
             payment = excluded.payment, place = excluded.place";
    let query = sqlx::query(statement)
        .bind(subscription.tenant.0.cast_signed())
        .bind(subscription.account.0.cast_signed())
        .bind(subscription.status as i64)
        .bind(subscription.expires_at.0)
        .bind(subscription.symbols == SymbolScope::All)
        .bind(subscription.auto_trading)
        .bind(entitlement.user.map(|user| user.0.to_vec()))
        .bind(entitlement.tier.as_str())
        .bind(features)
        .bind(entitlement.region.as_str())
        .bind(entitlement.payment as i64)
        .bind(place.0.cast_signed());
    query.execute(conn).await.doing(DOING).map(drop)
}

async fn write_symbols(conn: &mut Conn, subscription: &Subscription) -> Result<(), StoreError> {
    let (tenant, account) = (subscription.tenant.0.cast_signed(), subscription.account.0.cast_signed());
    let clear = sqlx::query("DELETE FROM subscription_symbols WHERE tenant = $1 AND account = $2");
    clear.bind(tenant).bind(account).execute(&mut *conn).await.doing(DOING)?;
    let SymbolScope::Only(symbols) = &subscription.symbols else { return Ok(()) };
    for (place, symbol) in (0_i64..).zip(symbols) {
        let statement = "INSERT INTO subscription_symbols (tenant, account, place, symbol) VALUES ($1, $2, $3, $4)";
        let query = sqlx::query(statement).bind(tenant).bind(account).bind(place).bind(symbol.as_str());
        query.execute(&mut *conn).await.doing(DOING)?;
    }
    Ok(())
}

#[async_trait]
impl SubscriptionStore for SqlSubscriptions {
    async fn put(&self, subscription: Subscription) -> Result<(), StoreError> {
        subscription.check()?;
        let mut tx = self.0.write(DOING).await?;
        let place = places::next(tx.conn(), subscription.tenant, Feed::Subscriptions, DOING).await?;
        write(tx.conn(), &subscription, place).await?;
        write_symbols(tx.conn(), &subscription).await?;
        tx.commit().await
    }

    async fn get(&self, tenant: TenantId, account: AccountId) -> Result<Option<Subscription>, StoreError> {
        let mut tx = self.0.read(DOING).await?;
        let query = sqlx::query_as::<_, Row>(select!("WHERE tenant = $1 AND account = $2"));
        let query = query.bind(tenant.0.cast_signed()).bind(account.0.cast_signed());
        match query.fetch_optional(&mut *tx).await.doing(DOING)? {
            Some(row) => with_symbols(&mut tx, row).await.map(|placed| Some(placed.value)),
            None => Ok(None),
        }
    }

    async fn all(&self, n: usize) -> Result<Vec<Subscription>, StoreError> {
        let mut tx = self.0.read(DOING).await?;
        let query = sqlx::query_as::<_, Row>(select!("ORDER BY tenant, account LIMIT $1")).bind(limit(n));
        let rows = query.fetch_all(&mut *tx).await.doing(DOING)?;
        let mut subscriptions = Vec::with_capacity(rows.len());
        for row in rows {
            subscriptions.push(with_symbols(&mut tx, row).await?.value);
        }
        Ok(subscriptions)
    }

    async fn since(&self, tenant: TenantId, after: Place, n: usize) -> Result<Vec<Placed<Subscription>>, StoreError> {
        check_limit(n)?;
        let mut tx = self.0.read(DOING).await?;
        places::check(&mut tx, tenant, Feed::Subscriptions, after, DOING).await?;
        let query = sqlx::query_as::<_, Row>(select!("WHERE tenant = $1 AND place > $2 ORDER BY place LIMIT $3"));
        let query = query.bind(tenant.0.cast_signed()).bind(place(after.0)).bind(limit(n));
        let rows = query.fetch_all(&mut *tx).await.doing(DOING)?;
        let mut changed = Vec::with_capacity(rows.len());
        for row in rows {
            changed.push(with_symbols(&mut tx, row).await?);
        }
        Ok(changed)
    }
}
