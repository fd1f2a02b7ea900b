//! A report as bytes: what the device signs and the server checks. Layout in docs/specs/signal.md.

use crate::{Reader, WireError, Writer, values::Value};
use aitrading_model::{
    AccountId, Deal, DeviceId, Fence, HopTimes, MarketTime, Price, Report, ReportState, Retcode, SignalId, TenantId,
    Ticket, Timestamp, TraceId, Volume,
};

/// What is signed is this domain followed by SHA-256 of the report's bytes.
pub const REPORT_DOMAIN: &str = "atp-report-v1\0";
const VERSION: u16 = 1;
/// The longest report that is accepted.
const REPORT_BYTES_MAX: usize = 8 * 1024;

/// The one encoding of a report. Deals beyond [`Report::MAX_DEALS`] are left out; the decoder would refuse them.
#[must_use]
pub fn encode_report(p: &Report) -> Vec<u8> {
    let mut w = Writer::with_capacity(320);
    w.u16(VERSION).u64(p.tenant.0).u64(p.account.0).raw(&p.device.0).u64(p.fence.0).u64(p.seq);
    w.raw(&p.signal.0).raw(&p.trace.0).u8(p.state as u8).u32(p.retcode.0).text(&p.reason).u64(p.order.0);
    w.list(p.deals.get(..Report::MAX_DEALS).unwrap_or(&p.deals), |w, deal| deal.put(w));
    p.volume.put(&mut w);
    p.price.put(&mut w);
    w.i64(p.market_time.0);
    let t = &p.times;
    for time in [t.received, t.validated, t.intent, t.order_send, t.result] {
        w.i64(time.0);
    }
    w.i64(t.clock_error_ns);
    w.into_bytes()
}

/// Reads a report.
///
/// # Errors
/// [`WireError`] if the bytes are not exactly one report of this version.
pub fn decode_report(bytes: &[u8]) -> Result<Report, WireError> {
    let r = &mut Reader::new(bytes);
    let version = r.u16()?;
    if version != VERSION {
        return Err(WireError::Version(version));
    }
    let report = Report {
        tenant: TenantId(r.u64()?),
        account: AccountId(r.u64()?),
        device: DeviceId(r.array()?),
        fence: Fence(r.u64()?),
        seq: r.u64()?,
        signal: SignalId(r.array()?),
        trace: TraceId(r.array()?),
        state: ReportState::from_number(r.u8()?).ok_or(WireError::BadValue("state"))?,
        retcode: Retcode(r.u32()?),
        reason: r.text("reason", Report::MAX_REASON)?,
        order: Ticket(r.u64()?),
        deals: r.list("deals", Report::MAX_DEALS, Deal::get)?,
        volume: Volume::get(r)?,
        price: Price::get(r)?,
        market_time: MarketTime(r.i64()?),
        times: HopTimes {
            received: Timestamp(r.i64()?),
            validated: Timestamp(r.i64()?),
            intent: Timestamp(r.i64()?),
            order_send: Timestamp(r.i64()?),
            result: Timestamp(r.i64()?),
            clock_error_ns: r.i64()?,
        },
    };
    if r.remaining() == 0 { Ok(report) } else { Err(WireError::Trailing) }
}

/// A signed report as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportEnvelope {
    /// The report's bytes.
    pub bytes: Vec<u8>,
    /// Ed25519 by the device key over [`REPORT_DOMAIN`] and SHA-256 of `bytes`.
    pub signature: [u8; 64],
}

impl ReportEnvelope {
    /// As a message body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(self.bytes.len().saturating_add(66));
        w.bytes16(&self.bytes).raw(&self.signature);
        w.into_bytes()
    }

    /// From a message body.
    ///
    /// # Errors
    /// [`WireError`] if it is not exactly one envelope.
    pub fn decode(body: &[u8]) -> Result<Self, WireError> {
        let r = &mut Reader::new(body);
        let envelope = Self { bytes: r.bytes16("report", REPORT_BYTES_MAX)?.to_vec(), signature: r.array()? };
        if r.remaining() == 0 { Ok(envelope) } else { Err(WireError::Trailing) }
    }
}
