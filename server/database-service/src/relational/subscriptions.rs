//! Subscriptions.

use super::db::{Conn, Db, Doing};
use aitrading_model::{AccountId, TenantId, Timestamp};
use aitrading_store::{StoreError, Subscription, SubscriptionStatus, SubscriptionStore, SymbolScope};
use async_trait::async_trait;

const DOING: &str = "keeping a subscription";

#[derive(Debug)]
pub(crate) struct SqlSubscriptions(pub(crate) Db);

type Row = (i64, i64, i64, i64, bool, bool);

async fn with_symbols(conn: &mut Conn, row: Row) -> Result<Subscription, StoreError> {
    let (tenant, account, status, expires_at, all_symbols, auto_trading) = row;
    let status = u8::try_from(status).ok().and_then(SubscriptionStatus::from_number);
    let symbols = if all_symbols {
        SymbolScope::All
    } else {
        let statement = "SELECT symbol FROM subscription_symbols WHERE tenant = $1 AND account = $2 ORDER BY place";
        let names = sqlx::query_scalar::<_, String>(statement).bind(tenant).bind(account);
        let names = names.fetch_all(conn).await.doing(DOING)?;
        let parsed: Result<_, _> = names.iter().map(|name| name.parse()).collect();
        SymbolScope::Only(parsed.map_err(|_| StoreError::corrupt("a subscription's symbol"))?)
    };
    Ok(Subscription {
        tenant: TenantId(tenant.cast_unsigned()),
        account: AccountId(account.cast_unsigned()),
        status: status.ok_or_else(|| StoreError::corrupt("a subscription's status"))?,
        expires_at: Timestamp(expires_at),
        symbols,
        auto_trading,
    })
}

#[async_trait]
impl SubscriptionStore for SqlSubscriptions {
    async fn put(&self, subscription: Subscription) -> Result<(), StoreError> {
        subscription.check()?;
        let (tenant, account) = (subscription.tenant.0.cast_signed(), subscription.account.0.cast_signed());
        let mut tx = self.0.write(DOING).await?;
        let statement = "INSERT INTO subscriptions (tenant, account, status, expires_at, all_symbols, auto_trading)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (tenant, account) DO UPDATE SET status = excluded.status,
                 expires_at = excluded.expires_at, all_symbols = excluded.all_symbols,
                 auto_trading = excluded.auto_trading";
        let query = sqlx::query(statement)
            .bind(tenant)
            .bind(account)
            .bind(subscription.status as i64)
            .bind(subscription.expires_at.0)
            .bind(subscription.symbols == SymbolScope::All)
            .bind(subscription.auto_trading);
        query.execute(tx.conn()).await.doing(DOING)?;
        let clear = sqlx::query("DELETE FROM subscription_symbols WHERE tenant = $1 AND account = $2");
        clear.bind(tenant).bind(account).execute(tx.conn()).await.doing(DOING)?;
        if let SymbolScope::Only(symbols) = &subscription.symbols {
            for (place, symbol) in (0_i64..).zip(symbols) {
                let statement =
                    "INSERT INTO subscription_symbols (tenant, account, place, symbol) VALUES ($1, $2, $3, $4)";
                let query = sqlx::query(statement).bind(tenant).bind(account).bind(place).bind(symbol.as_str());
                query.execute(tx.conn()).await.doing(DOING)?;
            }
        }
        tx.commit().await
    }

    async fn get(&self, tenant: TenantId, account: AccountId) -> Result<Option<Subscription>, StoreError> {
        let mut tx = self.0.read(DOING).await?;
        let statement = "SELECT tenant, account, status, expires_at, all_symbols, auto_trading FROM subscriptions
             WHERE tenant = $1 AND account = $2";
        let query = sqlx::query_as::<_, Row>(statement).bind(tenant.0.cast_signed()).bind(account.0.cast_signed());
        match query.fetch_optional(&mut *tx).await.doing(DOING)? {
            Some(row) => with_symbols(&mut tx, row).await.map(Some),
            None => Ok(None),
        }
    }

    async fn all(&self, limit: usize) -> Result<Vec<Subscription>, StoreError> {
        let mut tx = self.0.read(DOING).await?;
        let statement = "SELECT tenant, account, status, expires_at, all_symbols, auto_trading FROM subscriptions
             ORDER BY tenant, account LIMIT $1";
        let query = sqlx::query_as::<_, Row>(statement).bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = query.fetch_all(&mut *tx).await.doing(DOING)?;
        let mut subscriptions = Vec::with_capacity(rows.len());
        for row in rows {
            subscriptions.push(with_symbols(&mut tx, row).await?);
        }
        Ok(subscriptions)
    }
}
