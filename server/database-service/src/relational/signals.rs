//! Signals, denials and reports.

mod change;
mod read;

use super::{
    db::{self, Db, Doing},
    marks,
};
use aitrading_model::{AccountId, DeviceId, SignalId, TenantId};
use aitrading_store::{
    JournalMark, ReportHead, SignalChange, SignalCounts, SignalHead, SignalStore, SignalView, StoreError, StoredDenial,
    StoredReport,
};
use async_trait::async_trait;

const FEED: &str = "signals";
const READING: &str = "reading signals";
const APPLYING: &str = "keeping signals and reports";

#[derive(Debug)]
pub(crate) struct SqlSignals(pub(crate) Db);

fn limit(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn id16(bytes: Vec<u8>) -> Result<[u8; 16], StoreError> {
    bytes.try_into().map_err(|_| StoreError::corrupt("an id of 16 bytes"))
}

#[async_trait]
impl SignalStore for SqlSignals {
    async fn apply(&self, mark: JournalMark, changes: Vec<SignalChange>) -> Result<(), StoreError> {
        let mut tx = self.0.write(APPLYING).await?;
        marks::advance(tx.conn(), FEED, mark).await?;
        for change in &changes {
            change::take(tx.conn(), change).await?;
        }
        tx.commit().await
    }

    async fn mark(&self) -> Result<JournalMark, StoreError> {
        let mut tx = self.0.read(READING).await?;
        marks::mark(&mut tx, FEED).await
    }

    async fn counts(&self, tenant: TenantId) -> Result<SignalCounts, StoreError> {
        let mut tx = self.0.read(READING).await?;
        read::counts(&mut tx, tenant).await
    }

    async fn signal(&self, tenant: TenantId, signal: SignalId) -> Result<Option<SignalView>, StoreError> {
        let mut tx = self.0.read(READING).await?;
        let statement = "SELECT state, delivered_at, body, key_id, signature FROM signals
             WHERE tenant = $1 AND signal = $2";
        let query = sqlx::query_as::<_, read::SignalColumns>(statement);
        let row = query.bind(tenant.0.cast_signed()).bind(signal.0.to_vec()).fetch_optional(&mut *tx).await;
        row.doing(READING)?.map(read::view).transpose()
    }

    async fn latest(&self, tenant: TenantId, n: usize) -> Result<Vec<SignalView>, StoreError> {
        let mut tx = self.0.read(READING).await?;
        let statement = "SELECT state, delivered_at, body, key_id, signature FROM signals
             WHERE tenant = $1 ORDER BY id DESC LIMIT $2";
        let query = sqlx::query_as::<_, read::SignalColumns>(statement);
        let rows = query.bind(tenant.0.cast_signed()).bind(limit(n)).fetch_all(&mut *tx).await.doing(READING)?;
        rows.into_iter().map(read::view).collect()
    }

    async fn open(&self, n: usize) -> Result<Vec<SignalView>, StoreError> {
        let mut tx = self.0.read(READING).await?;
        let statement = "SELECT state, delivered_at, body, key_id, signature FROM signals
             WHERE state IN (0, 1, 2) ORDER BY id LIMIT $1";
        let query = sqlx::query_as::<_, read::SignalColumns>(statement);
        let rows = query.bind(limit(n)).fetch_all(&mut *tx).await.doing(READING)?;
        rows.into_iter().map(read::view).collect()
    }

    async fn reports(&self, tenant: TenantId, after: u64, n: usize) -> Result<Vec<StoredReport>, StoreError> {
        let mut tx = self.0.read(READING).await?;
        let statement = "SELECT r.id, s.issued_at, r.received_at, r.finding, r.body, r.signature
             FROM reports r JOIN signals s ON s.tenant = r.tenant AND s.signal = r.signal
             WHERE r.tenant = $1 AND r.id > $2 ORDER BY r.id LIMIT $3";
        let query = sqlx::query_as::<_, read::ReportColumns>(statement);
        let query = query.bind(tenant.0.cast_signed()).bind(i64::try_from(after).unwrap_or(i64::MAX)).bind(limit(n));
        query.fetch_all(&mut *tx).await.doing(READING)?.into_iter().map(read::report).collect()
    }

    async fn denials(&self, tenant: TenantId, after: u64, n: usize) -> Result<Vec<StoredDenial>, StoreError> {
        let mut tx = self.0.read(READING).await?;
        read::denials(&mut tx, tenant, i64::try_from(after).unwrap_or(i64::MAX), limit(n)).await
    }

    async fn signal_heads(&self) -> Result<Vec<SignalHead>, StoreError> {
        let mut tx = self.0.read(READING).await?;
        let statement = "SELECT s.tenant, s.account, s.seq, s.signal FROM signals s
             JOIN (SELECT tenant, account, MAX(seq) AS seq FROM signals GROUP BY tenant, account) AS heads
             ON heads.tenant = s.tenant AND heads.account = s.account AND heads.seq = s.seq
             ORDER BY s.tenant, s.account";
        let query = sqlx::query_as::<_, (i64, i64, i64, Vec<u8>)>(statement);
        let rows = query.fetch_all(&mut *tx).await.doing(READING)?;
        let head = |(tenant, account, seq, signal): (i64, i64, i64, Vec<u8>)| {
            Ok(SignalHead {
                tenant: TenantId(tenant.cast_unsigned()),
                account: AccountId(account.cast_unsigned()),
                seq: seq.cast_unsigned(),
                signal: SignalId(id16(signal)?),
            })
        };
        rows.into_iter().map(head).collect()
    }

    async fn report_heads(&self) -> Result<Vec<ReportHead>, StoreError> {
        let mut tx = self.0.read(READING).await?;
        let statement = "SELECT tenant, account, device, MAX(seq) FROM reports GROUP BY tenant, account, device";
        let query = sqlx::query_as::<_, (i64, i64, Vec<u8>, i64)>(statement);
        let rows = query.fetch_all(&mut *tx).await.doing(READING)?;
        let head = |(tenant, account, device, seq): (i64, i64, Vec<u8>, i64)| {
            Ok(ReportHead {
                tenant: TenantId(tenant.cast_unsigned()),
                account: AccountId(account.cast_unsigned()),
                device: DeviceId(id16(device)?),
                seq: seq.cast_unsigned(),
            })
        };
        rows.into_iter().map(head).collect()
    }
}
