//! Recognition by content: a format fits if reading the file's beginning as that format gives records.

use crate::bi5::is_bi5;
use crate::layout::Layout;
use crate::reader::TextReader;
use crate::row::parse;
use crate::stamp::Stated;
use crate::text::{Line, Text};
use crate::{Collected, Format, MarketFileError, Settings, Zone};
use std::convert::Infallible;

/// So much of a file's beginning is looked at.
pub const SNIFF_BYTES: usize = 64 * 1024;

/// Forms of stamps that are told apart.
const FORMS_MAX: usize = 32;

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

/// What most stamps of a file's beginning, read as that format, state of their zone: the setting for a file in which they differ.
#[must_use]
pub fn stated(format: Format, head: &[u8]) -> Option<Stated> {
    let head = head.get(..SNIFF_BYTES).unwrap_or(head);
    if format == Format::Bi5 {
        return None;
    }
    let (mut text, mut forms) = (Text::default(), Forms { format, layout: None, counts: Vec::new() });
    let mut each = |line: Line<'_>| -> Result<(), Infallible> {
        forms.line(line);
        Ok(())
    };
    let Ok(()) = text.feed(head, &mut each).and_then(|()| text.finish(&mut each));
    forms.most()
}

/// How often each form of stamps occurs.
struct Forms {
    format: Format,
    layout: Option<Layout>,
    counts: Vec<(Stated, u64)>,
}

impl Forms {
    fn line(&mut self, (_, line): Line<'_>) {
        let Some(line) = line.filter(|line| !line.is_empty()) else { return };
        if self.layout.is_none() {
            self.layout = Layout::of(self.format, line).ok().map(|(layout, _)| layout);
        }
        let Some(fields) = self.layout.as_ref().and_then(|layout| parse(layout, 1, line).ok()) else { return };
        let form = fields.stamp.stated;
        if let Some((_, count)) = self.counts.iter_mut().find(|(known, _)| *known == form) {
            *count = count.saturating_add(1);
        } else if self.counts.len() < FORMS_MAX {
            self.counts.push((form, 1));
        }
    }

    /// The form that most agree with; of several, the one that came first.
    fn most(&self) -> Option<Stated> {
        let mut best: Option<(Stated, u64)> = None;
        for (form, _) in &self.counts {
            let agreeing = self.counts.iter().filter(|(other, _)| form.agrees(*other)).map(|(_, count)| count).sum();
            if best.is_none_or(|(_, most)| agreeing > most) {
                best = Some((*form, agreeing));
            }
        }
        best.map(|(form, _)| form)
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

/// Do at least half of the complete lines fit? A header that fits is enough where it is all there is.
fn trial(format: Format, head: &[u8], zone: Option<Zone>) -> Result<bool, MarketFileError> {
    let mut reader = TextReader::new(format, Settings { zone, stated: stated(format, head), ..Settings::default() })?;
    let mut sink = Collected::default();
    reader.feed(head, &mut sink)?;
    if reader.counts().1 == 0 {
        // No complete line but a header at best: the file may be one line long.
        reader.last_line(&mut sink)?;
    }
    let (fitting, rows) = reader.counts();
    Ok(fitting * 2 >= rows && (rows > 0 || reader.has_header()))
}
