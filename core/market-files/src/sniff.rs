//! Recognition by content: a format fits if reading the file's beginning as that format gives records.

use crate::bi5::is_bi5;
use crate::reader::TextReader;
use crate::{Collected, Format, MarketFileError, Settings, Zone};

/// So much of a file's beginning is looked at.
pub const SNIFF_BYTES: usize = 64 * 1024;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sniffed {
    /// Its format.
    pub format: Format,
    /// Its times follow a wall clock that neither format nor file names: the caller must name the zone.
    pub needs_zone: bool,
}

/// Tells the format from a file's beginning: [`SNIFF_BYTES`], or all of a smaller file.
///
/// # Errors
/// `Empty`, `Unrecognised`, or `Ambiguous` naming the formats that fit.
pub fn sniff(head: &[u8]) -> Result<Sniffed, MarketFileError> {
    let head = head.get(..SNIFF_BYTES).unwrap_or(head);
    if head.is_empty() {
        return Err(MarketFileError::Empty);
    }
    if is_bi5(head) {
        return Ok(Sniffed { format: Format::Bi5, needs_zone: false });
    }
    let texts = Format::ALL.into_iter().filter(|format| *format != Format::Bi5);
    let fitting: Vec<Sniffed> = texts.filter_map(|format| fit(format, head)).collect();
    match fitting.as_slice() {
        [] => Err(MarketFileError::Unrecognised),
        [one] => Ok(*one),
        several => Err(MarketFileError::Ambiguous { candidates: several.iter().map(|fit| fit.format).collect() }),
    }
}

fn fit(format: Format, head: &[u8]) -> Option<Sniffed> {
    match trial(format, head, None) {
        Ok(fits) => fits.then_some(Sniffed { format, needs_zone: false }),
        Err(MarketFileError::ZoneNeeded { .. }) => {
            trial(format, head, Some(Zone::Utc)).ok()?.then_some(Sniffed { format, needs_zone: true })
        }
        Err(_) => None,
    }
}

/// Are at least half of the complete lines good? A header that fits is enough where it is all there is.
fn trial(format: Format, head: &[u8], zone: Option<Zone>) -> Result<bool, MarketFileError> {
    let mut reader = TextReader::new(format, Settings { zone, ..Settings::default() })?;
    let mut sink = Collected::default();
    reader.feed(head, &mut sink)?;
    if reader.counts().1 == 0 {
        // No complete line but a header at best: the file may be one line long.
        reader.last_line(&mut sink)?;
    }
    let (good, rows) = reader.counts();
    Ok(good * 2 >= rows && (rows > 0 || reader.has_header()))
}
