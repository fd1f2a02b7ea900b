//! `aitrading import`: history from files of other programs. docs/specs/market-files.md says what meets what.

use super::{
    bars,
    desk::Desk,
    refused,
    survey::{self, Source as File, Survey, survey},
    ticks,
};
use crate::{
    cli::history::{Import, ImportInto},
    demo::words::grouped,
    exit::{Exit, Failure},
    print,
};
use aitrading_config::Environment;
use aitrading_env::Env;
use aitrading_market_files::Content;
use aitrading_model::{AccountId, Source, Timeframe};
use aitrading_security::Sha256;
use aitrading_store::{ImportKey, ImportProgress, TickStore};
use serde::Serialize;
use std::{io::Write, path::Path, sync::Arc};

/// What a file's records become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ticks,
    /// Of this length, if it was named.
    Bars(Option<Timeframe>),
}

/// One file on its way into the store.
pub(super) struct Job<'a> {
    pub(super) env: &'a Env,
    pub(super) store: Arc<dyn TickStore>,
    pub(super) file: &'a File,
    pub(super) survey: &'a Survey,
    pub(super) source: Source,
    pub(super) key: ImportKey,
    /// What an import that was cut short has stored.
    pub(super) begun: Option<ImportProgress>,
    pub(super) digits: u8,
    /// Records that are stored at once.
    pub(super) part: usize,
    pub(super) dry_run: bool,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Outcome {
    /// Records that were added.
    pub(super) new: u64,
    /// Records that were there already.
    pub(super) known: u64,
    /// Bars that were made of the added ticks.
    pub(super) bars_made: u64,
}

#[derive(Debug, Serialize)]
struct Told {
    file: String,
    format: &'static str,
    zone: String,
    account: u64,
    symbol: String,
    rows: u64,
    from: Option<String>,
    to: Option<String>,
    #[serde(flatten)]
    outcome: Outcome,
    /// The same file was imported before, with the same settings.
    imported_before: bool,
    dry_run: bool,
    refused: u64,
    refusals: Vec<Refusals>,
    /// Times that the wall clock showed twice.
    ambiguous_times: u64,
}

#[derive(Debug, Serialize)]
struct Refusals {
    code: &'static str,
    lines: u64,
    first_line: u64,
    first_column: u32,
}

/// Imports every file in turn; the first that is refused ends the command, and what was imported before it stays.
pub(crate) async fn run(env: &Env, out: &mut dyn Write, variables: &Environment, args: &Import) -> Result<(), Failure> {
    let (into, kind) = match args {
        Import::Ticks(args) => (&args.into, Kind::Ticks),
        Import::Bars(args) => (&args.into, Kind::Bars(args.timeframe)),
    };
    let desk = Desk::open(env, variables, &into.data_dir).await?;
    let imported = every(env, out, &desk, into, kind).await;
    let closed = desk.close().await;
    imported.and(closed)
}

async fn every(env: &Env, out: &mut dyn Write, desk: &Desk, into: &ImportInto, kind: Kind) -> Result<(), Failure> {
    desk.check_journal(env, &into.data_dir).await?;
    let mut all = Vec::new();
    let mut failed = None;
    for path in &into.files {
        match one(env, desk, into, kind, path).await {
            Ok(told) if into.json => all.push(told),
            Ok(told) => show(out, kind, &told)?,
            Err(failure) => {
                failed = Some(failure);
                break;
            }
        }
    }
    if into.json {
        let sum = |of: fn(&Told) -> u64| all.iter().map(of).fold(0, u64::saturating_add);
        let (new, known, refused) = (sum(|t| t.outcome.new), sum(|t| t.outcome.known), sum(|t| t.refused));
        let value = serde_json::json!({
            "files": all, "new": new, "known": known, "refused": refused, "complete": failed.is_none(),
        });
        print(out, format_args!("{value}"))?;
    }
    failed.map_or(Ok(()), Err)
}

async fn one(env: &Env, desk: &Desk, into: &ImportInto, kind: Kind, path: &Path) -> Result<Told, Failure> {
    let file = File::open(env, path)?;
    let content = if kind == Kind::Ticks { Content::Ticks } else { Content::Bars };
    let survey = survey(env, &file, content, into)?;
    if let Some(first) = survey.summary.rejects.first().filter(|_| into.strict) {
        let total = survey.summary.rejects.total();
        let why = format!("{first}, the first of {total} bad lines; mend the file, or import it without --strict");
        return Err(refused(path, "IMPORT_STRICT", why));
    }
    let Some(symbol) = into.symbol.or(survey.symbol) else {
        return Err(refused(
            path,
            "IMPORT_SYMBOL",
            "the file does not say which symbol it is of; name it with --symbol",
        ));
    };
    let source = Source { tenant: desk.config.tenant, account: AccountId(into.account), symbol };
    let digits = into.digits.unwrap_or(survey.digits);
    let key = key(&survey, &source, kind, digits);
    let store = Arc::clone(&desk.stores.ticks);
    let begun = store.imported(source.tenant, key).await?;
    let part = usize::try_from(into.part).unwrap_or(1);
    let before = begun.is_some_and(|begun| begun.done);
    let job = Job { env, store, file: &file, survey: &survey, source, key, begun, digits, part, dry_run: into.dry_run };
    let outcome = match kind {
        _ if before => Outcome { known: survey.summary.ticks.max(survey.summary.bars), ..Outcome::default() },
        Kind::Ticks => ticks::import(&job).await?,
        Kind::Bars(timeframe) => bars::import(&job, timeframe).await?,
    };
    Ok(told(&job, outcome, before))
}

/// The same content with the same meaning for the same source is the same import.
fn key(survey: &Survey, source: &Source, kind: Kind, digits: u8) -> ImportKey {
    let survey::Survey { format, settings, hash, .. } = survey;
    let zone = settings.zone.map(|zone| zone.to_string()).unwrap_or_default();
    let kind = match kind {
        Kind::Ticks => "ticks".to_owned(),
        // The decimals of a point are part of what a bar's spread means.
        Kind::Bars(timeframe) => format!("bars {} {digits}", timeframe.map_or("auto", Timeframe::name)),
    };
    let (points, hour) = (settings.points, settings.hour.map(|hour| hour.0));
    let Source { tenant, account, symbol } = source;
    let meaning =
        format!("aitrading import 1\n{format}\n{zone}\n{points:?}\n{hour:?}\n{tenant}\n{account}\n{symbol}\n{kind}\n");
    let mut sum = Sha256::default();
    sum.update(hash);
    sum.update(meaning.as_bytes());
    ImportKey(sum.finish())
}

fn told(job: &Job<'_>, outcome: Outcome, imported_before: bool) -> Told {
    let summary = &job.survey.summary;
    let refusals = summary.rejects.iter().map(|(lines, first)| Refusals {
        code: first.code.code(),
        lines,
        first_line: first.line,
        first_column: first.column,
    });
    Told {
        file: job.file.path.display().to_string(),
        format: job.survey.format.name(),
        zone: job.survey.zone.clone(),
        account: job.source.account.0,
        symbol: job.source.symbol.to_string(),
        rows: summary.rows,
        from: summary.span.map(|(from, _)| from.to_string()),
        to: summary.span.map(|(_, to)| to.to_string()),
        outcome,
        imported_before,
        dry_run: job.dry_run,
        refused: summary.rejects.total(),
        refusals: refusals.collect(),
        ambiguous_times: summary.ambiguous_times,
    }
}

fn show(out: &mut dyn Write, kind: Kind, told: &Told) -> Result<(), Failure> {
    let what = if kind == Kind::Ticks { "ticks" } else { "bars" };
    let none = || "nothing".to_owned();
    let (from, to) = (told.from.clone().unwrap_or_else(none), told.to.clone().unwrap_or_else(none));
    print(out, format_args!("file      {}: {}, {} rows, {from} to {to}", told.file, told.format, grouped(told.rows)))?;
    print(out, format_args!("  zone    {}", told.zone))?;
    print(out, format_args!("  source  account {}, {}", told.account, told.symbol))?;
    let made = match told.outcome.bars_made {
        0 => String::new(),
        made => format!(", {} bars made of them", grouped(made)),
    };
    let new = if told.dry_run { "would add" } else { "new" };
    print(out, format_args!("  {new:<7} {} {what}{made}", grouped(told.outcome.new)))?;
    let before = if told.imported_before { ": this file was imported before" } else { "" };
    print(out, format_args!("  known   {} {what}{before}", grouped(told.outcome.known)))?;
    print(out, format_args!("  refused {} lines", grouped(told.refused)))?;
    for Refusals { code, lines, first_line, first_column } in &told.refusals {
        print(
            out,
            format_args!("          {} {code}, first in line {first_line}, column {first_column}", grouped(*lines)),
        )?;
    }
    if told.ambiguous_times > 0 {
        let times = grouped(told.ambiguous_times);
        print(
            out,
            format_args!("  note    {times} times were shown twice by the wall clock; order decided which was meant"),
        )?;
    }
    Ok(())
}

/// The file was another one at the second reading.
pub(super) fn changed(path: &Path) -> Failure {
    let text = format!("{}: the file changed while it was read; import it again when nobody writes it", path.display());
    Failure::new(Exit::Data, format!("{text} [IMPORT_FILE_CHANGED]"))
}
