//! The summary that a newcomer reads at the end of the demo.

use super::{
    report::{Quantiles, Report, Signals},
    sizes,
    words::{codes, grouped, micros},
};
use crate::{exit::Failure, print};
use std::{io::Write, path::Path};

/// Where the demo's files are, for the hints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept<'a> {
    /// The data directory, if it stays.
    pub(crate) data_dir: Option<&'a Path>,
    /// As the user called it.
    pub(crate) program: &'a str,
}

fn quantiles(quantiles: Option<Quantiles>) -> String {
    let Some(q) = quantiles else { return "none".to_owned() };
    format!("p50 {:>8}   p99 {:>8}   max {:>8}", micros(q.p50), micros(q.p99), micros(q.max))
}

/// Prints what happened, what was proved, and what to try next.
pub(crate) fn write(out: &mut dyn Write, report: &Report, kept: Kept<'_>) -> Result<(), Failure> {
    let origin = if report.synthetic { " (synthetic ticks from a seeded market model)" } else { "" };
    let (t, s) = (&report.ticks, &report.signals);
    let rejected: u64 = t.rejected.values().sum();
    let denied: u64 = s.denied.values().sum();
    // No equation is written that does not hold.
    let equal = t.sent == t.acknowledged && t.acknowledged == Some(t.stored.saturating_add(rejected));
    let equals = if equal { "=" } else { "/" };
    print(out, format_args!("\nWhat happened on {}{origin}", report.symbol))?;
    print(
        out,
        format_args!(
            "  ticks       {} sent {equals} {} acknowledged {equals} {} stored + {} rejected{}",
            known(t.sent),
            known(t.acknowledged),
            grouped(t.stored),
            grouped(rejected),
            codes(t.rejected.iter().map(|(k, n)| (*k, *n)))
        ),
    )?;
    signals(out, s)?;
    let reasons = codes(s.denied.iter().map(|(k, n)| (k.as_str(), *n)));
    print(
        out,
        format_args!("  denied      {} candidates for a signal, by risk or entitlement{reasons}", grouped(denied)),
    )?;
    print(out, format_args!("  executions  at most {} per signal", report.executions_per_signal_max))?;
    let verdict = if report.audit.verified { "verified" } else { "NOT VERIFIED" };
    let root: String = report.audit.root.chars().take(16).collect();
    print(out, format_args!("  audit       {} entries, root {root}..., {verdict}", grouped(report.audit.entries)))?;
    speed(out, report)?;
    conclusion(out, report)?;
    hints(out, report, kept)
}

/// What became of the signals; what never happened is left out.
fn signals(out: &mut dyn Write, s: &Signals) -> Result<(), Failure> {
    let (issued, delivered, executed) = (grouped(s.issued), grouped(s.delivered), grouped(s.executed));
    print(out, format_args!("  signals     {issued} issued, {delivered} delivered, {executed} executed"))?;
    let refused = s.rejected.saturating_add(s.refused_by_client);
    let reasons = codes(s.refused.iter().map(|(k, n)| (k.as_str(), *n)));
    print(
        out,
        format_args!(
            "  refused     {} signals: {} by terminal or broker, {} by the client's own checks{reasons}",
            grouped(refused),
            grouped(s.rejected),
            grouped(s.refused_by_client)
        ),
    )?;
    let others = [
        (s.expired, "expired"),
        (s.not_executed, "looked up and found not executed"),
        (s.unknown, "of unknown outcome"),
        (s.open, "without a word yet"),
    ];
    let others: Vec<_> =
        others.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", grouped(*n))).collect();
    if others.is_empty() { Ok(()) } else { print(out, format_args!("  others      {}", others.join(", "))) }
}

fn speed(out: &mut dyn Write, report: &Report) -> Result<(), Failure> {
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
    print(out, format_args!("  on disk: {} (journals reserve space ahead)", sizes::line(&storage.sizes)))?;
    Ok(())
}

fn known(count: Option<u64>) -> String {
    count.map_or_else(|| "unknown".to_owned(), grouped)
}

fn conclusion(out: &mut dyn Write, report: &Report) -> Result<(), Failure> {
    let (t, s) = (&report.ticks, &report.signals);
    if report.holds && t.sent == Some(0) {
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
    Ok(())
}

fn hints(out: &mut dyn Write, report: &Report, kept: Kept<'_>) -> Result<(), Failure> {
    print(out, format_args!("\nTry next"))?;
    let mut hints = Vec::new();
    if report.synthetic {
        hints.push(("demo --ticks FILE.csv --symbol GBPJPY".to_owned(), "real ticks instead of synthetic ones"));
    }
    match kept.data_dir {
        Some(dir) => {
            let dir = dir.display();
            hints.push((format!("audit verify --data-dir {dir}"), "the proof, from files alone"));
            hints.push((format!("up --data-dir {dir}"), "the same server, for your own clients"));
        }
        None => hints.push(("demo --data-dir ./desk".to_owned(), "keep the data, go on with it, audit it")),
    }
    hints.push(("demo --help".to_owned(), "faults, speed, more terminals, a JSON report"));
    let width = hints.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    let program = kept.program;
    hints.iter().try_for_each(|(command, why)| print(out, format_args!("  {program} {command:width$}   {why}")))
}
