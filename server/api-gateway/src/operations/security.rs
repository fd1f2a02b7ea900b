//! What happened to security.

use crate::{
    api::Api,
    call::{Call, Reply},
    error::ApiError,
    views::{Page, SecurityEventView, SeverityWord},
};
use aitrading_model::{SignalId, Timestamp};
use aitrading_security::access::Subject;
use aitrading_store::{SecurityPlace, SecurityQuery, SecuritySeverity};
use std::sync::Arc;

const CURE: &str = "write what `next` of the page before says";

/// Newest first.
pub(crate) async fn events(api: Arc<Api>, call: Call) -> Result<Reply, ApiError> {
    let tenant = call.tenant()?;
    let _permit = call.permit(Subject::Tenant(tenant))?;
    let mut query = call.query()?;
    let least = query.text("severity").map(|word| severity(&word)).transpose()?;
    let asked = SecurityQuery {
        tenant,
        kind: query.text("kind").map(std::borrow::Cow::into_owned),
        severity_min: least.unwrap_or(SecuritySeverity::Info),
        from: query.moment("from")?.unwrap_or(Timestamp(i64::MIN)),
        to: query.moment("to")?.unwrap_or(Timestamp(i64::MAX)),
        before: query.text("after").map(|text| place(&text)).transpose()?,
        limit: query.limit()?,
    };
    query.done()?;
    let found = api.platform.security_events.query(&asked).await?;
    let next = found.last().filter(|_| found.len() >= asked.limit).map(|event| {
        let place = event.place();
        format!("{}.{}", place.at.0, SignalId(place.id))
    });
    let items = found.into_iter().map(SecurityEventView::from).collect();
    Reply::ok(&Page { items, next })
}

fn severity(word: &str) -> Result<SecuritySeverity, ApiError> {
    let word = serde_json::from_value::<SeverityWord>(word.into());
    word.map(Into::into).map_err(|_| ApiError::query("severity", "write info, warning, high or critical"))
}

fn place(text: &str) -> Result<SecurityPlace, ApiError> {
    let refused = || ApiError::query("after", CURE);
    let (at, id) = text.split_once('.').ok_or_else(refused)?;
    let id: SignalId = id.parse().map_err(|_| refused())?;
    Ok(SecurityPlace { at: Timestamp(at.parse().map_err(|_| refused())?), id: id.0 })
}
