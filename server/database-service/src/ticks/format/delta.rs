//! Whole numbers as Parquet's DELTA_BINARY_PACKED, laid out so that ZSTD finds something.
//!
//! The format lets a writer choose for each block what is subtracted from its differences, and for each miniblock how many
//! bits a difference gets. The tightest choice, which is the usual one, puts a price's differences into three or four bits,
//! and another number of them every few blocks: no two bytes are alike then. Here small differences get a whole byte each,
//! counted from the same multiple of 64 in every block; ZSTD's entropy coder then does what the bits were to do, and better.
//! Large differences keep exact widths. Readers see nothing special.

/// Differences in a block.
const BLOCK: usize = 128;
/// Differences in a miniblock.
const MINI: usize = 32;
const MINIS: usize = BLOCK / MINI;
/// Blocks of small differences are counted from a multiple of this, so that a byte means the same in all of them.
const STEP: i64 = 64;

/// The page's bytes, before compression.
pub(super) fn encode(values: &[i64]) -> Vec<u8> {
    let mut out = Vec::with_capacity(values.len().saturating_mul(2).saturating_add(32));
    varint(&mut out, BLOCK as u64);
    varint(&mut out, MINIS as u64);
    varint(&mut out, values.len() as u64);
    zigzag(&mut out, values.first().copied().unwrap_or_default());
    let later = values.iter().skip(1);
    let differences: Vec<i64> = values.iter().zip(later).map(|(before, after)| after.wrapping_sub(*before)).collect();
    differences.chunks(BLOCK).for_each(|block| encode_block(&mut out, block));
    out
}

fn encode_block(out: &mut Vec<u8>, block: &[i64]) {
    let least = block.iter().copied().min().unwrap_or_default();
    let most = block.iter().copied().max().unwrap_or_default();
    let base = base_of(least, most);
    zigzag(out, base);
    let above = |difference: &i64| difference.wrapping_sub(base).cast_unsigned();
    let mut widths = [0_u8; MINIS];
    for (width, mini) in widths.iter_mut().zip(block.chunks(MINI)) {
        *width = width_of(mini.iter().map(above).fold(0, |all, value| all | value));
    }
    out.extend_from_slice(&widths);
    for (width, mini) in widths.iter().zip(block.chunks(MINI)) {
        let mut values = [0_u64; MINI];
        values.iter_mut().zip(mini).for_each(|(value, difference)| *value = above(difference));
        pack(out, &values, *width);
    }
}

/// What a block's differences are counted from: their least, or the multiple below it if they still fit into a byte.
fn base_of(least: i64, most: i64) -> i64 {
    let multiple = least.div_euclid(STEP).saturating_mul(STEP);
    let fits = most.wrapping_sub(multiple).cast_unsigned() <= u64::from(u8::MAX);
    if least == most || !fits { least } else { multiple }
}

/// Bits for each of the values whose bits `all` has: none, a whole byte, or as many as are needed.
fn width_of(all: u64) -> u8 {
    match u8::try_from(u64::BITS.saturating_sub(all.leading_zeros())).unwrap_or(64) {
        0 => 0,
        1..=8 => 8,
        exact => exact,
    }
}

/// Writes the values' low bits, the first value's first. A miniblock ends on a whole byte at every width.
pub(super) fn pack(out: &mut Vec<u8>, values: &[u64], width: u8) {
    if width == 8 {
        out.extend(values.iter().map(|value| value.to_le_bytes()[0]));
        return;
    }
    let (mut waiting, mut bits) = (0_u128, 0_u32);
    for value in values {
        waiting |= u128::from(*value).wrapping_shl(bits);
        bits = bits.saturating_add(width.into());
        while bits >= 64 {
            let [low @ .., _, _, _, _, _, _, _, _] = waiting.to_le_bytes();
            out.extend_from_slice(&low);
            waiting >>= 64;
            bits = bits.saturating_sub(64);
        }
    }
    let left = usize::try_from(bits.div_ceil(8)).unwrap_or_default();
    out.extend(waiting.to_le_bytes().iter().take(left));
}

pub(super) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn zigzag(out: &mut Vec<u8>, value: i64) {
    varint(out, value.wrapping_shl(1).cast_unsigned() ^ (value >> 63).cast_unsigned());
}
