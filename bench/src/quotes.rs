//! Ticks to measure with: the real day where it is there, and a seeded market otherwise.

use aitrading_model::{AccountId, Cursor, Epoch, MarketTime, Price, Source, TenantId, Tick, TickFlags, Volume};
use aitrading_store::{JournalMark, SeqRun, SourceCommit, TickCommit};
use anyhow::{Context, Result};
use std::path::Path;

/// The real day below the folder of shared data.
const DAY: &str = "ticks/gbpjpy-ticks-2012-12-03.csv";
/// Where the seeded market begins: a Monday.
pub(crate) const BEGIN: MarketTime = MarketTime(1_354_492_800_000);
/// A step of the prices, 0.001.
const STEP: i64 = 100_000;
/// Milliseconds between two quotes are at most this, and half of it on average. No two have the same time: then the first and
/// the last of a minute are the same ones at every engine.
const PAUSE_MS: u64 = 600;

pub(crate) fn source(symbol: &str) -> Result<Source> {
    let symbol = symbol.parse().ok().with_context(|| format!("{symbol} is no symbol"))?;
    Ok(Source { tenant: TenantId(1), account: AccountId(7), symbol })
}

/// The real day's quotes; `None` where it is not there.
pub(crate) fn real_day(data: Option<&Path>) -> Result<Option<Vec<Tick>>> {
    let Some(file) = data.map(|folder| folder.join(DAY)).filter(|file| file.is_file()) else { return Ok(None) };
    let text = std::fs::read_to_string(&file).context("the real day cannot be read")?;
    let mut before: Option<Tick> = None;
    let mut all = Vec::new();
    for line in text.lines().skip(1) {
        let mut fields = line.split(',');
        let mut field = || fields.next().context("a line of the real day is too short");
        let (time, bid, ask) = (field()?.parse()?, price(field()?)?, price(field()?)?);
        let tick = with_flags(before, MarketTime(time), bid, ask);
        before = Some(tick);
        all.push(tick);
    }
    Ok(Some(all))
}

fn price(text: &str) -> Result<Price> {
    text.parse().ok().with_context(|| format!("{text} is no price"))
}

/// A tick that says what changed, as the product's import of such files does.
fn with_flags(before: Option<Tick>, time: MarketTime, bid: Price, ask: Price) -> Tick {
    let changed = before.map(|before| (before.bid != bid, before.ask != ask));
    let flags = match changed {
        Some((true, false)) => TickFlags::BID,
        Some((false, true)) => TickFlags::ASK,
        _ => TickFlags::BID.with(TickFlags::ASK),
    };
    Tick { time, bid, ask, last: Price::ZERO, volume: Volume::ZERO, flags }
}

/// A market that wanders: prices, spreads and pauses from one seed, the same on every machine.
#[derive(Debug, Clone)]
pub(crate) struct Market {
    state: u64,
    last: Tick,
}

impl Market {
    pub(crate) fn new(seed: u64) -> Self {
        let (bid, ask) = (Price::from_raw(132_000 * STEP), Price::from_raw(132_017 * STEP));
        Self { state: seed.wrapping_mul(2).wrapping_add(1), last: with_flags(None, BEGIN, bid, ask) }
    }

    fn dice(&mut self) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.state >> 33
    }
}

impl Iterator for Market {
    type Item = Tick;

    fn next(&mut self) -> Option<Tick> {
        let (a, b) = (self.dice(), self.dice());
        let time = MarketTime(self.last.time.0 + 1 + (a % PAUSE_MS).cast_signed());
        // Four quotes in ten leave the bid where it is; the others move it by up to three steps.
        let moves = [0, 0, 0, 0, 1, -1, 1, -1, 2, -2, 3, -3];
        let step = moves.get(usize::try_from(b % 12).unwrap_or(0)).copied().unwrap_or(0);
        let spread = 14 + i64::try_from((b >> 8) % 7).unwrap_or(0);
        let kept = self.last.ask.raw() - self.last.bid.raw();
        let spread = if (b >> 16) % 3 == 0 { spread * STEP } else { kept };
        let bid = self.last.bid.raw() + step * STEP;
        // Far from where it began it turns back, so that no price ever reaches zero.
        let bid = if bid < 100_000 * STEP { bid + 10 * STEP } else { bid };
        self.last = with_flags(Some(self.last), time, Price::from_raw(bid), Price::from_raw(bid + spread));
        Some(self.last)
    }
}

/// One source's ticks as a commit, numbered on from `seq`; `offset` is the journal's mark.
pub(crate) fn commit(offset: u64, parts: Vec<(Source, u64, Vec<Tick>)>) -> TickCommit {
    let part = |(source, seq, ticks): (Source, u64, Vec<Tick>)| {
        let count = u32::try_from(ticks.len()).unwrap_or(u32::MAX);
        let time = ticks.last().map(|tick| tick.time).unwrap_or_default();
        let cursor = Cursor { epoch: Epoch(1), seq: seq + u64::from(count), time, count_at_time: 1 };
        let mut part = SourceCommit::new(source, 3, cursor);
        part.runs.push(SeqRun { epoch: Epoch(1), first_seq: seq + 1, count });
        part.ticks = ticks;
        part
    };
    TickCommit { mark: JournalMark { segment: 1, offset }, sources: parts.into_iter().map(part).collect() }
}
