//! A seeded market model: a geometric random walk whose volatility clusters, with a spread that widens when it is wild and
//! ticks that come faster then. Fixed point throughout, so that a seed gives the same ticks on every machine.

use super::{TickHistory, read::changed};
use aitrading_env::{Rng, RngExt, sim::SeededRng};
use aitrading_model::{MarketTime, Price, SymbolSpec, Tick, TickFlags, TradeSessions, Volume};

/// One standard deviation of the sum of twelve uniform 16-bit numbers, and the sum's mean.
const SIGMA: i64 = 65_536;
const SUM_MEAN: i64 = 6 * 65_536;
/// ln 2 in 1/65,536.
const LN_2: i64 = 45_426;
/// Parts of a whole in which volatility is counted.
const BILLION: i64 = 1_000_000_000;

/// What the model starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyntheticSettings {
    /// Same seed, same ticks.
    pub seed: u64,
    /// Time of the first tick; outside a trade session, the next one's opening.
    pub start: MarketTime,
    /// Middle of the first quote.
    pub price: Price,
    /// Mean time between ticks in milliseconds.
    pub interval_ms: u32,
    /// Usual standard deviation of one tick's return, in 10^-9.
    pub volatility: u32,
    /// Usual spread in ticks of the price grid.
    pub spread_ticks: u32,
}

impl SyntheticSettings {
    /// A liquid pair: a tick every 1.5 s, about 0.5 % a day, a spread of 8 ticks, from Monday 2024-01-01 22:00 UTC on.
    #[must_use]
    pub const fn new(seed: u64, price: Price) -> Self {
        let start = MarketTime(1_704_146_400_000);
        Self { seed, start, price, interval_ms: 1_500, volatility: 20_000, spread_ticks: 8 }
    }
}

/// The model as an endless stream of ticks.
#[derive(Debug)]
pub struct SyntheticTicks {
    rng: SeededRng,
    settings: SyntheticSettings,
    grid: Price,
    sessions: Option<TradeSessions>,
    time: MarketTime,
    middle: i64,
    volatility: i64,
    before: Option<Tick>,
}

impl SyntheticTicks {
    /// Starts the model for a symbol.
    #[must_use]
    pub fn new(spec: &SymbolSpec, settings: SyntheticSettings) -> Self {
        let grid = if spec.tick_size.is_positive() { spec.tick_size } else { Price::from_raw(1) };
        Self {
            rng: SeededRng::new(settings.seed),
            settings,
            grid,
            sessions: spec.sessions,
            time: open_from(spec.sessions.as_ref(), settings.start),
            middle: settings.price.raw().max(grid.raw().saturating_mul(1_000)),
            volatility: i64::from(settings.volatility.max(1)),
            before: None,
        }
    }

    /// A number with mean 0 and standard deviation [`SIGMA`], close to normal.
    fn normal(&self) -> i64 {
        let mut bytes = [0; 24];
        self.rng.fill(&mut bytes);
        let (pairs, _) = bytes.as_chunks::<2>();
        pairs.iter().map(|pair| i64::from(u16::from_le_bytes(*pair))).sum::<i64>() - SUM_MEAN
    }

    /// The next price and volatility.
    fn walk(&mut self) {
        let usual = i64::from(self.settings.volatility.max(1));
        let step = self.volatility.saturating_mul(self.normal()) / SIGMA;
        let moved = i128::from(self.middle) * i128::from(step) / i128::from(BILLION);
        let floor = self.grid.raw().saturating_mul(100);
        self.middle = self.middle.saturating_add(i64::try_from(moved).unwrap_or_default()).max(floor);
        // The mean of a normal number's magnitude is 0.8 of its deviation: 5/4 makes up for it.
        let shock = step.saturating_abs().saturating_mul(5) / 4;
        let next = (self.volatility.saturating_mul(93) + shock.saturating_mul(6) + usual) / 100;
        self.volatility = next.clamp((usual / 4).max(1), usual.saturating_mul(8));
    }

    /// Milliseconds to the next tick: exponential by a straight line between powers of two, shorter when the market is wild.
    fn pause(&self) -> i64 {
        let draw = u32::try_from(self.rng.next_u64() >> 32).unwrap_or(u32::MAX).max(1);
        let zeros = draw.leading_zeros();
        let fraction = i64::from(draw << zeros << 1 >> 16);
        let minus_log2 = (i64::from(zeros) + 1) * SIGMA - fraction;
        let mean = i64::from(self.settings.interval_ms).saturating_mul(minus_log2) / SIGMA * LN_2 / SIGMA;
        mean.saturating_mul(i64::from(self.settings.volatility.max(1))) / self.volatility.max(1)
    }

    fn quote(&self) -> (Price, Price) {
        let usual = i64::from(self.settings.volatility.max(1));
        let base = i64::from(self.settings.spread_ticks.max(1));
        let wild = base.saturating_mul(self.volatility) / usual;
        let jitter = i64::try_from(self.rng.below(3)).unwrap_or_default();
        let spread = self.grid.raw().saturating_mul(((base + wild) / 2 + jitter - 1).max(1));
        let bid =
            Price::from_raw(self.middle - spread / 2).round_to_grid(self.grid).unwrap_or(self.grid).max(self.grid);
        (bid, bid.checked_add(Price::from_raw(spread)).unwrap_or(bid))
    }
}

/// A market that is shut makes no ticks. Nothing is known of a symbol without sessions: it always makes them.
fn open_from(sessions: Option<&TradeSessions>, time: MarketTime) -> MarketTime {
    sessions.and_then(|sessions| sessions.next_open(time)).unwrap_or(time)
}

impl Iterator for SyntheticTicks {
    type Item = Tick;

    fn next(&mut self) -> Option<Tick> {
        if self.before.is_some() {
            self.walk();
            let next = MarketTime(self.time.0.saturating_add(self.pause()));
            self.time = open_from(self.sessions.as_ref(), next);
        }
        let (bid, ask) = self.quote();
        let tick =
            Tick { time: self.time, bid, ask, last: Price::ZERO, volume: Volume::ZERO, flags: TickFlags::default() };
        let tick = Tick { flags: changed(self.before.as_ref(), &tick), ..tick };
        self.before = Some(tick);
        Some(tick)
    }
}

/// `count` ticks of the model, at most [`super::ROWS_MAX`], labelled synthetic.
#[must_use]
pub fn synthetic(spec: &SymbolSpec, settings: SyntheticSettings, count: usize) -> TickHistory {
    let ticks = SyntheticTicks::new(spec, settings).take(count.min(super::ROWS_MAX)).collect();
    let name = format!("market model, seed {}", settings.seed);
    TickHistory { ticks: std::sync::Arc::new(ticks), name: name.into(), synthetic: true }
}
