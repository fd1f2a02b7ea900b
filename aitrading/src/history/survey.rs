//! The first look at a file: what it is, by which clock, what is bad in it, and its hash. Nothing is stored meanwhile.

use super::{progress::Progress, refused, unreadable};
use crate::{
    cli::history::{ImportInto, ZoneWish},
    exit::Failure,
};
use aitrading_env::{Env, File, OpenMode};
use aitrading_market_files::{
    BarRow, Bi5Place, Content, Format, MarketFileError, Reader, Reject, SNIFF_BYTES, Settings, Sink, Stated, Summary,
    Verdict, WeeklyCloses, Zone, sniff, stated,
};
use aitrading_model::{MarketTime, Price, Symbol, Tick};
use aitrading_security::Sha256;
use std::path::{Path, PathBuf};

/// Bytes that are read at once.
const CHUNK: usize = 256 << 10;
const DAY_MS: i64 = 86_400_000;

/// An opened file.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) len: u64,
    file: Box<dyn File>,
}

/// What is known of a file before anything is stored.
pub(super) struct Survey {
    pub(super) format: Format,
    pub(super) settings: Settings,
    /// The zone and where it is known from, in words.
    pub(super) zone: String,
    /// That the file's path or lines name.
    pub(super) symbol: Option<Symbol>,
    pub(super) summary: Summary,
    /// Most decimals of its prices.
    pub(super) digits: u8,
    /// Shortest step between two records, where there are two.
    pub(super) step_ms: Option<i64>,
    pub(super) hash: [u8; 32],
}

impl Source {
    pub(super) fn open(env: &Env, path: &Path) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::io("cannot read", path, &error);
        let file = env.fs.open(path, OpenMode::Read).map_err(failed)?;
        let len = file.len().map_err(failed)?;
        Ok(Self { path: path.to_owned(), len, file })
    }

    /// The bytes at `offset`, as many as fit; none behind the end.
    pub(super) fn chunk<'a>(&self, buffer: &'a mut Vec<u8>, offset: u64) -> Result<&'a [u8], Failure> {
        buffer.resize(CHUNK, 0);
        let read = self.file.read_at(buffer, offset);
        let read = read.map_err(|error| Failure::io("cannot read", &self.path, &error))?;
        buffer.truncate(read);
        Ok(buffer)
    }

    /// Hands the whole file to `reader`, and says its hash.
    fn read(
        &self,
        mut reader: Reader,
        sink: &mut dyn Sink,
        progress: &mut Progress,
    ) -> Result<(Summary, [u8; 32]), Read> {
        let (mut buffer, mut offset, mut hash) = (Vec::new(), 0_u64, Sha256::default());
        loop {
            let chunk = self.chunk(&mut buffer, offset).map_err(Read::Failed)?;
            if chunk.is_empty() {
                break;
            }
            hash.update(chunk);
            reader.feed(chunk, sink).map_err(Read::Refused)?;
            offset = offset.saturating_add(chunk.len() as u64);
            progress.tell(offset);
        }
        Ok((reader.finish(sink).map_err(Read::Refused)?, hash.finish()))
    }
}

enum Read {
    Failed(Failure),
    Refused(MarketFileError),
}

/// Looks at the whole file.
pub(super) fn survey(env: &Env, source: &Source, content: Content, wish: &ImportInto) -> Result<Survey, Failure> {
    let path = source.path.as_path();
    let (format, stated) = format(source, wish.format)?;
    if format.content() != content {
        let (is, other) = if content == Content::Ticks { ("bars", "bars") } else { ("ticks", "ticks") };
        return Err(refused(
            path,
            "IMPORT_CONTENT",
            format!("the file holds {is} ({format}); use `aitrading import {other}`"),
        ));
    }
    let latest = env.clock.wall_ns().div_euclid(1_000_000).saturating_add(DAY_MS);
    let mut settings = Settings {
        zone: None,
        stated,
        points: wish.point.map(|point| point.decimals),
        hour: None,
        latest: Some(MarketTime(latest)),
    };
    let mut symbol = None;
    if format == Format::Bi5 {
        let place = Bi5Place::from_path(&path.to_string_lossy()).map_err(|error| unreadable(path, &error))?;
        (symbol, settings.hour) = (Some(place.symbol), Some(place.hour));
        settings.points = settings.points.or(wish.digits);
        if settings.points.is_none() {
            let why = "a bi5 file does not say how many decimals its prices have; name them with --digits (EURUSD 5, USDJPY 3)";
            return Err(refused(path, "MARKET_FILE_SETTING_NEEDED", why));
        }
    }
    let told = |zone: Option<Zone>| zone.map_or_else(|| "as the times state".to_owned(), |zone| zone.to_string());
    let (seen, zone) = match wish.zone {
        ZoneWish::Named(zone) => {
            settings.zone = Some(zone);
            (look(env, source, format, settings), format!("{zone}, as named"))
        }
        ZoneWish::Auto => match look(env, source, format, settings) {
            Err(Read::Refused(MarketFileError::ZoneNeeded { .. })) => {
                let (zone, evidence) = infer(env, source, format, settings)?;
                settings.zone = Some(zone);
                (look(env, source, format, settings), format!("{zone}, {evidence}"))
            }
            seen => (seen, told(format.zone())),
        },
    };
    let (summary, hash, look) = seen.map_err(|error| told_of(source, error))?;
    let symbol = symbol.or(summary.symbol);
    Ok(Survey { format, settings, zone, symbol, summary, digits: look.digits, step_ms: look.step_ms, hash })
}

/// The file's format, and what most of its times state of their zone.
fn format(source: &Source, wish: Option<Format>) -> Result<(Format, Option<Stated>), Failure> {
    let mut buffer = Vec::new();
    let head = source.chunk(&mut buffer, 0)?;
    let head = head.get(..SNIFF_BYTES).unwrap_or(head);
    // An hour without ticks is an empty file, and a damaged one may look like anything: the name says what they are.
    let is_hour = source.path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("bi5"));
    let format = match wish {
        Some(format) => format,
        None if is_hour => Format::Bi5,
        None => sniff(head).map_err(|error| told_of(source, Read::Refused(error)))?.format,
    };
    Ok((format, stated(format, head)))
}

/// The reader's refusal, with a hint where the bytes give one.
fn told_of(source: &Source, error: Read) -> Failure {
    let error = match error {
        Read::Failed(failure) => return failure,
        Read::Refused(error) => error,
    };
    let mut failure = unreadable(&source.path, &error);
    if matches!(error, MarketFileError::Unrecognised | MarketFileError::Ambiguous { .. }) {
        failure.message.push_str("; a format is named with --format");
    }
    let mut buffer = Vec::new();
    let head = source.chunk(&mut buffer, 0).unwrap_or_default();
    let marked = head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]);
    let zeros = head.iter().filter(|byte| **byte == 0).count();
    let text = matches!(error, MarketFileError::Unrecognised | MarketFileError::WrongFormat { .. });
    if text && !marked && zeros.saturating_mul(3) > head.len() {
        let hint = "it looks like UTF-16 without a byte-order mark: save it as UTF-8, or with the mark";
        return Failure { message: format!("{}; {hint}", failure.message), ..failure };
    }
    failure
}

fn look(env: &Env, source: &Source, format: Format, settings: Settings) -> Result<(Summary, [u8; 32], Look), Read> {
    let reader = Reader::new(format, settings).map_err(Read::Refused)?;
    let mut look = Look::default();
    let mut progress = Progress::new(env, format!("reading {}", source.path.display()), source.len);
    let (summary, hash) = source.read(reader, &mut look, &mut progress)?;
    Ok((summary, hash, look))
}

/// The zone that the weekly closes tell, and what speaks for it.
fn infer(env: &Env, source: &Source, format: Format, settings: Settings) -> Result<(Zone, String), Failure> {
    let wall = Settings { zone: Some(Zone::Utc), ..settings };
    let (_, _, seen) = look(env, source, format, wall).map_err(|error| told_of(source, error))?;
    let mut closes = match format.content() {
        Content::Ticks => WeeklyCloses::ticks(),
        Content::Bars => WeeklyCloses::bars(seen.step_ms.unwrap_or(0)),
    };
    let reader = Reader::new(format, wall).map_err(|error| unreadable(&source.path, &error))?;
    let mut progress = Progress::new(env, format!("finding the zone of {}", source.path.display()), source.len);
    source.read(reader, &mut closes, &mut progress).map_err(|error| told_of(source, error))?;
    let found = closes.infer();
    let fits = found.fits.first().map_or(0, |fit| fit.weeks);
    let evidence = format!("inferred: {fits} of {} weekly closes fit", found.weeks);
    match found.verdict {
        Verdict::Certain(zone) => Ok((zone, evidence)),
        Verdict::Ambiguous(zones) => {
            let names: Vec<String> = zones.iter().map(Zone::to_string).collect();
            let flags: Vec<String> = names.iter().map(|name| format!("--zone {name}")).collect();
            let why = format!(
                "its times follow a wall clock that could be {}: the weekly closes do not tell them apart; name the right one: {}",
                names.join(" or "),
                flags.join(", or ")
            );
            Err(refused(&source.path, "IMPORT_ZONE_AMBIGUOUS", why))
        }
        Verdict::Unknown => {
            let why = format!(
                "its times follow a wall clock that the file does not name, and its {} weekly closes tell none; name it with --zone \
                 (most brokers: --zone us+2 or --zone eu+2; times in UTC: --zone utc)",
                found.weeks
            );
            Err(refused(&source.path, "IMPORT_ZONE_UNKNOWN", why))
        }
    }
}

/// What the records have in common.
#[derive(Debug, Default)]
struct Look {
    digits: u8,
    last: Option<MarketTime>,
    step_ms: Option<i64>,
}

impl Look {
    fn time(&mut self, time: MarketTime) {
        if let Some(step) = self.last.map(|last| time.since_ms(last)).filter(|step| *step > 0) {
            self.step_ms = Some(self.step_ms.map_or(step, |shortest| shortest.min(step)));
        }
        self.last = Some(time);
    }

    fn price(&mut self, price: Price) {
        self.digits = self.digits.max(decimals(price));
    }
}

impl Sink for Look {
    fn tick(&mut self, _line: u64, tick: Tick) {
        self.time(tick.time);
        [tick.bid, tick.ask].into_iter().for_each(|price| self.price(price));
    }

    fn bar(&mut self, _line: u64, bar: BarRow) {
        self.time(bar.start);
        [bar.open, bar.high, bar.low, bar.close].into_iter().for_each(|price| self.price(price));
    }

    fn reject(&mut self, _reject: Reject) {}
}

/// Decimals that a price needs, 0 to 8.
pub(super) fn decimals(price: Price) -> u8 {
    let divides = |decimals: &u8| {
        let unit = crate::cli::history::point(*decimals).raw();
        price.raw().checked_rem(unit) == Some(0)
    };
    (0..8).find(divides).unwrap_or(8)
}
