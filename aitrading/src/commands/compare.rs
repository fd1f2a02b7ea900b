//! Compares what is stored with a tick file, by content and order, and counts executions in a simulated broker's books: the
//! checker of the crash loop. It judges by its own rules, not by the code that it judges.

use crate::{
    cli, compose,
    config::{self, Flags},
    exit::{Exit, Failure},
    layout::Layout,
    print,
};
use aitrading_config::Environment;
use aitrading_env::Env;
use aitrading_metatrader_connector::{terminal, ticks};
use aitrading_model::{Source, Symbol, Tick};
use aitrading_store::Stores;
use serde::Serialize;
use std::{collections::BTreeMap, io::Write};

/// What was found.
#[derive(Debug, Default, Serialize)]
struct Comparison {
    stored: u64,
    rejected: u64,
    duplicates_refused: u64,
    /// Stored ticks are the acceptable rows of the file's beginning, in order, nothing between, nothing twice.
    same: bool,
    /// Stored more often than the file has them.
    twice: u64,
    /// First place where store and file differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    differs_at: Option<u64>,
    /// Orders that the simulated broker ever executed.
    orders: u64,
    /// Of the same signal, at the broker.
    executions_per_signal_max: u64,
    /// Of the same signal, by the reports stored.
    reported_executions_per_signal_max: u64,
    /// Signals that the server signed.
    signals: u64,
    /// Reports that contradict their signal or the stored ticks.
    disputed_reports: u64,
}

type Row = (i64, i64, i64);

fn row(tick: &Tick) -> Row {
    (tick.time.0, tick.bid.raw(), tick.ask.raw())
}

/// The rule for refusals in replayed files, in its own words: both prices above zero and not crossed, or no quote at all.
fn acceptable((_, bid, ask): &Row) -> bool {
    (*bid > 0 && ask >= bid) || (*bid == 0 && *ask == 0)
}

/// Runs the comparison; fails if anything differs.
pub(crate) async fn run(
    env: &Env,
    out: &mut dyn Write,
    variables: &Environment,
    args: &cli::Compare,
) -> Result<(), Failure> {
    let layout = Layout::new(&args.data_dir);
    let config = config::of_directory(env, &layout, variables, &Flags::default())?;
    let lock = layout.lock(env)?;
    let symbol: Symbol = args.symbol.parse().map_err(|_| Failure::new(Exit::Data, "not a symbol name"))?;
    let file = ticks::read_file(env.fs.as_ref(), &args.ticks, None)?;
    let databases = compose::databases(env, &layout, variables, &config).await?;
    let stores = databases.stores();
    let mut found = compare(&stores, config.tenant, symbol, file.ticks()).await?;
    let rows = terminal::read_history(env, &args.client.join("data").join("broker"))?;
    let executions = terminal::executions_per_magic(&rows);
    found.orders = executions.values().map(|n| *n as u64).sum();
    found.executions_per_signal_max = executions.values().map(|n| *n as u64).max().unwrap_or(0);
    let counts = stores.signals.counts(config.tenant).await?;
    found.reported_executions_per_signal_max = counts.executions_per_signal_max;
    found.signals = counts.issued;
    found.disputed_reports = counts.disputed_reports;
    databases.close().await?;
    drop(lock);
    let json = serde_json::to_string(&found).map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
    print(out, format_args!("{json}"))?;
    if found.same && found.executions_per_signal_max <= 1 && found.reported_executions_per_signal_max <= 1 {
        Ok(())
    } else {
        Err(Failure::new(Exit::CheckFailed, "store and source differ"))
    }
}

async fn compare(
    stores: &Stores,
    tenant: aitrading_model::TenantId,
    symbol: Symbol,
    file: &[Tick],
) -> Result<Comparison, Failure> {
    let counts = stores.ticks.counts(tenant).await?;
    let rejected: u64 = counts.rejected.values().sum();
    let cursors = stores.ticks.cursors().await?;
    // Account 0 holds what was imported for nobody.
    let streamed = |s: &Source| s.symbol == symbol && s.tenant == tenant && s.account.0 != 0;
    let source: Option<Source> = cursors.iter().map(|(s, _)| *s).find(streamed);
    let mut stored = Vec::new();
    if let Some(source) = source {
        stores.ticks.scan(source, &mut |ticks| stored.extend(ticks.iter().map(row))).await?;
    }
    // The store has seen exactly so many rows of the file: what it kept of them must be the acceptable ones.
    let seen = usize::try_from(rejected).unwrap_or(usize::MAX).saturating_add(stored.len());
    let expected: Vec<Row> = file.iter().take(seen).map(row).filter(acceptable).collect();
    let differs = stored.iter().zip(&expected).position(|(a, b)| a != b);
    let differs = differs.or_else(|| (stored.len() != expected.len()).then_some(stored.len().min(expected.len())));
    let mut surplus: BTreeMap<Row, i64> = BTreeMap::new();
    for tick in &stored {
        *surplus.entry(*tick).or_default() += 1;
    }
    for tick in file {
        surplus.entry(row(tick)).and_modify(|n| *n -= 1);
    }
    let twice = surplus.values().filter(|n| **n > 0).map(|n| n.unsigned_abs()).sum();
    Ok(Comparison {
        stored: stored.len() as u64,
        rejected,
        duplicates_refused: counts.duplicates,
        same: differs.is_none(),
        twice,
        differs_at: differs.map(|at| at as u64),
        ..Comparison::default()
    })
}
