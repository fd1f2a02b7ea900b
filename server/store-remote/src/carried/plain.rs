//! What travels as JSON.

use super::{Arg, Carried, Malformed, Parts, Whose, malformed};
use aitrading_model::{
    AccountId, AccountState, Cursor, DayCheck, DeviceId, Gap, GapRecord, MarketTime, SignalId, Source, SymbolSpec,
    TenantId, Timeframe, Timestamp, TraceId,
};
use aitrading_store::{
    AuditRow, Begun, CacheKey, ChainDefinition, ChainId, ChainShape, ChainSpan, DenialRow, Device, Direction, Ended,
    Event, GraphName, ImportKey, ImportProgress, Invite, InviteId, JournalMark, Lockout, LockoutKey, LogCost, LogLevel,
    LogPartition, LogQuery, LoginName, LoginSession, LoginSessionId, Match, Near, OrderEvent, OrderId, OrderView,
    Pattern, Place, Placed, PositionBook, Reached, Redemption, ReportHead, RetentionPolicy, Revocation, RevocationKind,
    RiskPart, RiskRecord, RiskScope, RunAnswer, RunAsked, RunName, SecurityEvent, SecurityQuery, SequenceName,
    SignalChange, SignalCounts, SignalHead, SignalView, SpanPlace, StateAt, StorageTier, StoredDenial,
    StoredOrderEvent, StoredReport, Subscription, TickCounts, Topic, User, UserId, Version, Versioned,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::time::Duration;

/// Makes types travel as their JSON form; `it => tenant` says whose they are, for those that say it.
macro_rules! plain {
    ($($type:ty $(, $it:ident => $tenant:expr)?;)*) => {$(
        impl Carried for $type {
            fn write(&self, _parts: &mut Parts) -> Result<Value, Malformed> {
                Ok(serde_json::to_value(self)?)
            }

            fn read(value: Value, _parts: &mut Parts) -> Result<Self, Malformed> {
                Ok(serde_json::from_value(value)?)
            }

            $(fn name(&self, whose: &mut Whose) {
                let $it = self;
                whose.add($tenant);
            })?
        }
    )*};
}

plain! {
    (); bool; u32; u64; i64; usize; String; Duration;
    TenantId, it => *it;
    AccountId; DeviceId; MarketTime; SignalId; SymbolSpec; Timeframe; Timestamp; TraceId; AccountState;
    Source, it => it.tenant;
    (Source, Cursor), it => it.0.tenant;
    (Timestamp, Timestamp);
    Begun; Ended; InviteId; LockoutKey; LoginSessionId; Place; Redemption; RevocationKind; RunAnswer;
    AuditRow; ChainId; Direction; GraphName; ImportKey; ImportProgress; LogCost; LogLevel; LogPartition;
    LoginName; OrderEvent; OrderId; Reached; RetentionPolicy; RiskPart; RiskScope; SequenceName; SignalCounts; SpanPlace;
    StateAt; StorageTier; StoredDenial; StoredOrderEvent; StoredReport; TickCounts; Topic; UserId; Version; SignalHead;
    ReportHead; SignalView; ChainShape; Gap; GapRecord; DayCheck; Match;
    // A journal is of all tenants: who moves its mark speaks for all.
    JournalMark, _mark => RiskScope::EVERYBODY;
    CacheKey, it => it.tenant;
    ChainDefinition, it => it.tenant;
    ChainSpan, it => it.tenant;
    DenialRow, it => it.tenant;
    Device, it => it.tenant;
    Event, it => it.tenant;
    Invite, it => it.tenant;
    Lockout, it => it.tenant;
    LogQuery, it => it.tenant;
    LoginSession, it => it.tenant;
    Near, it => it.tenant;
    OrderView, it => it.tenant;
    Pattern, it => it.tenant;
    PositionBook, it => it.tenant;
    Revocation, it => it.tenant;
    RiskRecord, it => it.tenant;
    RunAsked, it => it.name.tenant;
    RunName, it => it.tenant;
    SecurityEvent, it => it.tenant;
    SecurityQuery, it => it.tenant;
    SignalChange, it => match it {
        SignalChange::Issued(row) => row.signal.tenant,
        SignalChange::Denied(row) => row.tenant,
        SignalChange::Delivered { tenant, .. } | SignalChange::State { tenant, .. } => *tenant,
        SignalChange::Reported(row) => row.report.tenant,
    };
    Subscription, it => it.tenant;
    User, it => it.tenant;
}

/// Makes types that methods take by value arguments.
macro_rules! by_value {
    ($($type:ty,)*) => {$(
        impl<'a> Arg<'a> for $type {
            type Kept = Self;

            fn write(&self, parts: &mut Parts) -> Result<Value, Malformed> {
                Carried::write(self, parts)
            }

            fn lend(kept: &'a mut Self) -> Self {
                kept.clone()
            }
        }
    )*};
}

by_value! {
    u32, u64, i64, Duration, TenantId, AccountId, DeviceId, MarketTime, SignalId, Source, Timeframe, Timestamp, TraceId,
    (Timestamp, Timestamp), [u8; 16], Option<AccountId>, Option<InviteId>, Option<LockoutKey>, Option<LoginSessionId>,
    Option<OrderId>, Option<RiskScope>, Option<SpanPlace>, ChainDefinition, ChainShape, Device, Direction, Ended, Event,
    ImportKey, Invite, InviteId, JournalMark, Lockout, LockoutKey, LogCost, LogLevel, LoginSession, LoginSessionId,
    OrderId, OrderView, Place, PositionBook, RetentionPolicy, Revocation, RevocationKind, RiskPart, RiskRecord, RiskScope,
    RunAnswer, RunAsked, RunName, StateAt, StorageTier, Subscription, User, UserId, Version,
}

/// Makes records with what the store says of them travel as their JSON form.
macro_rules! wrapped {
    ($($wrapper:ident)*) => {$(
        impl<T: Serialize + DeserializeOwned> Carried for $wrapper<T> {
            fn write(&self, _parts: &mut Parts) -> Result<Value, Malformed> {
                Ok(serde_json::to_value(self)?)
            }

            fn read(value: Value, _parts: &mut Parts) -> Result<Self, Malformed> {
                Ok(serde_json::from_value(value)?)
            }
        }
    )*};
}

wrapped!(Versioned Placed);

/// Bytes go as hexadecimal digits.
impl Carried for u8 {
    fn write(&self, _parts: &mut Parts) -> Result<Value, Malformed> {
        Ok(Value::from(*self))
    }

    fn read(value: Value, _parts: &mut Parts) -> Result<Self, Malformed> {
        Ok(serde_json::from_value(value)?)
    }

    fn write_all(all: &[Self], _parts: &mut Parts) -> Result<Value, Malformed> {
        let mut text = String::with_capacity(all.len().saturating_mul(2));
        for byte in all {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
        }
        Ok(Value::String(text))
    }

    fn read_all(value: Value, _parts: &mut Parts) -> Result<Vec<Self>, Malformed> {
        let bad = || malformed("bytes are an even number of hexadecimal digits");
        let Value::String(text) = value else { return Err(bad()) };
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|n| Self::try_from(n).ok());
        let byte = |pair: &[Self]| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        };
        text.as_bytes().chunks(2).map(byte).collect::<Option<_>>().ok_or_else(bad)
    }
}

/// Ids and hashes.
impl<const N: usize> Carried for [u8; N] {
    fn write(&self, parts: &mut Parts) -> Result<Value, Malformed> {
        u8::write_all(self, parts)
    }

    fn read(value: Value, parts: &mut Parts) -> Result<Self, Malformed> {
        let bytes = u8::read_all(value, parts)?;
        bytes.try_into().map_err(|_| malformed("an id or a hash has another number of hexadecimal digits"))
    }
}
