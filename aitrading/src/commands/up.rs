//! `aitrading up`: runs the server until it is told to stop.

use crate::{
    cli, compose, config,
    config::Flags,
    exit::{Exit, Failure},
    layout::Layout,
    print,
};
use aitrading_config::Environment;
use aitrading_env::Env;
use aitrading_hub::Signals;
use std::io::Write;

/// Runs until SIGINT or SIGTERM, then drains.
pub(crate) async fn run(
    env: &Env,
    out: &mut dyn Write,
    variables: &Environment,
    args: &cli::Up,
) -> Result<(), Failure> {
    let started = env.clock.mono_ns();
    // Before anything runs: who is told that we are ready may tell us to stop at once.
    let signals = Signals::listen().map_err(|error| {
        Failure::new(Exit::Internal, format!("the system lets no signal handler be installed: {error}"))
    })?;
    let layout = Layout::new(&args.data_dir);
    let mut config = config::of_directory(env, &layout, variables, &Flags { port_offset: args.port_offset })?;
    config.data_bridge.lock_step |= args.lock_step;
    let log = aitrading_logging::init(env, &config.log)?;
    let addresses = [
        ("api-gateway", config.gateway.listen),
        ("data-bridge", config.data_bridge_listen),
        ("trading-engine", config.trading_engine_listen),
        ("database-service", config.database_service_listen),
        ("health, metrics", config.observer_listen),
    ];
    let server = compose::start(env, &layout, variables, config).await?;
    let took_ms = env.clock.mono_ns().saturating_sub(started) / 1_000_000;
    for (name, address) in addresses {
        print(out, format_args!("{name:<18} {address}"))?;
    }
    print(out, format_args!("ready in {took_ms} ms; stop with Ctrl-C or SIGTERM"))?;
    out.flush().unwrap_or(());
    let control = server.running.control();
    let told = env.spawn.task(
        "signals",
        Box::pin(async move {
            match signals.given().await {
                Ok(name) => control.stop(name),
                Err(error) => tracing::error!(%error, "signals cannot be received"),
            }
        }),
    );
    let ended = server.running.wait().await;
    told.abort();
    drop(log);
    let report = ended.map_err(|e| Failure::coded(&e))?;
    if report.forced.is_empty() {
        print(out, format_args!("drained in {} ms after {}", report.drain_us / 1_000, report.reason))
    } else {
        let forced = report.forced.join(", ");
        Err(Failure::new(Exit::Io, format!("these services did not drain in time and were ended: {forced}")))
    }
}
