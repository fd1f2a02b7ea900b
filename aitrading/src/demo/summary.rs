//! The summary that a newcomer reads at the end of the demo.

use super::report::{Quantiles, Report};
use crate::{exit::Failure, print};
use std::{fmt::Write as _, io::Write, path::Path};

/// Where the demo's files are, for the hints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept<'a> {
    /// The data directory, if it stays.
    pub(crate) data_dir: Option<&'a Path>,
}

fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digits.len().saturating_sub(index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn micros(us: f64) -> String {
    if us >= 10_000.0 { format!("{:.1} ms", us / 1_000.0) } else { format!("{us:.0} us") }
}

fn quantiles(q: Quantiles) -> String {
    format!("p50 {:>9}   p99 {:>9}   max {:>9}", micros(q.p50), micros(q.p99), micros(q.max))
}

fn codes<K: std::fmt::Display>(counts: impl Iterator<Item = (K, u64)>) -> String {
    let mut out = String::new();
    for (code, n) in counts {
        // Writing to a String cannot fail.
        write!(out, "{}{code} {}", if out.is_empty() { " (" } else { ", " }, grouped(n)).unwrap_or(());
    }
    if !out.is_empty() {
        out.push(')');
    }
    out
}

/// Prints what happened, what was proved, and what to try next.
pub(crate) fn write(out: &mut dyn Write, report: &Report, kept: Kept<'_>) -> Result<(), Failure> {
    let origin = if report.synthetic { " (synthetic ticks from a seeded market model)" } else { "" };
    let (t, s) = (&report.ticks, &report.signals);
    let rejected: u64 = t.rejected.values().sum();
    let denied: u64 = s.denied.values().sum();
    print(out, format_args!("\nWhat happened on {}{origin}", report.symbol))?;
    print(
        out,
        format_args!(
            "  ticks       {} sent = {} acknowledged = {} stored + {} rejected{}",
            grouped(t.sent),
            grouped(t.acknowledged),
            grouped(t.stored),
            grouped(rejected),
            codes(t.rejected.iter().map(|(k, n)| (*k, *n)))
        ),
    )?;
    print(
        out,
        format_args!(
            "  signals     {} issued, {} delivered, {} executed; {} rejected, {} refused by the client, {} expired, {} unknown",
            grouped(s.issued),
            grouped(s.delivered),
            grouped(s.executed),
            grouped(s.rejected),
            grouped(s.refused),
            grouped(s.expired.saturating_add(s.not_executed)),
            grouped(s.unknown)
        ),
    )?;
    let reasons = codes(s.denied.iter().map(|(k, n)| (k.as_str(), *n)));
    print(out, format_args!("  denied      {} candidates by risk or entitlement{reasons}", grouped(denied)))?;
    print(out, format_args!("  executions  at most {} per signal", report.executions_per_signal_max))?;
    let verdict = if report.audit.verified { "verified" } else { "NOT VERIFIED" };
    let root: String = report.audit.root.chars().take(16).collect();
    print(out, format_args!("  audit       {} entries, root {root}..., {verdict}", grouped(report.audit.entries)))?;
    print(out, format_args!("\nHow fast"))?;
    print(out, format_args!("  tick to durable acknowledgement   {}", quantiles(report.latency_us.tick_to_ack)))?;
    print(
        out,
        format_args!("  decision to OrderSend             {}", quantiles(report.latency_us.signal_to_ordersend)),
    )?;
    print(out, format_args!("  decision to report                {}", quantiles(report.latency_us.signal_to_report)))?;
    let storage = &report.storage;
    print(
        out,
        format_args!(
            "  started in {:.0} ms, server memory {:.0} MiB, {:.2} bytes per stored quote, {:.1} s in all",
            report.startup_ms, report.rss_mib, storage.bytes_per_quote, report.wall_s
        ),
    )?;
    if report.holds && t.sent == 0 {
        print(out, format_args!("\nNothing was sent in this time; let it run longer."))?;
    } else if report.holds {
        print(out, format_args!("\nEverything holds: nothing lost, nothing twice, every decision proved."))?;
        let waiting = s.unknown.saturating_add(s.open);
        if waiting > 0 {
            print(out, format_args!("{waiting} signals wait for their outcome: it is looked up, never sent again."))?;
        }
    } else {
        print(out, format_args!("\nDOES NOT HOLD:"))?;
        for problem in &report.problems {
            print(out, format_args!("  - {problem}"))?;
        }
    }
    hints(out, report, kept)
}

fn hints(out: &mut dyn Write, report: &Report, kept: Kept<'_>) -> Result<(), Failure> {
    print(out, format_args!("\nTry next"))?;
    if report.synthetic {
        print(
            out,
            format_args!("  aitrading demo --ticks FILE.csv --symbol GBPJPY   real ticks instead of synthetic ones"),
        )?;
    }
    match kept.data_dir {
        Some(dir) => {
            let dir = dir.display();
            print(out, format_args!("  aitrading audit verify --data-dir {dir}   the proof, from files alone"))?;
            print(
                out,
                format_args!("  aitrading up --data-dir {dir}             the same server, for your own clients"),
            )?;
        }
        None => {
            print(out, format_args!("  aitrading demo --data-dir ./desk   keep the data, go on with it, audit it"))?
        }
    }
    print(out, format_args!("  aitrading demo --help              faults, speed, more terminals, a JSON report"))
}
