//! What has happened, as the journal keeps it: the engine's whole memory is the sum of these.

use super::keys::Request;
use aitrading_model::{
    AccountId, DeviceId, Fence, MarketTime, Money, PolicyHash, Price, Report, Side, Signal, SignalId, SignalKind,
    Source, StrategyId, Symbol, TenantId, Timestamp, TraceId,
};
use aitrading_risk::{Denied, DenyCode, Quantity, Reservation, StateScope, TradingState, limit_name};
use aitrading_wire::{ReportEnvelope, SignalEnvelope};

/// An account of a tenant.
pub(crate) type AccountKey = (TenantId, AccountId);

/// A signal that passed risk, with everything that it binds. The journal's entry is the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decided {
    pub(crate) signal: Signal,
    pub(crate) envelope: SignalEnvelope,
    pub(crate) strategy: StrategyId,
    /// The feed that it was decided on.
    pub(crate) feed: Source,
    /// The feed whose quote it was priced with.
    pub(crate) priced: Source,
    pub(crate) market: MarketTime,
    pub(crate) price: Price,
    pub(crate) risk: Money,
    pub(crate) margin: Money,
    pub(crate) exposure: Money,
    pub(crate) limits_version: u32,
    /// The idempotency key and what it was used for; strategies have none.
    pub(crate) request: Option<Request>,
}

impl Decided {
    pub(crate) fn account(&self) -> AccountKey {
        (self.signal.tenant, self.signal.account)
    }

    pub(crate) fn reservation(&self) -> Reservation {
        Reservation {
            symbol: self.signal.symbol,
            side: self.signal.side,
            kind: self.signal.kind,
            lots: self.signal.lots_max,
            risk: self.risk,
            margin: self.margin,
            exposure: self.exposure,
        }
    }
}

/// A candidate that risk refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeniedFact {
    pub(crate) tenant: TenantId,
    pub(crate) account: AccountId,
    pub(crate) strategy: StrategyId,
    pub(crate) symbol: Symbol,
    pub(crate) side: Side,
    pub(crate) kind: SignalKind,
    pub(crate) trace: TraceId,
    pub(crate) code: String,
    /// Name of the limit, empty if there is none.
    pub(crate) limit: String,
    pub(crate) limits_version: u32,
    /// Policy in force; `None` in records of before it was kept.
    pub(crate) policy: Option<PolicyHash>,
    pub(crate) price: Price,
    pub(crate) value: i64,
    pub(crate) bound: i64,
    /// Numbers of the units of value and bound, 0 where there is none; `None` in records of before they were kept.
    pub(crate) units: Option<(u8, u8)>,
    /// The idempotency key and what it was used for, if this is the key's outcome.
    pub(crate) request: Option<Request>,
    pub(crate) market: MarketTime,
    pub(crate) at: Timestamp,
}

impl DeniedFact {
    /// The verdict as it was told; `None` if this version does not know its code or limit.
    pub(crate) fn verdict(&self) -> Option<Denied> {
        let (value, bound) = self.units.unwrap_or_default();
        Some(Denied {
            code: DenyCode::from_code(&self.code)?,
            limit: limit_name(&self.limit)?,
            value: Quantity::from_parts(value, self.value),
            bound: Quantity::from_parts(bound, self.bound),
            limits_version: self.limits_version,
        })
    }
}

/// A session was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionFact {
    pub(crate) tenant: TenantId,
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    pub(crate) fence: Fence,
    pub(crate) generation: u64,
}

/// A report with the engine's verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reported {
    pub(crate) report: Report,
    pub(crate) envelope: ReportEnvelope,
    pub(crate) at: Timestamp,
    /// Empty: everything fits.
    pub(crate) finding: String,
    pub(crate) value: i64,
    pub(crate) bound: i64,
    /// Its price is not quoted yet, and ticks that could hold it may still come: a [`Judged`] follows.
    pub(crate) provisional: bool,
}

/// The late verdict on the price of a report that was taken provisionally.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) tenant: TenantId,
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    pub(crate) seq: u64,
    pub(crate) signal: SignalId,
    pub(crate) trace: TraceId,
    /// SHA-256 of the report.
    pub(crate) hash: [u8; 32],
    /// Empty: the price was quoted.
    pub(crate) finding: String,
    pub(crate) value: i64,
    pub(crate) bound: i64,
}

/// How a signal ended without a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum End {
    /// Never left, and its time is over.
    Expired = 1,
    /// Left, and no report came in time: the outcome is unknown.
    Unconfirmed = 2,
    /// Its audit leaf is missing: it never left.
    Voided = 3,
    /// The client's ledger proves that it never arrived, and its time is over.
    Lost = 4,
}

impl End {
    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Expired,
            2 => Self::Unconfirmed,
            3 => Self::Voided,
            4 => Self::Lost,
            _ => return None,
        })
    }

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Expired => "EXPIRED",
            Self::Unconfirmed => "UNCONFIRMED",
            Self::Voided => "VOIDED",
            Self::Lost => "NEVER_ARRIVED",
        }
    }
}

/// Trading was stopped or resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StateFact {
    pub(crate) scope: StateScope,
    pub(crate) state: TradingState,
    pub(crate) code: String,
    pub(crate) trace: TraceId,
}

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Decided(Box<Decided>),
    Denied(Box<DeniedFact>),
    Session(SessionFact),
    Delivered { tenant: TenantId, account: AccountId, signal: SignalId, at: Timestamp },
    Reported(Box<Reported>),
    Judged(Box<Judged>),
    Ended { tenant: TenantId, account: AccountId, signal: SignalId, trace: TraceId, end: End },
    State(StateFact),
}
