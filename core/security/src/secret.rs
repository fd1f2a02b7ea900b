//! A value that is neither shown nor left behind in memory.

use std::fmt;
use zeroize::Zeroize;

/// Holds a secret: `Debug` shows nothing, there is no `Display`, no `Clone` and no serialisation, and the memory is
/// overwritten when it is dropped. Two of them cannot be compared with `==`, which would tell by its time how much is right:
/// ```compile_fail
/// assert!(aitrading_security::Secret::new([1_u8]) == aitrading_security::Secret::new([1_u8]));
/// ```
pub struct Secret<T: Zeroize>(pub(crate) T);

impl<T: Zeroize> Secret<T> {
    /// Takes a value into custody.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value. Named so that every use can be found.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
