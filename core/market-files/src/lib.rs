//! Files of market data as other programs write and read them: MetaTrader, HistData, Dukascopy, TrueFX, and our own CSV.
//!
//! Bytes go in, records and typed rejects come out; this crate opens no file and asks no clock. A [`Reader`] is fed chunks
//! of any size and hands each tick or bar to a [`Sink`]; [`sniff`] tells the format from a file's beginning; [`Zone`] turns
//! a broker's wall clock into UTC; [`WeeklyCloses`] finds out which zone that clock follows.
#![warn(missing_docs)]

mod bi5;
mod civil;
mod ending;
mod error;
mod format;
mod infer;
mod intake;
mod layout;
mod number;
mod reader;
mod record;
mod reject;
mod row;
mod sniff;
mod stamp;
#[cfg(test)]
mod tests;
mod text;
mod write;
mod zone;

pub use bi5::{BI5_FILE_MAX, BI5_TICKS_MAX, Bi5Place};
pub use error::MarketFileError;
pub use format::{Content, Format};
pub use infer::{Fit, Inference, Separation, Verdict, WEEKS_MAX, WeeklyCloses};
pub use intake::{JUMP_MS, REFUSE_AFTER, Summary};
pub use reader::{Reader, Settings};
pub use record::{BarRow, Collected, Sink, check_bar, check_tick};
pub use reject::{Reject, RejectCode, Rejects};
pub use sniff::{SNIFF_BYTES, Sniffed, sniff, stated};
pub use stamp::{Stated, parse_time};
pub use text::LINE_MAX;
pub use write::{BarWriter, TickWriter};
pub use zone::{Local, OFFSET_MAX_MIN, Zone};
