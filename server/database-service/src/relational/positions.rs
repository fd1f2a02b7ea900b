//! The last book of positions of each account, in rows.

use super::{
    columns::{limit, unsigned, version},
    db::{Conn, Db, Doing},
};
use aitrading_model::{AccountId, TenantId, Timestamp};
use aitrading_store::{PositionBook, PositionStore, StoreError, Version, Versioned, check_limit};
use async_trait::async_trait;

const KEEPING: &str = "keeping positions";
const READING: &str = "reading positions";

/// Keeps positions in rows.
#[derive(Debug)]
pub(super) struct SqlPositions(pub(super) Db);

/// Account, place, time, positions, version.
type Row = (i64, i64, i64, String, i64);

fn book(tenant: TenantId, (account, place, at, body, stored): Row) -> Result<Versioned<PositionBook>, StoreError> {
    let damaged =
        |e: serde_json::Error| StoreError::Corrupt { what: "a book of positions".to_owned(), source: Some(e.into()) };
    let value = PositionBook {
        tenant,
        account: AccountId(account.cast_unsigned()),
        place: place.cast_unsigned(),
        at: Timestamp(at),
        positions: serde_json::from_str(&body).map_err(damaged)?,
    };
    Ok(Versioned { value, version: version(Some(stored)) })
}

async fn stored(conn: &mut Conn, tenant: TenantId, account: AccountId) -> Result<Version, StoreError> {
    let query = sqlx::query_scalar("SELECT version FROM position_books WHERE tenant = $1 AND account = $2");
    let query = query.bind(tenant.0.cast_signed()).bind(account.0.cast_signed());
    Ok(version(query.fetch_optional(conn).await.doing(KEEPING)?))
}

#[async_trait]
impl PositionStore for SqlPositions {
    async fn put(&self, book: PositionBook, expected: Version) -> Result<Version, StoreError> {
        book.check()?;
        let body = serde_json::to_string(&book.positions)
            .map_err(|_| StoreError::Invalid { what: "the positions have no JSON form" })?;
        let mut tx = self.0.write(KEEPING).await?;
        expected.expect(stored(tx.conn(), book.tenant, book.account).await?)?;
        let version = expected.after(1);
        let statement = "INSERT INTO position_books (tenant, account, place, at, body, version)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (tenant, account) DO UPDATE SET place = excluded.place, at = excluded.at,
                 body = excluded.body, version = excluded.version";
        let query = sqlx::query(statement)
            .bind(book.tenant.0.cast_signed())
            .bind(book.account.0.cast_signed())
            .bind(book.place.cast_signed())
            .bind(book.at.0)
            .bind(body)
            .bind(version.0.cast_signed());
        query.execute(tx.conn()).await.doing(KEEPING)?;
        tx.commit().await?;
        Ok(version)
    }

    async fn get(&self, tenant: TenantId, account: AccountId) -> Result<Option<Versioned<PositionBook>>, StoreError> {
        let statement = "SELECT account, place, at, body, version FROM position_books
             WHERE tenant = $1 AND account = $2";
        let question = || {
            let query = sqlx::query_as::<_, Row>(statement);
            query.bind(tenant.0.cast_signed()).bind(account.0.cast_signed())
        };
        self.0.one(READING, question).await?.map(|row| book(tenant, row)).transpose()
    }

    async fn of_tenant(
        &self,
        tenant: TenantId,
        after: Option<AccountId>,
        n: usize,
    ) -> Result<Vec<Versioned<PositionBook>>, StoreError> {
        check_limit(n)?;
        let (is_high, after) = unsigned(after.map(|account| account.0));
        let mut tx = self.0.read(READING).await?;
        // Unsigned order: numbers of 2^63 and more are stored as negative ones, and come last.
        let statement = "SELECT account, place, at, body, version FROM position_books
             WHERE tenant = $1 AND ((account < 0), account) > ($2, $3) ORDER BY (account < 0), account LIMIT $4";
        let query = sqlx::query_as::<_, Row>(statement).bind(tenant.0.cast_signed()).bind(is_high).bind(after);
        let rows = query.bind(limit(n)).fetch_all(&mut *tx).await.doing(READING)?;
        rows.into_iter().map(|row| book(tenant, row)).collect()
    }
}
