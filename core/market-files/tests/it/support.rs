//! Reading a text whole, and finding the real files.

use aitrading_market_files::{BarRow, Collected, Format, MarketFileError, Reader, RejectCode, Settings, Summary, Zone};
use aitrading_model::{MarketTime, Price, Tick, TickFlags, Volume};
use std::path::{Path, PathBuf};

pub(crate) fn read(format: Format, settings: Settings, bytes: &[u8]) -> Result<(Collected, Summary), MarketFileError> {
    let mut sink = Collected::default();
    let mut reader = Reader::new(format, settings)?;
    reader.feed(bytes, &mut sink)?;
    let summary = reader.finish(&mut sink)?;
    Ok((sink, summary))
}

pub(crate) fn zoned(zone: Zone) -> Settings {
    Settings { zone: Some(zone), ..Settings::default() }
}

pub(crate) fn price(text: &str) -> Price {
    text.parse().unwrap()
}

pub(crate) fn tick(time: i64, bid: &str, ask: &str, flags: u32) -> Tick {
    Tick {
        time: MarketTime(time),
        bid: price(bid),
        ask: price(ask),
        last: Price::ZERO,
        volume: Volume::ZERO,
        flags: TickFlags::from_bits(flags),
    }
}

pub(crate) fn bar(start: i64, prices: [&str; 4], ticks: u64, volume: &str, spread: u32) -> BarRow {
    let [open, high, low, close] = prices.map(price);
    BarRow { start: MarketTime(start), open, high, low, close, ticks, volume: volume.parse().unwrap(), spread }
}

/// `(line, column, code)` of each.
pub(crate) fn places(collected: &Collected) -> Vec<(u64, u32, RejectCode)> {
    collected.rejects.iter().map(|reject| (reject.line, reject.column, reject.code)).collect()
}

/// A real file's bytes; `None`, with a printed reason, where there is none.
#[expect(clippy::disallowed_methods, reason = "tests look for data that is no part of the repository")]
pub(crate) fn real_file(name: &str) -> Option<Vec<u8>> {
    let named = std::env::var("AITRADING_SHARED_DATA").ok().map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|dir| dir.join("shared/data"));
    let folder = named.or_else(|| beside.into_iter().find(|dir| dir.join("ticks").is_dir()));
    let Some(folder) = folder.filter(|dir| dir.join("ticks").is_dir()) else {
        eprintln!("skipped: {name} is not here (AITRADING_SHARED_DATA names the folder)");
        return None;
    };
    Some(std::fs::read(folder.join("ticks").join(name)).unwrap())
}
