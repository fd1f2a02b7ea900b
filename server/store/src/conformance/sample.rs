//! Plain values that the properties use.

use crate::{JournalMark, SignalChange};
use crate::{ReportRow, SeqRun, SignalRow, SourceCommit, TickCommit};
use aitrading_model::{
    AccountId, Cursor, Deal, DealEntry, DealTicket, DeviceId, Epoch, Fence, HopTimes, MarketTime, Money, OrderType,
    PolicyHash, PositionTicket, Price, Report, ReportState, Retcode, Side, Signal, SignalId, SignalKind, Source,
    Symbol, TenantId, Tick, TickFlags, Ticket, Timestamp, TraceId, Volume,
};

/// Monday 2012-12-03, 00:00 UTC.
pub const MONDAY: MarketTime = MarketTime(1_354_492_800_000);

/// A place in the journal.
#[must_use]
pub const fn mark(offset: u64) -> JournalMark {
    JournalMark { segment: 1, offset }
}

/// A symbol.
///
/// # Panics
/// If `name` is none.
#[must_use]
#[expect(clippy::expect_used, reason = "a property's own constant")]
pub fn symbol(name: &str) -> Symbol {
    name.parse().expect("a symbol")
}

/// A source of account 7.
#[must_use]
pub fn source(tenant: u64, name: &str) -> Source {
    Source { tenant: TenantId(tenant), account: AccountId(7), symbol: symbol(name) }
}

/// A tick `ms` after Monday's start, `points` (of 0.001) above 130 with a spread of 15.
#[must_use]
pub fn tick(ms: i64, points: i64) -> Tick {
    let bid = 13_000_000_000_i64.saturating_add(points.saturating_mul(100_000));
    Tick {
        time: MarketTime(MONDAY.0.saturating_add(ms)),
        bid: Price::from_raw(bid),
        ask: Price::from_raw(bid.saturating_add(1_500_000)),
        last: Price::ZERO,
        volume: Volume::ZERO,
        flags: TickFlags::BID.with(TickFlags::ASK),
    }
}

/// `n` ticks, 250 ms apart, the first `at` ms after Monday's start, with prices that wander.
#[must_use]
pub fn ticks(at: i64, n: i64) -> Vec<Tick> {
    (0..n).map(|i| tick(at.saturating_add(i.saturating_mul(250)), i.saturating_mul(7).rem_euclid(40))).collect()
}

/// A commit of ticks for one source, numbered from `first_seq` in epoch 1.
#[must_use]
pub fn part(source: Source, first_seq: u64, ticks: Vec<Tick>) -> SourceCommit {
    let count = u32::try_from(ticks.len()).unwrap_or(u32::MAX);
    let cursor = Cursor {
        epoch: Epoch(1),
        seq: first_seq.saturating_add(u64::from(count)).saturating_sub(1),
        time: ticks.last().map(|tick| tick.time).unwrap_or_default(),
        count_at_time: 1,
    };
    let mut part = SourceCommit::new(source, 3, cursor);
    if count > 0 {
        part.runs.push(SeqRun { epoch: Epoch(1), first_seq, count });
    }
    part.ticks = ticks;
    part
}

/// A commit of one source.
#[must_use]
pub fn commit(offset: u64, part: SourceCommit) -> TickCommit {
    TickCommit { mark: mark(offset), sources: vec![part] }
}

/// The `n`-th signal of a tenant's account 7.
#[must_use]
pub fn signal(tenant: u64, n: u8) -> SignalRow {
    let signal = Signal {
        tenant: TenantId(tenant),
        account: AccountId(7),
        device: DeviceId([3; 16]),
        fence: Fence(1),
        seq: u64::from(n),
        id: SignalId([n; 16]),
        previous: SignalId([n.saturating_sub(1); 16]),
        trace: TraceId([9; 16]),
        kind: SignalKind::Open,
        order_type: OrderType::Market,
        symbol: symbol("GBPJPY"),
        side: Side::Buy,
        position: PositionTicket(0),
        lots_min: Volume::from_raw(10_000_000),
        lots_max: Volume::from_raw(10_000_000),
        price_min: Price::from_raw(13_000_000_000),
        price_max: Price::from_raw(13_100_000_000),
        deviation: 10,
        stop_loss: Price::from_raw(12_900_000_000),
        take_profit: Price::ZERO,
        issued_at: Timestamp(1_000_000),
        not_before: Timestamp(1_000_000),
        expires_at: Timestamp(181_000_000_000),
        policy: PolicyHash([4; 32]),
    };
    SignalRow { signal, key_id: [1; 8], signature: [n; 64] }
}

/// The signal as issued.
#[must_use]
pub fn issued(tenant: u64, n: u8) -> SignalChange {
    SignalChange::Issued(signal(tenant, n))
}

/// The device's report number `seq` about the `n`-th signal, with one deal per given order.
#[must_use]
pub fn report(tenant: u64, seq: u64, n: u8, state: ReportState, orders: &[u64]) -> ReportRow {
    let about = signal(tenant, n).signal;
    let report = Report {
        tenant: about.tenant,
        account: about.account,
        device: about.device,
        fence: about.fence,
        seq,
        signal: about.id,
        trace: about.trace,
        state,
        retcode: if state == ReportState::Executed { Retcode::DONE } else { Retcode::NONE },
        reason: String::new(),
        order: Ticket(orders.first().copied().unwrap_or(0)),
        deals: orders.iter().map(|order| deal(*order, n)).collect(),
        volume: about.lots_max,
        price: about.price_max,
        market_time: MONDAY,
        times: HopTimes { order_send: Timestamp(5_000_000), ..HopTimes::default() },
    };
    ReportRow { report, signature: [8; 64], received_at: Timestamp(9_000_000), finding: None }
}

fn deal(order: u64, n: u8) -> Deal {
    Deal {
        ticket: DealTicket(order.saturating_add(1000)),
        order: Ticket(order),
        position: PositionTicket(order),
        side: Side::Buy,
        entry: DealEntry::In,
        volume: Volume::from_raw(10_000_000),
        price: Price::from_raw(13_050_000_000),
        profit: Money::from_raw(-5),
        time: MONDAY,
        magic: SignalId([n; 16]).magic(),
    }
}
