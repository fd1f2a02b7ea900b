//! The audit leaf of each fact. A leaf is a function of its event, so that recovery can tell which one is missing.

use super::event::{AccountKey, Decided, DeniedFact, Event, Judged, Reported, StateFact};
use aitrading_audit::{Entry, EventKind, Field, Level, Ref, Side as AuditSide};
use aitrading_model::{DeviceId, Side, Symbol, TenantId};
use aitrading_risk::{StateScope, TradingState};
use aitrading_security::{mac::hmac_sha256, sha256};

/// Longest text of a field.
const TEXT_MAX: usize = 48;

/// Code of a report whose price is judged when the ticks are there.
const PRICE_PENDING: &str = "PRICE_PENDING";

/// Turns accounts and devices into pseudonyms: the log names nobody.
#[derive(Clone)]
pub struct Pseudonyms {
    key: [u8; 32],
}

impl std::fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pseudonyms")
    }
}

impl Pseudonyms {
    /// With the deployment's pseudonym key.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    fn of(&self, domain: &[u8], parts: &[&[u8]]) -> Ref {
        let mut message = domain.to_vec();
        parts.iter().for_each(|part| message.extend_from_slice(part));
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = hmac_sha256(&self.key, &message);
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
    }

    /// An account's pseudonym.
    #[must_use]
    pub fn account(&self, (tenant, account): AccountKey) -> Ref {
        self.of(b"account\0", &[&tenant.0.to_be_bytes(), &account.0.to_be_bytes()])
    }

    /// A device's pseudonym.
    #[must_use]
    pub fn device(&self, device: DeviceId) -> Ref {
        self.of(b"device\0", &[&device.0])
    }

    /// The pseudonym of somebody who asks for a change.
    #[must_use]
    pub fn actor(&self, tenant: TenantId, actor: [u8; 16]) -> Ref {
        self.of(b"actor\0", &[&tenant.0.to_be_bytes(), &actor])
    }
}

/// Text fit for a leaf: a broker's odd symbol name must not keep the log from being written.
pub(crate) fn printable(text: &str) -> String {
    let clean = text.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).take(TEXT_MAX);
    let clean: String = clean.collect();
    if clean.is_empty() { "-".into() } else { clean }
}

const fn side(side: Side) -> AuditSide {
    match side {
        Side::Buy => AuditSide::Buy,
        Side::Sell => AuditSide::Sell,
    }
}

fn symbol(symbol: Symbol) -> Field {
    Field::Symbol(printable(symbol.as_str()))
}

/// The leaf of an event, if it has one. Fields stand in key order, as the log reads them back.
pub(crate) fn leaf(event: &Event, names: &Pseudonyms, strategy: &dyn Fn(u32) -> String) -> Option<Entry> {
    let mut entry = match event {
        Event::Decided(d) => decided(d, names, strategy),
        Event::Denied(d) => denied(d, names, strategy),
        Event::Session(_) => return None,
        Event::Delivered { tenant, account, signal, .. } => Entry::new(Level::Info, EventKind::SignalDelivered)
            .with(Field::Tenant(tenant.0))
            .with(Field::SignalId(signal.0))
            .with(Field::Account(names.account((*tenant, *account)))),
        Event::Reported(p) => reported(p, names),
        // The report's own leaf says that the price was still to be judged; only what came of it badly is a second fact.
        Event::Judged(j) if j.finding.is_empty() => return None,
        Event::Judged(j) => judged(j, names),
        Event::Ended { tenant, account, signal, trace, end } => {
            Entry::new(Level::Warning, EventKind::SignalUnconfirmed)
                .trace(trace.0)
                .with(Field::Tenant(tenant.0))
                .with(Field::SignalId(signal.0))
                .with(Field::Code(end.code().into()))
                .with(Field::Account(names.account((*tenant, *account))))
        }
        Event::State(s) => state(s, names, strategy),
    };
    entry.public.sort_by_key(Field::key);
    Some(entry)
}

/// Its level shows in the fields: none of them means everything, the tenant alone all of its accounts.
fn state(s: &StateFact, names: &Pseudonyms, strategy: &dyn Fn(u32) -> String) -> Entry {
    let active = s.state == TradingState::Active;
    let kind = if active { EventKind::TradingResumed } else { EventKind::TradingHalted };
    let entry = Entry::new(if active { Level::Warning } else { Level::Critical }, kind).trace(s.trace.0);
    let entry = entry.with(Field::Code(printable(&s.code))).with(Field::State(s.state.name().into()));
    match s.scope {
        StateScope::Global => entry,
        StateScope::Tenant(tenant) => entry.with(Field::Tenant(tenant.0)),
        StateScope::Account(tenant, account) => {
            entry.with(Field::Tenant(tenant.0)).with(Field::Account(names.account((tenant, account))))
        }
        StateScope::Strategy(tenant, id) => entry.with(Field::Tenant(tenant.0)).with(Field::Strategy(strategy(id.0))),
        StateScope::Symbol(tenant, name) => entry.with(Field::Tenant(tenant.0)).with(symbol(name)),
    }
}

fn decided(d: &Decided, names: &Pseudonyms, strategy: &dyn Fn(u32) -> String) -> Entry {
    let s = &d.signal;
    Entry::new(Level::Critical, EventKind::SignalDecided)
        .subject(names.account(d.account()))
        .trace(s.trace.0)
        .with(Field::Tenant(s.tenant.0))
        .with(Field::SignalId(s.id.0))
        .with(symbol(s.symbol))
        .with(Field::Side(side(s.side)))
        .with(Field::Volume(s.lots_max.raw()))
        .with(Field::Price(d.price.raw()))
        .with(Field::PolicyHash(s.policy.0))
        .with(Field::Account(names.account(d.account())))
        .with(Field::BodyHash(sha256(&d.envelope.bytes)))
        .with(Field::StopLoss(s.stop_loss.raw()))
        .with(Field::TakeProfit(s.take_profit.raw()))
        .with(Field::ExpiresMs(s.expires_at.0.div_euclid(1_000_000)))
        .with(Field::Strategy(strategy(d.strategy.0)))
        .with(Field::Epoch(s.fence.0))
        .with(Field::Sequence(s.seq))
        .with(Field::MarketMs(d.market.0))
}

fn denied(d: &DeniedFact, names: &Pseudonyms, strategy: &dyn Fn(u32) -> String) -> Entry {
    let account = names.account((d.tenant, d.account));
    let mut entry = Entry::new(Level::Info, EventKind::SignalDenied)
        .subject(account)
        .trace(d.trace.0)
        .with(Field::Tenant(d.tenant.0))
        .with(symbol(d.symbol))
        .with(Field::Side(side(d.side)))
        .with(Field::Price(d.price.raw()))
        .with(Field::Code(printable(&d.code)))
        .with(Field::Account(account))
        .with(Field::Strategy(strategy(d.strategy.0)))
        .with(Field::MarketMs(d.market.0));
    if let Some(policy) = d.policy {
        entry = entry.with(Field::PolicyHash(policy.0));
    }
    // Facts of before units were kept have the leaf that they had then: recovery compares it with the one in the log.
    let Some((value, bound)) = d.units else {
        return entry.with(Field::Value(d.value)).with(Field::Bound(d.bound));
    };
    if value != 0 {
        entry = entry.with(Field::Value(d.value));
    }
    if bound != 0 {
        entry = entry.with(Field::Bound(d.bound));
    }
    if !d.limit.is_empty() {
        entry = entry.with(Field::Limit(printable(&d.limit)));
    }
    entry.with(Field::LimitsVersion(u64::from(d.limits_version)))
}

fn judged(j: &Judged, names: &Pseudonyms) -> Entry {
    let account = names.account((j.tenant, j.account));
    Entry::new(Level::Critical, EventKind::ReportAnomaly)
        .subject(account)
        .actor(names.device(j.device))
        .trace(j.trace.0)
        .with(Field::Tenant(j.tenant.0))
        .with(Field::SignalId(j.signal.0))
        .with(Field::Code(printable(&j.finding)))
        .with(Field::Account(account))
        .with(Field::BodyHash(j.hash))
        .with(Field::Value(j.value))
        .with(Field::Bound(j.bound))
}

fn reported(p: &Reported, names: &Pseudonyms) -> Entry {
    let r = &p.report;
    let anomaly = !p.finding.is_empty();
    let (level, kind) = if anomaly {
        (Level::Critical, EventKind::ReportAnomaly)
    } else {
        (Level::Critical, EventKind::ReportAccepted)
    };
    let account = names.account((r.tenant, r.account));
    let code = match (anomaly, p.provisional) {
        (true, _) => &p.finding,
        (false, true) => PRICE_PENDING,
        (false, false) => &r.reason,
    };
    let mut entry = Entry::new(level, kind)
        .subject(account)
        .actor(names.device(r.device))
        .trace(r.trace.0)
        .with(Field::Tenant(r.tenant.0))
        .with(Field::SignalId(r.signal.0))
        .with(Field::Volume(r.volume.raw()))
        .with(Field::Price(r.price.raw()))
        .with(Field::Retcode(u64::from(r.retcode.0)))
        .with(Field::Code(printable(code)))
        .with(Field::Account(account))
        .with(Field::BodyHash(sha256(&p.envelope.bytes)))
        .with(Field::Ticket(r.order.0));
    if let Some(deal) = r.deals.first() {
        entry = entry.with(Field::Side(side(deal.side))).with(Field::Deal(deal.ticket.0));
    }
    if anomaly {
        entry = entry.with(Field::Value(p.value)).with(Field::Bound(p.bound));
    }
    entry
}
