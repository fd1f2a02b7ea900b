//! One journal record per batch: a head, then the accepted ticks as differences in variable-length numbers, about five
//! bytes a quote. Layout in docs/specs/journal-ticks.md.

use aitrading_model::{
    AccountId, Cursor, Epoch, Gap, GapKind, MarketTime, Price, Source, Symbol, TenantId, Tick, TickFlags, TickReject,
    Timestamp, TraceId, Volume,
};
use aitrading_wire::{Reader, WireError, Writer, limits::TICKS_PER_BATCH_MAX};

/// First byte of every record: kind and version in one.
const KIND: u8 = 1;
const WITH_LAST: u8 = 0x10;
const SCALE_MASK: u8 = 0x0f;
/// Prices in units of 10^-8 share at most this many trailing zeros that are worth removing.
const SCALE_MAX: u8 = 8;

/// What became of one batch; what the journal keeps of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BatchRecord {
    pub(crate) trace: TraceId,
    pub(crate) source: Source,
    pub(crate) received: Timestamp,
    /// Number of the first new tick.
    pub(crate) first_seq: u64,
    /// New ticks, accepted and refused.
    pub(crate) count: u32,
    /// Ticks that were known already.
    pub(crate) duplicates: u32,
    /// Behind the batch.
    pub(crate) cursor: Cursor,
    pub(crate) accepted: Vec<Tick>,
    /// Offset from `first_seq`, and why.
    pub(crate) rejected: Vec<(u16, TickReject)>,
    pub(crate) gaps: Vec<Gap>,
}

impl BatchRecord {
    /// Decimals that the accepted prices need.
    pub(crate) fn digits(&self) -> u8 {
        SCALE_MAX - common_scale(&self.accepted)
    }

    /// Sequence numbers of the accepted ticks, in order.
    pub(crate) fn accepted_seqs(&self) -> impl Iterator<Item = u64> {
        let mut refused = self.rejected.iter().map(|(index, _)| u32::from(*index)).peekable();
        let kept = move |index: &u32| refused.next_if_eq(index).is_none();
        (0..self.count).filter(kept).map(|index| self.first_seq.saturating_add(u64::from(index)))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(128 + self.accepted.len() * 8);
        w.u8(KIND).raw(&self.trace.0);
        put_source(&mut w, &self.source);
        w.i64(self.received.0);
        put_cursor(&mut w, &self.cursor);
        put(&mut w, self.first_seq);
        put(&mut w, u64::from(self.count));
        put(&mut w, u64::from(self.duplicates));
        put(&mut w, self.rejected.len() as u64);
        for (index, code) in &self.rejected {
            put(&mut w, u64::from(*index));
            w.u8(*code as u8);
        }
        put(&mut w, self.gaps.len() as u64);
        for gap in &self.gaps {
            put_signed(&mut w, gap.from.0);
            put_signed(&mut w, gap.to.0);
            w.u8(gap_number(gap.kind));
        }
        put_ticks(&mut w, &self.accepted);
        w.into_bytes()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let r = &mut Reader::new(bytes);
        if r.u8()? != KIND {
            return Err(WireError::BadValue("record kind"));
        }
        let trace = TraceId(r.array()?);
        let source = get_source(r)?;
        let received = Timestamp(r.i64()?);
        let cursor = get_cursor(r)?;
        let first_seq = get(r)?;
        let (count, duplicates) = (get_u32(r, "count")?, get_u32(r, "duplicates")?);
        let rejected = get_list(r, "rejected", |r| {
            let index = u16::try_from(get(r)?).map_err(|_| WireError::BadValue("index"))?;
            Ok((index, TickReject::from_number(r.u8()?).ok_or(WireError::BadValue("reject code"))?))
        })?;
        let gaps = get_list(r, "gaps", |r| {
            let (from, to) = (MarketTime(get_signed(r)?), MarketTime(get_signed(r)?));
            Ok(Gap { source, from, to, kind: gap_kind(r.u8()?)? })
        })?;
        let accepted = get_ticks(r)?;
        if r.remaining() != 0 {
            return Err(WireError::Trailing);
        }
        Ok(Self { trace, source, received, first_seq, count, duplicates, cursor, accepted, rejected, gaps })
    }
}

pub(super) fn gap_number(kind: GapKind) -> u8 {
    match kind {
        GapKind::Silence => 0,
        GapKind::Discontinuity => 1,
        GapKind::Difference => 2,
    }
}

pub(super) fn gap_kind(number: u8) -> Result<GapKind, WireError> {
    match number {
        0 => Ok(GapKind::Silence),
        1 => Ok(GapKind::Discontinuity),
        2 => Ok(GapKind::Difference),
        _ => Err(WireError::BadValue("gap kind")),
    }
}

/// Decimal places that all prices can do without.
fn common_scale(ticks: &[Tick]) -> u8 {
    let (mut scale, mut unit) = (SCALE_MAX, 10_i64.pow(u32::from(SCALE_MAX)));
    for raw in ticks.iter().flat_map(|t| [t.bid.raw(), t.ask.raw(), t.last.raw()]) {
        while raw % unit != 0 {
            scale -= 1;
            unit /= 10;
        }
    }
    scale
}

pub(super) fn put_ticks(w: &mut Writer, ticks: &[Tick]) {
    let with_last = ticks.iter().any(|t| t.last != Price::ZERO || t.volume != Volume::ZERO);
    let scale = common_scale(ticks);
    let unit = 10_i64.pow(u32::from(scale));
    put(w, ticks.len() as u64);
    w.u8(scale | if with_last { WITH_LAST } else { 0 });
    let (mut time, mut bid, mut spread) = (0_i64, 0_i64, 0_i64);
    for tick in ticks {
        // Wrapping on both sides: any value comes back, however odd.
        put_signed(w, tick.time.0.wrapping_sub(time));
        let (next_bid, ask) = (tick.bid.raw() / unit, tick.ask.raw() / unit);
        put_signed(w, next_bid.wrapping_sub(bid));
        let next_spread = ask.wrapping_sub(next_bid);
        put_signed(w, next_spread.wrapping_sub(spread));
        w.u8(tick.flags.bits());
        if with_last {
            put_signed(w, tick.last.raw() / unit);
            put_signed(w, tick.volume.raw());
        }
        (time, bid, spread) = (tick.time.0, next_bid, next_spread);
    }
}

pub(super) fn get_ticks(r: &mut Reader<'_>) -> Result<Vec<Tick>, WireError> {
    let len = list_len(r, "ticks")?;
    let layout = r.u8()?;
    let scale = layout & SCALE_MASK;
    if scale > SCALE_MAX || layout & !(SCALE_MASK | WITH_LAST) != 0 {
        return Err(WireError::BadValue("tick layout"));
    }
    let unit = 10_i64.pow(u32::from(scale));
    let (mut time, mut bid, mut spread) = (0_i64, 0_i64, 0_i64);
    let mut ticks = Vec::with_capacity(len);
    for _ in 0..len {
        time = time.wrapping_add(get_signed(r)?);
        bid = bid.wrapping_add(get_signed(r)?);
        spread = spread.wrapping_add(get_signed(r)?);
        let flags = TickFlags::from_bits(u32::from(r.u8()?));
        let (last, volume) = if layout & WITH_LAST == 0 { (0, 0) } else { (get_signed(r)?, get_signed(r)?) };
        let price = |scaled: i64| Price::from_raw(scaled.wrapping_mul(unit));
        ticks.push(Tick {
            time: MarketTime(time),
            bid: price(bid),
            ask: price(bid.wrapping_add(spread)),
            last: price(last),
            volume: Volume::from_raw(volume),
            flags,
        });
    }
    Ok(ticks)
}

pub(super) fn put_source(w: &mut Writer, source: &Source) {
    let name = source.symbol.as_str().as_bytes();
    w.u64(source.tenant.0).u64(source.account.0);
    put(w, name.len() as u64);
    w.raw(name);
}

pub(super) fn get_source(r: &mut Reader<'_>) -> Result<Source, WireError> {
    let (tenant, account) = (TenantId(r.u64()?), AccountId(r.u64()?));
    let len = usize::try_from(get(r)?).map_err(|_| WireError::BadValue("symbol"))?;
    let name = std::str::from_utf8(r.raw(len)?).map_err(|_| WireError::BadValue("symbol"))?;
    let symbol: Symbol = name.parse().map_err(|_| WireError::BadValue("symbol"))?;
    Ok(Source { tenant, account, symbol })
}

pub(super) fn put_cursor(w: &mut Writer, cursor: &Cursor) {
    put(w, cursor.epoch.0);
    put(w, cursor.seq);
    put_signed(w, cursor.time.0);
    put(w, u64::from(cursor.count_at_time));
}

pub(super) fn get_cursor(r: &mut Reader<'_>) -> Result<Cursor, WireError> {
    Ok(Cursor {
        epoch: Epoch(get(r)?),
        seq: get(r)?,
        time: MarketTime(get_signed(r)?),
        count_at_time: get_u32(r, "count at time")?,
    })
}

/// A number in groups of seven bits, lowest first; the top bit says that more follow.
pub(super) fn put(w: &mut Writer, mut value: u64) {
    while value >= 0x80 {
        w.u8((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    w.u8(value as u8);
}

pub(super) fn get(r: &mut Reader<'_>) -> Result<u64, WireError> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = r.u8()?;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return Err(WireError::BadValue("number"));
        }
        value |= bits << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(WireError::BadValue("number"))
}

pub(super) fn put_signed(w: &mut Writer, value: i64) {
    put(w, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

pub(super) fn get_signed(r: &mut Reader<'_>) -> Result<i64, WireError> {
    let value = get(r)?;
    Ok((value >> 1).cast_signed() ^ (value & 1).cast_signed().wrapping_neg())
}

fn get_u32(r: &mut Reader<'_>, field: &'static str) -> Result<u32, WireError> {
    u32::try_from(get(r)?).map_err(|_| WireError::BadValue(field))
}

fn list_len(r: &mut Reader<'_>, field: &'static str) -> Result<usize, WireError> {
    match usize::try_from(get(r)?) {
        Ok(len) if len <= TICKS_PER_BATCH_MAX => Ok(len),
        _ => Err(WireError::TooLarge(field)),
    }
}

pub(super) fn get_list<T>(
    r: &mut Reader<'_>,
    field: &'static str,
    mut each: impl FnMut(&mut Reader<'_>) -> Result<T, WireError>,
) -> Result<Vec<T>, WireError> {
    let len = list_len(r, field)?;
    let mut out = Vec::with_capacity(len);
    for _ in 0..len {
        out.push(each(r)?);
    }
    Ok(out)
}
