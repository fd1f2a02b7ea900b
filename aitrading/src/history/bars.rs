//! Bars of a file into the store, as they are. A bar that is there already must be equal; one that differs refuses the file
//! before anything of it is stored.

use super::{
    import::{Job, Outcome, changed},
    progress::Progress,
    refused, unreadable,
};
use crate::{cli::history::point, exit::Failure};
use aitrading_market_files::{BarRow, Reader, Reject, Sink};
use aitrading_model::{Bar, MarketTime, Price, Tick, Timeframe};
use aitrading_security::Sha256;
use aitrading_store::ImportCommit;
use std::collections::BTreeMap;

/// Bars with their lines.
#[derive(Debug, Default)]
struct Lines(Vec<(u64, BarRow)>);

impl Sink for Lines {
    fn tick(&mut self, _line: u64, _tick: Tick) {}

    fn bar(&mut self, line: u64, bar: BarRow) {
        self.0.push((line, bar));
    }

    fn reject(&mut self, _reject: Reject) {}
}

struct Intake<'a> {
    job: &'a Job<'a>,
    timeframe: Timeframe,
    point: Price,
    /// The first reading only compares.
    compare_only: bool,
    waiting: Vec<(u64, Bar)>,
    part: u64,
    outcome: Outcome,
}

/// Compares the whole file with what is stored, then stores what is new.
pub(super) async fn import(job: &Job<'_>, wish: Option<Timeframe>) -> Result<Outcome, Failure> {
    let timeframe = timeframe(job, wish)?;
    let compared = pass(job, timeframe, true).await?;
    if job.dry_run { Ok(compared) } else { pass(job, timeframe, false).await }
}

/// As named, or the shortest step between two bars.
fn timeframe(job: &Job<'_>, wish: Option<Timeframe>) -> Result<Timeframe, Failure> {
    let step = job.survey.step_ms;
    if let Some(wish) = wish.filter(|wish| step.is_none_or(|step| step >= wish.millis())) {
        return Ok(wish);
    }
    let known = Timeframe::ALL.into_iter().find(|timeframe| Some(timeframe.millis()) == step);
    if let Some(known) = known.filter(|_| wish.is_none()) {
        return Ok(known);
    }
    let seconds = step.unwrap_or(0).checked_div(1_000).unwrap_or(0);
    let why = match (wish, step) {
        (Some(wish), _) => format!(
            "its bars are {seconds} s apart, so they are shorter than {}; name their length with --timeframe",
            wish.name()
        ),
        (None, None) => "it holds one bar alone; name its length with --timeframe".to_owned(),
        (None, Some(_)) => format!(
            "its bars are {seconds} s apart; only M1, M5 and H1 are kept: export one of these, or name one with --timeframe"
        ),
    };
    Err(refused(&job.file.path, "IMPORT_TIMEFRAME", why))
}

async fn pass(job: &Job<'_>, timeframe: Timeframe, compare_only: bool) -> Result<Outcome, Failure> {
    let path = job.file.path.as_path();
    let mut intake = Intake {
        job,
        timeframe,
        point: point(job.digits),
        compare_only,
        waiting: Vec::new(),
        part: job.begun.map_or(0, |begun| begun.parts),
        outcome: Outcome::default(),
    };
    let mut reader = Reader::new(job.survey.format, job.survey.settings).map_err(|error| unreadable(path, &error))?;
    let (mut buffer, mut offset, mut hash, mut lines) = (Vec::new(), 0_u64, Sha256::default(), Lines::default());
    let doing = if compare_only { "comparing" } else { "importing" };
    let mut progress = Progress::new(job.env, format!("{doing} {}", path.display()), job.file.len);
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
    intake.settle(true).await?;
    Ok(intake.outcome)
}

impl Intake<'_> {
    async fn take(&mut self, lines: &mut Lines) -> Result<(), Failure> {
        for (line, row) in lines.0.drain(..) {
            let bar = self.bar(line, &row)?;
            self.waiting.push((line, bar));
            if self.waiting.len() >= self.job.part {
                self.settle(false).await?;
            }
        }
        Ok(())
    }

    fn bar(&self, line: u64, row: &BarRow) -> Result<Bar, Failure> {
        let refuse = |code, why: String| Err(refused(&self.job.file.path, code, format!("line {line}: {why}")));
        if self.timeframe.start_of(row.start) != row.start {
            let why = format!(
                "the bar of {} does not begin where a bar of {} begins; name the right --zone or --timeframe",
                row.start,
                self.timeframe.name()
            );
            return refuse("IMPORT_BAR_START", why);
        }
        match row.to_bar(self.timeframe, self.point) {
            Some(bar) => Ok(bar),
            None => {
                refuse("IMPORT_BAR_NUMBER", "its ticks or its spread are beyond what is kept; mend the line".to_owned())
            }
        }
    }

    /// What waits is compared, and stored if this reading stores.
    async fn settle(&mut self, last: bool) -> Result<(), Failure> {
        let waiting = std::mem::take(&mut self.waiting);
        let mut fresh = Vec::new();
        if let (Some((_, first)), Some((_, end))) = (waiting.first(), waiting.last()) {
            let to = MarketTime(end.start.0.saturating_add(1));
            let (store, source) = (&self.job.store, self.job.source);
            let stored = store.bars(source, self.timeframe, first.start, to, usize::MAX).await?;
            let stored: BTreeMap<MarketTime, Bar> = stored.into_iter().map(|bar| (bar.start, bar)).collect();
            for (line, bar) in waiting {
                match stored.get(&bar.start) {
                    None => fresh.push(bar),
                    Some(known) if *known == bar => self.outcome.known = self.outcome.known.saturating_add(1),
                    Some(_) => return Err(self.differs(line, &bar)),
                }
            }
        }
        self.outcome.new = self.outcome.new.saturating_add(fresh.len() as u64);
        if self.compare_only {
            return Ok(());
        }
        let Job { key, source, digits, .. } = *self.job;
        let commit = ImportCommit { key, part: self.part, source, digits, ticks: Vec::new(), bars: fresh, last };
        self.job.store.import(commit).await?;
        self.part = self.part.saturating_add(1);
        Ok(())
    }

    fn differs(&self, line: u64, bar: &Bar) -> Failure {
        let why = format!(
            "line {line}: another {} bar of {} is stored for {} in account {}; nothing was stored: import the file into an account of \
             its own with --account N",
            bar.timeframe.name(),
            bar.start,
            self.job.source.symbol,
            self.job.source.account
        );
        refused(&self.job.file.path, "IMPORT_BAR_DIFFERS", why)
    }
}
