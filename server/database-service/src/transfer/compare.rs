//! What a tick store holds, through its port: counted and hashed, source by source.

use super::{Compared, Hear, digest::Digest};
use crate::ticks::SqlTicks;
use aitrading_model::{Epoch, MarketTime, Source, TenantId, Timeframe};
use aitrading_store::{StoreError, TickStore};
use aitrading_store_clickhouse::{ClickHouseTicks, VisitNumbers};
use async_trait::async_trait;
use std::collections::BTreeSet;

/// Bars that are read at once.
const BARS: usize = 65_536;

/// A tick store that also tells the clients' numbers of its ticks, which no port asks for.
#[async_trait]
pub(super) trait Numbered: TickStore {
    /// Shows epoch and sequence number of every tick of a source, in order.
    async fn numbers(&self, source: Source, visit: &mut VisitNumbers<'_>) -> Result<(), StoreError>;
}

#[async_trait]
impl Numbered for ClickHouseTicks {
    async fn numbers(&self, source: Source, visit: &mut VisitNumbers<'_>) -> Result<(), StoreError> {
        Self::numbers(self, source, visit).await
    }
}

#[async_trait]
impl Numbered for SqlTicks {
    async fn numbers(&self, source: Source, visit: &mut VisitNumbers<'_>) -> Result<(), StoreError> {
        let mut show = |epochs: &[u64], seqs: &[u64]| {
            let pairs: Vec<_> = epochs.iter().zip(seqs).map(|(epoch, seq)| (Epoch(*epoch), *seq)).collect();
            visit(&pairs);
        };
        let mut view = self.view(&source, i64::MIN, None).await?;
        for listed in std::mem::take(&mut view.files) {
            let rows = self.read_files(source, vec![listed]).await?;
            show(&rows.epochs, &rows.seqs);
        }
        show(&view.tail.epochs, &view.tail.seqs);
        Ok(())
    }
}

/// All that `store` holds; `embedded` names the imports, which no port lists.
pub(super) async fn look(
    store: &dyn Numbered,
    embedded: &SqlTicks,
    hear: &mut Hear<'_>,
) -> Result<Vec<Compared>, StoreError> {
    let mut cursors = store.cursors().await?;
    cursors.sort_unstable_by_key(|(source, _)| *source);
    let (mut found, mut of_sources) = (Vec::new(), Digest::default());
    let mut tenants = BTreeSet::new();
    for (source, cursor) in cursors {
        tenants.insert(source.tenant);
        let Source { tenant, account, symbol } = source;
        let name = format!("tenant {tenant} account {account} {symbol}");
        // The order of sources is proved by the names of what follows.
        let (epoch, seq) = (cursor.epoch.0.cast_signed(), cursor.seq.cast_signed());
        of_sources.numbers([epoch, seq, cursor.time.0, i64::from(cursor.count_at_time)]);
        found.push(ticks(store, source).await?.finish(format!("{name} ticks")));
        found.push(numbers(store, source).await?.finish(format!("{name} numbers")));
        found.push(bars(store, source).await?.finish(format!("{name} bars")));
        found.push(gaps(store, source).await?.finish(format!("{name} gaps")));
        found.push(days(store, source).await?.finish(format!("{name} days")));
        hear(&format!("{symbol} compared"), found.iter().map(|one| one.records).sum());
    }
    found.push(of_sources.finish("cursors"));
    for tenant in tenants {
        found.push(counts(store, tenant).await?.finish(format!("tenant {tenant} counts")));
    }
    found.push(imports(store, embedded).await?.finish("imports"));
    let (mark, mut journal) = (store.mark().await?, Digest::default());
    journal.numbers([mark.segment.cast_signed(), mark.offset.cast_signed()]);
    found.push(journal.finish("the journal's mark"));
    Ok(found)
}

async fn ticks(store: &dyn Numbered, source: Source) -> Result<Digest, StoreError> {
    let mut digest = Digest::default();
    let mut visit = |ticks: &[aitrading_model::Tick]| {
        for tick in ticks {
            let prices = [tick.time.0, tick.bid.raw(), tick.ask.raw(), tick.last.raw(), tick.volume.raw()];
            let [time, bid, ask, last, volume] = prices;
            digest.numbers([time, bid, ask, last, volume, i64::from(tick.flags.bits())]);
        }
    };
    store.scan(source, &mut visit).await?;
    Ok(digest)
}

async fn numbers(store: &dyn Numbered, source: Source) -> Result<Digest, StoreError> {
    let mut digest = Digest::default();
    let mut visit = |numbers: &[(Epoch, u64)]| {
        numbers.iter().for_each(|(epoch, seq)| digest.numbers([epoch.0.cast_signed(), seq.cast_signed()]));
    };
    store.numbers(source, &mut visit).await?;
    Ok(digest)
}

async fn bars(store: &dyn Numbered, source: Source) -> Result<Digest, StoreError> {
    let mut digest = Digest::default();
    for timeframe in Timeframe::ALL {
        let mut next = MarketTime(i64::MIN);
        loop {
            let bars = store.bars(source, timeframe, next, MarketTime(i64::MAX), BARS).await?;
            let Some(last) = bars.last() else { break };
            next = MarketTime(last.start.0.saturating_add(1));
            for bar in &bars {
                let prices = [bar.open.raw(), bar.high.raw(), bar.low.raw(), bar.close.raw(), bar.spread_min.raw()];
                let [open, high, low, close, spread] = prices;
                let (frame, start, ticks) = (timeframe.millis(), bar.start.0, i64::from(bar.ticks));
                digest.numbers([frame, start, open, high, low, close, ticks, spread]);
            }
        }
    }
    Ok(digest)
}

async fn gaps(store: &dyn Numbered, source: Source) -> Result<Digest, StoreError> {
    let mut digest = Digest::default();
    for record in store.gaps(source).await? {
        let (gap, (state, attempts)) = (record.gap, record.state.numbers());
        let (kind, state, attempts) = (gap.kind as i64, i64::from(state), i64::from(attempts));
        digest.numbers([gap.from.0, gap.to.0, kind, state, attempts, record.added.cast_signed()]);
    }
    Ok(digest)
}

async fn days(store: &dyn Numbered, source: Source) -> Result<Digest, StoreError> {
    let mut digest = Digest::default();
    for day in store.latest_days(source, usize::MAX).await? {
        let [terminal, stored, refused] = [day.terminal, day.stored, day.refused].map(u64::cast_signed);
        digest.numbers([day.day, terminal, stored, refused, i64::from(day.hours), day.at.0]);
    }
    Ok(digest)
}

async fn counts(store: &dyn Numbered, tenant: TenantId) -> Result<Digest, StoreError> {
    let (counts, mut digest) = (store.counts(tenant).await?, Digest::default());
    digest.numbers([0, counts.stored.cast_signed()]);
    digest.numbers([1, counts.imported.cast_signed()]);
    digest.numbers([2, counts.duplicates.cast_signed()]);
    for (code, ticks) in counts.rejected {
        digest.numbers([3_i64.saturating_add(code as i64), ticks.cast_signed()]);
    }
    Ok(digest)
}

async fn imports(store: &dyn Numbered, embedded: &SqlTicks) -> Result<Digest, StoreError> {
    let mut digest = Digest::default();
    for (key, expected) in embedded.imports().await? {
        let Some(found) = store.imported(expected.source.tenant, key).await? else { continue };
        let same_source = found.source == expected.source;
        let (parts, ticks, bars) = (found.parts.cast_signed(), found.ticks.cast_signed(), found.bars.cast_signed());
        digest.numbers([i64::from(same_source), parts, ticks, bars, i64::from(found.done)]);
    }
    Ok(digest)
}
