//! Ticks in memory.

use super::lock;
use crate::{
    GapChange, ImportCommit, ImportKey, ImportProgress, JournalMark, SourceCommit, StoreError, TickCommit, TickCounts,
    TickStore, Visit,
};
use aitrading_model::{
    Bar, Cursor, DayCheck, Gap, GapRecord, GapState, MarketTime, Source, TenantId, Tick, TickReject, Timeframe,
};
use async_trait::async_trait;
use std::{collections::BTreeMap, sync::Mutex};

/// Ticks that a scan shows at once.
const BATCH: usize = 4096;

/// Keeps ticks, bars and gaps in memory.
#[derive(Debug, Default)]
pub struct MemoryTicks(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    mark: JournalMark,
    sources: BTreeMap<Source, Kept>,
    imports: BTreeMap<(TenantId, ImportKey), ImportProgress>,
    damaged: Option<Span>,
}

/// A source and a part of its time; the end is no part of it.
type Span = (Source, MarketTime, MarketTime);

#[derive(Debug, Default)]
struct Kept {
    cursor: Cursor,
    ticks: Vec<Tick>,
    bars: BTreeMap<(i64, MarketTime), Bar>,
    gaps: Vec<GapRecord>,
    days: BTreeMap<i64, DayCheck>,
    rejected: BTreeMap<TickReject, u64>,
    duplicates: u64,
}

impl Kept {
    fn take(&mut self, commit: SourceCommit) {
        self.cursor = commit.cursor;
        self.ticks.extend(commit.ticks);
        self.bars.extend(commit.bars.into_iter().map(|bar| ((bar.timeframe.millis(), bar.start), bar)));
        if !commit.late.is_empty() {
            self.ticks.extend(commit.late);
            // Stable: what came late stays behind what was there in its millisecond.
            self.ticks.sort_by_key(|tick| tick.time);
        }
        for gap in commit.gaps {
            if !self.gaps.iter().any(|record| record.gap == gap) {
                self.gaps.push(GapRecord { gap, added: 0, state: GapState::Open });
            }
        }
        for GapChange { gap, added, state } in commit.changes {
            match self.gaps.iter_mut().find(|record| record.gap == gap) {
                Some(record) => (record.added, record.state) = (record.added.saturating_add(added), state),
                None => self.gaps.push(GapRecord { gap, added, state }),
            }
        }
        self.gaps.sort_by_key(|record| (record.gap.from, record.gap.to));
        self.days.extend(commit.days.into_iter().map(|day| (day.day, day)));
        for (code, n) in commit.rejected {
            let count = self.rejected.entry(code).or_default();
            *count = count.saturating_add(n);
        }
        self.duplicates = self.duplicates.saturating_add(commit.duplicates);
    }
}

impl State {
    fn check(&self, source: Source, from: MarketTime, to: MarketTime) -> Result<(), StoreError> {
        match self.damaged {
            Some((of, first, end)) if of == source && from < end && first < to => {
                Err(StoreError::corrupt(format!("ticks of {}", source.symbol)))
            }
            _ => Ok(()),
        }
    }
}

impl MemoryTicks {
    /// Ticks of this span are damaged from now on, until it is `None`: who reads them or puts others between them is refused.
    pub fn set_damaged(&self, span: Option<(Source, MarketTime, MarketTime)>) {
        lock(&self.0).damaged = span;
    }

    fn with<T: Default>(&self, source: Source, read: impl FnOnce(&Kept) -> T) -> T {
        lock(&self.0).sources.get(&source).map(read).unwrap_or_default()
    }
}

#[async_trait]
impl TickStore for MemoryTicks {
    async fn commit(&self, commit: TickCommit) -> Result<(), StoreError> {
        commit.sources.iter().try_for_each(SourceCommit::check)?;
        let mut state = lock(&self.0);
        if commit.mark <= state.mark {
            return Err(StoreError::AlreadyDone { stored: state.mark });
        }
        for part in &commit.sources {
            let last = |tick: &Tick| MarketTime(tick.time.0.saturating_add(1));
            part.late.iter().try_for_each(|tick| state.check(part.source, tick.time, last(tick)))?;
        }
        state.mark = commit.mark;
        for part in commit.sources {
            state.sources.entry(part.source).or_default().take(part);
        }
        Ok(())
    }

    async fn import(&self, commit: ImportCommit) -> Result<(), StoreError> {
        let mut state = lock(&self.0);
        let (source, import) = (commit.source, (commit.source.tenant, commit.key));
        let cursor = state.sources.get(&source).map(|kept| kept.cursor).unwrap_or_default();
        let (part, progress) = commit.plan(state.imports.get(&import).copied(), cursor)?;
        state.imports.insert(import, progress);
        state.sources.entry(source).or_default().take(part);
        Ok(())
    }

    async fn imported(&self, tenant: TenantId, key: ImportKey) -> Result<Option<ImportProgress>, StoreError> {
        Ok(lock(&self.0).imports.get(&(tenant, key)).copied())
    }

    async fn mark(&self) -> Result<JournalMark, StoreError> {
        Ok(lock(&self.0).mark)
    }

    async fn cursors(&self) -> Result<Vec<(Source, Cursor)>, StoreError> {
        Ok(lock(&self.0).sources.iter().map(|(source, kept)| (*source, kept.cursor)).collect())
    }

    async fn counts(&self, tenant: TenantId) -> Result<TickCounts, StoreError> {
        let mut counts = TickCounts::default();
        let state = lock(&self.0);
        for (_, kept) in state.sources.iter().filter(|(source, _)| source.tenant == tenant) {
            counts.stored = counts.stored.saturating_add(kept.ticks.len() as u64);
            counts.bytes = counts.bytes.saturating_add(size_of_val(kept.ticks.as_slice()) as u64);
            counts.duplicates = counts.duplicates.saturating_add(kept.duplicates);
            for (code, n) in &kept.rejected {
                let count = counts.rejected.entry(*code).or_default();
                *count = count.saturating_add(*n);
            }
        }
        let imports = state.imports.iter().filter(|((owner, _), _)| *owner == tenant);
        counts.imported = imports.fold(0, |sum, (_, progress)| sum.saturating_add(progress.ticks));
        Ok(counts)
    }

    async fn range(
        &self,
        source: Source,
        from: MarketTime,
        to: MarketTime,
        limit: usize,
    ) -> Result<Vec<Tick>, StoreError> {
        lock(&self.0).check(source, from, to)?;
        let inside = |tick: &&Tick| from <= tick.time && tick.time < to;
        Ok(self.with(source, |kept| kept.ticks.iter().filter(inside).take(limit).copied().collect()))
    }

    async fn scan(&self, source: Source, visit: &mut Visit<'_>) -> Result<u64, StoreError> {
        lock(&self.0).check(source, MarketTime(i64::MIN), MarketTime(i64::MAX))?;
        let ticks = self.with(source, |kept| kept.ticks.clone());
        ticks.chunks(BATCH).for_each(visit);
        Ok(ticks.len() as u64)
    }

    async fn bars(
        &self,
        source: Source,
        timeframe: Timeframe,
        from: MarketTime,
        to: MarketTime,
        limit: usize,
    ) -> Result<Vec<Bar>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let span = (timeframe.millis(), from)..(timeframe.millis(), to);
        Ok(self.with(source, |kept| kept.bars.range(span).take(limit).map(|(_, bar)| *bar).collect()))
    }

    async fn latest_bars(&self, source: Source, timeframe: Timeframe, limit: usize) -> Result<Vec<Bar>, StoreError> {
        let span = (timeframe.millis(), MarketTime(i64::MIN))..=(timeframe.millis(), MarketTime(i64::MAX));
        let mut bars: Vec<Bar> =
            self.with(source, |kept| kept.bars.range(span).rev().take(limit).map(|(_, bar)| *bar).collect());
        bars.reverse();
        Ok(bars)
    }

    async fn gaps(&self, source: Source) -> Result<Vec<GapRecord>, StoreError> {
        Ok(self.with(source, |kept| kept.gaps.clone()))
    }

    async fn open_gaps(&self, source: Source, limit: usize) -> Result<Vec<Gap>, StoreError> {
        let open = |kept: &Kept| {
            let open = kept.gaps.iter().filter(|record| record.state == GapState::Open);
            open.map(|record| record.gap).take(limit).collect()
        };
        Ok(self.with(source, open))
    }

    async fn latest_days(&self, source: Source, limit: usize) -> Result<Vec<DayCheck>, StoreError> {
        let mut days: Vec<DayCheck> = self.with(source, |kept| kept.days.values().rev().take(limit).copied().collect());
        days.reverse();
        Ok(days)
    }
}
