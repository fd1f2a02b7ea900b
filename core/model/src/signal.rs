//! What the server tells a client to do.

use crate::{
    AccountId, DeviceId, Fence, OrderType, PositionTicket, Price, Side, SignalId, Symbol, TenantId, Timestamp, TraceId,
    Volume,
};

/// SHA-256 of the policy (limits, permissions, version) under which a signal was decided.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PolicyHash(pub [u8; 32]);

impl std::fmt::Debug for PolicyHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().take(8).try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl serde::Serialize for PolicyHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Digits([u8; 32]);
        impl std::fmt::Display for Digits {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
            }
        }
        serializer.collect_str(&Digits(self.0))
    }
}

impl<'de> serde::Deserialize<'de> for PolicyHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let half = |at: usize| {
            let half = text.get(at..at.saturating_add(32))?;
            let plain = half.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
            u128::from_str_radix(half, 16).ok().filter(|_| plain && text.len() == 64)
        };
        let (Some(first), Some(second)) = (half(0), half(32)) else {
            return Err(serde::de::Error::custom("64 hexadecimal digits are expected"));
        };
        let mut hash = [0; 32];
        let bytes = first.to_be_bytes().into_iter().chain(second.to_be_bytes());
        hash.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        Ok(Self(hash))
    }
}

/// What the signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum SignalKind {
    /// Open a position.
    Open = 0,
    /// Close the position that is named.
    Close = 1,
}

impl SignalKind {
    /// From its number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Open),
            1 => Some(Self::Close),
            _ => None,
        }
    }
}

/// A decision for one account on one device. Signed by the server as bytes (docs/specs/signal.md); every bound that the client
/// enforces is inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// Whose.
    pub tenant: TenantId,
    /// The account that it is for.
    pub account: AccountId,
    /// The device that may execute it.
    pub device: DeviceId,
    /// That device's fencing number.
    pub fence: Fence,
    /// Number among the account's signals; starts at 1, no holes.
    pub seq: u64,
    /// Its id; the magic number and the order comment come from it.
    pub id: SignalId,
    /// The signal before it for this account; zeros for the first.
    pub previous: SignalId,
    /// Joins it to its cause.
    pub trace: TraceId,
    /// Open or close.
    pub kind: SignalKind,
    /// How to execute.
    pub order_type: OrderType,
    /// The broker's symbol name.
    pub symbol: Symbol,
    /// Way of the order (a closing order goes against its position).
    pub side: Side,
    /// The position to close; 0 when opening.
    pub position: PositionTicket,
    /// Least and most lots that may be sent. Equal: exactly so much.
    pub lots_min: Volume,
    /// Most lots.
    pub lots_max: Volume,
    /// The market must be within these prices when the order is sent.
    pub price_min: Price,
    /// Upper price bound.
    pub price_max: Price,
    /// Deviation in points for execution modes that know one.
    pub deviation: u32,
    /// Stop loss; 0 for none.
    pub stop_loss: Price,
    /// Take profit; 0 for none.
    pub take_profit: Price,
    /// When decided.
    pub issued_at: Timestamp,
    /// Not to be executed before.
    pub not_before: Timestamp,
    /// Not to be executed after.
    pub expires_at: Timestamp,
    /// The policy that allowed it.
    pub policy: PolicyHash,
}
