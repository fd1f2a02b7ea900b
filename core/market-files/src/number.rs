//! Decimal numbers read by hand from bytes, and written back: the hot part of every line.

use aitrading_model::SCALE;

const DECIMALS: usize = 8;
/// Powers of ten up to the scale of fixed-point numbers.
const POWERS: [i64; DECIMALS + 1] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, SCALE];

/// `10^exponent`, up to 8.
pub(crate) fn power(exponent: usize) -> Option<i64> {
    POWERS.get(exponent).copied()
}

/// A decimal in units of 10^-8. More than 8 decimals are read only if those beyond say nothing: zeros, or the noise of a
/// binary number printed in full (`128765.00000000001`, `130336.99999999999`), which is rounded away.
pub(crate) fn fixed(field: &[u8]) -> Option<i64> {
    let (negative, digits) = match field {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (mut value, mut seen, mut decimals) = (0_i64, false, None::<usize>);
    let mut rest = digits.iter();
    while decimals != Some(DECIMALS) {
        let Some(&byte) = rest.next() else { break };
        if byte == b'.' && decimals.is_none() {
            decimals = Some(0);
            continue;
        }
        value = value.checked_mul(10)?.checked_add(digit(byte)?)?;
        seen = true;
        decimals = decimals.map(|count| count + 1);
    }
    let value = value.checked_mul(power(DECIMALS - decimals.unwrap_or(0))?)?.checked_add(beyond(rest.as_slice())?)?;
    seen.then_some(if negative { -value } else { value })
}

/// What the digits beyond the last decimal add to it; `None` if they say more than the resolution holds.
fn beyond(digits: &[u8]) -> Option<i64> {
    let noise = match digits {
        [] => return Some(0),
        [b'9', b'9', ..] => 1,
        _ => 0,
    };
    let zeros = digits.iter().all(|byte| *byte == b'0');
    let decimal = digits.iter().all(u8::is_ascii_digit);
    (zeros || (decimal && matches!(digits, [b'0', b'0', _, ..] | [b'9', b'9', _, ..]))).then_some(noise)
}

fn digit(byte: u8) -> Option<i64> {
    let digit = byte.wrapping_sub(b'0');
    (digit <= 9).then_some(i64::from(digit))
}

/// A whole number without a sign, at most 18 digits.
pub(crate) fn whole(field: &[u8]) -> Option<i64> {
    if field.is_empty() || field.len() > 18 {
        return None;
    }
    let add = |value: i64, byte: &u8| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte.wrapping_sub(b'0')));
    field.iter().try_fold(0, add)
}

/// Appends `raw` (units of 10^-8) with at least `decimals` decimals, and more if it has more.
pub(crate) fn push_fixed(out: &mut Vec<u8>, raw: i64, decimals: u8) {
    if raw < 0 {
        out.push(b'-');
    }
    let magnitude = raw.unsigned_abs();
    push_whole(out, magnitude / SCALE.unsigned_abs(), 1);
    let (mut fraction, mut kept) = (magnitude % SCALE.unsigned_abs(), DECIMALS);
    let wanted = usize::from(decimals).min(DECIMALS);
    while kept > wanted && fraction % 10 == 0 {
        fraction /= 10;
        kept -= 1;
    }
    if kept > 0 {
        out.push(b'.');
        push_whole(out, fraction, kept);
    }
}

/// Appends a whole number, filled with zeros to `width`.
pub(crate) fn push_whole(out: &mut Vec<u8>, value: u64, width: usize) {
    let from = out.len();
    let mut rest = value;
    while rest > 0 || out.len() - from < width {
        // A digit is below ten, so the cast keeps it whole.
        out.push(b'0' + (rest % 10) as u8);
        rest /= 10;
    }
    if let Some(digits) = out.get_mut(from..) {
        digits.reverse();
    }
}
