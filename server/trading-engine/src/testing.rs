//! What the tests of engine and shell share: an account, a market that crosses, and a client that reports.

use crate::{
    EngineKeys, EngineSettings, Pseudonyms, StrategySettings,
    engine::{AccountKey, Answer, Effect, Engine, Event, Input},
};
use aitrading_env::{RngExt, sim::SeededRng};
use aitrading_model::{
    AccountId, AccountState, Bar, Deal, DealEntry, DealTicket, DeviceId, Epoch, Fence, HopTimes, MarginMode,
    MarketTime, Money, Permissions, PositionTicket, Price, Report, ReportState, Retcode, Signal, SignalKind, Source,
    TenantId, Tick, TickFlags, Ticket, Timeframe, Timestamp, TraceId, Volume,
};
use aitrading_security::signing::SigningKey;
use aitrading_store::{Entitlement, Subscription, SubscriptionStatus, SymbolScope};
use aitrading_wire::{
    REPORT_DOMAIN, ReportEnvelope, encode_report,
    services::{FeedBatch, Seat, SessionOpened},
};
use std::sync::Arc;

pub(crate) use aitrading_testkit::{price, usdjpy as spec};

pub(crate) const START: Timestamp = Timestamp(1_700_000_000_000_000_000);
pub(crate) const ACCOUNT: AccountKey = (TenantId(1), AccountId(7));
pub(crate) const SEAT: Seat = Seat { tenant: TenantId(1), account: AccountId(7), device: DeviceId([9; 16]) };
/// Start of the first bar.
const MARKET: i64 = 1_354_492_800_000;

pub(crate) fn source() -> Source {
    Source { tenant: SEAT.tenant, account: SEAT.account, symbol: "USDJPY".parse().unwrap() }
}

pub(crate) fn settings() -> EngineSettings {
    let strategy = StrategySettings { fast: 1, slow: 2, atr_bars: 1, ..StrategySettings::default() };
    // The bars are of one past day, however long a test takes.
    EngineSettings { strategies: vec![strategy], replayed_feeds: true, ..EngineSettings::default() }
}

pub(crate) fn keys() -> EngineKeys {
    EngineKeys { signal: SigningKey::from_seed(&[1; 32]), next: None, pseudonyms: Pseudonyms::new([2; 32]) }
}

pub(crate) fn device_key() -> SigningKey {
    SigningKey::from_seed(&[3; 32])
}

pub(crate) fn account() -> AccountState {
    AccountState {
        account: SEAT.account,
        server: "Demo".into(),
        currency: "USD".parse().unwrap(),
        margin_mode: MarginMode::RetailHedging,
        leverage: 100,
        balance: "10000".parse().unwrap(),
        equity: "10000".parse().unwrap(),
        margin: Money::ZERO,
        free_margin: "10000".parse().unwrap(),
        stop_out_percent: 50,
        permissions: Permissions::ALL,
        time: MarketTime(MARKET),
        positions: Vec::new(),
    }
}

pub(crate) fn subscription() -> Subscription {
    Subscription {
        tenant: SEAT.tenant,
        account: SEAT.account,
        status: SubscriptionStatus::Active,
        expires_at: Timestamp(i64::MAX),
        symbols: SymbolScope::All,
        auto_trading: true,
        entitlement: Entitlement::default(),
    }
}

pub(crate) fn session(generation: u64, last_signal_seq: u64, at: Timestamp) -> SessionOpened {
    SessionOpened {
        seat: SEAT,
        trace: TraceId([4; 16]),
        device_key: device_key().verifying_key().to_bytes(),
        ledger_generation: generation,
        last_signal_seq,
        state: account(),
        specs: vec![spec()],
        at,
    }
}

/// The tick that closes bar number `n` with this bid; the spread is 3 points.
pub(crate) fn bar_batch(n: u32, close: &str, received: Timestamp) -> FeedBatch {
    let bid = price(close);
    let start = MarketTime(MARKET + i64::from(n) * 60_000);
    let time = MarketTime(start.0 + 60_000);
    let ask = bid.checked_add(price("0.003")).unwrap();
    let tick = Tick { time, bid, ask, last: Price::ZERO, volume: Volume::ZERO, flags: TickFlags::BID };
    let high = bid.checked_add(price("0.020")).unwrap();
    let timeframe = Timeframe::M1;
    let bar = Bar { timeframe, start, open: bid, high, low: bid, close: bid, ticks: 1, spread_min: price("0.003") };
    FeedBatch {
        trace: TraceId([n as u8; 16]),
        source: source(),
        epoch: Epoch(1),
        last_seq: u64::from(n) + 1,
        ticks: Arc::new([tick]),
        bars: vec![bar],
        gaps: Vec::new(),
        received,
    }
}

/// Bids after which the fast average (1 bar) crosses the slow one (2 bars): up at the fourth bar, down at the fifth.
pub(crate) const CROSSING: [&str; 5] = ["161.600", "161.590", "161.580", "161.600", "161.570"];

/// What an honest client says of a signal: executed at once, at the ask or bid of the last tick.
pub(crate) fn executed(signal: &Signal, seq: u64, fence: Fence, fill: &str, position: u64) -> Report {
    let (entry, position) = match signal.kind {
        SignalKind::Open => (DealEntry::In, PositionTicket(position)),
        SignalKind::Close => (DealEntry::Out, signal.position),
    };
    let time = MarketTime(MARKET + 4 * 60_000);
    let deal = Deal {
        ticket: DealTicket(position.0 + 1_000),
        order: Ticket(position.0 + 500),
        position,
        side: signal.side,
        entry,
        volume: signal.lots_max,
        price: price(fill),
        profit: Money::ZERO,
        time,
        magic: signal.id.magic(),
    };
    Report {
        tenant: signal.tenant,
        account: signal.account,
        device: signal.device,
        fence,
        seq,
        signal: signal.id,
        trace: signal.trace,
        state: ReportState::Executed,
        retcode: Retcode::DONE,
        reason: String::new(),
        order: deal.order,
        deals: vec![deal],
        volume: deal.volume,
        price: deal.price,
        market_time: time,
        times: HopTimes { order_send: signal.issued_at, ..HopTimes::default() },
    }
}

/// As [`executed`], but nothing was.
pub(crate) fn not_executed(signal: &Signal, seq: u64, fence: Fence, state: ReportState) -> Report {
    let executed = executed(signal, seq, fence, "161.603", 1);
    Report { state, deals: Vec::new(), volume: Volume::ZERO, price: Price::ZERO, order: Ticket(0), ..executed }
}

pub(crate) fn signed(report: &Report) -> ReportEnvelope {
    let bytes = encode_report(report);
    let signature = device_key().sign_detached(REPORT_DOMAIN, &bytes);
    ReportEnvelope { bytes, signature }
}

/// A UUID of version 7.
pub(crate) fn key_at(at: Timestamp, random: [u8; 10]) -> [u8; 16] {
    let mut key = [0; 16];
    key[..6].copy_from_slice(&(at.0 / 1_000_000).to_be_bytes()[2..]);
    key[6..].copy_from_slice(&random);
    (key[6], key[8]) = (0x70 | key[6] & 0x0f, 0x80 | key[8] & 0x3f);
    key
}

/// A state machine with a clock in hand, whose commits succeed at once unless they are held.
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) now: Timestamp,
    pub(crate) rng: SeededRng,
    pub(crate) hold: bool,
    /// Everything that came out, in order.
    pub(crate) seen: Vec<Effect>,
    token: u64,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(settings())
    }

    pub(crate) fn with(settings: EngineSettings) -> Self {
        let config = Arc::new(settings.resolve().unwrap());
        let engine = Engine::new(config, keys());
        Self { engine, now: START, rng: SeededRng::new(5), hold: false, seen: Vec::new(), token: 0 }
    }

    /// With an entitled account whose session is ready.
    pub(crate) fn ready() -> Self {
        Self::new().entitled()
    }

    pub(crate) fn entitled(mut self) -> Self {
        let bench = &mut self;
        bench.put(Input::Entitlement { account: ACCOUNT, answer: Ok(Some(subscription())) });
        bench.open(1, 0);
        self
    }

    pub(crate) fn open(&mut self, generation: u64, last_signal_seq: u64) -> Answer {
        let session = Box::new(session(generation, last_signal_seq, self.now));
        let answer = self.ask(|token| Input::SessionOpened { token, session });
        if let Answer::Grant(grant) = &answer {
            self.put(Input::SessionReady { seat: SEAT, fence: grant.fence });
        }
        answer
    }

    pub(crate) fn put(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = self.engine.step(self.now, input, &self.rng);
        let mut at = 0;
        while at < effects.len() {
            if let Effect::Commit { ticket, .. } = effects[at]
                && !self.hold
            {
                effects.extend(self.engine.step(self.now, Input::Committed { through: ticket }, &self.rng));
            }
            at += 1;
        }
        self.seen.extend(effects.iter().cloned());
        effects
    }

    pub(crate) fn ask(&mut self, input: impl FnOnce(u64) -> Input) -> Answer {
        self.try_ask(input).expect("an answer")
    }

    pub(crate) fn try_ask(&mut self, input: impl FnOnce(u64) -> Input) -> Option<Answer> {
        self.token += 1;
        let token = self.token;
        self.put(input(token)).into_iter().find_map(|effect| match effect {
            Effect::Reply { token: to, answer } if to == token => Some(answer),
            _ => None,
        })
    }

    pub(crate) fn report(&mut self, report: &Report) -> Answer {
        let (envelope, at) = (signed(report), self.now);
        self.ask(|token| Input::Report { token, seat: SEAT, envelope, at })
    }

    /// Plays the first `bars` bars of the crossing.
    pub(crate) fn play(&mut self, bars: std::ops::Range<u32>) {
        for n in bars {
            let batch = bar_batch(n, CROSSING[n as usize], self.now);
            self.put(Input::Feed(batch));
        }
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        let commits = self.seen.iter().filter_map(|effect| match effect {
            Effect::Commit { events, .. } => Some(events.clone()),
            _ => None,
        });
        commits.flatten().collect()
    }

    pub(crate) fn signals(&self) -> Vec<Signal> {
        let signal = |event: Event| match event {
            Event::Decided(decided) => Some(decided.signal),
            _ => None,
        };
        self.events().into_iter().filter_map(signal).collect()
    }

    pub(crate) fn denials(&self) -> Vec<String> {
        let code = |event: Event| match event {
            Event::Denied(denied) => Some(denied.code),
            _ => None,
        };
        self.events().into_iter().filter_map(code).collect()
    }

    pub(crate) fn findings(&self) -> Vec<String> {
        let finding = |event: Event| match event {
            Event::Reported(reported) => Some(reported.finding),
            Event::Judged(judged) => Some(judged.finding),
            _ => None,
        };
        self.events().into_iter().filter_map(finding).collect()
    }

    pub(crate) fn deliveries(&self) -> Vec<aitrading_wire::SignalEnvelope> {
        let envelope = |effect: &Effect| match effect {
            Effect::Deliver { envelope, .. } => Some(envelope.clone()),
            _ => None,
        };
        self.seen.iter().filter_map(envelope).collect()
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now = self.now.plus(std::time::Duration::from_secs(seconds));
    }

    /// An idempotency key of now.
    pub(crate) fn fresh_key(&self) -> [u8; 16] {
        key_at(self.now, self.rng.bytes())
    }
}
