//! The order of the groups: what one of them lacks is said, and the others run all the same.

use crate::{Group, Options, cache, figures::Report, latest, pool, sql, ticks};
use anyhow::{Context, Result};
use std::path::PathBuf;

/// What every group is told.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) quick: bool,
    pub(crate) runs: u16,
    /// The folder of shared data.
    pub(crate) data: Option<PathBuf>,
}

impl Plan {
    /// So many, or a tenth of it.
    pub(crate) fn scaled(&self, count: usize) -> usize {
        if self.quick { count / 10 } else { count }
    }
}

/// Measures what was asked for and prints it; `Ok(true)` only if every bar is held.
pub(crate) fn all(options: &Options) -> Result<bool> {
    let runs = if options.quick { 1 } else { options.runs };
    let plan = Plan { quick: options.quick, runs, data: options.data.clone().or_else(aitrading_testkit::shared_data) };
    let mut report = Report::new(plan.quick);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    for group in [Group::Pool, Group::Ticks, Group::Cache, Group::Sql] {
        if options.only.is_some_and(|only| only != group) {
            continue;
        }
        eprintln!("{group:?}");
        let (plan, report) = (&plan, &mut report);
        runtime
            .block_on(async {
                match group {
                    Group::Pool => pool::measure(plan, report).await,
                    Group::Ticks => {
                        latest::measure(plan, report).await?;
                        ticks::measure(plan, report).await
                    }
                    Group::Cache => cache::measure(plan, report).await,
                    Group::Sql => sql::measure(plan, report).await,
                }
            })
            .with_context(|| format!("while measuring {group:?}"))?;
    }
    if options.json {
        println!("{}", report.json());
    } else {
        report.print();
    }
    Ok(report.holds())
}
