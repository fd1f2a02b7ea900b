//! Patterns in rows, behind the index that finds the near ones: what was acknowledged is there after every start.
//!
//! They stay in this file also when the other rows are moved to PostgreSQL: the index is this process's own, and a server for
//! patterns (Weaviate) is another part.

use super::db::{Db, Doing};
use crate::patterns::{Key, LocalPatterns};
use aitrading_env::Env;
use aitrading_model::{TenantId, Timestamp};
use aitrading_store::{Match, Near, Pattern, PatternIndex, PatternKind, StoreError, check_patterns};
use async_trait::async_trait;
use sqlx::FromRow;
use std::{collections::BTreeMap, future::Future, sync::Arc};
use tokio::sync::{Mutex, oneshot};

const KEEPING: &str = "keeping patterns";
const READING: &str = "reading patterns";
/// Rows that are read at once: at most 24 KiB each.
const ROWS: i64 = 256;

/// Keeps patterns in rows, and the same ones in an index.
#[derive(Debug)]
pub(crate) struct SqlPatterns {
    env: Env,
    kept: Arc<Kept>,
}

#[derive(Debug)]
struct Kept {
    db: Db,
    index: LocalPatterns,
    /// One change at a time: the index takes them in the order of the rows.
    gate: Mutex<()>,
}

#[derive(Debug, FromRow)]
struct Row {
    rowid: i64,
    tenant: i64,
    id: Vec<u8>,
    kind: i64,
    vector: Vec<u8>,
    text: String,
    at: i64,
}

impl Row {
    fn pattern(self) -> Result<Pattern, StoreError> {
        let damaged = || StoreError::corrupt("a pattern");
        let (numbers, []) = self.vector.as_chunks() else { return Err(damaged()) };
        let pattern = Pattern {
            tenant: TenantId(self.tenant.cast_unsigned()),
            id: self.id.try_into().map_err(|_| damaged())?,
            kind: u8::try_from(self.kind).ok().and_then(PatternKind::from_number).ok_or_else(damaged)?,
            vector: numbers.iter().copied().map(f32::from_le_bytes).collect(),
            text: self.text,
            at: Timestamp(self.at),
        };
        pattern.check().map_err(|_| damaged())?;
        Ok(pattern)
    }
}

impl SqlPatterns {
    /// The patterns of a database. The index is empty before it is filled.
    pub(crate) fn new(env: &Env, db: Db) -> Self {
        let kept = Kept { db, index: LocalPatterns::default(), gate: Mutex::default() };
        Self { env: env.clone(), kept: Arc::new(kept) }
    }

    /// Reads all rows into the index.
    pub(crate) async fn fill(&self) -> Result<(), StoreError> {
        let Kept { db, index, gate } = &*self.kept;
        let _one = gate.lock().await;
        let mut tx = db.read(READING).await?;
        let mut after = i64::MIN;
        loop {
            let statement = "SELECT rowid, tenant, id, kind, vector, text, at FROM patterns
                 WHERE rowid > $1 ORDER BY rowid LIMIT $2";
            let rows = sqlx::query_as::<_, Row>(statement).bind(after).bind(ROWS);
            let rows = rows.fetch_all(&mut *tx).await.doing(READING)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.rowid;
            index.put(by_key(rows.into_iter().map(Row::pattern).collect::<Result<_, _>>()?))?;
        }
    }

    /// How many rows there are.
    pub(crate) async fn rows(&self) -> Result<u64, StoreError> {
        let mut tx = self.kept.db.read(READING).await?;
        let count = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM patterns").fetch_one(&mut *tx);
        Ok(count.await.doing(READING)?.cast_unsigned())
    }

    /// Ends what was begun even if nobody waits for it any more: there is never a row that the index does not know.
    async fn to_the_end<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (tell, told) = oneshot::channel();
        let run = async move { drop(tell.send(change.await)) };
        drop(self.env.spawn.task("patterns", Box::pin(run)));
        told.await.map_err(|source| StoreError::Unavailable { doing: KEEPING, source: source.into() })?
    }
}

/// Of two with the same key the later one.
fn by_key(patterns: Vec<Pattern>) -> BTreeMap<Key, Pattern> {
    patterns.into_iter().map(|pattern| ((pattern.tenant, pattern.id), pattern)).collect()
}

impl Kept {
    async fn put(&self, patterns: BTreeMap<Key, Pattern>) -> Result<(), StoreError> {
        let _one = self.gate.lock().await;
        self.index.room(&patterns)?;
        let mut tx = self.db.write(KEEPING).await?;
        for pattern in patterns.values() {
            let vector: Vec<u8> = pattern.vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            let statement = "INSERT INTO patterns (tenant, id, kind, vector, text, at) VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (tenant, id) DO UPDATE
                 SET kind = excluded.kind, vector = excluded.vector, text = excluded.text, at = excluded.at";
            let query = sqlx::query(statement)
                .bind(pattern.tenant.0.cast_signed())
                .bind(pattern.id.to_vec())
                .bind(i64::from(pattern.kind as u8))
                .bind(vector)
                .bind(pattern.text.as_str())
                .bind(pattern.at.0);
            query.execute(tx.conn()).await.doing(KEEPING)?;
        }
        tx.commit().await?;
        self.index.put(patterns)
    }

    async fn remove(&self, key: Key) -> Result<bool, StoreError> {
        let _one = self.gate.lock().await;
        let mut tx = self.db.write(KEEPING).await?;
        let query = sqlx::query("DELETE FROM patterns WHERE tenant = $1 AND id = $2");
        let query = query.bind(key.0.0.cast_signed()).bind(key.1.to_vec());
        query.execute(tx.conn()).await.doing(KEEPING)?;
        tx.commit().await?;
        Ok(self.index.remove(key))
    }
}

#[async_trait]
impl PatternIndex for SqlPatterns {
    async fn put(&self, patterns: Vec<Pattern>) -> Result<(), StoreError> {
        check_patterns(&patterns)?;
        if patterns.is_empty() {
            return Ok(());
        }
        let (kept, patterns) = (Arc::clone(&self.kept), by_key(patterns));
        self.to_the_end(async move { kept.put(patterns).await }).await
    }

    async fn remove(&self, tenant: TenantId, id: [u8; 16]) -> Result<bool, StoreError> {
        let kept = Arc::clone(&self.kept);
        self.to_the_end(async move { kept.remove((tenant, id)).await }).await
    }

    async fn near(&self, near: &Near) -> Result<Vec<Match>, StoreError> {
        self.kept.index.near(near)
    }

    async fn count(&self, tenant: TenantId) -> Result<u64, StoreError> {
        Ok(self.kept.index.count(tenant))
    }
}
