//! A tick file: Parquet as docs/specs/tick-files.md describes it.

mod parse;
mod write;

pub(crate) use parse::{decode, rows_in_footer};
pub(crate) use write::encode;

use aitrading_model::Source;
use parquet::{
    errors::Result,
    schema::{parser::parse_message_type, types::Type},
};

/// Version of the file's layout, in its metadata.
const VERSION: &str = "1";
/// Columns by place.
const TIME: usize = 0;
const BID: usize = 1;
const SPREAD: usize = 2;
const LAST: usize = 3;
const VOLUME: usize = 4;
const FLAGS: usize = 5;
const EPOCH: usize = 6;
const SEQ: usize = 7;

/// Prices count in steps of 10^-digits, and say so in their type: any tool shows them as decimals.
fn schema(digits: u8) -> Result<Type> {
    parse_message_type(&format!(
        "message ticks {{
            required int64 time_ms (TIMESTAMP(MILLIS,true));
            required int64 bid (DECIMAL(18,{digits}));
            required int64 spread (DECIMAL(18,{digits}));
            optional int64 last (DECIMAL(18,{digits}));
            optional int64 volume (DECIMAL(18,8));
            required int32 flags (INTEGER(8,false));
            required int64 epoch (INTEGER(64,false));
            required int64 seq (INTEGER(64,false));
        }}"
    ))
}

/// Units of 10^-8 in one step of 10^-digits.
fn unit(digits: u8) -> i64 {
    10_i64.saturating_pow(8_u32.saturating_sub(u32::from(digits)))
}

/// What a file says about itself, in this order.
fn labels(source: &Source, digits: u8) -> [(&'static str, String); 5] {
    [
        ("aitrading.version", VERSION.to_owned()),
        ("aitrading.tenant", source.tenant.to_string()),
        ("aitrading.account", source.account.to_string()),
        ("aitrading.symbol", source.symbol.as_str().to_owned()),
        ("aitrading.digits", digits.to_string()),
    ]
}
