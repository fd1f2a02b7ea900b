//! `aitrading export`: stored history as files of other programs, page by page.

use super::{desk::Desk, stored::Stored, survey::decimals};
use crate::{
    cli::history::{Export, ExportFormat, ExportFrom, point},
    demo::words::grouped,
    exit::{Exit, Failure},
};
use aitrading_config::Environment;
use aitrading_env::{Env, File, OpenMode};
use aitrading_market_files::{BarRow, BarWriter, MarketFileError, TickWriter};
use aitrading_model::{AccountId, Bar, MarketTime, Source, Timeframe};
use aitrading_store::TickStore;
use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Bytes that are written at once.
const CHUNK: usize = 256 << 10;
/// Bars that are read at once.
const BARS: usize = 65_536;

/// Writes what is stored.
pub(crate) async fn run(env: &Env, out: &mut dyn Write, variables: &Environment, args: &Export) -> Result<(), Failure> {
    let from = match args {
        Export::Ticks(args) => &args.from,
        Export::Bars(args) => &args.from,
    };
    let desk = Desk::open(env, variables, &from.data_dir).await?;
    let exported = write(env, out, &desk, args, from).await;
    let closed = desk.close().await;
    exported.and(closed)
}

async fn write(env: &Env, out: &mut dyn Write, desk: &Desk, args: &Export, from: &ExportFrom) -> Result<(), Failure> {
    let source = source(desk, from).await?;
    let span = (from.from.unwrap_or(MarketTime(i64::MIN)), from.to.unwrap_or(MarketTime(i64::MAX)));
    let mut target = Target::open(env, from.output.as_deref(), out)?;
    let written = match args {
        Export::Ticks(_) => ticks(&desk.stores.ticks, source, span, from, &mut target).await,
        Export::Bars(args) => bars(&desk.stores.ticks, source, (args.timeframe, span), from, &mut target).await,
    };
    match written {
        Ok(0) => {
            target.abandon();
            let text = format!(
                "nothing is stored of {} in account {} in that span; ask for another with --from and --to [EXPORT_NOTHING]",
                source.symbol, source.account
            );
            Err(Failure::new(Exit::NoInput, text))
        }
        Ok(records) => target.finish(records),
        Err(failure) => {
            target.abandon();
            Err(failure)
        }
    }
}

/// The one source of the symbol, or the account's.
async fn source(desk: &Desk, from: &ExportFrom) -> Result<Source, Failure> {
    let cursors = desk.stores.ticks.cursors().await?;
    let of_symbol = |source: &Source| source.tenant == desk.config.tenant && source.symbol == from.symbol;
    let found: Vec<Source> = cursors.into_iter().map(|(source, _)| source).filter(of_symbol).collect();
    let accounts = || found.iter().map(|source| source.account.to_string()).collect::<Vec<_>>().join(", ");
    let symbol = from.symbol;
    match (from.account.map(AccountId), found.as_slice()) {
        (_, []) => {
            let text = format!("nothing is stored of {symbol}; symbols are spelt as the broker does [EXPORT_NOTHING]");
            Err(Failure::new(Exit::NoInput, text))
        }
        (None, [one]) => Ok(*one),
        (None, _) => {
            let text =
                format!("{symbol} is stored for the accounts {}; name one with --account [EXPORT_ACCOUNT]", accounts());
            Err(Failure::new(Exit::Usage, text))
        }
        (Some(account), found) => found.iter().copied().find(|source| source.account == account).ok_or_else(|| {
            let text =
                format!("nothing is stored of {symbol} in account {account}, but in {} [EXPORT_NOTHING]", accounts());
            Failure::new(Exit::NoInput, text)
        }),
    }
}

async fn ticks(
    store: &Arc<dyn TickStore>,
    source: Source,
    (start, end): (MarketTime, MarketTime),
    from: &ExportFrom,
    target: &mut Target<'_>,
) -> Result<u64, Failure> {
    let mut stored = Stored::new(store, source, start, end);
    // Prices with more decimals than the first one are written with as many as they need.
    let digits = stored.peek().await?.map_or(0, |tick| decimals(tick.bid).max(decimals(tick.ask)));
    let mut writer = match from.format {
        ExportFormat::Mt5 => TickWriter::mt5(from.zone, digits),
        ExportFormat::Csv => TickWriter::csv(digits),
    };
    let (mut records, mut buffer) = (0_u64, Vec::new());
    while let Some(tick) = stored.next().await? {
        writer.write(&tick, &mut buffer).map_err(|error| unwritable(&error))?;
        records = records.saturating_add(1);
        if buffer.len() >= CHUNK {
            target.put(&mut buffer)?;
        }
    }
    target.put(&mut buffer)?;
    Ok(records)
}

async fn bars(
    store: &Arc<dyn TickStore>,
    source: Source,
    (timeframe, (start, end)): (Timeframe, (MarketTime, MarketTime)),
    from: &ExportFrom,
    target: &mut Target<'_>,
) -> Result<u64, Failure> {
    // A spread is written in points, so the decimals of all bars are needed before the first.
    let mut digits = 0;
    let mut at = start;
    while let Some(page) = page(store, source, timeframe, (&mut at, end)).await? {
        let prices = page.iter().flat_map(|bar| [bar.open, bar.high, bar.low, bar.close, bar.spread_min]);
        digits = prices.map(decimals).fold(digits, u8::max);
    }
    let mut writer = match from.format {
        ExportFormat::Mt5 => BarWriter::mt5(from.zone, digits),
        ExportFormat::Csv => BarWriter::csv(digits),
    };
    let (mut records, mut buffer, mut at) = (0_u64, Vec::new(), start);
    while let Some(page) = page(store, source, timeframe, (&mut at, end)).await? {
        for bar in &page {
            let row = BarRow::from_bar(bar, point(digits)).ok_or_else(|| {
                let text =
                    format!("the spread of the bar of {} is beyond what a file can say [EXPORT_SPREAD]", bar.start);
                Failure::new(Exit::Data, text)
            })?;
            writer.write(&row, &mut buffer).map_err(|error| unwritable(&error))?;
        }
        records = records.saturating_add(page.len() as u64);
        target.put(&mut buffer)?;
    }
    target.note = format!(", {digits} decimals: import it with --digits {digits}");
    Ok(records)
}

/// The next bars from `at` on, which is moved behind them; `None` at the end.
async fn page(
    store: &Arc<dyn TickStore>,
    source: Source,
    timeframe: Timeframe,
    (at, end): (&mut MarketTime, MarketTime),
) -> Result<Option<Vec<Bar>>, Failure> {
    let bars = store.bars(source, timeframe, *at, end, BARS).await?;
    let Some(last) = bars.last() else { return Ok(None) };
    *at = MarketTime(last.start.0.saturating_add(1));
    Ok(Some(bars))
}

fn unwritable(error: &MarketFileError) -> Failure {
    Failure::coded(error)
}

/// Where the export goes: a file that appears whole or not at all, or the standard output.
struct Target<'a> {
    env: Env,
    out: &'a mut dyn Write,
    file: Option<(Box<dyn File>, PathBuf, PathBuf)>,
    offset: u64,
    note: String,
}

impl<'a> Target<'a> {
    fn open(env: &Env, path: Option<&Path>, out: &'a mut dyn Write) -> Result<Self, Failure> {
        let (env, note) = (env.clone(), String::new());
        let Some(path) = path else { return Ok(Self { env, out, file: None, offset: 0, note }) };
        let failed = |error: std::io::Error| Failure::io("cannot write", path, &error);
        if env.fs.metadata(path).map_err(failed)?.is_some() {
            let text = format!("{} is there already; remove it, or choose another name", path.display());
            return Err(Failure::new(Exit::CannotCreate, text));
        }
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        if env.fs.metadata(&partial).map_err(failed)?.is_some() {
            env.fs.remove_file(&partial).map_err(failed)?;
        }
        let file = env.fs.open(&partial, OpenMode::CreateNew).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Failure::new(
                Exit::CannotCreate,
                format!("the folder of {} does not exist; create it first", path.display()),
            ),
            _ => failed(error),
        })?;
        Ok(Self { env, out, file: Some((file, partial, path.to_owned())), offset: 0, note })
    }

    /// Writes and empties `buffer`.
    fn put(&mut self, buffer: &mut Vec<u8>) -> Result<(), Failure> {
        match &self.file {
            Some((file, _, path)) => {
                let written = file.write_all_at(buffer, self.offset);
                written.map_err(|error| Failure::io("cannot write", path, &error))?;
            }
            None => {
                let written = self.out.write_all(buffer);
                written.map_err(|e| Failure::new(Exit::Io, format!("cannot write to the output: {e}")))?;
            }
        }
        self.offset = self.offset.saturating_add(buffer.len() as u64);
        buffer.clear();
        Ok(())
    }

    fn finish(self, records: u64) -> Result<(), Failure> {
        let Some((file, partial, path)) = self.file else { return Ok(()) };
        let failed = |error: std::io::Error| Failure::io("cannot write", &path, &error);
        file.sync_data().map_err(failed)?;
        drop(file);
        self.env.fs.rename(&partial, &path).map_err(failed)?;
        let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        self.env.fs.sync_dir(folder).map_err(failed)?;
        let line = format_args!(
            "exported  {} records, {} bytes to {}{}",
            grouped(records),
            grouped(self.offset),
            path.display(),
            self.note
        );
        crate::print(self.out, line)
    }

    /// Nothing of it stays.
    fn abandon(&self) {
        if let Some((_, partial, _)) = &self.file {
            // What cannot be removed now is replaced by the next export.
            self.env.fs.remove_file(partial).unwrap_or(());
        }
    }
}
