//! Which account is entitled to what.

use crate::{
    api::Api,
    call::{Call, Reply},
    error::ApiError,
    views::{Page, SubscriptionForm, SubscriptionView},
};
use aitrading_model::{SignalId, Symbol, Timestamp};
use aitrading_security::access::{Rows, Subject};
use aitrading_store::{Entitlement, Place, Placed, Subscription, SymbolScope, UserId};
use std::sync::Arc;

pub(crate) async fn list(api: Arc<Api>, call: Call) -> Result<Reply, ApiError> {
    let mut query = call.query()?;
    let limit = query.limit()?;
    let cure = "write what `next` of the page before says";
    let after = query.value::<u64>("after", cure)?.map_or(Place::START, Place);
    query.done()?;
    let found = match call.permit(Subject::Any)?.rows() {
        Rows::Tenant(tenant) => api.stores.subscriptions.since(tenant, after, limit).await?,
        Rows::Own { tenant, account: Some(account), .. } if after == Place::START => {
            let own = api.stores.subscriptions.get(tenant, account).await?;
            own.into_iter().map(|value| Placed { place: Place::START, value }).collect()
        }
        Rows::Own { .. } => Vec::new(),
    };
    let next = found.last().filter(|_| found.len() >= limit).map(|placed| placed.place.0.to_string());
    let items = found.into_iter().map(|placed| SubscriptionView::from(placed.value)).collect();
    Reply::ok(&Page { items, next })
}

pub(crate) async fn get(api: Arc<Api>, call: Call) -> Result<Reply, ApiError> {
    let account = call.account()?;
    let (tenant, _permit) = call.permit_account(account)?;
    let found = api.stores.subscriptions.get(tenant, account).await?.ok_or(ApiError::absent())?;
    Reply::ok(&SubscriptionView::from(found))
}

/// The whole of it: what is left out is empty.
pub(crate) async fn put(api: Arc<Api>, call: Call) -> Result<Reply, ApiError> {
    let account = call.account()?;
    let (tenant, _permit) = call.permit_account(account)?;
    let form: SubscriptionForm = call.body()?;
    let subscription = Subscription {
        tenant,
        account,
        status: form.status.into(),
        expires_at: moment(form.expires_ms)?,
        symbols: symbols(form.symbols)?,
        auto_trading: form.auto_trading,
        entitlement: Entitlement {
            user: form.user.as_deref().map(user).transpose()?,
            tier: form.tier,
            features: form.features,
            region: form.region,
            payment: form.payment.into(),
        },
    };
    subscription.check()?;
    api.stores.subscriptions.put(subscription.clone()).await?;
    Reply::ok(&SubscriptionView::from(subscription))
}

fn moment(ms: i64) -> Result<Timestamp, ApiError> {
    ms.checked_mul(1_000_000).map(Timestamp).ok_or_else(|| ApiError::body("`expires_ms` lies too far away"))
}

fn symbols(names: Option<Vec<String>>) -> Result<SymbolScope, ApiError> {
    let Some(names) = names else { return Ok(SymbolScope::All) };
    let symbol =
        |name: String| name.parse::<Symbol>().map_err(|_| ApiError::body("`symbols` holds a name that is no symbol"));
    names.into_iter().map(symbol).collect::<Result<_, _>>().map(SymbolScope::Only)
}

fn user(text: &str) -> Result<UserId, ApiError> {
    let id: SignalId =
        text.parse().map_err(|_| ApiError::body("`user` has to be 32 hexadecimal digits, or left out"))?;
    Ok(UserId(id.0))
}
