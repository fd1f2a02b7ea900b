//! The port for ticks, bars and gaps.

use crate::{ImportCommit, ImportKey, ImportProgress, JournalMark, StoreError};
use aitrading_model::{
    Bar, Cursor, DayCheck, Epoch, Gap, GapRecord, GapState, MarketTime, Source, TenantId, Tick, TickReject, Timeframe,
};
use async_trait::async_trait;
use std::collections::BTreeMap;

/// The epoch of ticks that came late: behind every life of a client, so that in one millisecond they stand behind its ticks.
pub const LATE_EPOCH: Epoch = Epoch(u64::MAX);

/// Sequence numbers of consecutive ticks: one run ends where an epoch begins or a number was left out (a refused tick).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeqRun {
    /// The client's life in which the numbers count.
    pub epoch: Epoch,
    /// Number of the run's first tick.
    pub first_seq: u64,
    /// How many ticks.
    pub count: u32,
}

impl SeqRun {
    /// Adds a tick to the last of `runs` if its number follows, else begins a new run.
    pub fn push(runs: &mut Vec<Self>, epoch: Epoch, seq: u64) {
        match runs.last_mut() {
            Some(run)
                if run.epoch == epoch
                    && run.count < u32::MAX
                    && run.first_seq.checked_add(u64::from(run.count)) == Some(seq) =>
            {
                run.count = run.count.saturating_add(1);
            }
            _ => runs.push(Self { epoch, first_seq: seq, count: 1 }),
        }
    }
}

/// What one commit did about a hole. A hole that is not recorded yet is recorded with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GapChange {
    /// Which.
    pub gap: Gap,
    /// How many more ticks were added in it.
    pub added: u64,
    /// Where it stands now.
    pub state: GapState,
}

/// What one commit adds to one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCommit {
    /// Which source.
    pub source: Source,
    /// Decimals of the symbol's price (0 to 8): a hint for compact storage. Prices with more are kept exactly all the same.
    pub digits: u8,
    /// Accepted ticks in order, "no quote" ticks included.
    pub ticks: Vec<Tick>,
    /// The ticks' sequence numbers; the counts add up to the number of ticks.
    pub runs: Vec<SeqRun>,
    /// Ticks that came late, in order of time, none later than the cursor: they belong between those that are stored, each
    /// behind the stored ones of its millisecond.
    pub late: Vec<Tick>,
    /// Number of the first late tick in [`LATE_EPOCH`].
    pub late_seq: u64,
    /// Bars that these ticks closed, or that late ticks changed.
    pub bars: Vec<Bar>,
    /// Holes that were seen.
    pub gaps: Vec<Gap>,
    /// What was done about holes.
    pub changes: Vec<GapChange>,
    /// Days that were counted; one that is told again replaces the older count.
    pub days: Vec<DayCheck>,
    /// How many more ticks were refused, by code.
    pub rejected: Vec<(TickReject, u64)>,
    /// How many more ticks were known already.
    pub duplicates: u64,
    /// How far the source is read after this commit.
    pub cursor: Cursor,
}

impl SourceCommit {
    /// A commit of nothing, to be filled.
    #[must_use]
    pub fn new(source: Source, digits: u8, cursor: Cursor) -> Self {
        let (ticks, runs, late, bars, gaps, changes, days, rejected) = Default::default();
        let (late_seq, duplicates) = (0, 0);
        Self { source, digits, ticks, runs, late, late_seq, bars, gaps, changes, days, rejected, duplicates, cursor }
    }

    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        let numbered = self.runs.iter().try_fold(0_u64, |sum, run| sum.checked_add(u64::from(run.count)));
        if numbered != u64::try_from(self.ticks.len()).ok() {
            return Err(StoreError::Invalid { what: "the sequence numbers do not cover the ticks" });
        }
        if self.digits > 8 {
            return Err(StoreError::Invalid { what: "prices have at most 8 digits" });
        }
        let mut gaps = self.gaps.iter().chain(self.changes.iter().map(|change| &change.gap));
        if gaps.any(|gap| gap.source != self.source) {
            return Err(StoreError::Invalid { what: "a gap belongs to another source" });
        }
        if !self.late.is_sorted_by_key(|tick| tick.time) || self.late.last().is_some_and(|t| t.time > self.cursor.time)
        {
            return Err(StoreError::Invalid { what: "late ticks are not in order, or later than the source was read" });
        }
        Ok(())
    }
}

/// What a stretch of the journal adds, and where that stretch ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TickCommit {
    /// End of the stretch.
    pub mark: JournalMark,
    /// What each source gets, in the order in which it is to be stored.
    pub sources: Vec<SourceCommit>,
}

/// What is stored of one tenant's ticks.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TickCounts {
    /// Stored ticks, counted where they lie.
    pub stored: u64,
    /// Of these, ticks that imports added.
    pub imported: u64,
    /// Refused ticks by code.
    pub rejected: BTreeMap<TickReject, u64>,
    /// Ticks that were known already.
    pub duplicates: u64,
    /// Bytes that the stored ticks occupy.
    pub bytes: u64,
    /// Files that hold them; 0 where there are no files.
    pub files: u64,
}

/// Takes stored ticks, a batch at a time, in order.
pub type Visit<'a> = dyn FnMut(&[Tick]) + Send + 'a;

/// Keeps ticks, bars and gaps.
#[async_trait]
pub trait TickStore: Send + Sync {
    /// Takes a stretch of the journal: all of it or, after an error or a crash, nothing. Returns when it is durable.
    ///
    /// # Errors
    /// [`StoreError::AlreadyDone`] if `commit.mark` is not beyond [`TickStore::mark`]; [`StoreError::Invalid`];
    /// otherwise as the medium says.
    async fn commit(&self, commit: TickCommit) -> Result<(), StoreError>;
    /// Takes a part of an import: all of it or, after an error or a crash, nothing. Returns when it is durable. The journal's
    /// mark stays where it is.
    ///
    /// # Errors
    /// As [`ImportCommit::plan`]; otherwise as the medium says.
    async fn import(&self, commit: ImportCommit) -> Result<(), StoreError>;
    /// How far an import of the tenant has come; `None` if no part of it is stored.
    async fn imported(&self, tenant: TenantId, key: ImportKey) -> Result<Option<ImportProgress>, StoreError>;
    /// How far the journal has been taken; [`JournalMark::START`] at first.
    async fn mark(&self) -> Result<JournalMark, StoreError>;
    /// How far every source of every tenant has been read.
    async fn cursors(&self) -> Result<Vec<(Source, Cursor)>, StoreError>;
    /// What is stored of one tenant, counted in the store.
    async fn counts(&self, tenant: TenantId) -> Result<TickCounts, StoreError>;
    /// The first `limit` ticks of a source with `from <= time < to`, in order.
    async fn range(
        &self,
        source: Source,
        from: MarketTime,
        to: MarketTime,
        limit: usize,
    ) -> Result<Vec<Tick>, StoreError>;
    /// Shows every tick of a source in order, and says how many there were. Ticks committed meanwhile may be missing.
    async fn scan(&self, source: Source, visit: &mut Visit<'_>) -> Result<u64, StoreError>;
    /// The first `limit` bars with `from <= start < to`, in order.
    async fn bars(
        &self,
        source: Source,
        timeframe: Timeframe,
        from: MarketTime,
        to: MarketTime,
        limit: usize,
    ) -> Result<Vec<Bar>, StoreError>;
    /// The last `limit` bars, oldest first.
    async fn latest_bars(&self, source: Source, timeframe: Timeframe, limit: usize) -> Result<Vec<Bar>, StoreError>;
    /// The holes of a source and what became of them, in order.
    async fn gaps(&self, source: Source) -> Result<Vec<GapRecord>, StoreError>;
    /// The first `limit` holes that are open, in order.
    async fn open_gaps(&self, source: Source, limit: usize) -> Result<Vec<Gap>, StoreError>;
    /// The last `limit` days that were counted, oldest first.
    async fn latest_days(&self, source: Source, limit: usize) -> Result<Vec<DayCheck>, StoreError>;
}
