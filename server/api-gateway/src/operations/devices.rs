//! Installations.

use super::users::revoke_now;
use crate::{
    api::{Api, actor_id},
    call::{Call, Reply},
    error::ApiError,
    views::{DeviceView, Page, hex},
};
use aitrading_model::TenantId;
use aitrading_security::{
    access::{Rows, Subject},
    token::RevocationScope,
};
use aitrading_store::{Device, Revocation, RevocationKind};
use std::sync::Arc;

/// The store pages no devices: a deployment has at most this many.
const DEVICES_MAX: usize = 1_000;

pub(crate) async fn list(api: Arc<Api>, call: Call) -> Result<Reply, ApiError> {
    call.query()?.done()?;
    let devices = match call.permit(Subject::Any)?.rows() {
        Rows::Tenant(tenant) => api.stores.devices.of_tenant(tenant, DEVICES_MAX).await?,
        Rows::Own { tenant, account: Some(account), device: Some(device), .. } => {
            api.stores.devices.get(tenant, account, device).await?.into_iter().collect()
        }
        Rows::Own { .. } => Vec::new(),
    };
    let items = devices.into_iter().map(DeviceView::from).collect();
    Reply::ok(&Page { items, next: None })
}

pub(crate) async fn get(api: Arc<Api>, call: Call) -> Result<Reply, ApiError> {
    let (_, device) = named(&api, &call).await?;
    Reply::ok(&DeviceView::from(device))
}

async fn named(api: &Api, call: &Call) -> Result<(TenantId, Device), ApiError> {
    let (account, device) = (call.account()?, call.device()?);
    let tenant = call.tenant()?;
    let _permit = call.permit(Subject::Device(tenant, device))?;
    let found = api.stores.devices.get(tenant, account, device).await?.ok_or(ApiError::absent())?;
    Ok((tenant, found))
}

/// For good. Twice is as good as once.
pub(crate) async fn revoke(api: Arc<Api>, call: Call) -> Result<Reply, ApiError> {
    let (tenant, device) = named(&api, &call).await?;
    let at = revoke_now(&api, RevocationScope::Device { tenant, device: device.device }, call.now);
    let revocation = Revocation {
        tenant,
        kind: RevocationKind::Device,
        subject: device.device.0.to_vec(),
        not_before: at,
        at: call.now,
        reason: "device.revoked".to_owned(),
        by: hex(&actor_id(call.actor()?)),
    };
    api.platform.revocations.revoke(revocation).await?;
    let revoked = Device { revoked: true, ..device };
    api.stores.devices.put(revoked).await?;
    Reply::ok(&DeviceView::from(revoked))
}
