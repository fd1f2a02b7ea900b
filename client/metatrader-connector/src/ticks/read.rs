//! Reading a tick file whole, with the place of whatever is wrong in it.

use super::{
    Format, TickFileError, TickHistory,
    format::{Flaw, check_header},
    lines::Lines,
};
use aitrading_env::{Fs, OpenMode};
use aitrading_model::{Tick, TickFlags, Volume};
use std::path::Path;

/// Most ticks of one history.
pub const ROWS_MAX: usize = 10_000_000;

/// Reads a tick file; `format` overrides what its first line says. Lines that cannot be read and times that go backwards are
/// errors; prices that make no sense are passed on, for the server refuses them with a code. Blocks on files.
///
/// # Errors
/// [`TickFileError`] with file, line and column.
pub fn read_file(fs: &dyn Fs, path: &Path, format: Option<Format>) -> Result<TickHistory, TickFileError> {
    let io = |source| TickFileError::Io { path: path.to_owned(), source };
    let file = fs.open(path, OpenMode::Read).map_err(io)?;
    let mut lines = Lines::new(file.as_ref());
    let mut rows = Rows { path, format, line: 0, ticks: Vec::new() };
    while let Some(line) = lines.next().map_err(io)? {
        rows.take(line)?;
    }
    if rows.ticks.is_empty() {
        return Err(TickFileError::Empty { path: path.to_owned() });
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    rows.ticks.shrink_to_fit();
    TickHistory::new(&name, rows.ticks, false).map_err(|_| TickFileError::Empty { path: path.to_owned() })
}

struct Rows<'a> {
    path: &'a Path,
    format: Option<Format>,
    line: u64,
    ticks: Vec<Tick>,
}

impl Rows<'_> {
    fn take(&mut self, line: &[u8]) -> Result<(), TickFileError> {
        self.line += 1;
        let line = if self.line == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        if line.is_empty() {
            return Ok(());
        }
        let format = match self.format {
            Some(format) => format,
            None => {
                let unknown = || TickFileError::Unrecognised { path: self.path.to_owned(), line: self.line };
                Format::recognise(line).ok_or_else(unknown)?
            }
        };
        self.format = Some(format);
        if self.line == 1 && format.is_header(line) {
            return check_header(line).map_err(|flaw| self.flawed(flaw));
        }
        let mut tick = format.parse(line).map_err(|flaw| self.flawed(flaw))?;
        if self.ticks.len() >= ROWS_MAX {
            return Err(TickFileError::TooManyRows { path: self.path.to_owned(), max: ROWS_MAX });
        }
        if self.ticks.last().is_some_and(|before| tick.time < before.time) {
            let (what, cure) = ("the time is earlier than the line before it", "sort the file by time");
            return Err(self.flawed(Flaw { column: 1, what, cure }));
        }
        tick.flags = changed(self.ticks.last(), &tick);
        self.ticks.push(tick);
        Ok(())
    }

    fn flawed(&self, flaw: Flaw) -> TickFileError {
        let Flaw { column, what, cure } = flaw;
        TickFileError::Malformed { path: self.path.to_owned(), line: self.line, column, what, cure }
    }
}

/// What changed since the tick before; a tick that repeats its predecessor counts as both sides quoted anew.
pub(super) fn changed(before: Option<&Tick>, tick: &Tick) -> TickFlags {
    let (bid, ask) = before.map_or((true, true), |before| (before.bid != tick.bid, before.ask != tick.ask));
    let quote = match (bid, ask) {
        (true, false) => TickFlags::BID,
        (false, true) => TickFlags::ASK,
        _ => TickFlags::BID.with(TickFlags::ASK),
    };
    if tick.volume == Volume::ZERO { quote } else { quote.with(TickFlags::VOLUME) }
}
