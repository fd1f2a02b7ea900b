//! Devices, in rows.

use super::{
    columns::{exact, limit},
    db::{Conn, Db, Doing},
};
use aitrading_model::{AccountId, DeviceId, TenantId, Timestamp};
use aitrading_store::{Device, DeviceStore, StoreError, UserId, not_enrolled};
use async_trait::async_trait;

const DOING: &str = "keeping a device";

/// Keeps devices in rows.
#[derive(Debug)]
pub(crate) struct SqlDevices(pub(crate) Db);

macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT tenant, account, device, public_key, revoked, noise_key, certificate, next_certificate, enrolled_at,
                 last_seen_at, fingerprint, user_id
             FROM devices WHERE ",
            $which
        )
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    tenant: i64,
    account: i64,
    device: Vec<u8>,
    public_key: Vec<u8>,
    revoked: bool,
    noise_key: Option<Vec<u8>>,
    certificate: Option<Vec<u8>>,
    next_certificate: Option<Vec<u8>>,
    enrolled_at: Option<i64>,
    last_seen_at: Option<i64>,
    fingerprint: Option<Vec<u8>>,
    user_id: Option<Vec<u8>>,
}

fn device(row: Row) -> Result<Device, StoreError> {
    let hash = |bytes: Option<Vec<u8>>| bytes.map(|bytes| exact(bytes, "a device's key or hash")).transpose();
    Ok(Device {
        tenant: TenantId(row.tenant.cast_unsigned()),
        account: AccountId(row.account.cast_unsigned()),
        device: DeviceId(exact(row.device, "a device's id")?),
        public_key: exact(row.public_key, "a device's key")?,
        revoked: row.revoked,
        noise_key: hash(row.noise_key)?,
        certificate: hash(row.certificate)?,
        next_certificate: hash(row.next_certificate)?,
        enrolled_at: row.enrolled_at.map(Timestamp),
        last_seen_at: row.last_seen_at.map(Timestamp),
        fingerprint: hash(row.fingerprint)?,
        user: row.user_id.map(|user| exact(user, "a device's user")).transpose()?.map(UserId),
    })
}

type Key = (TenantId, AccountId, DeviceId);

async fn stored(conn: &mut Conn, (tenant, account, id): Key) -> Result<Option<Device>, StoreError> {
    let query = sqlx::query_as::<_, Row>(select!("tenant = $1 AND account = $2 AND device = $3"));
    let query = query.bind(tenant.0.cast_signed()).bind(account.0.cast_signed()).bind(id.0.to_vec());
    query.fetch_optional(conn).await.doing(DOING)?.map(device).transpose()
}

async fn write(conn: &mut Conn, device: &Device) -> Result<(), StoreError> {
    let bytes = |hash: Option<[u8; 32]>| hash.map(|hash| hash.to_vec());
    let statement = "INSERT INTO devices (tenant, account, device, public_key, revoked, noise_key, certificate,
             next_certificate, enrolled_at, last_seen_at, fingerprint, user_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (tenant, account, device) DO UPDATE SET public_key = excluded.public_key,
             revoked = excluded.revoked, noise_key = excluded.noise_key, certificate = excluded.certificate,
             next_certificate = excluded.next_certificate, enrolled_at = excluded.enrolled_at,
             last_seen_at = excluded.last_seen_at, fingerprint = excluded.fingerprint, user_id = excluded.user_id";
    let query = sqlx::query(statement)
        .bind(device.tenant.0.cast_signed())
        .bind(device.account.0.cast_signed())
        .bind(device.device.0.to_vec())
        .bind(device.public_key.to_vec())
        .bind(device.revoked)
        .bind(bytes(device.noise_key))
        .bind(bytes(device.certificate))
        .bind(bytes(device.next_certificate))
        .bind(device.enrolled_at.map(|at| at.0))
        .bind(device.last_seen_at.map(|at| at.0))
        .bind(bytes(device.fingerprint))
        .bind(device.user.map(|user| user.0.to_vec()));
    query.execute(conn).await.doing(DOING).map(drop)
}

impl SqlDevices {
    async fn change(
        &self,
        key: Key,
        change: impl FnOnce(Device) -> Result<Device, StoreError> + Send,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.write(DOING).await?;
        let stored = stored(tx.conn(), key).await?.ok_or_else(not_enrolled)?;
        let changed = change(stored)?;
        if changed == stored {
            return Ok(());
        }
        write(tx.conn(), &changed).await?;
        tx.commit().await
    }
}

#[async_trait]
impl DeviceStore for SqlDevices {
    async fn put(&self, device: Device) -> Result<(), StoreError> {
        device.check()?;
        let mut tx = self.0.write(DOING).await?;
        if let Some(stored) = stored(tx.conn(), (device.tenant, device.account, device.device)).await? {
            device.check_replaces(&stored)?;
        }
        write(tx.conn(), &device).await?;
        tx.commit().await
    }

    async fn get(&self, tenant: TenantId, account: AccountId, id: DeviceId) -> Result<Option<Device>, StoreError> {
        let question = || {
            let query = sqlx::query_as::<_, Row>(select!("tenant = $1 AND account = $2 AND device = $3"));
            query.bind(tenant.0.cast_signed()).bind(account.0.cast_signed()).bind(id.0.to_vec())
        };
        self.0.one(DOING, question).await?.map(device).transpose()
    }

    async fn of_tenant(&self, tenant: TenantId, n: usize) -> Result<Vec<Device>, StoreError> {
        let mut tx = self.0.read(DOING).await?;
        let query = sqlx::query_as::<_, Row>(select!("tenant = $1 ORDER BY account, device LIMIT $2"));
        let query = query.bind(tenant.0.cast_signed()).bind(limit(n));
        query.fetch_all(&mut *tx).await.doing(DOING)?.into_iter().map(device).collect()
    }

    async fn seen(
        &self,
        tenant: TenantId,
        account: AccountId,
        device: DeviceId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.change((tenant, account, device), |device| Ok(device.seen(at))).await
    }

    async fn offer_certificate(
        &self,
        tenant: TenantId,
        account: AccountId,
        device: DeviceId,
        next: &[u8; 32],
    ) -> Result<(), StoreError> {
        let next = *next;
        self.change((tenant, account, device), move |device| device.offered(next)).await
    }

    async fn confirm_certificate(
        &self,
        tenant: TenantId,
        account: AccountId,
        device: DeviceId,
        certificate: &[u8; 32],
    ) -> Result<(), StoreError> {
        let certificate = *certificate;
        self.change((tenant, account, device), move |device| device.confirmed(certificate)).await
    }
}
