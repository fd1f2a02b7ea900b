//! The price of a source as it was at a moment: asked while ticks come in.

use crate::{
    figures::{Bar, Report},
    machine::{Stopwatch, percentile},
    quotes::{Market, source},
    run::Plan,
};
use aitrading_data_bridge::Prices;
use anyhow::{Result, ensure};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

const SOURCES: usize = 500;
/// Ticks that each source has brought.
const TICKS: usize = 300;
const QUESTIONS: usize = 500_000;

pub(crate) async fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    let prices = Arc::new(Prices::default());
    let mut asked = Vec::new();
    for n in 0..SOURCES {
        let source = source(&format!("SYM{n}"))?;
        let ticks: Vec<_> = Market::new(n as u64).take(TICKS).collect();
        prices.take(&source, &ticks);
        // In the middle of what is remembered, and now.
        let back = ticks.get(TICKS * 3 / 4).zip(ticks.last()).map(|(middle, last)| [middle.time, last.time]);
        asked.extend(back.into_iter().flatten().map(|time| (source, time)));
    }
    let busy = Arc::new(AtomicBool::new(true));
    let feeder = feed(Arc::clone(&prices), Arc::clone(&busy))?;
    let (mut middle, mut worst) = (Vec::new(), Vec::new());
    for _ in 0..plan.runs {
        let mut took = Vec::with_capacity(plan.scaled(QUESTIONS));
        // A step that is prime to the number of questions: neighbours in time are no neighbours in memory.
        for (source, time) in asked.iter().cycle().step_by(37).take(plan.scaled(QUESTIONS)) {
            let watch = Stopwatch::start();
            let found = prices.at(source, *time);
            took.push(watch.nanos());
            ensure!(found.is_some(), "{} has no price at {}", source.symbol, time);
        }
        worst.push(percentile(&mut took, 99));
        middle.push(percentile(&mut took, 50));
    }
    busy.store(false, Ordering::Relaxed);
    drop(feeder.join());
    report.add("latest_price_ns", "price at a moment, p50, while ticks come in", "ns", Bar::Below(1_000.0), &middle);
    report.add("latest_price_p99_ns", "price at a moment, p99, while ticks come in", "ns", Bar::None, &worst);
    Ok(())
}

/// A thread that brings ticks of one more source, as the journal's writer does.
fn feed(prices: Arc<Prices>, busy: Arc<AtomicBool>) -> Result<std::thread::JoinHandle<()>> {
    let source = source("BUSY")?;
    let mut market = Market::new(7);
    Ok(std::thread::spawn(move || {
        while busy.load(Ordering::Relaxed) {
            let batch: Vec<_> = market.by_ref().take(256).collect();
            prices.take(&source, &batch);
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }))
}
