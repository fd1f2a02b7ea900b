//! The command line of history: import and export of ticks and bars.

use aitrading_market_files::{Format, Zone, parse_time};
use aitrading_model::{MarketTime, Price, SCALE, Symbol, Timeframe};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Ticks in one part of an import, which is what a crash can make it repeat.
const PART: u32 = 131_072;

#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// Add ticks from files; bars of one minute, five minutes and one hour are made of them.
    #[command(after_help = "\
Examples:
  aitrading import ticks --data-dir ./desk --symbol GBPJPY DAT_ASCII_GBPJPY_T_201212.csv
  aitrading import ticks --data-dir ./desk --symbol EURUSD --zone us+2 EURUSD_ticks.csv      an export of MetaTrader 5
  aitrading import ticks --data-dir ./desk --digits 3 GBPJPY/2012/11/03/*h_ticks.bi5
  aitrading import ticks --data-dir ./desk --symbol EURUSD --dry-run --json day.csv

Formats: mt5-ticks, histdata-ticks, dukascopy-ticks, bi5, truefx, csv-ticks. An import may be repeated, also after a crash: what is
there already is not added again.")]
    Ticks(ImportTicks),
    /// Add bars from files, as they are.
    #[command(after_help = "\
Examples:
  aitrading import bars --data-dir ./desk --symbol XAUUSD --point 0.01 xauusd-h1.csv
  aitrading import bars --data-dir ./desk --symbol EURUSD --timeframe M5 --zone eu+2 EURUSD_M5.csv

Formats: mt5-bars, histdata-bars, dukascopy-bars, csv-bars. A bar that is there already and differs refuses the file.")]
    Bars(ImportBars),
}

#[derive(Debug, Args)]
pub(crate) struct ImportTicks {
    #[command(flatten)]
    pub(crate) into: ImportInto,
}

#[derive(Debug, Args)]
pub(crate) struct ImportBars {
    #[command(flatten)]
    pub(crate) into: ImportInto,
    /// Length of the bars; the shortest step between two of them if not given.
    #[arg(long, value_name = "M1|M5|H1", value_parser = parse_timeframe)]
    pub(crate) timeframe: Option<Timeframe>,
}

#[derive(Debug, Args)]
pub(crate) struct ImportInto {
    /// Files, oldest first.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The server's data directory; the server must be stopped.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// Whose history it becomes: an MT5 login, or 0 for nobody's, which no terminal ever adds to.
    #[arg(long, value_name = "LOGIN", default_value_t = 0)]
    pub(crate) account: u64,
    /// The symbol as the broker spells it; not needed where the file or its path names it.
    #[arg(long, value_name = "NAME", value_parser = parse_symbol)]
    pub(crate) symbol: Option<Symbol>,
    /// The files' format; recognised if not given.
    #[arg(long, value_name = "NAME", value_parser = parse_format)]
    pub(crate) format: Option<Format>,
    /// The wall clock of times that state none: utc, est, +3, -4:30, or eu, us, au with the winter offset as in eu+2. `auto` asks
    /// the format, then the weekly closes.
    #[arg(long, value_name = "ZONE|auto", default_value = "auto", value_parser = parse_zone, allow_hyphen_values = true)]
    pub(crate) zone: ZoneWish,
    /// Decimals of the symbol's prices; counted if not given, needed for bi5.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=8))]
    pub(crate) digits: Option<u8>,
    /// Prices in the file are whole numbers of this (0.01: 154759 is 1547.59).
    #[arg(long, value_name = "PRICE", value_parser = parse_point)]
    pub(crate) point: Option<Point>,
    /// Read and check everything, store nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Refuse a file with any bad line, instead of leaving that line out.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Machine-readable.
    #[arg(long)]
    pub(crate) json: bool,
    /// Ticks or bars that are stored at once.
    #[arg(long, value_name = "N", hide = true, default_value_t = PART, value_parser = clap::value_parser!(u32).range(1..=262_144))]
    pub(crate) part: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Export {
    /// Write a symbol's ticks.
    #[command(after_help = "\
Examples:
  aitrading export ticks --data-dir ./desk --symbol GBPJPY --output gbpjpy.csv
  aitrading export ticks --data-dir ./desk --symbol EURUSD --format mt5 --zone eu+2 --from 2024-01-01 --to 2024-02-01 --output jan.csv

`aitrading import ticks` reads what is written as equal ticks. Parquet needs no export: docs/specs/tick-files.md.")]
    Ticks(ExportTicks),
    /// Write a symbol's bars.
    #[command(after_help = "\
Example:
  aitrading export bars --data-dir ./desk --symbol XAUUSD --timeframe H1 --output gold.csv")]
    Bars(ExportBars),
}

#[derive(Debug, Args)]
pub(crate) struct ExportTicks {
    #[command(flatten)]
    pub(crate) from: ExportFrom,
}

#[derive(Debug, Args)]
pub(crate) struct ExportBars {
    #[command(flatten)]
    pub(crate) from: ExportFrom,
    /// Length of the bars.
    #[arg(long, value_name = "M1|M5|H1", value_parser = parse_timeframe)]
    pub(crate) timeframe: Timeframe,
}

#[derive(Debug, Args)]
pub(crate) struct ExportFrom {
    /// The server's data directory; the server must be stopped.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// The symbol.
    #[arg(long, value_name = "NAME", value_parser = parse_symbol)]
    pub(crate) symbol: Symbol,
    /// Whose; not needed where only one account has the symbol.
    #[arg(long, value_name = "LOGIN")]
    pub(crate) account: Option<u64>,
    /// First time (2024-01-31, 2024-01-31T12:00, or milliseconds since 1970), UTC.
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    pub(crate) from: Option<MarketTime>,
    /// First time that is not written any more.
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    pub(crate) to: Option<MarketTime>,
    /// As MetaTrader 5 exports, or our own CSV.
    #[arg(long, value_name = "NAME", default_value = "csv")]
    pub(crate) format: ExportFormat,
    /// The wall clock of an mt5 file.
    #[arg(long, value_name = "ZONE", default_value = "utc", value_parser = parse_named_zone, allow_hyphen_values = true)]
    pub(crate) zone: Zone,
    /// Write here instead of to the standard output; a file that is there already is not replaced.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    Mt5,
    Csv,
}

/// A zone, or the wish to have it found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ZoneWish {
    Auto,
    Named(Zone),
}

/// One point of a file whose prices are whole points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    /// Decimals of the point: 2 for 0.01.
    pub(crate) decimals: u8,
}

fn parse_symbol(text: &str) -> Result<Symbol, String> {
    text.parse().map_err(|error: aitrading_model::SymbolError| error.to_string())
}

fn parse_format(text: &str) -> Result<Format, String> {
    text.parse().map_err(|error: aitrading_market_files::MarketFileError| error.to_string())
}

fn parse_named_zone(text: &str) -> Result<Zone, String> {
    text.parse().map_err(|error: aitrading_market_files::MarketFileError| error.to_string())
}

fn parse_zone(text: &str) -> Result<ZoneWish, String> {
    if text == "auto" { Ok(ZoneWish::Auto) } else { parse_named_zone(text).map(ZoneWish::Named) }
}

fn parse_timeframe(text: &str) -> Result<Timeframe, String> {
    let found = Timeframe::ALL.into_iter().find(|timeframe| timeframe.name().eq_ignore_ascii_case(text));
    found.ok_or_else(|| "M1, M5 or H1 is expected: other lengths are not kept".to_owned())
}

fn parse_moment(text: &str) -> Result<MarketTime, String> {
    parse_time(text)
        .ok_or_else(|| "a time is expected: 2024-01-31, 2024-01-31T12:00:00, or milliseconds since 1970".to_owned())
}

fn parse_point(text: &str) -> Result<Point, String> {
    let wrong = || "1, 0.1, 0.01 and so on, down to 0.00000001, is expected".to_owned();
    let price: Price = text.parse().map_err(|_| wrong())?;
    let decimals = (0..=8).find(|decimals| point(*decimals) == price).ok_or_else(wrong)?;
    Ok(Point { decimals })
}

/// The price of one point with so many decimals.
pub(crate) fn point(decimals: u8) -> Price {
    let unit = 10_i64.checked_pow(u32::from(decimals)).and_then(|divisor| SCALE.checked_div(divisor));
    Price::from_raw(unit.unwrap_or(1).max(1))
}
