//! Ticks and bars.

use crate::{
    api::Api,
    call::{Call, Reply},
    error::ApiError,
    query::Query,
    views::{BarView, GapView, Page, SourceView, TickView},
};
use aitrading_model::{MarketTime, Source, Timeframe};
use aitrading_security::access::Subject;
use std::sync::Arc;

const MOMENT: &str = "write milliseconds since 1970-01-01 in UTC";

pub(crate) async fn sources(api: Arc<Api>, call: Call) -> Result<Reply, ApiError> {
    call.query()?.done()?;
    let (tenant, _permit) = (call.tenant()?, call.permit(Subject::Any)?);
    let found = api.stores.ticks.cursors().await?;
    let items = found.into_iter().filter(|(source, _)| source.tenant == tenant).map(|(source, cursor)| SourceView {
        account: source.account.0,
        symbol: source.symbol.to_string(),
        newest_ms: cursor.time.0,
    });
    Reply::ok(&Page { items: items.collect(), next: None })
}

/// The source in the path. Prices are the tenant's: whoever reads the market reads all of it.
fn source(call: &Call) -> Result<Source, ApiError> {
    let _permit = call.permit(Subject::Any)?;
    Ok(Source { tenant: call.tenant()?, account: call.account()?, symbol: call.symbol()? })
}

fn span(query: &mut Query<'_>) -> Result<(MarketTime, MarketTime), ApiError> {
    let from = query.value("from", MOMENT)?.unwrap_or(i64::MIN);
    let to = query.value("to", MOMENT)?.unwrap_or(i64::MAX);
    if from >= to {
        return Err(ApiError::query("to", "it has to lie behind `from`"));
    }
    Ok((MarketTime(from), MarketTime(to)))
}

pub(crate) async fn ticks(api: Arc<Api>, call: Call) -> Result<Reply, ApiError> {
    let source = source(&call)?;
    let mut query = call.query()?;
    let ((from, to), limit) = (span(&mut query)?, query.limit()?);
    query.done()?;
    let found = api.stores.ticks.range(source, from, to, limit).await?;
    let items = found.into_iter().map(TickView::from).collect();
    Reply::ok(&Page { items, next: None })
}

pub(crate) async fn bars(api: Arc<Api>, call: Call) -> Result<Reply, ApiError> {
    let source = source(&call)?;
    let mut query = call.query()?;
    let name = query.text("timeframe").unwrap_or_else(|| Timeframe::M1.name().into());
    let known = Timeframe::ALL.into_iter().find(|timeframe| timeframe.name() == name);
    let timeframe = known.ok_or_else(|| ApiError::query("timeframe", "write M1, M5 or H1"))?;
    let ((from, to), limit) = (span(&mut query)?, query.limit()?);
    query.done()?;
    let found = api.stores.ticks.bars(source, timeframe, from, to, limit).await?;
    let items = found.into_iter().map(BarView::from).collect();
    Reply::ok(&Page { items, next: None })
}

pub(crate) async fn gaps(api: Arc<Api>, call: Call) -> Result<Reply, ApiError> {
    let source = source(&call)?;
    call.query()?.done()?;
    let items = api.stores.ticks.gaps(source).await?.into_iter().map(GapView::from).collect();
    Reply::ok(&Page { items, next: None })
}
