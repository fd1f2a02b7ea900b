//! The layout of a tick file, once for those who write and those who read it. docs/specs/tick-files.md says the same in words.

use aitrading_model::Source;
use datafusion::parquet::{
    basic::Type as Physical,
    errors::{ParquetError, Result},
    file::metadata::FileMetaData,
    schema::{parser::parse_message_type, types::Type},
};

/// Version of the layout, in each file's labels.
pub const VERSION: &str = "1";
/// No tick file is larger: 262,144 ticks of 57 bytes, doubled.
pub const FILE_BYTES_MAX: u64 = 32 << 20;
/// Prices have no more digits behind the point.
pub const DIGITS_MAX: u8 = 8;
const DIGITS: &str = "aitrading.digits";

/// Place of the market time.
pub const TIME: usize = 0;
/// Place of the bid.
pub const BID: usize = 1;
/// Place of the spread.
pub const SPREAD: usize = 2;
/// Place of the last deal's price.
pub const LAST: usize = 3;
/// Place of the last deal's lots.
pub const VOLUME: usize = 4;
/// Place of the flags.
pub const FLAGS: usize = 5;
/// Place of the epoch.
pub const EPOCH: usize = 6;
/// Place of the number within the epoch.
pub const SEQ: usize = 7;
/// How many columns there are.
pub const COLUMNS: usize = 8;

/// What a column's numbers mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Millis,
    Price,
    Lots,
    Byte,
    Number,
}

struct Column {
    name: &'static str,
    kind: Kind,
    optional: bool,
}

const fn required(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, optional: false }
}

const fn optional(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, optional: true }
}

/// The columns by place.
const TABLE: [Column; COLUMNS] = [
    required("time_ms", Kind::Millis),
    required("bid", Kind::Price),
    required("spread", Kind::Price),
    optional("last", Kind::Price),
    optional("volume", Kind::Lots),
    required("flags", Kind::Byte),
    required("epoch", Kind::Number),
    required("seq", Kind::Number),
];

impl Column {
    fn physical(&self) -> Physical {
        if self.kind == Kind::Byte { Physical::INT32 } else { Physical::INT64 }
    }

    /// The column as a schema's text has it.
    fn text(&self, digits: u8) -> String {
        let meaning = match self.kind {
            Kind::Millis => "TIMESTAMP(MILLIS,true)".to_owned(),
            Kind::Price => format!("DECIMAL(18,{digits})"),
            Kind::Lots => format!("DECIMAL(18,{DIGITS_MAX})"),
            Kind::Byte => "INTEGER(8,false)".to_owned(),
            Kind::Number => "INTEGER(64,false)".to_owned(),
        };
        let repeats = if self.optional { "optional" } else { "required" };
        let physical = if self.kind == Kind::Byte { "int32" } else { "int64" };
        format!("{repeats} {physical} {} ({meaning});", self.name)
    }
}

fn bad(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

/// The schema of a file whose prices count in steps of 10^-digits, and say so in their type: any tool shows them as decimals.
///
/// # Errors
/// None for digits up to [`DIGITS_MAX`].
pub fn schema(digits: u8) -> Result<Type> {
    let columns: Vec<String> = TABLE.iter().map(|column| column.text(digits)).collect();
    parse_message_type(&format!("message ticks {{ {} }}", columns.join(" ")))
}

/// Units of 10^-8 in one step of 10^-digits.
#[must_use]
pub fn unit(digits: u8) -> i64 {
    10_i64.saturating_pow(u32::from(DIGITS_MAX.saturating_sub(digits)))
}

/// What a file says about itself, in this order.
#[must_use]
pub fn labels(source: &Source, digits: u8) -> [(&'static str, String); 5] {
    [
        ("aitrading.version", VERSION.to_owned()),
        ("aitrading.tenant", source.tenant.to_string()),
        ("aitrading.account", source.account.to_string()),
        ("aitrading.symbol", source.symbol.as_str().to_owned()),
        (DIGITS, digits.to_string()),
    ]
}

/// The file's digits, if its labels and columns are what they should be: typed readers rely on it.
///
/// # Errors
/// Says what differs.
pub fn check(source: &Source, meta: &FileMetaData) -> Result<u8> {
    let said = meta.key_value_metadata().map(Vec::as_slice).unwrap_or_default();
    let value = |key: &str| said.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.as_deref());
    let digits = value(DIGITS).and_then(|text| text.parse::<u8>().ok()).filter(|digits| *digits <= DIGITS_MAX);
    let digits = digits.ok_or_else(|| bad("the file does not say its digits"))?;
    if labels(source, digits).iter().any(|(key, label)| value(key) != Some(label)) {
        return Err(bad("the file belongs to another source or version"));
    }
    let found = meta.schema_descr().columns();
    let same = found.len() == COLUMNS
        && found.iter().zip(&TABLE).all(|(found, column)| {
            found.name() == column.name
                && found.physical_type() == column.physical()
                && found.max_rep_level() == 0
                && found.max_def_level() == i16::from(column.optional)
        });
    if same { Ok(digits) } else { Err(bad("the file has other columns")) }
}
