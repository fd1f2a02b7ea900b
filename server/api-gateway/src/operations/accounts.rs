//! What terminals say of their accounts.

use crate::{
    api::Api,
    call::{Call, Reply},
    error::ApiError,
    views::AccountView,
};
use std::sync::Arc;

pub(crate) async fn get(api: Arc<Api>, call: Call) -> Result<Reply, ApiError> {
    call.query()?.done()?;
    let account = call.account()?;
    let (tenant, _permit) = call.permit_account(account)?;
    let found = api.stores.accounts.state(tenant, account).await?.ok_or(ApiError::absent())?;
    Reply::ok(&AccountView::new(found.state, found.at))
}
