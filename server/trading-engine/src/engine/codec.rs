//! The journal's records: versioned, big-endian, one encoding per event.

use super::{
    event::{Decided, DeniedFact, End, Event, Judged, Reported, SessionFact, StateFact},
    keys::Request,
};
use aitrading_model::{
    AccountId, DeviceId, Fence, MarketTime, Money, PolicyHash, Price, Side, SignalId, SignalKind, Source, StrategyId,
    Symbol, TenantId, Timestamp, TraceId,
};
use aitrading_risk::{StateScope, TradingState};
use aitrading_wire::{ReportEnvelope, SignalEnvelope, WireError, Writer, decode_report, decode_signal};

const VERSION: u16 = 1;
const EVENTS_MAX: usize = 4_096;
const ENVELOPE_MAX: usize = 16 * 1024;
const CODE_MAX: usize = 64;

type Reader<'a> = aitrading_wire::Reader<'a>;

/// What stands before the events of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Header {
    /// Number of the commit that the events belong to.
    pub(crate) ticket: u64,
    /// All commits up to this one were durable in journal and audit log when the record was written.
    pub(crate) confirmed: u64,
    /// Where in the audit log leaves of later commits can begin.
    pub(crate) audit_from: u64,
}

pub(crate) fn encode(header: &Header, events: &[Event]) -> Vec<u8> {
    let mut w = Writer::with_capacity(events.len().saturating_mul(512).saturating_add(32));
    w.u16(VERSION).u64(header.ticket).u64(header.confirmed).u64(header.audit_from);
    w.list(events, put_event);
    w.into_bytes()
}

pub(crate) fn decode(bytes: &[u8]) -> Result<(Header, Vec<Event>), WireError> {
    let r = &mut Reader::new(bytes);
    let version = r.u16()?;
    if version != VERSION {
        return Err(WireError::Version(version));
    }
    let header = Header { ticket: r.u64()?, confirmed: r.u64()?, audit_from: r.u64()? };
    let events = r.list("events", EVENTS_MAX, get_event)?;
    if r.remaining() == 0 { Ok((header, events)) } else { Err(WireError::Trailing) }
}

fn put_event(w: &mut Writer, event: &Event) {
    match event {
        Event::Decided(d) => match d.request.and_then(|request| request.content) {
            None => put_decided(w.u8(1), d),
            Some(content) => {
                put_decided(w.u8(13), d);
                w.raw(&content);
            }
        },
        Event::Denied(d) => put_denial(w, d),
        Event::Session(s) => {
            w.u8(3).u64(s.tenant.0).u64(s.account.0).raw(&s.device.0).u64(s.fence.0).u64(s.generation);
        }
        Event::Delivered { tenant, account, signal, at } => {
            w.u8(4).u64(tenant.0).u64(account.0).raw(&signal.0).i64(at.0);
        }
        Event::Reported(p) => {
            w.u8(if p.provisional { 9 } else { 5 })
                .bytes16(&p.envelope.encode())
                .i64(p.at.0)
                .text(&p.finding)
                .i64(p.value)
                .i64(p.bound);
        }
        Event::Judged(j) => {
            w.u8(10).u64(j.tenant.0).u64(j.account.0).raw(&j.device.0).u64(j.seq).raw(&j.signal.0).raw(&j.trace.0);
            w.raw(&j.hash).text(&j.finding).i64(j.value).i64(j.bound);
        }
        Event::Ended { tenant, account, signal, trace, end } => {
            w.u8(6).u64(tenant.0).u64(account.0).raw(&signal.0).raw(&trace.0).u8(*end as u8);
        }
        Event::State(s) => {
            put_scope(w.u8(11), s.scope);
            w.u8(s.state as u8).text(&s.code).raw(&s.trace.0);
        }
    }
}

fn get_event(r: &mut Reader<'_>) -> Result<Event, WireError> {
    Ok(match r.u8()? {
        number @ (1 | 13) => {
            let mut decided = get_decided(r)?;
            if number == 13 {
                let content = r.array()?;
                let request = decided.request.as_mut().ok_or(WireError::BadValue("request"))?;
                request.content = Some(content);
            }
            Event::Decided(Box::new(decided))
        }
        number @ (2 | 8 | 12) => Event::Denied(Box::new(get_denial(r, number)?)),
        3 => Event::Session(SessionFact {
            tenant: TenantId(r.u64()?),
            account: AccountId(r.u64()?),
            device: DeviceId(r.array()?),
            fence: Fence(r.u64()?),
            generation: r.u64()?,
        }),
        4 => Event::Delivered {
            tenant: TenantId(r.u64()?),
            account: AccountId(r.u64()?),
            signal: SignalId(r.array()?),
            at: Timestamp(r.i64()?),
        },
        number @ (5 | 9) => {
            let envelope = ReportEnvelope::decode(r.bytes16("report", ENVELOPE_MAX)?)?;
            Event::Reported(Box::new(Reported {
                report: decode_report(&envelope.bytes)?,
                envelope,
                at: Timestamp(r.i64()?),
                finding: r.text("finding", CODE_MAX)?,
                value: r.i64()?,
                bound: r.i64()?,
                provisional: number == 9,
            }))
        }
        10 => Event::Judged(Box::new(Judged {
            tenant: TenantId(r.u64()?),
            account: AccountId(r.u64()?),
            device: DeviceId(r.array()?),
            seq: r.u64()?,
            signal: SignalId(r.array()?),
            trace: TraceId(r.array()?),
            hash: r.array()?,
            finding: r.text("finding", CODE_MAX)?,
            value: r.i64()?,
            bound: r.i64()?,
        })),
        6 => Event::Ended {
            tenant: TenantId(r.u64()?),
            account: AccountId(r.u64()?),
            signal: SignalId(r.array()?),
            trace: TraceId(r.array()?),
            end: End::from_number(r.u8()?).ok_or(WireError::BadValue("end"))?,
        },
        7 => {
            let scoped = r.u8()? != 0;
            let account = (TenantId(r.u64()?), AccountId(r.u64()?));
            get_state(r, scoped.then_some(account).into())?
        }
        11 => {
            let scope = get_scope(r)?;
            get_state(r, scope)?
        }
        _ => return Err(WireError::BadValue("event")),
    })
}

fn get_state(r: &mut Reader<'_>, scope: StateScope) -> Result<Event, WireError> {
    Ok(Event::State(StateFact {
        scope,
        state: state(r.u8()?)?,
        code: r.text("code", CODE_MAX)?,
        trace: TraceId(r.array()?),
    }))
}

fn put_scope(w: &mut Writer, scope: StateScope) {
    match scope {
        StateScope::Global => w.u8(0),
        StateScope::Tenant(tenant) => w.u8(1).u64(tenant.0),
        StateScope::Account(tenant, account) => w.u8(2).u64(tenant.0).u64(account.0),
        StateScope::Strategy(tenant, strategy) => w.u8(3).u64(tenant.0).u32(strategy.0),
        StateScope::Symbol(tenant, symbol) => w.u8(4).u64(tenant.0).text(symbol.as_str()),
    };
}

fn get_scope(r: &mut Reader<'_>) -> Result<StateScope, WireError> {
    Ok(match r.u8()? {
        0 => StateScope::Global,
        1 => StateScope::Tenant(TenantId(r.u64()?)),
        2 => StateScope::Account(TenantId(r.u64()?), AccountId(r.u64()?)),
        3 => StateScope::Strategy(TenantId(r.u64()?), StrategyId(r.u32()?)),
        4 => StateScope::Symbol(TenantId(r.u64()?), get_symbol(r)?),
        _ => return Err(WireError::BadValue("scope")),
    })
}

const fn state(number: u8) -> Result<TradingState, WireError> {
    match number {
        0 => Ok(TradingState::Active),
        1 => Ok(TradingState::Reducing),
        2 => Ok(TradingState::Halted),
        _ => Err(WireError::BadValue("trading state")),
    }
}

fn put_source(w: &mut Writer, source: &Source) {
    w.u64(source.tenant.0).u64(source.account.0).text(source.symbol.as_str());
}

fn get_symbol(r: &mut Reader<'_>) -> Result<Symbol, WireError> {
    r.text("symbol", CODE_MAX)?.parse().map_err(|_| WireError::BadValue("symbol"))
}

fn get_source(r: &mut Reader<'_>) -> Result<Source, WireError> {
    Ok(Source { tenant: TenantId(r.u64()?), account: AccountId(r.u64()?), symbol: get_symbol(r)? })
}

fn put_decided(w: &mut Writer, d: &Decided) {
    w.bytes16(&d.envelope.encode()).u32(d.strategy.0);
    put_source(w, &d.feed);
    put_source(w, &d.priced);
    w.i64(d.market.0).i64(d.price.raw()).i64(d.risk.raw()).i64(d.margin.raw()).i64(d.exposure.raw());
    w.u32(d.limits_version);
    put_key(w, d.request);
}

fn get_decided(r: &mut Reader<'_>) -> Result<Decided, WireError> {
    let envelope = SignalEnvelope::decode(r.bytes16("signal", ENVELOPE_MAX)?)?;
    Ok(Decided {
        signal: decode_signal(&envelope.bytes)?,
        envelope,
        strategy: StrategyId(r.u32()?),
        feed: get_source(r)?,
        priced: get_source(r)?,
        market: MarketTime(r.i64()?),
        price: Price::from_raw(r.i64()?),
        risk: Money::from_raw(r.i64()?),
        margin: Money::from_raw(r.i64()?),
        exposure: Money::from_raw(r.i64()?),
        limits_version: r.u32()?,
        request: get_key(r)?.map(|key| Request { key, content: None }),
    })
}

fn put_key(w: &mut Writer, request: Option<Request>) {
    w.u8(u8::from(request.is_some())).raw(&request.map(|request| request.key).unwrap_or_default());
}

fn get_key(r: &mut Reader<'_>) -> Result<Option<[u8; 16]>, WireError> {
    let present = r.u8()? != 0;
    let key = r.array()?;
    Ok(present.then_some(key))
}

/// Numbers 2 and 8 are what older versions wrote: without, and with, the limit and the policy.
fn put_denial(w: &mut Writer, d: &DeniedFact) {
    let Some(policy) = d.policy else { return put_denied(w.u8(2), d) };
    put_denied(w.u8(if d.units.is_some() { 12 } else { 8 }), d);
    w.text(&d.limit).u32(d.limits_version).raw(&policy.0);
    if let Some((value, bound)) = d.units {
        w.u8(value).u8(bound);
        put_key(w, d.request);
        w.raw(&d.request.and_then(|request| request.content).unwrap_or_default());
    }
}

fn get_denial(r: &mut Reader<'_>, number: u8) -> Result<DeniedFact, WireError> {
    let mut denied = get_denied(r)?;
    if number == 2 {
        return Ok(denied);
    }
    denied.limit = r.text("limit", CODE_MAX)?;
    denied.limits_version = r.u32()?;
    denied.policy = Some(PolicyHash(r.array()?));
    if number == 12 {
        denied.units = Some((r.u8()?, r.u8()?));
        let (key, content) = (get_key(r)?, r.array()?);
        denied.request = key.map(|key| Request { key, content: Some(content) });
    }
    Ok(denied)
}

fn put_denied(w: &mut Writer, d: &DeniedFact) {
    w.u64(d.tenant.0).u64(d.account.0).u32(d.strategy.0).text(d.symbol.as_str()).u8(d.side as u8).u8(d.kind as u8);
    w.raw(&d.trace.0).text(&d.code).i64(d.price.raw()).i64(d.value).i64(d.bound).i64(d.market.0).i64(d.at.0);
}

fn get_denied(r: &mut Reader<'_>) -> Result<DeniedFact, WireError> {
    Ok(DeniedFact {
        tenant: TenantId(r.u64()?),
        account: AccountId(r.u64()?),
        strategy: StrategyId(r.u32()?),
        symbol: get_symbol(r)?,
        side: Side::from_number(r.u8()?).ok_or(WireError::BadValue("side"))?,
        kind: SignalKind::from_number(r.u8()?).ok_or(WireError::BadValue("kind"))?,
        trace: TraceId(r.array()?),
        code: r.text("code", CODE_MAX)?,
        limit: String::new(),
        limits_version: 0,
        policy: None,
        price: Price::from_raw(r.i64()?),
        value: r.i64()?,
        bound: r.i64()?,
        units: None,
        request: None,
        market: MarketTime(r.i64()?),
        at: Timestamp(r.i64()?),
    })
}
