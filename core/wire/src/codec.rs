//! Fields in fixed order, big-endian, every length explicit: one value has one encoding, so that it can be signed.

use crate::WireError;

/// Appends fields to a buffer.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// An empty message with room for `bytes`.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// The message.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    /// Two bytes.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    /// Four bytes.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    /// Eight bytes.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    /// Eight bytes, two's complement.
    pub fn i64(&mut self, value: i64) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    /// Bytes whose length the reader knows.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// A length of two bytes, then the bytes. Longer than 65,535: cut there, which no caller's limit allows.
    pub fn bytes16(&mut self, bytes: &[u8]) -> &mut Self {
        let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        self.u16(len).raw(bytes.get(..usize::from(len)).unwrap_or_default())
    }

    /// A text, as [`Writer::bytes16`].
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes16(text.as_bytes())
    }

    /// A count of two bytes, then each item.
    pub fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Self, &T)) -> &mut Self {
        let count = u16::try_from(items.len()).unwrap_or(u16::MAX);
        self.u16(count);
        for item in items.iter().take(usize::from(count)) {
            each(self, item);
        }
        self
    }
}

/// Takes fields from a message.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Bytes not yet read.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.0.len()
    }

    /// The message must end here.
    ///
    /// # Errors
    /// [`WireError::Trailing`] if it does not.
    pub const fn finish(self) -> Result<(), WireError> {
        if self.0.is_empty() { Ok(()) } else { Err(WireError::Trailing) }
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// [`WireError::Truncated`] if there are fewer.
    pub fn raw(&mut self, len: usize) -> Result<&'a [u8], WireError> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(WireError::Truncated)?;
        self.0 = tail;
        Ok(head)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`WireError::Truncated`] if there are fewer.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (head, tail) = self.0.split_first_chunk().ok_or(WireError::Truncated)?;
        self.0 = tail;
        Ok(*head)
    }

    /// One byte.
    ///
    /// # Errors
    /// [`WireError::Truncated`] at the end.
    pub fn u8(&mut self) -> Result<u8, WireError> {
        self.array().map(u8::from_be_bytes)
    }

    /// Two bytes.
    ///
    /// # Errors
    /// [`WireError::Truncated`] at the end.
    pub fn u16(&mut self) -> Result<u16, WireError> {
        self.array().map(u16::from_be_bytes)
    }

    /// Four bytes.
    ///
    /// # Errors
    /// [`WireError::Truncated`] at the end.
    pub fn u32(&mut self) -> Result<u32, WireError> {
        self.array().map(u32::from_be_bytes)
    }

    /// Eight bytes.
    ///
    /// # Errors
    /// [`WireError::Truncated`] at the end.
    pub fn u64(&mut self) -> Result<u64, WireError> {
        self.array().map(u64::from_be_bytes)
    }

    /// Eight bytes, two's complement.
    ///
    /// # Errors
    /// [`WireError::Truncated`] at the end.
    pub fn i64(&mut self) -> Result<i64, WireError> {
        self.array().map(i64::from_be_bytes)
    }

    /// A length of two bytes, at most `limit`, then the bytes.
    ///
    /// # Errors
    /// [`WireError::TooLarge`] with the field's name, before anything is read.
    pub fn bytes16(&mut self, field: &'static str, limit: usize) -> Result<&'a [u8], WireError> {
        let len = usize::from(self.u16()?);
        if len > limit { Err(WireError::TooLarge(field)) } else { self.raw(len) }
    }

    /// A UTF-8 text of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Reader::bytes16`]; [`WireError::BadValue`] if it is not UTF-8.
    pub fn text(&mut self, field: &'static str, limit: usize) -> Result<String, WireError> {
        let bytes = self.bytes16(field, limit)?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| WireError::BadValue(field))
    }

    /// A count of at most `limit`, then the items.
    ///
    /// # Errors
    /// [`WireError::TooLarge`] with the field's name, before anything is allocated; otherwise what `each` says.
    pub fn list<T>(
        &mut self,
        field: &'static str,
        limit: usize,
        mut each: impl FnMut(&mut Self) -> Result<T, WireError>,
    ) -> Result<Vec<T>, WireError> {
        let count = usize::from(self.u16()?);
        if count > limit {
            return Err(WireError::TooLarge(field));
        }
        let mut items = Vec::with_capacity(count.min(self.remaining()));
        for _ in 0..count {
            items.push(each(self)?);
        }
        Ok(items)
    }
}
