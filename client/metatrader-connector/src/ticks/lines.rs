//! Lines of a file, read in chunks: memory does not grow with the file.

use aitrading_env::File;
use std::io;

/// Bytes read at once.
const CHUNK: usize = 1 << 20;
/// Longest line.
const LINE_MAX: usize = 4096;

/// Reads lines without their ends; `\n` and `\r\n` both end one.
pub(super) struct Lines<'a> {
    file: &'a dyn File,
    offset: u64,
    buffer: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<'a> Lines<'a> {
    pub(super) fn new(file: &'a dyn File) -> Self {
        Self { file, offset: 0, buffer: Vec::new(), at: 0, ended: false }
    }

    /// The next line; `None` at the end. A line that is too long comes as its beginning.
    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            let left = self.buffer.get(self.at..).unwrap_or_default();
            let end = left.iter().position(|b| *b == b'\n');
            let len = match end {
                Some(len) => len,
                None if left.len() >= LINE_MAX => LINE_MAX,
                None if self.ended && left.is_empty() => return Ok(None),
                None if self.ended => left.len(),
                None => {
                    self.fill()?;
                    continue;
                }
            };
            let start = self.at;
            self.at += len + usize::from(end.is_some());
            let line = self.buffer.get(start..start + len).unwrap_or_default();
            return Ok(Some(line.strip_suffix(b"\r").unwrap_or(line)));
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let kept = self.buffer.len();
        self.buffer.resize(kept + CHUNK, 0);
        let read = self.file.read_at(self.buffer.get_mut(kept..).unwrap_or_default(), self.offset)?;
        self.buffer.truncate(kept + read);
        self.offset = self.offset.saturating_add(u64::try_from(read).map_err(io::Error::other)?);
        self.ended = read == 0;
        Ok(())
    }
}
