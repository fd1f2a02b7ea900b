//! Little-endian fields: numbers by width, texts and lists with a length in front.

use crate::{WireError, limits::TEXT_BYTES_MAX};

/// A value with one little-endian encoding.
pub(super) trait Field: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn take(from: &mut Take<'_>) -> Result<Self, WireError>;
}

/// Takes fields from a body.
pub(super) struct Take<'a>(&'a [u8]);

impl<'a> Take<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn raw(&mut self, len: usize) -> Result<&'a [u8], WireError> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(WireError::Truncated)?;
        self.0 = tail;
        Ok(head)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (head, tail) = self.0.split_first_chunk().ok_or(WireError::Truncated)?;
        self.0 = tail;
        Ok(*head)
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Field for $number {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn take(from: &mut Take<'_>) -> Result<Self, WireError> {
                from.array().map(Self::from_le_bytes)
            }
        }
    )*};
}
numbers!(u8 u16 u32 u64 i32 i64);

impl<const N: usize> Field for [u8; N] {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn take(from: &mut Take<'_>) -> Result<Self, WireError> {
        from.array()
    }
}

impl Field for String {
    /// Longer than the limit: cut at a character's border, so that what is written can always be read.
    fn put(&self, out: &mut Vec<u8>) {
        let text = self.get(..self.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or_default();
        u16::try_from(text.len()).unwrap_or_default().put(out);
        out.extend_from_slice(text.as_bytes());
    }
    fn take(from: &mut Take<'_>) -> Result<Self, WireError> {
        let len = usize::from(u16::take(from)?);
        if len > TEXT_BYTES_MAX {
            return Err(WireError::TooLarge("text"));
        }
        std::str::from_utf8(from.raw(len)?).map(str::to_owned).map_err(|_| WireError::BadValue("text"))
    }
}

/// An item of a list whose length is bounded.
pub(super) trait Item: Field {
    const MAX: usize;
    const NAME: &'static str;
}

impl<T: Item> Field for Vec<T> {
    /// More than the limit: the rest is left out, so that what is written can always be read.
    fn put(&self, out: &mut Vec<u8>) {
        let count = self.len().min(T::MAX);
        u16::try_from(count).unwrap_or_default().put(out);
        for item in self.iter().take(count) {
            item.put(out);
        }
    }
    fn take(from: &mut Take<'_>) -> Result<Self, WireError> {
        let count = usize::from(u16::take(from)?);
        if count > T::MAX {
            return Err(WireError::TooLarge(T::NAME));
        }
        // Every item has at least one byte: a count that lies cannot make us allocate more than the body is long.
        let mut items = Self::with_capacity(count.min(from.0.len()));
        for _ in 0..count {
            items.push(T::take(from)?);
        }
        Ok(items)
    }
}

/// The fields of a structure in order are its layout.
macro_rules! layout {
    ($name:ty { $($field:ident),* $(,)? }) => {
        impl $crate::ea::fields::Field for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $($crate::ea::fields::Field::put(&self.$field, out);)*
            }
            fn take(from: &mut $crate::ea::fields::Take<'_>) -> Result<Self, $crate::WireError> {
                Ok(Self { $($field: $crate::ea::fields::Field::take(from)?,)* })
            }
        }
    };
}
pub(super) use layout;

/// An enumeration that travels as one byte, with its numbers.
macro_rules! numbered {
    ($($(#[$doc:meta])* $name:ident $field:literal { $($(#[$vdoc:meta])* $variant:ident = $number:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant = $number,)* }

        impl $name {
            /// From its number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)* _ => None }
            }
        }

        $crate::ea::fields::byte_field!($name $field);
    )*};
}
pub(super) use numbered;

/// One byte for an enumeration that has `from_number`.
macro_rules! byte_field {
    ($($name:ident $field:literal)*) => {$(
        impl $crate::ea::fields::Field for $name {
            fn put(&self, out: &mut Vec<u8>) {
                out.push(*self as u8);
            }
            fn take(from: &mut $crate::ea::fields::Take<'_>) -> Result<Self, $crate::WireError> {
                let number = <u8 as $crate::ea::fields::Field>::take(from)?;
                Self::from_number(number).ok_or($crate::WireError::BadValue($field))
            }
        }
    )*};
}
pub(super) use byte_field;
