//! Account snapshots and specifications.

use super::db::{Db, Doing};
use aitrading_model::{AccountId, SymbolSpec, TenantId, Timestamp};
use aitrading_store::{AccountStore, StateAt, StoreError};
use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};

const STATES: &str = "keeping an account's state";
const SPECS: &str = "keeping symbol specifications";

#[derive(Debug)]
pub(crate) struct SqlAccounts(pub(crate) Db);

fn to_json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Invalid { what: "the value has no JSON form" })
}

fn from_json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| StoreError::Corrupt { what: what.to_owned(), source: Some(e.into()) })
}

#[async_trait]
impl AccountStore for SqlAccounts {
    async fn put_state(&self, tenant: TenantId, snapshot: StateAt) -> Result<(), StoreError> {
        let body = to_json(&snapshot.state)?;
        let mut tx = self.0.write(STATES).await?;
        let statement = "INSERT INTO account_states (tenant, account, at, body) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant, account) DO UPDATE SET at = excluded.at, body = excluded.body
             WHERE account_states.at <= excluded.at";
        let query = sqlx::query(statement)
            .bind(tenant.0.cast_signed())
            .bind(snapshot.state.account.0.cast_signed())
            .bind(snapshot.at.0)
            .bind(body);
        query.execute(tx.conn()).await.doing(STATES)?;
        tx.commit().await
    }

    async fn state(&self, tenant: TenantId, account: AccountId) -> Result<Option<StateAt>, StoreError> {
        let statement = "SELECT at, body FROM account_states WHERE tenant = $1 AND account = $2";
        let question = || {
            let query = sqlx::query_as::<_, (i64, String)>(statement);
            query.bind(tenant.0.cast_signed()).bind(account.0.cast_signed())
        };
        let row = self.0.one(STATES, question).await?;
        row.map(|(at, body)| Ok(StateAt { state: from_json(&body, "an account's state")?, at: Timestamp(at) }))
            .transpose()
    }

    async fn put_specs(
        &self,
        tenant: TenantId,
        account: AccountId,
        specs: Vec<SymbolSpec>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.write(SPECS).await?;
        for spec in specs {
            let statement = "INSERT INTO symbol_specs (tenant, account, symbol, at, body) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (tenant, account, symbol) DO UPDATE SET at = excluded.at, body = excluded.body
                 WHERE symbol_specs.at <= excluded.at";
            let query = sqlx::query(statement)
                .bind(tenant.0.cast_signed())
                .bind(account.0.cast_signed())
                .bind(spec.symbol.as_str().to_owned())
                .bind(at.0)
                .bind(to_json(&spec)?);
            query.execute(tx.conn()).await.doing(SPECS)?;
        }
        tx.commit().await
    }

    async fn specs(&self, tenant: TenantId, account: AccountId) -> Result<Vec<SymbolSpec>, StoreError> {
        let mut tx = self.0.read(SPECS).await?;
        let statement = "SELECT body FROM symbol_specs WHERE tenant = $1 AND account = $2 ORDER BY symbol";
        let query = sqlx::query_scalar::<_, String>(statement);
        let query = query.bind(tenant.0.cast_signed()).bind(account.0.cast_signed());
        let rows = query.fetch_all(&mut *tx).await.doing(SPECS)?;
        rows.iter().map(|body| from_json(body, "a symbol specification")).collect()
    }
}
