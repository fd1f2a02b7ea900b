//! A tick file that anyone can make again from its seed.

use anyhow::Result;
use std::{io::Write, path::Path};

/// First millisecond: Monday, 3 December 2012, 00:00 UTC.
const START_MS: i64 = 1_354_492_800_000;

/// Writes `rows` quotes of a seeded random walk around 132.000 with 3 decimals, `mean_ms` apart on average, as
/// `time_msc,bid,ask`. About one row in 2,000 is crossed, so that refusals are part of every run.
pub(crate) fn write_ticks(path: &Path, rows: u64, mean_ms: u64, seed: u64) -> Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = move |bound: u64| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    };
    let (mut time, mut bid) = (START_MS, 132_000_i64);
    writeln!(file, "time_msc,bid,ask")?;
    for _ in 0..rows {
        time += i64::try_from(draw(2 * mean_ms))?;
        // A weak pull to the middle keeps the walk within a day's range.
        let pull = (132_000 - bid).signum() * i64::from(draw(16) == 0);
        bid += i64::try_from(draw(7))? - 3 + pull;
        let spread = if draw(2_000) == 0 { -2 } else { 8 + i64::try_from(draw(10))? };
        let ask = bid + spread;
        writeln!(file, "{time},{}.{:03},{}.{:03}", bid / 1_000, bid % 1_000, ask / 1_000, ask % 1_000)?;
    }
    Ok(file.flush()?)
}
