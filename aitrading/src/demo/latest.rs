//! Latencies of this run's signals, from the reports as they come into the server's store.

use aitrading_env::Env;
use aitrading_metatrader_connector::latency::{Histogram, Percentiles};
use aitrading_model::{TenantId, Timestamp};
use aitrading_store::Stores;

/// Reports read at a time.
const PAGE: usize = 1_024;
/// Pages in one look: an old directory's reports are passed over a few at a time.
const PAGES: usize = 16;

/// What the reports have told so far.
pub(super) struct Latest {
    tenant: TenantId,
    /// Earlier ones are of earlier runs.
    since: Timestamp,
    after: u64,
    to_order_send: Histogram,
}

impl Latest {
    pub(super) fn new(env: &Env, tenant: TenantId) -> Self {
        let since = Timestamp(env.clock.wall_ns());
        Self { tenant, since, after: 0, to_order_send: Histogram::default() }
    }

    /// Reads on. A store that does not answer shows in its health, not here.
    pub(super) async fn read(&mut self, stores: &Stores) {
        for _ in 0..PAGES {
            let page = stores.signals.reports(self.tenant, self.after, PAGE).await.unwrap_or_default();
            let Some(last) = page.last() else { return };
            self.after = last.id;
            for stored in page {
                let sent = stored.row.report.times.order_send;
                if sent.0 != 0 && stored.issued_at >= self.since {
                    self.to_order_send.add(u64::try_from(sent.since(stored.issued_at)).unwrap_or(0) / 1_000, 1);
                }
            }
        }
    }

    /// From the server's decision to the terminal's call of `OrderSend`, in microseconds.
    pub(super) fn to_order_send(&self) -> Percentiles {
        self.to_order_send.percentiles()
    }
}
