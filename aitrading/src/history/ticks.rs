//! Ticks of a file into the store, behind what is there.
//!
//! While the file's times are not beyond the end of the stored history, each of its ticks must be there already, in order and
//! equal in content (flags apart: files that have none get guessed ones); it is passed over. The first tick behind that end, and
//! all that follow, are added. A tick before the end that is not there refuses the file, before anything of it is stored.

use super::{
    import::{Job, Outcome, changed},
    progress::Progress,
    refused,
    stored::Stored,
    unreadable,
};
use crate::exit::Failure;
use aitrading_market_files::{BarRow, Reader, Reject, Sink};
use aitrading_model::{Bar, MarketTime, OpenBars, Tick, Timeframe};
use aitrading_security::Sha256;
use aitrading_store::ImportCommit;

/// Ticks with their lines.
#[derive(Debug, Default)]
struct Lines(Vec<(u64, Tick)>);

impl Sink for Lines {
    fn tick(&mut self, line: u64, tick: Tick) {
        self.0.push((line, tick));
    }

    fn bar(&mut self, _line: u64, _bar: BarRow) {}

    fn reject(&mut self, _reject: Reject) {}
}

struct Intake<'a> {
    job: &'a Job<'a>,
    /// What is stored from the file's first time on.
    stored: Stored,
    /// The end of the stored history, where there is one.
    end: Option<MarketTime>,
    /// From here on everything is new.
    adding: bool,
    ticks: Vec<Tick>,
    open: OpenBars,
    closed: Vec<Bar>,
    part: u64,
    outcome: Outcome,
}

/// Reads the file a second time and stores what is new of it.
pub(super) async fn import(job: &Job<'_>) -> Result<Outcome, Failure> {
    let Some((first, _)) = job.survey.summary.span else { return Ok(Outcome::default()) };
    let mut intake = Intake::new(job, first).await?;
    let path = job.file.path.as_path();
    let mut reader = Reader::new(job.survey.format, job.survey.settings).map_err(|error| unreadable(path, &error))?;
    let (mut buffer, mut offset, mut hash, mut lines) = (Vec::new(), 0_u64, Sha256::default(), Lines::default());
    let mut progress = Progress::new(job.env, format!("importing {}", path.display()), job.file.len);
    loop {
        let chunk = job.file.chunk(&mut buffer, offset)?;
        if chunk.is_empty() {
            break;
        }
        hash.update(chunk);
        reader.feed(chunk, &mut lines).map_err(|error| unreadable(path, &error))?;
        offset = offset.saturating_add(chunk.len() as u64);
        intake.take(&mut lines).await?;
        progress.tell(offset);
    }
    reader.finish(&mut lines).map_err(|error| unreadable(path, &error))?;
    if hash.finish() != job.survey.hash {
        return Err(changed(path));
    }
    intake.take(&mut lines).await?;
    intake.finish().await
}

impl<'a> Intake<'a> {
    async fn new(job: &'a Job<'a>, first: MarketTime) -> Result<Self, Failure> {
        let cursors = job.store.cursors().await?;
        let end = cursors.into_iter().find(|(source, _)| *source == job.source).map(|(_, cursor)| cursor.time);
        Ok(Self {
            job,
            stored: Stored::new(&job.store, job.source, first, MarketTime(i64::MAX)),
            end: end.filter(|end| *end != MarketTime::default()),
            adding: false,
            ticks: Vec::new(),
            open: OpenBars::default(),
            closed: Vec::new(),
            part: job.begun.map_or(0, |begun| begun.parts),
            outcome: Outcome::default(),
        })
    }

    async fn take(&mut self, lines: &mut Lines) -> Result<(), Failure> {
        for (line, tick) in lines.0.drain(..) {
            if !self.adding {
                if self.is_known(line, &tick).await? {
                    self.outcome.known = self.outcome.known.saturating_add(1);
                    continue;
                }
                self.begin(&tick).await?;
            }
            self.open.push(&tick, &mut self.closed);
            self.ticks.push(tick);
            if self.ticks.len() >= self.job.part {
                self.store(false).await?;
            }
        }
        Ok(())
    }

    /// Is the tick stored already? If it is not although the stored history goes on behind it, the file is refused.
    async fn is_known(&mut self, line: u64, tick: &Tick) -> Result<bool, Failure> {
        let Some(end) = self.end.filter(|end| tick.time <= *end) else { return Ok(false) };
        while let Some(stored) = self.stored.peek().await?.copied() {
            if stored.time > tick.time {
                break;
            }
            self.stored.next().await?;
            if same(&stored, tick) {
                return Ok(true);
            }
        }
        if tick.time == end {
            return Ok(false);
        }
        let why = format!(
            "line {line}: the tick of {} is not in the stored history of {} in account {}, which goes on until {end}; nothing is put \
             between stored ticks and nothing was stored: import the file into an account of its own with --account N, or only what \
             lies behind {end}",
            tick.time, self.job.source.symbol, self.job.source.account
        );
        Err(refused(&self.job.file.path, "IMPORT_OVERLAP", why))
    }

    /// Bars that are open where the stored history ends go on with the file's ticks.
    async fn begin(&mut self, first: &Tick) -> Result<(), Failure> {
        self.adding = true;
        let hour = Timeframe::H1.start_of(first.time);
        let mut stored = Stored::new(&self.job.store, self.job.source, hour, MarketTime(i64::MAX));
        while let Some(tick) = stored.next().await? {
            self.open.push(&tick, &mut self.closed);
        }
        // These are stored.
        self.closed.clear();
        Ok(())
    }

    async fn store(&mut self, last: bool) -> Result<(), Failure> {
        let (ticks, bars) = (std::mem::take(&mut self.ticks), std::mem::take(&mut self.closed));
        self.outcome.new = self.outcome.new.saturating_add(ticks.len() as u64);
        self.outcome.bars_made = self.outcome.bars_made.saturating_add(bars.len() as u64);
        if self.job.dry_run {
            return Ok(());
        }
        let Job { key, source, digits, .. } = *self.job;
        let commit = ImportCommit { key, part: self.part, source, digits, ticks, bars, last };
        self.job.store.import(commit).await?;
        self.part = self.part.saturating_add(1);
        Ok(())
    }

    /// Bars that are still open are stored as far as they are; what comes behind the file replaces them.
    async fn finish(mut self) -> Result<Outcome, Failure> {
        if self.adding {
            self.closed.extend(self.open.open.iter().flatten());
        }
        self.store(true).await?;
        Ok(self.outcome)
    }
}

fn same(a: &Tick, b: &Tick) -> bool {
    (a.time, a.bid, a.ask, a.last, a.volume) == (b.time, b.bid, b.ask, b.last, b.volume)
}
