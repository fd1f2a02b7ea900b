//! The reader: chunks in, records out, whatever the format.

use crate::bi5::Bi5;
use crate::civil::MINUTE_MS;
use crate::ending::Recent;
use crate::intake::{Intake, Placed, Summary};
use crate::layout::{Column, Layout};
use crate::number::{fixed, power};
use crate::record::Record;
use crate::row::{Fields, Flaw, parse};
use crate::stamp::Stated;
use crate::text::{LINE_MAX, Line, Text};
use crate::zone::ZoneClock;
use crate::{BarRow, Content, Format, MarketFileError, Reject, RejectCode, Sink, Zone};
use aitrading_model::{MarketTime, Price, Symbol, Tick, TickFlags, Volume};

/// What a file does not say about itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// Wall clock of stamps that state no zone; overrides the format's own.
    pub zone: Option<Zone>,
    /// What the stamps state of their zone; others are refused. [`crate::stated`] finds what most of them do; where nothing is named,
    /// the first line decides.
    pub stated: Option<Stated>,
    /// Prices are whole points with so many decimals: 154759 with 2 is 1547.59. Needed for `bi5` (EURUSD 5, USDJPY 3).
    pub points: Option<u8>,
    /// Start of the hour that a `bi5` file holds; [`crate::Bi5Place`] finds it in the path.
    pub hour: Option<MarketTime>,
    /// A later time is refused as implausible; 2100 where nothing is named.
    pub latest: Option<MarketTime>,
}

/// Reads one file. Memory is bounded whatever the file's length: one line, or one compressed hour.
#[derive(Debug)]
pub struct Reader {
    inner: Inner,
    failed: Option<MarketFileError>,
}

#[derive(Debug)]
enum Inner {
    Text(Box<TextReader>),
    Bi5(Box<Bi5>),
}

impl Reader {
    /// A reader of one file.
    ///
    /// # Errors
    /// `SettingNeeded`, `SettingRange`, or `ZoneNeeded` if it is certain already that the zone will be missed.
    pub fn new(format: Format, settings: Settings) -> Result<Self, MarketFileError> {
        let inner = match format {
            Format::Bi5 => Inner::Bi5(Box::new(Bi5::new(&settings)?)),
            Format::Mt5Ticks | Format::Mt5Bars if settings.zone.is_none() => {
                return Err(MarketFileError::ZoneNeeded { format });
            }
            _ => Inner::Text(Box::new(TextReader::new(format, settings)?)),
        };
        Ok(Self { inner, failed: None })
    }

    /// The file's next bytes, any number of them.
    ///
    /// # Errors
    /// The file is refused as a whole; the same error comes back from then on, and what the sink got is void.
    pub fn feed(&mut self, chunk: &[u8], sink: &mut dyn Sink) -> Result<(), MarketFileError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let fed = match &mut self.inner {
            Inner::Text(text) => text.feed(chunk, sink),
            Inner::Bi5(bi5) => bi5.feed(chunk),
        };
        fed.inspect_err(|error| self.failed = Some(error.clone()))
    }

    /// The file has ended.
    ///
    /// # Errors
    /// As [`Self::feed`]; also if there was no good record.
    pub fn finish(self, sink: &mut dyn Sink) -> Result<Summary, MarketFileError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        match self.inner {
            Inner::Text(text) => text.finish(sink),
            Inner::Bi5(bi5) => bi5.finish(sink),
        }
    }
}

/// Reads text formats.
#[derive(Debug)]
pub(crate) struct TextReader {
    text: Text,
    rows: Rows,
}

impl TextReader {
    pub(crate) fn new(format: Format, settings: Settings) -> Result<Self, MarketFileError> {
        let range = MarketFileError::SettingRange { what: "the decimals of a point", max: 8 };
        let unit = power(usize::from(settings.points.unwrap_or(0))).ok_or(range)?;
        let intake = Intake::new(format, settings.latest);
        let rows = Rows {
            zone: settings.zone,
            stated: settings.stated,
            unit,
            layout: None,
            clock: None,
            carry: Carry::default(),
            recent: Recent::default(),
            intake,
        };
        Ok(Self { text: Text::default(), rows })
    }

    pub(crate) fn feed(&mut self, chunk: &[u8], sink: &mut dyn Sink) -> Result<(), MarketFileError> {
        let Self { text, rows } = self;
        text.feed(chunk, &mut |line| rows.line(line, sink))
    }

    pub(crate) fn finish(mut self, sink: &mut dyn Sink) -> Result<Summary, MarketFileError> {
        let Self { text, rows } = &mut self;
        text.finish(&mut |line| rows.unclosed(line, sink))?;
        self.rows.intake.finish(false, sink)
    }

    /// The line that no line end closes, whole or not.
    pub(crate) fn last_line(&mut self, sink: &mut dyn Sink) -> Result<(), MarketFileError> {
        let Self { text, rows } = self;
        text.finish(&mut |line| rows.line(line, sink))
    }

    /// Was the first line a header that fits the format?
    pub(crate) fn has_header(&self) -> bool {
        self.rows.layout.is_some() && self.rows.intake.summary.rows == 0
    }

    /// Rows so far that fit the format, those of another zone included, and all.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let Summary { rows, rejects, .. } = &self.rows.intake.summary;
        (self.rows.intake.good().saturating_add(rejects.count(RejectCode::MixedZones)), *rows)
    }
}

/// The clock that a file's first stamp settled.
#[derive(Debug)]
struct FileClock {
    stated: Stated,
    zone: ZoneClock,
}

/// A terminal's last values, which empty fields repeat.
#[derive(Debug, Default)]
struct Carry {
    bid: Option<i64>,
    ask: Option<i64>,
    last: i64,
    volume: i64,
}

#[derive(Debug)]
struct Rows {
    zone: Option<Zone>,
    stated: Option<Stated>,
    unit: i64,
    layout: Option<Layout>,
    clock: Option<FileClock>,
    carry: Carry,
    recent: Recent,
    intake: Intake,
}

impl Rows {
    fn line(&mut self, (number, line): Line<'_>, sink: &mut dyn Sink) -> Result<(), MarketFileError> {
        let Some(line) = line else {
            let flaw = Flaw { column: LINE_MAX + 1, code: RejectCode::LineTooLong };
            return self.refuse(number, flaw, sink);
        };
        if line.is_empty() {
            return Ok(());
        }
        let layout = match self.layout.take() {
            Some(layout) => layout,
            None => {
                let format = self.intake.summary.format;
                let (layout, is_header) = Layout::of(format, line).map_err(|flaw| MarketFileError::Header {
                    format,
                    line: number,
                    column: column(flaw.column),
                    what: flaw.what,
                })?;
                if is_header {
                    self.layout = Some(layout);
                    return Ok(());
                }
                layout
            }
        };
        let done = self.row(&layout, number, line, sink);
        self.layout = Some(layout);
        done
    }

    /// The file's last line, which may have been cut off.
    fn unclosed(&mut self, (number, line): Line<'_>, sink: &mut dyn Sink) -> Result<(), MarketFileError> {
        match line.and_then(|line| self.cut_at(line)) {
            Some(column) => self.refuse(number, Flaw { column, code: RejectCode::CutOff }, sink),
            None => self.line((number, line), sink),
        }
    }

    fn cut_at(&self, line: &[u8]) -> Option<usize> {
        if let Some(layout) = &self.layout {
            return self.recent.cut_at(layout, line).filter(|_| !line.is_empty());
        }
        let (layout, is_header) = Layout::of(self.intake.summary.format, line).ok()?;
        if is_header { None } else { self.recent.cut_at(&layout, line) }
    }

    fn row(
        &mut self,
        layout: &Layout,
        line_number: u64,
        line: &[u8],
        sink: &mut dyn Sink,
    ) -> Result<(), MarketFileError> {
        let fields = match parse(layout, self.unit, line) {
            Ok(fields) => fields,
            Err(flaw) => return self.refuse(line_number, flaw, sink),
        };
        if self.clock.is_none() {
            self.clock = Some(self.settle(layout, self.stated.unwrap_or(fields.stamp.stated))?);
        }
        self.recent.keep(line);
        let wants_flags = !layout.blanks && fields.flags.is_none();
        match self.record(&fields, layout.blanks) {
            Ok(record) => {
                let first = layout.columns.first().is_some_and(|column| is_time(*column));
                let column = if first { 1 } else { column(layout.place(line, |column, _| is_time(column))) };
                self.intake.accept(Placed { record, line: line_number, column, wants_flags }, sink)
            }
            Err(code) => self.refuse(line_number, Flaw { column: blame(layout, line, code), code }, sink),
        }
    }

    fn settle(&self, layout: &Layout, stated: Stated) -> Result<FileClock, MarketFileError> {
        let zone = match (self.zone, stated) {
            (_, Stated::Offset(_)) | (None, Stated::Epoch) => Zone::Utc,
            (Some(zone), _) => zone,
            (None, Stated::Nothing) => {
                layout.zone.ok_or(MarketFileError::ZoneNeeded { format: self.intake.summary.format })?
            }
        };
        Ok(FileClock { stated, zone: ZoneClock::new(zone) })
    }

    fn record(&mut self, fields: &Fields<'_>, blanks: bool) -> Result<Record, RejectCode> {
        // The terminal's last values are the file's, whatever becomes of the row.
        let quote = self.carry.take(fields, blanks);
        self.same_symbol(fields.symbol)?;
        let (time, twice) = self.time(fields)?;
        let record = match self.intake.summary.format.content() {
            Content::Bars => Record::Bar(bar(fields, time)),
            Content::Ticks => {
                let (bid, ask) = quote.ok_or(RejectCode::NoQuoteYet)?;
                let (last, volume) = (Price::from_raw(self.carry.last), Volume::from_raw(self.carry.volume));
                let flags = fields.flags.map_or_else(|| filled(fields), TickFlags::from_bits);
                Record::Tick(Tick { time, bid: Price::from_raw(bid), ask: Price::from_raw(ask), last, volume, flags })
            }
        };
        self.intake.check(&record)?;
        self.intake.summary.ambiguous_times += u64::from(twice);
        Ok(record)
    }

    fn time(&mut self, fields: &Fields<'_>) -> Result<(MarketTime, bool), RejectCode> {
        let floor = self.intake.floor();
        let clock = self.clock.as_mut().ok_or(RejectCode::BadTime)?;
        if !clock.stated.agrees(fields.stamp.stated) {
            return Err(RejectCode::MixedZones);
        }
        if let Stated::Offset(now) = fields.stamp.stated {
            return Ok((MarketTime(fields.stamp.wall - now * MINUTE_MS), false));
        }
        let read = clock.zone.read(fields.stamp.wall, floor)?;
        Ok((read.utc, read.twice))
    }

    fn same_symbol(&mut self, symbol: Option<&[u8]>) -> Result<(), RejectCode> {
        let Some(symbol) = symbol else { return Ok(()) };
        match &self.intake.summary.symbol {
            Some(first) if first.as_str().as_bytes() == symbol => Ok(()),
            Some(_) => Err(RejectCode::OtherSymbol),
            None => {
                let name = std::str::from_utf8(symbol).ok().and_then(|name| name.parse::<Symbol>().ok());
                self.intake.summary.symbol = Some(name.ok_or(RejectCode::OtherSymbol)?);
                Ok(())
            }
        }
    }

    fn refuse(&mut self, line: u64, flaw: Flaw, sink: &mut dyn Sink) -> Result<(), MarketFileError> {
        self.intake.refuse(Reject { line, column: column(flaw.column), code: flaw.code }, sink)
    }
}

impl Carry {
    /// The quote after this row; `None` while a side was never quoted.
    fn take(&mut self, fields: &Fields<'_>, blanks: bool) -> Option<(i64, i64)> {
        if !blanks {
            *self = Self::default();
        }
        self.bid = fields.bid.or(self.bid);
        self.ask = fields.ask.or(self.ask);
        self.last = fields.last.unwrap_or(self.last);
        self.volume = fields.volume.unwrap_or(self.volume);
        match (self.bid, self.ask) {
            (Some(bid), Some(ask)) => Some((bid, ask)),
            // An exchange symbol may trade before anybody quotes.
            (None, None) if self.last > 0 => Some((0, 0)),
            _ => None,
        }
    }
}

/// A terminal that writes no flags still writes only what changed.
fn filled(fields: &Fields<'_>) -> TickFlags {
    let flag = |field: Option<i64>, flag| if field.is_some() { flag } else { TickFlags::default() };
    flag(fields.bid, TickFlags::BID)
        .with(flag(fields.ask, TickFlags::ASK))
        .with(flag(fields.last, TickFlags::LAST))
        .with(flag(fields.volume, TickFlags::VOLUME))
}

fn bar(fields: &Fields<'_>, start: MarketTime) -> BarRow {
    BarRow {
        start,
        open: Price::from_raw(fields.open),
        high: Price::from_raw(fields.high),
        low: Price::from_raw(fields.low),
        close: Price::from_raw(fields.close),
        ticks: fields.ticks,
        volume: Volume::from_raw(fields.volume.unwrap_or(0)),
        spread: fields.spread,
    }
}

fn column(column: usize) -> u32 {
    u32::try_from(column).unwrap_or(u32::MAX)
}

fn is_time(column: Column) -> bool {
    matches!(column, Column::Date | Column::Stamp(_))
}

/// The column at fault, sought only when there is a fault.
fn blame(layout: &Layout, line: &[u8], code: RejectCode) -> usize {
    layout.place(line, |column, field| match code {
        RejectCode::Crossed => column == Column::Ask,
        RejectCode::BadBar => column == Column::High,
        RejectCode::BadVolume => {
            matches!(column, Column::Volume | Column::Last) && fixed(field).is_some_and(|raw| raw < 0)
        }
        RejectCode::BadPrice => is_price(column) && fixed(field).is_some_and(|raw| raw <= 0),
        RejectCode::NoQuoteYet => matches!(column, Column::Bid | Column::Ask) && field.is_empty(),
        RejectCode::OtherSymbol => column == Column::Symbol,
        _ => is_time(column),
    })
}

fn is_price(column: Column) -> bool {
    matches!(column, Column::Bid | Column::Ask | Column::Open | Column::High | Column::Low | Column::Close)
}
