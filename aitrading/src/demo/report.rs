//! The demo's report: counts read back from the stores after everything has stopped, never from counters.

use crate::{
    exit::{Exit, Failure},
    layout::Layout,
};
use aitrading_audit::{Verdict, VerifyReport};
use aitrading_env::Env;
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
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
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
    pub(crate) rejected: u64,
    pub(crate) refused: u64,
    pub(crate) unknown: u64,
    pub(crate) expired: u64,
    pub(crate) not_executed: u64,
    pub(crate) open: u64,
    pub(crate) disputed_reports: u64,
}

/// Quantiles in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Quantiles {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Latencies {
    /// From the client's sending of a batch to its durable acknowledgement.
    pub(crate) tick_to_ack: Quantiles,
    /// From the server's decision to the terminal's call of `OrderSend`.
    pub(crate) signal_to_ordersend: Quantiles,
    /// From the server's decision to the arrival of the report.
    pub(crate) signal_to_report: Quantiles,
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
}

/// What the running demo knows and the stores do not.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) synthetic: bool,
    pub(crate) symbol: String,
    pub(crate) terminals: u16,
    pub(crate) subscribers: u16,
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
    pub(crate) tick_to_ack: Quantiles,
    pub(crate) startup_ms: f64,
    pub(crate) rss_mib: f64,
    pub(crate) wall_s: f64,
    /// Things that went wrong on the way and that no store shows.
    pub(crate) problems: Vec<String>,
}

/// Exact quantiles of nanosecond samples, in microseconds; sorts in place.
pub(crate) fn quantiles(samples: &mut [i64]) -> Quantiles {
    samples.sort_unstable();
    let at = |per_mille: usize| {
        let rank = samples.len().saturating_mul(per_mille).div_ceil(1_000).saturating_sub(1);
        samples.get(rank).map_or(0.0, |ns| *ns as f64 / 1_000.0)
    };
    Quantiles { p50: at(500), p90: at(900), p99: at(990), p999: at(999), max: at(1_000) }
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
        let mut latency_us = latencies(stores, tenant).await?;
        latency_us.tick_to_ack = measured.tick_to_ack;
        let audit = aitrading_audit::verify(env.fs.as_ref(), &layout.audit(), None);
        let mut report = Self {
            synthetic: measured.synthetic,
            symbol: measured.symbol,
            terminals: measured.terminals,
            subscribers: measured.subscribers,
            storage: storage(&ticks),
            ticks: Ticks {
                sent: measured.sent,
                acknowledged: measured.acknowledged,
                stored: ticks.stored,
                rejected: ticks.rejected.iter().map(|(code, n)| (code.code(), *n)).collect(),
                duplicates: ticks.duplicates,
            },
            executions_per_signal_max: signals.executions_per_signal_max,
            signals: Signals::from(signals),
            latency_us,
            audit: Audit::from(audit),
            startup_ms: measured.startup_ms,
            rss_mib: measured.rss_mib,
            wall_s: measured.wall_s,
            holds: false,
            problems: measured.problems,
        };
        report.problems.extend(report.check());
        report.holds = report.problems.is_empty();
        Ok(report)
    }

    /// Everything that must hold and does not, in words.
    fn check(&self) -> Vec<String> {
        let t = &self.ticks;
        let rejected: u64 = t.rejected.values().sum();
        let mut problems = Vec::new();
        if t.sent != t.acknowledged {
            problems.push(format!("{} ticks were sent, but {} acknowledged", t.sent, t.acknowledged));
        }
        if t.acknowledged != t.stored.saturating_add(rejected) {
            let (acknowledged, stored) = (t.acknowledged, t.stored);
            problems
                .push(format!("{acknowledged} ticks were acknowledged, but {stored} stored and {rejected} rejected"));
        }
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
            refused: c.refused,
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

fn storage(ticks: &TickCounts) -> Storage {
    let bytes_per_quote = if ticks.stored == 0 { 0.0 } else { ticks.bytes as f64 / ticks.stored as f64 };
    Storage { tick_bytes: ticks.bytes, tick_files: ticks.files, bytes_per_quote }
}

async fn latencies(stores: &Stores, tenant: TenantId) -> Result<Latencies, StoreError> {
    let (mut to_send, mut to_report, mut after) = (Vec::new(), Vec::new(), 0);
    loop {
        let page = stores.signals.reports(tenant, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for stored in page {
            let sent = stored.row.report.times.order_send;
            if sent.0 != 0 {
                to_send.push(sent.since(stored.issued_at));
                to_report.push(stored.row.received_at.since(stored.issued_at));
            }
        }
    }
    Ok(Latencies {
        tick_to_ack: Quantiles::default(),
        signal_to_ordersend: quantiles(&mut to_send),
        signal_to_report: quantiles(&mut to_report),
    })
}
