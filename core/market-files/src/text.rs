//! Bytes in chunks to lines: byte-order marks, UTF-16, line ends, and a bound on a line's length.

/// Longest line in bytes; a longer one is refused and skipped.
pub const LINE_MAX: usize = 4096;
/// UTF-16 is turned into bytes in pieces of this size, so that memory does not grow with the chunk.
const PIECE: usize = 16 * 1024;
/// Bytes needed to tell the encoding.
const MARK_LEN: usize = 3;
/// Stands for every character outside ASCII: no format has any where it is read.
const FOREIGN: u8 = b'?';

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Bytes,
    Utf16Le,
    Utf16Be,
}

/// A line without its end, and its number from 1; `None` if it was too long.
pub(crate) type Line<'a> = (u64, Option<&'a [u8]>);

/// Splits one file.
#[derive(Debug, Default)]
pub(crate) struct Text {
    encoding: Option<Encoding>,
    mark: Vec<u8>,
    odd: Option<u8>,
    partial: Vec<u8>,
    skipping: bool,
    line: u64,
}

impl Text {
    /// Hands each line that ends in this chunk to `each`, and keeps the rest.
    pub(crate) fn feed<E>(&mut self, chunk: &[u8], each: &mut impl FnMut(Line<'_>) -> Result<(), E>) -> Result<(), E> {
        if self.encoding.is_some() {
            return self.decode(chunk, each);
        }
        let (mark, rest) = chunk.split_at_checked(MARK_LEN - self.mark.len()).unwrap_or((chunk, &[]));
        self.mark.extend_from_slice(mark);
        if self.mark.len() < MARK_LEN {
            return Ok(());
        }
        self.begin(each)?;
        self.decode(rest, each)
    }

    /// The last line, if no line end closes it.
    pub(crate) fn finish<E>(&mut self, each: &mut impl FnMut(Line<'_>) -> Result<(), E>) -> Result<(), E> {
        if self.encoding.is_none() {
            self.begin(each)?;
        }
        if self.odd.take().is_some() {
            self.split(&[FOREIGN], each)?;
        }
        if self.skipping || !self.partial.is_empty() {
            self.split(b"\n", each)?;
        }
        Ok(())
    }

    fn begin<E>(&mut self, each: &mut impl FnMut(Line<'_>) -> Result<(), E>) -> Result<(), E> {
        let mark = std::mem::take(&mut self.mark);
        let (encoding, rest) = match mark.as_slice() {
            [0xef, 0xbb, 0xbf] => (Encoding::Bytes, &[][..]),
            [0xff, 0xfe, rest @ ..] => (Encoding::Utf16Le, rest),
            [0xfe, 0xff, rest @ ..] => (Encoding::Utf16Be, rest),
            rest => (Encoding::Bytes, rest),
        };
        self.encoding = Some(encoding);
        self.decode(rest, each)
    }

    fn decode<E>(&mut self, bytes: &[u8], each: &mut impl FnMut(Line<'_>) -> Result<(), E>) -> Result<(), E> {
        let big = match self.encoding {
            Some(Encoding::Utf16Le) => false,
            Some(Encoding::Utf16Be) => true,
            Some(Encoding::Bytes) | None => return self.split(bytes, each),
        };
        let mut ascii = Vec::with_capacity(PIECE.min(bytes.len()));
        for piece in bytes.chunks(PIECE) {
            ascii.clear();
            for byte in piece {
                let Some(first) = self.odd.take() else {
                    self.odd = Some(*byte);
                    continue;
                };
                let unit = if big { [first, *byte] } else { [*byte, first] };
                ascii.push(if let [0, low @ 0..=0x7f] = unit { low } else { FOREIGN });
            }
            self.split(&ascii, each)?;
        }
        Ok(())
    }

    fn split<E>(&mut self, bytes: &[u8], each: &mut impl FnMut(Line<'_>) -> Result<(), E>) -> Result<(), E> {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, tail) = rest.split_at(end);
            rest = tail.get(1..).unwrap_or_default();
            self.line += 1;
            if self.partial.is_empty() && !self.skipping {
                each((self.line, (line.len() <= LINE_MAX).then(|| bare(line))))?;
                continue;
            }
            self.keep(line);
            let whole = !std::mem::take(&mut self.skipping);
            let mut partial = std::mem::take(&mut self.partial);
            each((self.line, whole.then(|| bare(&partial))))?;
            // The allocation serves the next chunk's border.
            partial.clear();
            self.partial = partial;
        }
        self.keep(rest);
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.skipping || self.partial.len() + bytes.len() > LINE_MAX {
            self.skipping = true;
            self.partial.clear();
        } else {
            self.partial.extend_from_slice(bytes);
        }
    }
}

fn bare(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}
