//! Products and quotients through 128 bits, with the rounding in the name. `None` means: does not fit, so refuse.

use aitrading_model::{Money, Price, SCALE, SymbolSpec, Volume};

/// `a * b / c` towards negative infinity; `None` unless `c` is positive.
pub(crate) fn mul_div_floor(a: i64, b: i64, c: i64) -> Option<i64> {
    quotient(i128::from(a).checked_mul(i128::from(b))?, i128::from(c))
}

/// `a * b / c` towards positive infinity; `None` unless `c` is positive.
pub(crate) fn mul_div_ceil(a: i64, b: i64, c: i64) -> Option<i64> {
    quotient_ceil(i128::from(a).checked_mul(i128::from(b))?, i128::from(c))
}

/// `a / b` towards negative infinity.
pub(crate) fn quotient(a: i128, b: i128) -> Option<i64> {
    if b <= 0 {
        return None;
    }
    i64::try_from(a.checked_div_euclid(b)?).ok()
}

/// `a / b` towards positive infinity.
pub(crate) fn quotient_ceil(a: i128, b: i128) -> Option<i64> {
    if b <= 0 {
        return None;
    }
    let up = i128::from(a.checked_rem_euclid(b)? != 0);
    i64::try_from(a.checked_div_euclid(b)?.checked_add(up)?).ok()
}

/// Value of `lots` at `price` in deposit currency, rounded up; `None` if it cannot be computed.
#[must_use]
pub fn notional(spec: &SymbolSpec, lots: Volume, price: Price) -> Option<Money> {
    let units = mul_div_ceil(lots.raw(), spec.contract_size.raw(), SCALE)?;
    let value = mul_div_ceil(units, price.raw(), SCALE)?;
    mul_div_ceil(value, spec.profit_conversion.raw(), SCALE).map(Money::from_raw)
}
