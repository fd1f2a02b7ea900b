//! Unknown outcomes: a state of their own, resolved by looking until the lists answer or nothing can come any more.

use super::{
    Desk, Sight,
    desk::{executed, reason},
};
use crate::{
    ledger::LedgerError,
    reports::Outcome,
    validator::{CLOCK_ERROR_MAX_NS, ServerNow},
};
use aitrading_model::{HopTimes, ReportState, Retcode, Signal, Ticket};

/// Looks that must find nothing, a pause apart, before an order counts as not executed: after a fill there is a moment in which
/// an order is in no list.
const LOOKS_MIN: u32 = 2;

impl Desk {
    /// Looks until the outcome is certain. `orders`: so many requests were sent or may have been. `told`: the server knows
    /// already that the outcome is unknown.
    pub(super) async fn resolve(
        &self,
        signal: &Signal,
        mut times: HopTimes,
        orders: usize,
        told: bool,
    ) -> Result<(), LedgerError> {
        if !told {
            let unknown = Outcome::without_order(ReportState::Unknown, "UNKNOWN");
            self.parts.reports.outcome(signal, times, unknown).await?;
        }
        let mut empty_looks = 0;
        let outcome = loop {
            // The time before the look: what is found later than the deadline was not there at the deadline.
            let over = self.is_over(signal, self.parts.clock.now());
            let sight = self.look(signal).await;
            match sight {
                Some(Sight::Executed(found)) => break executed(found, signal, Retcode::DONE),
                Some(Sight::Refused { order, retcode, orders: seen }) if seen >= orders || over => {
                    break refused(order, retcode);
                }
                Some(Sight::Nothing) => {
                    empty_looks += 1;
                    if over && empty_looks >= LOOKS_MIN {
                        break Outcome::without_order(ReportState::NotExecuted, "NOT_FOUND");
                    }
                }
                // A trace without a deal stays open: calling it either way would be a guess.
                Some(Sight::Refused { .. } | Sight::Pending) | None => {}
            }
            self.parts.env.clock.sleep(self.parts.patience.lookup_pause).await;
        };
        times.result = self.parts.clock.now().now;
        self.parts.reports.outcome(signal, times, outcome).await
    }

    /// Can the broker not execute it any more, whatever the clock's error?
    fn is_over(&self, signal: &Signal, clock: ServerNow) -> bool {
        let deadline = signal.expires_at.plus(self.parts.patience.broker_latency);
        (0..=CLOCK_ERROR_MAX_NS).contains(&clock.error_ns) && clock.now.0.saturating_sub(clock.error_ns) > deadline.0
    }
}

fn refused(order: Ticket, retcode: Retcode) -> Outcome {
    Outcome { order, retcode, ..Outcome::without_order(ReportState::Rejected, &reason(retcode)) }
}
