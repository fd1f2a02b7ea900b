//! A format's columns: in their standard order, or as a header names them.

use crate::stamp::StampStyle;
use crate::{Format, Zone};

/// What one column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Skip,
    Date,
    Time,
    Stamp(StampStyle),
    Symbol,
    Bid,
    Ask,
    Last,
    Volume,
    Flags,
    Open,
    High,
    Low,
    Close,
    Ticks,
    Spread,
}

use Column::{Ask, Bid, Close, Date, Flags, High, Last, Low, Open, Skip, Spread, Stamp, Symbol, Ticks, Time, Volume};

/// Most columns that a header may name.
const COLUMNS_MAX: usize = 64;

/// How a file's lines are cut and read.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) delimiter: u8,
    pub(crate) columns: Vec<Column>,
    /// Columns that a line must have.
    pub(crate) least: usize,
    /// Further columns are ignored.
    pub(crate) open_end: bool,
    /// An empty bid or ask means "unchanged".
    pub(crate) blanks: bool,
    /// Of stamps that state none.
    pub(crate) zone: Option<Zone>,
}

/// Where a header is wrong, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeaderFlaw {
    pub(crate) column: usize,
    pub(crate) what: &'static str,
}

impl Layout {
    /// From a file's first line; true if that line is a header.
    pub(crate) fn of(format: Format, line: &[u8]) -> Result<(Self, bool), HeaderFlaw> {
        let standard = Self::standard(format, line);
        if !has_header(format, line) {
            return Ok((standard, false));
        }
        let mut columns = Vec::new();
        let mut at = 0;
        for name in line.split(|byte| *byte == standard.delimiter) {
            let flaw = |what| HeaderFlaw { column: at + 1, what };
            let column = named(format, name.trim_ascii()).ok_or(flaw("names an unknown column"))?;
            if column != Skip && columns.contains(&column) {
                return Err(flaw("names a column twice"));
            }
            if columns.len() >= COLUMNS_MAX {
                return Err(flaw("names too many columns"));
            }
            columns.push(column);
            at += name.len() + 1;
        }
        let needed = standard.columns.iter().filter(|column| matches!(column, Bid | Ask | Open | High | Low | Close));
        if needed.into_iter().any(|column| !columns.contains(column)) {
            return Err(HeaderFlaw { column: 1, what: "lacks a column" });
        }
        if !columns.iter().any(|column| matches!(column, Date | Stamp(_))) {
            return Err(HeaderFlaw { column: 1, what: "lacks the time" });
        }
        let zone = stated_zone(format, line);
        Ok((Self { least: columns.len(), columns, open_end: false, zone, ..standard }, true))
    }

    fn standard(format: Format, line: &[u8]) -> Self {
        let (delimiter, columns, least): (u8, &[Column], usize) = match format {
            Format::Mt5Ticks => (delimiter(line), &[Date, Time, Bid, Ask, Last, Volume, Flags], 7),
            Format::Mt5Bars => (delimiter(line), &[Date, Time, Open, High, Low, Close, Ticks, Volume, Spread], 9),
            Format::HistDataTicks => (b',', &[Stamp(StampStyle::Compact), Bid, Ask, Volume], 3),
            Format::HistDataBars => (b';', &[Stamp(StampStyle::Compact), Open, High, Low, Close, Volume], 5),
            Format::TrueFx => (b',', &[Symbol, Stamp(StampStyle::TrueFx), Bid, Ask], 4),
            Format::DukascopyTicks | Format::Bi5 => {
                (delimiter(line), &[Stamp(StampStyle::Dukascopy), Ask, Bid, Skip, Skip], 3)
            }
            Format::DukascopyBars => {
                (delimiter(line), &[Stamp(StampStyle::Dukascopy), Open, High, Low, Close, Volume], 5)
            }
            Format::CsvTicks => (delimiter(line), &[Stamp(StampStyle::Csv), Bid, Ask], 3),
            Format::CsvBars => (delimiter(line), &[Stamp(StampStyle::Csv), Open, High, Low, Close, Volume], 5),
        };
        Self {
            delimiter,
            columns: columns.to_vec(),
            least,
            open_end: matches!(format, Format::CsvTicks | Format::CsvBars),
            blanks: format == Format::Mt5Ticks,
            zone: format.zone(),
        }
    }

    /// Where the first column begins that `is` picks, counted from 1; 1 if there is none.
    pub(crate) fn place(&self, line: &[u8], is: impl Fn(Column, &[u8]) -> bool) -> usize {
        let mut at = 1;
        for (field, column) in line.split(|byte| *byte == self.delimiter).zip(&self.columns) {
            if is(*column, field) {
                return at;
            }
            at += field.len() + 1;
        }
        1
    }
}

/// Tab, comma or semicolon: whichever comes first.
fn delimiter(line: &[u8]) -> u8 {
    line.iter().copied().find(|byte| matches!(byte, b'\t' | b',' | b';')).unwrap_or(b',')
}

fn has_header(format: Format, line: &[u8]) -> bool {
    let first = line.trim_ascii_start().first().copied().unwrap_or_default();
    match format {
        Format::Mt5Ticks | Format::Mt5Bars => first == b'<',
        Format::DukascopyTicks | Format::DukascopyBars | Format::CsvTicks | Format::CsvBars => {
            first.is_ascii_alphabetic() || first == b'"'
        }
        Format::HistDataTicks | Format::HistDataBars | Format::TrueFx | Format::Bi5 => false,
    }
}

/// Dukascopy's header says which clock the times follow, unless each stamp does.
fn stated_zone(format: Format, header: &[u8]) -> Option<Zone> {
    if !matches!(format, Format::DukascopyTicks | Format::DukascopyBars) {
        return format.zone();
    }
    let header = header.to_ascii_lowercase();
    let says = |word: &[u8]| header.windows(word.len()).any(|part| part == word);
    if says(b"local") {
        return None;
    }
    Some(if says(b"(eet)") { Zone::EuDst(120) } else { Zone::Utc })
}

fn named(format: Format, name: &[u8]) -> Option<Column> {
    match format {
        Format::Mt5Ticks | Format::Mt5Bars => mt5(name.strip_prefix(b"<")?.strip_suffix(b">")?),
        Format::DukascopyTicks | Format::DukascopyBars => dukascopy(name),
        _ => Some(csv(name)),
    }
}

fn one_of(name: &[u8], table: &[(&str, Column)]) -> Option<Column> {
    table.iter().find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes())).map(|(_, column)| *column)
}

fn mt5(name: &[u8]) -> Option<Column> {
    const TABLE: [(&str, Column); 14] = [
        ("DATE", Date),
        ("TIME", Time),
        ("BID", Bid),
        ("ASK", Ask),
        ("LAST", Last),
        ("VOLUME", Volume),
        ("FLAGS", Flags),
        ("OPEN", Open),
        ("HIGH", High),
        ("LOW", Low),
        ("CLOSE", Close),
        ("TICKVOL", Ticks),
        ("VOL", Volume),
        ("SPREAD", Spread),
    ];
    one_of(name, &TABLE)
}

fn dukascopy(name: &[u8]) -> Option<Column> {
    const TABLE: [(&str, Column); 16] = [
        ("Gmt time", Stamp(StampStyle::Dukascopy)),
        ("UTC time", Stamp(StampStyle::Dukascopy)),
        ("UTC", Stamp(StampStyle::Dukascopy)),
        ("Local time", Stamp(StampStyle::Dukascopy)),
        ("Time (EET)", Stamp(StampStyle::Dukascopy)),
        ("Time (UTC)", Stamp(StampStyle::Dukascopy)),
        ("Time", Stamp(StampStyle::Dukascopy)),
        ("Ask", Ask),
        ("Bid", Bid),
        ("AskVolume", Skip),
        ("BidVolume", Skip),
        ("Open", Open),
        ("High", High),
        ("Low", Low),
        ("Close", Close),
        ("Volume", Volume),
    ];
    let quiet: Vec<u8> = name.iter().copied().filter(|byte| *byte != b'"').collect();
    let tight = quiet.strip_suffix(b" ").unwrap_or(&quiet);
    let volume = |side: &str| tight.eq_ignore_ascii_case(side.as_bytes()).then_some(Skip);
    one_of(tight, &TABLE).or_else(|| volume("Ask Volume")).or_else(|| volume("Bid Volume"))
}

/// Names that are not known are skipped: our own layout has had further columns, and so have its relatives.
fn csv(name: &[u8]) -> Column {
    const TABLE: [(&str, Column); 19] = [
        ("time_msc", Stamp(StampStyle::Csv)),
        ("timestamp", Stamp(StampStyle::Csv)),
        ("datetime", Stamp(StampStyle::Csv)),
        ("date", Stamp(StampStyle::Csv)),
        ("time", Stamp(StampStyle::Csv)),
        ("bid", Bid),
        ("ask", Ask),
        ("last", Last),
        ("volume", Volume),
        ("flags", Flags),
        ("open", Open),
        ("high", High),
        ("low", Low),
        ("close", Close),
        ("tick_volume", Ticks),
        ("tickvol", Ticks),
        ("ticks", Ticks),
        ("real_volume", Volume),
        ("spread", Spread),
    ];
    one_of(name, &TABLE).unwrap_or(Skip)
}
