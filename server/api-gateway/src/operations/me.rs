//! Whom the gateway takes the caller for.

use crate::{
    api::{Api, actor_id},
    call::{Call, Reply},
    error::ApiError,
    views::{MeView, PermissionView, hex},
};
use aitrading_security::access::{Identity, Permission, Reach, rule};
use std::sync::Arc;

pub(crate) async fn show(_: Arc<Api>, call: Call) -> Result<Reply, ApiError> {
    let actor = call.actor()?;
    let (kind, id) = match actor.identity() {
        Identity::User(id) => ("user", hex(id)),
        Identity::Device => ("device", hex(&actor_id(actor))),
        Identity::Service(name) => ("service", name.clone()),
    };
    let permissions = Permission::ALL.iter().filter_map(|permission| {
        let (reach, needed) = rule(actor.role(), *permission);
        let rows = match reach {
            Reach::Nothing => return None,
            Reach::Own => "own",
            Reach::Tenant => "all",
        };
        Some(PermissionView { name: permission.name(), rows, needs: needed.name() })
    });
    Reply::ok(&MeView {
        tenant: actor.tenant().0,
        kind,
        id,
        role: actor.role().name(),
        level: actor.level().holds(call.now).name(),
        account: actor.account().map(|account| account.0),
        device: actor.device().map(|device| device.to_string()),
        permissions: permissions.collect(),
    })
}
