//! Invitations, in rows.

use super::{
    columns::{exact, limit, value},
    db::{Conn, Db, Doing},
    forget::forget,
};
use aitrading_model::{AccountId, TenantId, Timestamp};
use aitrading_store::{
    Invite, InviteId, InvitePurpose, InviteStore, LoginName, Redeemed, Redemption, StoreError, UserRole,
    check_invite_name, check_limit,
};
use async_trait::async_trait;

const KEEPING: &str = "keeping an invitation";
const READING: &str = "reading invitations";

/// Keeps invitations in rows.
#[derive(Debug)]
pub(super) struct SqlInvites(pub(super) Db);

macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT tenant, id, purpose, role, login, account, sealed, made_by, created_at, expires_at, used_at,
                 used_by
             FROM invites WHERE ",
            $which
        )
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    tenant: i64,
    id: Vec<u8>,
    purpose: i64,
    role: i64,
    login: Option<String>,
    account: Option<i64>,
    sealed: Vec<u8>,
    made_by: String,
    created_at: i64,
    expires_at: i64,
    used_at: Option<i64>,
    used_by: Option<String>,
}

fn invite(row: Row) -> Result<Invite, StoreError> {
    let login = row.login.map(LoginName::new).transpose().map_err(|_| StoreError::corrupt("an invitation's name"))?;
    let used = match (row.used_at, row.used_by) {
        (Some(at), Some(by)) => Some(Redeemed { at: Timestamp(at), by }),
        (None, None) => None,
        _ => return Err(StoreError::corrupt("an invitation's use")),
    };
    Ok(Invite {
        tenant: TenantId(row.tenant.cast_unsigned()),
        id: InviteId(exact(row.id, "an invitation's id")?),
        purpose: value(row.purpose, InvitePurpose::from_number, "an invitation's purpose")?,
        role: value(row.role, UserRole::from_number, "an invitation's role")?,
        login,
        account: row.account.map(|account| AccountId(account.cast_unsigned())),
        sealed: row.sealed,
        made_by: row.made_by,
        created_at: Timestamp(row.created_at),
        expires_at: Timestamp(row.expires_at),
        used,
    })
}

async fn stored(conn: &mut Conn, tenant: TenantId, id: InviteId) -> Result<Option<Invite>, StoreError> {
    let query = sqlx::query_as::<_, Row>(select!("tenant = $1 AND id = $2"));
    let query = query.bind(tenant.0.cast_signed()).bind(id.0.to_vec());
    query.fetch_optional(conn).await.doing(KEEPING)?.map(invite).transpose()
}

#[async_trait]
impl InviteStore for SqlInvites {
    async fn put(&self, invite: Invite) -> Result<(), StoreError> {
        invite.check()?;
        let mut tx = self.0.write(KEEPING).await?;
        let statement =
            "INSERT INTO invites (tenant, id, purpose, role, login, account, sealed, made_by, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (tenant, id) DO NOTHING";
        let query = sqlx::query(statement)
            .bind(invite.tenant.0.cast_signed())
            .bind(invite.id.0.to_vec())
            .bind(invite.purpose as i64)
            .bind(invite.role as i64)
            .bind(invite.login.as_ref().map(LoginName::as_str))
            .bind(invite.account.map(|account| account.0.cast_signed()))
            .bind(invite.sealed.as_slice())
            .bind(invite.made_by.as_str())
            .bind(invite.created_at.0)
            .bind(invite.expires_at.0);
        if query.execute(tx.conn()).await.doing(KEEPING)?.rows_affected() == 0 {
            return Err(StoreError::Conflict { what: "there is an invitation with this id; draw another code" });
        }
        tx.commit().await
    }

    async fn get(&self, tenant: TenantId, id: InviteId) -> Result<Option<Invite>, StoreError> {
        let question = || {
            let query = sqlx::query_as::<_, Row>(select!("tenant = $1 AND id = $2"));
            query.bind(tenant.0.cast_signed()).bind(id.0.to_vec())
        };
        self.0.one(READING, question).await?.map(invite).transpose()
    }

    async fn redeem(&self, tenant: TenantId, id: InviteId, by: &str, now: Timestamp) -> Result<Redemption, StoreError> {
        check_invite_name(by)?;
        let mut tx = self.0.write(KEEPING).await?;
        let Some(stored) = stored(tx.conn(), tenant, id).await? else { return Ok(Redemption::Unknown) };
        let redemption = stored.redeem(by, now)?;
        let Redemption::Redeemed(invite) = &redemption else { return Ok(redemption) };
        // The condition holds by the lock of this transaction; it stands here so that no other reading of it can break it.
        let statement = "UPDATE invites SET used_at = $3, used_by = $4, sealed = $5 WHERE tenant = $1 AND id = $2 AND used_at IS NULL";
        let query = sqlx::query(statement).bind(tenant.0.cast_signed()).bind(id.0.to_vec()).bind(now.0).bind(by);
        let query = query.bind(invite.sealed.as_slice());
        if query.execute(tx.conn()).await.doing(KEEPING)?.rows_affected() != 1 {
            return Err(StoreError::Conflict { what: "the invitation was used before; make a new one" });
        }
        tx.commit().await?;
        Ok(redemption)
    }

    async fn of_tenant(&self, tenant: TenantId, after: Option<InviteId>, n: usize) -> Result<Vec<Invite>, StoreError> {
        check_limit(n)?;
        let mut tx = self.0.read(READING).await?;
        let query = sqlx::query_as::<_, Row>(select!("tenant = $1 AND id > $2 ORDER BY id LIMIT $3"));
        let after = after.map_or_else(Vec::new, |after| after.0.to_vec());
        let query = query.bind(tenant.0.cast_signed()).bind(after).bind(limit(n));
        query.fetch_all(&mut *tx).await.doing(READING)?.into_iter().map(invite).collect()
    }

    async fn prune(&self, tenant: TenantId, before: Timestamp, n: usize) -> Result<u64, StoreError> {
        let statement = "DELETE FROM invites WHERE tenant = $1 AND id IN
             (SELECT id FROM invites WHERE tenant = $1 AND expires_at < $2 LIMIT $3)";
        forget(&self.0, KEEPING, statement, (tenant, before, n)).await
    }
}
