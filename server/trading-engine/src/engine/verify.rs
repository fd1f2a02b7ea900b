//! A report against its signal, the ticks and the deadline. Pure: the first thing that does not fit is the finding.

use super::{event::Decided, feed::Span};
use aitrading_model::{DealEntry, Fence, Money, Price, Report, ReportState, SignalKind, Volume};

/// Something that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) code: &'static str,
    pub(crate) value: i64,
    pub(crate) bound: i64,
}

pub(crate) const fn finding(code: &'static str) -> Finding {
    Finding { code, value: 0, bound: 0 }
}

const fn beyond(code: &'static str, value: i64, bound: i64) -> Finding {
    Finding { code, value, bound }
}

/// What the session knows that the report must agree with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) fence: Fence,
    /// One point of the symbol; zero if unknown.
    pub(crate) point: Price,
}

/// Everything but the ticks.
pub(crate) fn against_signal(report: &Report, decided: &Decided, terms: &Terms) -> Result<(), Finding> {
    let signal = &decided.signal;
    if (report.tenant, report.account) != (signal.tenant, signal.account) {
        return Err(finding("WRONG_ACCOUNT"));
    }
    if report.device != signal.device {
        return Err(finding("WRONG_DEVICE"));
    }
    // The device may have opened newer sessions since; a lower or a never granted number is another's.
    if report.fence < signal.fence || report.fence > terms.fence {
        return Err(beyond("WRONG_FENCE", raw(report.fence.0), raw(signal.fence.0)));
    }
    if report.trace != signal.trace {
        return Err(finding("WRONG_TRACE"));
    }
    let executed = report.state == ReportState::Executed;
    if !executed {
        let nothing = report.deals.is_empty() && report.volume == Volume::ZERO;
        return if nothing { Ok(()) } else { Err(finding("DEALS_WITHOUT_EXECUTION")) };
    }
    volume(report, decided)?;
    price(report, decided, terms)?;
    deals(report, decided)?;
    deadline(report, decided)
}

fn raw(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn volume(report: &Report, decided: &Decided) -> Result<(), Finding> {
    let signal = &decided.signal;
    let sum = report.deals.iter().map(|d| d.volume).try_fold(Volume::ZERO, Volume::checked_add);
    if report.deals.is_empty() || sum != Some(report.volume) || report.deals.iter().any(|d| !d.volume.is_positive()) {
        return Err(beyond("WRONG_VOLUME", report.volume.raw(), sum.map_or(i64::MAX, Volume::raw)));
    }
    // Less than asked for is what a partial fill looks like; more is never right.
    let partial = report.retcode == aitrading_model::Retcode::DONE_PARTIAL;
    if report.volume > signal.lots_max {
        return Err(beyond("WRONG_VOLUME", report.volume.raw(), signal.lots_max.raw()));
    }
    if report.volume < signal.lots_min && !partial {
        return Err(beyond("WRONG_VOLUME", report.volume.raw(), signal.lots_min.raw()));
    }
    Ok(())
}

fn price(report: &Report, decided: &Decided, terms: &Terms) -> Result<(), Finding> {
    let signal = &decided.signal;
    // The market may slip between the client's check and the fill, by the deviation that the signal allows.
    let slack = terms.point.raw().saturating_mul(i64::from(signal.deviation));
    let low = signal.price_min.raw().saturating_sub(slack);
    let high = signal.price_max.raw().saturating_add(slack);
    for deal in &report.deals {
        if deal.price.raw() < low {
            return Err(beyond("PRICE_OUT_OF_BOUNDS", deal.price.raw(), low));
        }
        if deal.price.raw() > high {
            return Err(beyond("PRICE_OUT_OF_BOUNDS", deal.price.raw(), high));
        }
    }
    let prices = || report.deals.iter().map(|d| d.price);
    let inside =
        prices().min().is_some_and(|low| report.price >= low) && prices().max().is_some_and(|h| report.price <= h);
    if inside { Ok(()) } else { Err(beyond("WRONG_AVERAGE", report.price.raw(), 0)) }
}

fn deals(report: &Report, decided: &Decided) -> Result<(), Finding> {
    let signal = &decided.signal;
    let entry = if signal.kind == SignalKind::Open { DealEntry::In } else { DealEntry::Out };
    for deal in &report.deals {
        if deal.magic != signal.id.magic() {
            return Err(beyond("WRONG_MAGIC", raw(deal.magic), raw(signal.id.magic())));
        }
        if deal.side != signal.side || deal.entry != entry {
            return Err(finding("WRONG_SIDE"));
        }
        if deal.order != report.order {
            return Err(beyond("WRONG_ORDER", raw(deal.order.0), raw(report.order.0)));
        }
        let position_fits = match signal.kind {
            SignalKind::Open => deal.position.0 != 0,
            SignalKind::Close => deal.position == signal.position,
        };
        if !position_fits {
            return Err(beyond("WRONG_POSITION", raw(deal.position.0), raw(signal.position.0)));
        }
        if entry == DealEntry::In && deal.profit != Money::ZERO {
            return Err(beyond("WRONG_PROFIT", deal.profit.raw(), 0));
        }
    }
    Ok(())
}

fn deadline(report: &Report, decided: &Decided) -> Result<(), Finding> {
    let signal = &decided.signal;
    let error = report.times.clock_error_ns.clamp(0, CLOCK_ERROR_MAX_NS);
    let sent = report.times.order_send;
    if sent.0.saturating_sub(error) > signal.expires_at.0 {
        return Err(beyond("LATE_EXECUTION", sent.0, signal.expires_at.0));
    }
    if sent.0.saturating_add(error) < signal.not_before.0 {
        return Err(beyond("EARLY_EXECUTION", sent.0, signal.not_before.0));
    }
    Ok(())
}

/// A client whose clock estimate is looser than this refuses to execute.
const CLOCK_ERROR_MAX_NS: i64 = 500_000_000;

/// Every deal's price was quoted around its time. `None` for a span means that no ticks are known there.
pub(crate) fn against_ticks(
    report: &Report,
    span: impl Fn(aitrading_model::MarketTime) -> Option<Span>,
) -> Result<(), Finding> {
    for deal in &report.deals {
        let span = span(deal.time).ok_or(finding("UNVERIFIABLE"))?;
        if deal.price < span.low {
            return Err(beyond("PRICE_NOT_QUOTED", deal.price.raw(), span.low.raw()));
        }
        if deal.price > span.high {
            return Err(beyond("PRICE_NOT_QUOTED", deal.price.raw(), span.high.raw()));
        }
    }
    Ok(())
}
