//! A signal as bytes: what the server signs and the client checks. Layout in docs/specs/signal.md.

use crate::{Reader, WireError, Writer, values::Value};
use aitrading_model::{
    AccountId, DeviceId, Fence, OrderType, PolicyHash, PositionTicket, Price, Side, Signal, SignalId, SignalKind,
    Symbol, TenantId, Timestamp, TraceId, Volume,
};

/// What is signed is this domain followed by SHA-256 of the signal's bytes.
pub const SIGNAL_DOMAIN: &str = "atp-signal-v1\0";
const VERSION: u16 = 1;
/// The longest signal that is accepted.
const SIGNAL_BYTES_MAX: usize = 512;

/// The one encoding of a signal.
#[must_use]
pub fn encode_signal(s: &Signal) -> Vec<u8> {
    let mut w = Writer::with_capacity(320);
    w.u16(VERSION).u64(s.tenant.0).u64(s.account.0).raw(&s.device.0).u64(s.fence.0).u64(s.seq);
    w.raw(&s.id.0).raw(&s.previous.0).raw(&s.trace.0).u8(s.kind as u8).u8(s.order_type as u8);
    s.symbol.put(&mut w);
    s.side.put(&mut w);
    w.u64(s.position.0);
    s.lots_min.put(&mut w);
    s.lots_max.put(&mut w);
    s.price_min.put(&mut w);
    s.price_max.put(&mut w);
    w.u32(s.deviation);
    s.stop_loss.put(&mut w);
    s.take_profit.put(&mut w);
    w.i64(s.issued_at.0).i64(s.not_before.0).i64(s.expires_at.0).raw(&s.policy.0);
    w.into_bytes()
}

/// Reads a signal.
///
/// # Errors
/// [`WireError`] if the bytes are not exactly one signal of this version.
pub fn decode_signal(bytes: &[u8]) -> Result<Signal, WireError> {
    let r = &mut Reader::new(bytes);
    let version = r.u16()?;
    if version != VERSION {
        return Err(WireError::Version(version));
    }
    let signal = Signal {
        tenant: TenantId(r.u64()?),
        account: AccountId(r.u64()?),
        device: DeviceId(r.array()?),
        fence: Fence(r.u64()?),
        seq: r.u64()?,
        id: SignalId(r.array()?),
        previous: SignalId(r.array()?),
        trace: TraceId(r.array()?),
        kind: SignalKind::from_number(r.u8()?).ok_or(WireError::BadValue("kind"))?,
        order_type: OrderType::from_number(r.u8()?).ok_or(WireError::BadValue("order type"))?,
        symbol: Symbol::get(r)?,
        side: Side::get(r)?,
        position: PositionTicket(r.u64()?),
        lots_min: Volume::get(r)?,
        lots_max: Volume::get(r)?,
        price_min: Price::get(r)?,
        price_max: Price::get(r)?,
        deviation: r.u32()?,
        stop_loss: Price::get(r)?,
        take_profit: Price::get(r)?,
        issued_at: Timestamp(r.i64()?),
        not_before: Timestamp(r.i64()?),
        expires_at: Timestamp(r.i64()?),
        policy: PolicyHash(r.array()?),
    };
    if r.remaining() == 0 { Ok(signal) } else { Err(WireError::Trailing) }
}

/// A signed signal as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalEnvelope {
    /// Which of the server's signing keys.
    pub key_id: [u8; 8],
    /// The signal's bytes.
    pub bytes: Vec<u8>,
    /// Ed25519 over [`SIGNAL_DOMAIN`] and SHA-256 of `bytes`.
    pub signature: [u8; 64],
}

impl SignalEnvelope {
    /// As a message body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(self.bytes.len().saturating_add(74));
        w.raw(&self.key_id).bytes16(&self.bytes).raw(&self.signature);
        w.into_bytes()
    }

    /// From a message body.
    ///
    /// # Errors
    /// [`WireError`] if it is not exactly one envelope.
    pub fn decode(body: &[u8]) -> Result<Self, WireError> {
        let r = &mut Reader::new(body);
        let envelope =
            Self { key_id: r.array()?, bytes: r.bytes16("signal", SIGNAL_BYTES_MAX)?.to_vec(), signature: r.array()? };
        if r.remaining() == 0 { Ok(envelope) } else { Err(WireError::Trailing) }
    }
}
