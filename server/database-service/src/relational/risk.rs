//! Limits and what is used of them, in rows.

use super::{
    columns::{limit, place, small, unsigned, version},
    db::{Conn, Db, Doing},
};
use aitrading_model::{AccountId, StrategyId, TenantId, Timestamp};
use aitrading_store::{RiskPart, RiskRecord, RiskScope, RiskStore, StoreError, Version, Versioned, check_limit};
use async_trait::async_trait;

const KEEPING: &str = "keeping a document of risk";
const READING: &str = "reading documents of risk";

/// Keeps risk documents in rows.
#[derive(Debug)]
pub(super) struct SqlRisk(pub(super) Db);

/// A scope as columns: which kind of scope in the order of scopes, its number, its symbol.
fn columns_of(scope: RiskScope) -> (i64, u64, String) {
    match scope {
        RiskScope::Global => (0, 0, String::new()),
        RiskScope::Tenant => (1, 0, String::new()),
        RiskScope::Account(account) => (2, account.0, String::new()),
        RiskScope::Strategy(strategy) => (3, u64::from(strategy.0), String::new()),
        RiskScope::Symbol(symbol) => (4, 0, symbol.as_str().to_owned()),
    }
}

fn scope_of(scope: i64, number: i64, symbol: &str) -> Result<RiskScope, StoreError> {
    let damaged = || StoreError::corrupt("a risk document's scope");
    match scope {
        0 => Ok(RiskScope::Global),
        1 => Ok(RiskScope::Tenant),
        2 => Ok(RiskScope::Account(AccountId(number.cast_unsigned()))),
        3 => Ok(RiskScope::Strategy(StrategyId(small(number, "a risk document's strategy")?))),
        4 => symbol.parse().map(RiskScope::Symbol).map_err(|_| damaged()),
        _ => Err(damaged()),
    }
}

/// Scope, number, symbol, body, by whom, when, version.
type Row = (i64, i64, String, Vec<u8>, String, i64, i64);

fn document(tenant: TenantId, part: RiskPart, row: Row) -> Result<Versioned<RiskRecord>, StoreError> {
    let (scope, number, symbol, body, by, at, stored) = row;
    let value = RiskRecord { tenant, scope: scope_of(scope, number, &symbol)?, part, body, by, at: Timestamp(at) };
    Ok(Versioned { value, version: version(Some(stored)) })
}

async fn stored(conn: &mut Conn, record: &RiskRecord) -> Result<Version, StoreError> {
    let (scope, number, symbol) = columns_of(record.scope);
    let statement = "SELECT version FROM risk_documents
         WHERE tenant = $1 AND part = $2 AND scope = $3 AND scope_number = $4 AND scope_symbol = $5";
    let query = sqlx::query_scalar(statement)
        .bind(record.tenant.0.cast_signed())
        .bind(record.part as i64)
        .bind(scope)
        .bind(number.cast_signed())
        .bind(symbol);
    Ok(version(query.fetch_optional(conn).await.doing(KEEPING)?))
}

async fn write(conn: &mut Conn, record: &RiskRecord, version: Version) -> Result<(), StoreError> {
    let (scope, number, symbol) = columns_of(record.scope);
    let statement = "INSERT INTO risk_documents (tenant, part, scope, scope_number, scope_symbol, body, changed_by,
             changed_at, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (tenant, part, scope, scope_number, scope_symbol) DO UPDATE SET body = excluded.body,
             changed_by = excluded.changed_by, changed_at = excluded.changed_at, version = excluded.version";
    let query = sqlx::query(statement)
        .bind(record.tenant.0.cast_signed())
        .bind(record.part as i64)
        .bind(scope)
        .bind(number.cast_signed())
        .bind(symbol)
        .bind(record.body.as_slice())
        .bind(record.by.as_str())
        .bind(record.at.0)
        .bind(version.0.cast_signed());
    query.execute(conn).await.doing(KEEPING).map(drop)
}

async fn remember(conn: &mut Conn, limits: &RiskRecord, version: Version) -> Result<(), StoreError> {
    let (scope, number, symbol) = columns_of(limits.scope);
    let statement = "INSERT INTO risk_limits (tenant, scope, scope_number, scope_symbol, version, body, changed_by,
             changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let query = sqlx::query(statement)
        .bind(limits.tenant.0.cast_signed())
        .bind(scope)
        .bind(number.cast_signed())
        .bind(symbol)
        .bind(version.0.cast_signed())
        .bind(limits.body.as_slice())
        .bind(limits.by.as_str())
        .bind(limits.at.0);
    query.execute(conn).await.doing(KEEPING).map(drop)
}

#[async_trait]
impl RiskStore for SqlRisk {
    async fn put(&self, record: RiskRecord, expected: Version) -> Result<Version, StoreError> {
        record.check()?;
        let mut tx = self.0.write(KEEPING).await?;
        expected.expect(stored(tx.conn(), &record).await?)?;
        let version = expected.after(1);
        write(tx.conn(), &record, version).await?;
        if record.part == RiskPart::Limits {
            remember(tx.conn(), &record, version).await?;
        }
        tx.commit().await?;
        Ok(version)
    }

    async fn get(
        &self,
        tenant: TenantId,
        scope: RiskScope,
        part: RiskPart,
    ) -> Result<Option<Versioned<RiskRecord>>, StoreError> {
        let (scope, number, symbol) = columns_of(scope);
        let mut tx = self.0.read(READING).await?;
        let statement = "SELECT scope, scope_number, scope_symbol, body, changed_by, changed_at, version
             FROM risk_documents
             WHERE tenant = $1 AND part = $2 AND scope = $3 AND scope_number = $4 AND scope_symbol = $5";
        let query = sqlx::query_as::<_, Row>(statement)
            .bind(tenant.0.cast_signed())
            .bind(part as i64)
            .bind(scope)
            .bind(number.cast_signed())
            .bind(symbol);
        query.fetch_optional(&mut *tx).await.doing(READING)?.map(|row| document(tenant, part, row)).transpose()
    }

    async fn limits_at(
        &self,
        tenant: TenantId,
        scope: RiskScope,
        version: Version,
    ) -> Result<Option<RiskRecord>, StoreError> {
        let (scope, number, symbol) = columns_of(scope);
        let mut tx = self.0.read(READING).await?;
        let statement =
            "SELECT scope, scope_number, scope_symbol, body, changed_by, changed_at, version FROM risk_limits
             WHERE tenant = $1 AND scope = $2 AND scope_number = $3 AND scope_symbol = $4 AND version = $5";
        let query = sqlx::query_as::<_, Row>(statement)
            .bind(tenant.0.cast_signed())
            .bind(scope)
            .bind(number.cast_signed())
            .bind(symbol)
            .bind(place(version.0));
        let row = query.fetch_optional(&mut *tx).await.doing(READING)?;
        row.map(|row| document(tenant, RiskPart::Limits, row).map(|document| document.value)).transpose()
    }

    async fn of_tenant(
        &self,
        tenant: TenantId,
        part: RiskPart,
        after: Option<RiskScope>,
        n: usize,
    ) -> Result<Vec<Versioned<RiskRecord>>, StoreError> {
        check_limit(n)?;
        let (scope, number, symbol) = after.map_or((-1, 0, String::new()), columns_of);
        let (is_high, number) = unsigned(Some(number));
        let mut tx = self.0.read(READING).await?;
        let statement = "SELECT scope, scope_number, scope_symbol, body, changed_by, changed_at, version
             FROM risk_documents
             WHERE tenant = $1 AND part = $2
                 AND (scope, (scope_number < 0), scope_number, scope_symbol) > ($3, $4, $5, $6)
             ORDER BY scope, (scope_number < 0), scope_number, scope_symbol LIMIT $7";
        let query = sqlx::query_as::<_, Row>(statement)
            .bind(tenant.0.cast_signed())
            .bind(part as i64)
            .bind(scope)
            .bind(is_high)
            .bind(number)
            .bind(symbol)
            .bind(limit(n));
        let rows = query.fetch_all(&mut *tx).await.doing(READING)?;
        rows.into_iter().map(|row| document(tenant, part, row)).collect()
    }
}
