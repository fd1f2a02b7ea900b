//! The connector with a simulated terminal in the same process, over the same loopback link as a real one.

use crate::{AppError, Simulate, Speed, work};
use aitrading_env::Env;
use aitrading_hub::Signals;
use aitrading_metatrader_connector::{
    Connector, ConnectorError,
    specs::{self, TableRow},
    terminal::{self, Feed, SimSettings, SimTerminal, Stretch, TickFaults},
    ticks::{self, Format, TickHistory},
};
use aitrading_model::{Currency, MarketTime, Symbol};
use aitrading_security::Secret;
use std::{io::Write, path::Path};

/// Deposit currency of the simulated account: the one that the table's values are in.
const CURRENCY: &str = "USD";
/// Folder of the broker's books within the data directory.
const BROKER: &str = "broker";

/// Runs it.
pub(crate) async fn run(env: &Env, out: &mut (dyn Write + Send), args: &Simulate) -> Result<(), AppError> {
    let signals = Signals::listen().map_err(AppError::Signals)?;
    // What can be wrong with the input is found before anything is started.
    let feeds = feeds(env, args)?;
    let (settings, keys) = work::open(env, &args.common)?;
    let secret = Secret::new(keys.ea_secret.expose().to_vec());
    let connector = Connector::start(env, &settings, keys).await?;
    let simulated = start_terminal(env, args, &connector, &settings.data_dir, secret, feeds);
    let simulated = match simulated.await {
        Ok(simulated) => simulated,
        Err(error) => {
            connector.stop().await;
            return Err(error);
        }
    };
    let watched = work::watch(env, out, (&args.common, signals), &connector, args.synthetic).await;
    // The connector first: orders that are under way still get their answers.
    let status = connector.stop().await;
    simulated.stop().await;
    work::finish(out, &args.common, status, args.synthetic, watched?)
}

async fn start_terminal(
    env: &Env,
    args: &Simulate,
    connector: &Connector,
    data_dir: &Path,
    secret: Secret<Vec<u8>>,
    feeds: Vec<(TableRow, TickHistory)>,
) -> Result<SimTerminal, AppError> {
    let address = connector.ea_address().ok_or(ConnectorError::Setting("terminal.listen"))?;
    let currency: Currency = CURRENCY.parse().map_err(|_| ConnectorError::Setting("currency"))?;
    let account = connector.account();
    let specs = feeds.iter().map(|(row, _)| row.spec).collect();
    let missed = feeds.iter().flat_map(|(row, history)| missed(args, row.spec.symbol, history)).collect();
    let feeds = feeds.into_iter().map(|(row, history)| Feed { symbol: row.spec.symbol, history }).collect();
    let settings = SimSettings {
        specs,
        feeds,
        speed: match args.speed {
            Speed::Times(times) => terminal::Speed::Times(times),
            Speed::Max => terminal::Speed::Max,
        },
        seed: args.seed,
        faults: args.faults,
        tick_faults: TickFaults { missed, ..TickFaults::default() },
        ..SimSettings::demo(address, secret, account, currency, data_dir.join(BROKER))
    };
    Ok(SimTerminal::start(env.clone(), settings).await?)
}

/// What a symbol's feed misses.
fn missed(args: &Simulate, symbol: Symbol, history: &TickHistory) -> Vec<Stretch> {
    let Some((first, _)) = history.span() else { return Vec::new() };
    let minute = |n: u32| MarketTime(first.0.saturating_add(i64::from(n).saturating_mul(60_000)));
    args.missed.iter().map(|(from, to)| Stretch { symbol, from: minute(*from), to: minute(*to) }).collect()
}

/// Each symbol with its history.
fn feeds(env: &Env, args: &Simulate) -> Result<Vec<(TableRow, TickHistory)>, AppError> {
    let format = args.format.as_deref().map(|f| f.parse::<Format>().map_err(|_| AppError::Format(f.to_owned())));
    let format = format.transpose()?;
    if !args.synthetic && args.ticks.len() != args.symbols.len() {
        return Err(AppError::Pairs { files: args.ticks.len(), symbols: args.symbols.len() });
    }
    let mut files = args.ticks.iter();
    let mut feeds = Vec::with_capacity(args.symbols.len());
    for (index, name) in args.symbols.iter().enumerate() {
        let row = known(name)?;
        let history = match files.next() {
            Some(file) => ticks::read_file(env.fs.as_ref(), file, format)?,
            None => made(args, &row, index as u64),
        };
        feeds.push((row, history));
    }
    Ok(feeds)
}

fn known(name: &str) -> Result<TableRow, AppError> {
    name.parse().ok().and_then(specs::find).ok_or_else(|| {
        let names = |rows: Vec<TableRow>| rows.iter().map(|r| r.spec.symbol.to_string()).collect::<Vec<_>>().join(", ");
        AppError::UnknownSymbol { name: name.to_owned(), known: specs::shipped().map_or_else(|_| String::new(), names) }
    })
}

/// Symbols of one run move each on their own.
fn made(args: &Simulate, row: &TableRow, index: u64) -> TickHistory {
    let settings = ticks::SyntheticSettings {
        spread_ticks: row.spread_ticks,
        ..ticks::SyntheticSettings::new(args.seed.wrapping_add(index), row.reference_price)
    };
    ticks::synthetic(&row.spec, settings, usize::try_from(args.count).unwrap_or(usize::MAX))
}
