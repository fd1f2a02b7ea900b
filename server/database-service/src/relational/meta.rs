//! Facts about the deployment.

use super::db::{Db, Doing};
use aitrading_store::{MetaStore, StoreError};
use async_trait::async_trait;

const DOING: &str = "keeping a fact about the deployment";

#[derive(Debug)]
pub(crate) struct SqlMeta(pub(crate) Db);

#[async_trait]
impl MetaStore for SqlMeta {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let question = || sqlx::query_as::<_, (Vec<u8>,)>("SELECT value FROM meta WHERE key = $1").bind(key);
        Ok(self.0.one(DOING, question).await?.map(|(value,)| value))
    }

    async fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let mut tx = self.0.write(DOING).await?;
        let statement = "INSERT INTO meta (key, value) VALUES ($1, $2)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        sqlx::query(statement).bind(key).bind(value).execute(tx.conn()).await.doing(DOING)?;
        tx.commit().await
    }

    async fn put_if_absent(&self, key: &str, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut tx = self.0.write(DOING).await?;
        let insert = sqlx::query("INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING");
        insert.bind(key).bind(value).execute(tx.conn()).await.doing(DOING)?;
        let stands = sqlx::query_scalar("SELECT value FROM meta WHERE key = $1").bind(key);
        let stands = stands.fetch_one(tx.conn()).await.doing(DOING)?;
        tx.commit().await?;
        Ok(stands)
    }
}
