//! The demo's report: counts read back from the stores after everything has stopped, never from counters.

use super::{refusals::Refusals, sizes::Sizes};
use crate::{
    exit::{Exit, Failure},
    layout::Layout,
};
use aitrading_audit::{Verdict, VerifyReport};
use aitrading_env::Env;
use aitrading_metatrader_connector::latency::Histogram;
use aitrading_model::TenantId;
use aitrading_store::{SignalCounts, StoreError, Stores, TickCounts};
use serde::Serialize;
use std::{collections::BTreeMap, path::Path};

/// Reports read at a time.
const PAGE: usize = 4_096;

/// What `--report` writes. Field names are part of the product.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    pub(crate) synthetic: bool,
    pub(crate) symbol: String,
    pub(crate) terminals: u16,
    pub(crate) subscribers: u16,
    pub(crate) ticks: Ticks,
    pub(crate) signals: Signals,
    pub(crate) executions_per_signal_max: u64,
    pub(crate) latency_us: Latencies,
    pub(crate) audit: Audit,
    pub(crate) storage: Storage,
    pub(crate) startup_ms: f64,
    pub(crate) rss_mib: f64,
    pub(crate) wall_s: f64,
    pub(crate) holds: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) problems: Vec<String>,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Ticks {
    /// As the clients tell; none if one of them never came in, for then nobody knows.
    pub(crate) sent: Option<u64>,
    pub(crate) acknowledged: Option<u64>,
    pub(crate) stored: u64,
    pub(crate) rejected: BTreeMap<&'static str, u64>,
    pub(crate) duplicates: u64,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Signals {
    pub(crate) issued: u64,
    pub(crate) denied: BTreeMap<String, u64>,
    pub(crate) delivered: u64,
    pub(crate) executed: u64,
    /// By terminal or broker.
    pub(crate) rejected: u64,
    /// By the client's own checks.
    pub(crate) refused_by_client: u64,
    /// Both by code.
    pub(crate) refused: BTreeMap<String, u64>,
    pub(crate) unknown: u64,
    pub(crate) expired: u64,
    pub(crate) not_executed: u64,
    pub(crate) open: u64,
    pub(crate) disputed_reports: u64,
}

/// Quantiles in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Quantiles {
    /// Of so many.
    pub(crate) count: u64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

/// Over the directory's whole life and all its terminals. What never happened has no latency: `null`, not zeros.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Latencies {
    /// From a tick's arrival at the client to its durable acknowledgement, from the clients' own files.
    pub(crate) tick_to_ack: Option<Quantiles>,
    /// From the server's decision to the terminal's call of `OrderSend`, from the stored reports.
    pub(crate) signal_to_ordersend: Option<Quantiles>,
    /// From the server's decision to the arrival of the report, from the stored reports.
    pub(crate) signal_to_report: Option<Quantiles>,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Audit {
    pub(crate) entries: u64,
    pub(crate) root: String,
    pub(crate) verified: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) findings: Vec<String>,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Storage {
    pub(crate) tick_bytes: u64,
    pub(crate) tick_files: u64,
    pub(crate) bytes_per_quote: f64,
    #[serde(flatten)]
    pub(crate) sizes: Sizes,
}

/// What the running demo knows and the stores do not.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) synthetic: bool,
    pub(crate) symbol: String,
    pub(crate) terminals: u16,
    pub(crate) subscribers: u16,
    /// As the clients tell; none if one of them never came in, for then nobody knows.
    pub(crate) sent: Option<u64>,
    pub(crate) acknowledged: Option<u64>,
    /// Of all terminals together.
    pub(crate) tick_to_ack: Histogram,
    pub(crate) startup_ms: f64,
    pub(crate) rss_mib: f64,
    pub(crate) wall_s: f64,
    /// Things that went wrong on the way and that no store shows.
    pub(crate) problems: Vec<String>,
}

/// Exact quantiles of nanosecond samples, in microseconds; sorts in place.
fn quantiles(samples: &mut [i64]) -> Option<Quantiles> {
    samples.sort_unstable();
    let max = *samples.last()? as f64 / 1_000.0;
    let at = |per_mille: usize| {
        let rank = samples.len().saturating_mul(per_mille).div_ceil(1_000).saturating_sub(1);
        samples.get(rank).map_or(max, |ns| *ns as f64 / 1_000.0)
    };
    Some(Quantiles { count: samples.len() as u64, p50: at(500), p90: at(900), p99: at(990), p999: at(999), max })
}

impl Quantiles {
    /// Of a histogram of microseconds.
    fn of(histogram: &Histogram) -> Option<Self> {
        let p = histogram.percentiles();
        let [p50, p90, p99, p999, max] = [p.p50, p.p90, p.p99, p.p999, p.max].map(|us| us as f64);
        (p.count > 0).then_some(Self { count: p.count, p50, p90, p99, p999, max })
    }
}

impl Report {
    /// Reads everything back.
    pub(crate) async fn read(
        env: &Env,
        layout: &Layout,
        stores: &Stores,
        tenant: TenantId,
        measured: Measured,
    ) -> Result<Self, Failure> {
        let ticks = stores.ticks.counts(tenant).await?;
        let signals = stores.signals.counts(tenant).await?;
        let unread = unread(stores, tenant, ticks.stored).await?;
        let told = told(stores, tenant).await?;
        let latency_us = Latencies { tick_to_ack: Quantiles::of(&measured.tick_to_ack), ..told.latency_us };
        let refused = told.refusals.of(signals.rejected.saturating_add(signals.refused));
        let audit = aitrading_audit::verify(env.fs.as_ref(), &layout.audit(), None);
        let mut report = Self {
            synthetic: measured.synthetic,
            symbol: measured.symbol,
            terminals: measured.terminals,
            subscribers: measured.subscribers,
            storage: storage(&ticks, Sizes::of(env.fs.as_ref(), layout)),
            ticks: Ticks {
                sent: measured.sent,
                acknowledged: measured.acknowledged,
                // What came from files was never sent.
                stored: ticks.stored.saturating_sub(ticks.imported),
                rejected: ticks.rejected.iter().map(|(code, n)| (code.code(), *n)).collect(),
                duplicates: ticks.duplicates,
            },
            executions_per_signal_max: signals.executions_per_signal_max,
            signals: Signals { refused, ..Signals::from(signals) },
            latency_us,
            audit: Audit::from(audit),
            startup_ms: measured.startup_ms,
            rss_mib: measured.rss_mib,
            wall_s: measured.wall_s,
            holds: false,
            problems: measured.problems,
        };
        report.problems.extend(report.check().into_iter().chain(unread));
        report.holds = report.problems.is_empty();
        Ok(report)
    }

    /// Everything that must hold and does not, in words.
    fn check(&self) -> Vec<String> {
        let mut problems = self.check_ticks();
        if self.executions_per_signal_max > 1 {
            problems.push(format!("a signal was executed {} times", self.executions_per_signal_max));
        }
        if self.signals.disputed_reports > 0 {
            let n = self.signals.disputed_reports;
            problems.push(format!("{n} reports contradict their signal or the stored ticks"));
        }
        if !self.audit.verified {
            problems.push(format!("the audit log does not verify: {}", self.audit.findings.join("; ")));
        }
        problems
    }

    fn check_ticks(&self) -> Vec<String> {
        let t = &self.ticks;
        let rejected: u64 = t.rejected.values().sum();
        let mut problems = Vec::new();
        let (Some(sent), Some(acknowledged)) = (t.sent, t.acknowledged) else {
            problems.push("how many ticks were sent is not known: a client never came in".to_owned());
            return problems;
        };
        if sent != acknowledged {
            problems.push(format!("{sent} ticks were sent, but {acknowledged} acknowledged"));
        }
        if acknowledged != t.stored.saturating_add(rejected) {
            let stored = t.stored;
            problems
                .push(format!("{acknowledged} ticks were acknowledged, but {stored} stored and {rejected} rejected"));
        }
        problems
    }

    /// Writes the report as JSON.
    pub(crate) fn write(&self, env: &Env, path: &Path) -> Result<(), Failure> {
        let json = serde_json::to_vec_pretty(self).map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
        env.fs.write_atomic(path, &json).map_err(|e| Failure::io("cannot write the report", path, &e))
    }
}

impl From<SignalCounts> for Signals {
    fn from(c: SignalCounts) -> Self {
        Self {
            issued: c.issued,
            denied: c.denied,
            delivered: c.delivered,
            executed: c.executed,
            rejected: c.rejected,
            refused_by_client: c.refused,
            refused: BTreeMap::new(),
            unknown: c.unknown,
            expired: c.expired,
            not_executed: c.not_executed,
            open: c.open,
            disputed_reports: c.disputed_reports,
        }
    }
}

impl From<VerifyReport> for Audit {
    fn from(v: VerifyReport) -> Self {
        let verified = v.verdict == Verdict::Clean;
        let findings = v.findings.iter().map(|f| format!("{}: {}", f.code, f.detail)).collect();
        Self { entries: v.entries, root: v.root, verified, findings }
    }
}

/// Reads every stored tick: a catalogue says how many there should be, and only the files say that they are there, whole.
async fn unread(stores: &Stores, tenant: TenantId, stored: u64) -> Result<Option<String>, Failure> {
    let mut whole = 0_u64;
    for (source, _) in stores.ticks.cursors().await? {
        if source.tenant != tenant {
            continue;
        }
        match stores.ticks.scan(source, &mut |_| ()).await {
            Ok(count) => whole = whole.saturating_add(count),
            Err(error) => return Ok(Some(format!("the stored ticks of {} cannot be read: {error}", source.symbol))),
        }
    }
    Ok((whole != stored).then(|| format!("{stored} ticks are stored, but only {whole} can be read back")))
}

fn storage(ticks: &TickCounts, sizes: Sizes) -> Storage {
    let bytes_per_quote = if ticks.stored == 0 { 0.0 } else { ticks.bytes as f64 / ticks.stored as f64 };
    Storage { tick_bytes: ticks.bytes, tick_files: ticks.files, bytes_per_quote, sizes }
}

/// What the stored reports tell.
struct Told {
    latency_us: Latencies,
    refusals: Refusals,
}

async fn told(stores: &Stores, tenant: TenantId) -> Result<Told, StoreError> {
    let (mut to_send, mut to_report, mut after) = (Vec::new(), Vec::new(), 0);
    let mut refusals = Refusals::default();
    loop {
        let page = stores.signals.reports(tenant, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for stored in page {
            let report = &stored.row.report;
            refusals.add(report.state, report.retcode, &report.reason);
            if report.times.order_send.0 != 0 {
                to_send.push(report.times.order_send.since(stored.issued_at));
                to_report.push(stored.row.received_at.since(stored.issued_at));
            }
        }
    }
    let (signal_to_ordersend, signal_to_report) = (quantiles(&mut to_send), quantiles(&mut to_report));
    Ok(Told { latency_us: Latencies { tick_to_ack: None, signal_to_ordersend, signal_to_report }, refusals })
}
