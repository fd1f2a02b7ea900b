//! Signals as the server sees them.

use crate::{
    api::Api,
    call::{Call, Reply},
    error::ApiError,
    query::PAGE_MAX,
    views::{Page, SignalShown},
};
use aitrading_security::access::{Rows, Subject};
use std::sync::Arc;

/// The newest ones. Of an account's own, those among the newest of the tenant.
pub(crate) async fn list(api: Arc<Api>, call: Call) -> Result<Reply, ApiError> {
    let mut query = call.query()?;
    let limit = query.limit()?;
    query.done()?;
    let (tenant, account) = match call.permit(Subject::Any)?.rows() {
        Rows::Tenant(tenant) => (tenant, None),
        Rows::Own { tenant, account: Some(account), .. } => (tenant, Some(account)),
        Rows::Own { .. } => return Reply::ok(&Page::<SignalShown> { items: Vec::new(), next: None }),
    };
    let asked = if account.is_some() { PAGE_MAX } else { limit };
    let newest = api.stores.signals.latest(tenant, asked).await?;
    let own = newest.into_iter().filter(|view| account.is_none_or(|account| view.row.signal.account == account));
    let items = own.take(limit).map(SignalShown::from).collect();
    Reply::ok(&Page { items, next: None })
}

pub(crate) async fn get(api: Arc<Api>, call: Call) -> Result<Reply, ApiError> {
    let (tenant, id) = (call.tenant()?, call.signal()?);
    let found = api.stores.signals.signal(tenant, id).await?.ok_or(ApiError::absent())?;
    let _permit = call.permit(Subject::Account(tenant, found.row.signal.account))?;
    Reply::ok(&SignalShown::from(found))
}
