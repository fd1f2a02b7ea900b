//! Tick batches: a head, then fixed-width rows, so that decoding allocates once.

use crate::{Reader, WireError, Writer, limits::TICKS_PER_BATCH_MAX, values::Value};
use aitrading_model::{
    AccountId, Epoch, MarketTime, Price, Source, Symbol, TenantId, Tick, TickBatch, TickFlags, TraceId, Volume,
};

/// Rows carry last price and volume.
const WITH_LAST: u8 = 1;

/// The batch as a message body. Rows of quotes take 25 bytes, rows with last and volume 41.
#[must_use]
pub fn encode_ticks(batch: &TickBatch) -> Vec<u8> {
    let mut w = Writer::with_capacity(batch.ticks.len().saturating_mul(41).saturating_add(96));
    w.raw(&batch.trace.0).u64(batch.source.tenant.0).u64(batch.source.account.0);
    batch.source.symbol.put(&mut w);
    w.u64(batch.epoch.0).u64(batch.first_seq);
    put_rows(&mut w, &batch.ticks);
    w.into_bytes()
}

/// A byte for the layout, then the rows.
pub(super) fn put_rows(w: &mut Writer, ticks: &[Tick]) {
    let with_last = ticks.iter().any(|t| t.last != Price::ZERO || t.volume != Volume::ZERO);
    w.u8(if with_last { WITH_LAST } else { 0 });
    w.list(ticks, |w, t| {
        w.i64(t.time.0).i64(t.bid.raw()).i64(t.ask.raw()).u8(t.flags.bits());
        if with_last {
            w.i64(t.last.raw()).i64(t.volume.raw());
        }
    });
}

/// 1 to 256 rows.
pub(super) fn get_rows(r: &mut Reader<'_>) -> Result<Vec<Tick>, WireError> {
    let with_last = match r.u8()? {
        0 => false,
        WITH_LAST => true,
        _ => return Err(WireError::BadValue("tick layout")),
    };
    let ticks = r.list("ticks", TICKS_PER_BATCH_MAX, |r| {
        let (time, bid, ask) = (MarketTime(r.i64()?), Price::get(r)?, Price::get(r)?);
        let flags = TickFlags::from_bits(u32::from(r.u8()?));
        let (last, volume) = if with_last { (Price::get(r)?, Volume::get(r)?) } else { (Price::ZERO, Volume::ZERO) };
        Ok(Tick { time, bid, ask, last, volume, flags })
    })?;
    if ticks.is_empty() { Err(WireError::BadValue("ticks")) } else { Ok(ticks) }
}

/// Reads a batch of 1 to 256 ticks.
///
/// # Errors
/// [`WireError`] if the body is not exactly one batch.
pub fn decode_ticks(body: &[u8]) -> Result<TickBatch, WireError> {
    let r = &mut Reader::new(body);
    let trace = TraceId(r.array()?);
    let source = Source { tenant: TenantId(r.u64()?), account: AccountId(r.u64()?), symbol: Symbol::get(r)? };
    let (epoch, first_seq) = (Epoch(r.u64()?), r.u64()?);
    let ticks = get_rows(r)?;
    if r.remaining() != 0 {
        return Err(WireError::Trailing);
    }
    if first_seq == 0 {
        return Err(WireError::BadValue("ticks"));
    }
    Ok(TickBatch { trace, source, epoch, first_seq, ticks })
}
