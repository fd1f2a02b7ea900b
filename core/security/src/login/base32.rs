//! Bits as letters and digits: Crockford's alphabet for what people read aloud, RFC 4648's for authenticators.

use crate::Secret;
use zeroize::Zeroizing;

/// No I, L, O and U; the last five are for check symbols alone.
const CROCKFORD: &[u8; 37] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U";
pub(super) const RFC4648: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const GROUP: usize = 4;
/// The most bytes that are looked at of what somebody typed: the longest code, with separators after each character.
const TYPED_MAX: usize = 64;

/// The symbol of a value; values beyond the alphabet have none and are not asked for.
fn symbol(alphabet: &[u8], value: u8) -> char {
    alphabet.get(usize::from(value)).map_or('?', |&b| char::from(b))
}

/// `digits` symbols of Crockford's alphabet for the low bits of `value`, the highest first.
pub(super) fn crockford(value: u128, digits: u32) -> Zeroizing<Vec<char>> {
    let of = |n: u32| value.checked_shr(5 * n).unwrap_or(0) & 31;
    Zeroizing::new((0..digits).rev().map(|n| symbol(CROCKFORD, u8::try_from(of(n)).unwrap_or(0))).collect())
}

/// Crockford's check symbol: the value modulo 37, so that one wrong symbol and two swapped neighbours show.
pub(super) fn check_symbol(value: u128) -> char {
    symbol(CROCKFORD, u8::try_from(value % 37).unwrap_or(0))
}

/// Symbols in groups of four.
pub(super) fn grouped(symbols: impl Iterator<Item = char>) -> Secret<String> {
    let mut text = String::with_capacity(TYPED_MAX);
    for (n, symbol) in symbols.enumerate() {
        if n > 0 && n % GROUP == 0 {
            text.push('-');
        }
        text.push(symbol);
    }
    Secret::new(text)
}

/// The values of what somebody typed: capitals and small letters alike, O for 0, I and L for 1, spaces and hyphens
/// anywhere. `None` for anything else, and above 64 bytes.
pub(super) fn values(typed: &str) -> Option<Zeroizing<Vec<u8>>> {
    if typed.len() > TYPED_MAX {
        return None;
    }
    let kept = typed.bytes().filter(|b| !b.is_ascii_whitespace() && *b != b'-');
    let value = |b: u8| {
        let b = match b.to_ascii_uppercase() {
            b'O' => b'0',
            b'I' | b'L' => b'1',
            other => other,
        };
        CROCKFORD.iter().position(|&known| known == b).and_then(|at| u8::try_from(at).ok())
    };
    kept.map(value).collect::<Option<Vec<u8>>>().map(Zeroizing::new)
}

/// The number that `values` spell; `None` if one is a check symbol or the number has more than 128 bits.
pub(super) fn number(values: &[u8]) -> Option<u128> {
    values.iter().try_fold(0u128, |sum, &value| {
        let fits = value < 32 && sum.leading_zeros() >= 5;
        fits.then(|| sum << 5 | u128::from(value))
    })
}

/// RFC 4648 without padding, as authenticators take their secret.
pub(super) fn rfc4648(bytes: &[u8]) -> String {
    let chunk = |five: &[u8]| {
        let bits = five.iter().fold(0u64, |sum, &b| sum << 8 | u64::from(b)) << (8 * (5 - five.len().min(5)));
        let symbols = (five.len() * 8).div_ceil(5);
        let of = move |n: usize| u8::try_from(bits >> (35 - 5 * n) & 31).unwrap_or(0);
        (0..symbols).map(move |n| symbol(RFC4648, of(n)))
    };
    bytes.chunks(5).flat_map(chunk).collect()
}
