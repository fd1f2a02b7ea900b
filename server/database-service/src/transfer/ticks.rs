//! Ticks: every file, bar, gap, cursor and count to ClickHouse, as one commit; then compared through the port.

use super::{
    Compared, Hear, TransferError, Transferred, at,
    compare::{Numbered, look},
};
use crate::{Database, ticks::SqlTicks};
use aitrading_database_link::{Link, Role, Secrets, ServerSettings};
use aitrading_env::Env;
use aitrading_model::{GapRecord, MarketTime, Timeframe};
use aitrading_store::{GapChange, StoreError, TickStore as _};
use aitrading_store_clickhouse::{ClickHouseSettings, ClickHouseTicks, TakeOver};

/// Bars that travel at once.
const BARS: usize = 65_536;

pub(super) async fn transfer(
    env: &Env,
    from: &Database,
    settings: &ServerSettings,
    secrets: &Secrets,
    hear: &mut Hear<'_>,
) -> Result<Transferred, TransferError> {
    let link = Link::open(env, Role::Ticks, ClickHouseTicks::BACKEND, settings, secrets)?;
    // Without the days after which the server forgets: old ticks would be gone before they are compared. The server's next
    // start sets them.
    let to = ClickHouseTicks::new(env, link, ClickHouseSettings::default());
    let ticks = from.ticks();
    let already = match to.take_over().await {
        Ok(mut taken) => {
            Box::pin(send(ticks, &mut taken, hear)).await?;
            taken.finish(ticks.mark().await?).await?;
            false
        }
        Err(StoreError::Conflict { .. }) => true,
        Err(error) => return Err(error.into()),
    };
    let sent = Box::pin(look(&**ticks, ticks, hear)).await?;
    let found = Box::pin(look(&to as &dyn Numbered, ticks, hear)).await?;
    if let Some(what) = difference(&sent, &found) {
        let (role, at) = (Role::Ticks, at(settings));
        return Err(if already {
            TransferError::NotEmpty { role, at, what }
        } else {
            TransferError::Differs { role, at, what }
        });
    }
    Ok(Transferred { role: Role::Ticks, at: at(settings), already, compared: sent })
}

/// The first set of records that is not the same on both sides.
pub(super) fn difference(sent: &[Compared], found: &[Compared]) -> Option<String> {
    if let Some((sent, found)) = sent.iter().zip(found).find(|(sent, found)| sent != found) {
        return Some(format!("{}: {} here, {} there", sent.name, sent.records, found.records));
    }
    (sent.len() != found.len()).then(|| format!("{} sets of records here, {} there", sent.len(), found.len()))
}

async fn send(from: &SqlTicks, to: &mut TakeOver<'_>, hear: &mut Hear<'_>) -> Result<(), StoreError> {
    for whole in from.wholes().await? {
        let (source, mut sent) = (whole.source, 0_u64);
        let mut view = from.view(&source, i64::MIN, None).await?;
        for listed in std::mem::take(&mut view.files) {
            let rows = from.read_files(source, vec![listed]).await?;
            sent = sent.saturating_add(rows.len() as u64);
            to.add(&whole.part_of(rows)).await?;
            hear(&format!("ticks of {}", source.symbol), sent);
        }
        let tail = std::mem::take(&mut view.tail);
        to.add(&whole.part_of(tail)).await?;
        for timeframe in Timeframe::ALL {
            let mut next = MarketTime(i64::MIN);
            loop {
                let bars = from.bars(source, timeframe, next, MarketTime(i64::MAX), BARS).await?;
                let Some(last) = bars.last() else { break };
                next = MarketTime(last.start.0.saturating_add(1));
                let mut part = whole.part();
                part.bars = bars;
                to.add(&part).await?;
            }
        }
        let mut rest = whole.part();
        let change = |record: GapRecord| GapChange { gap: record.gap, added: record.added, state: record.state };
        rest.changes = from.gaps(source).await?.into_iter().map(change).collect();
        rest.days = from.latest_days(source, usize::MAX).await?;
        rest.rejected = from.refused(&whole).await?;
        rest.duplicates = whole.duplicates;
        to.add(&rest).await?;
    }
    for (key, progress) in from.imports().await? {
        to.add_import(key, &progress).await?;
    }
    Ok(())
}
