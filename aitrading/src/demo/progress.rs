//! What is shown while the demo runs: one line, rewritten on a terminal, printed now and then elsewhere.

use super::children::Client;
use crate::{compose::Server, exit::Failure, print};
use aitrading_env::Env;
use std::io::{IsTerminal, Write};

/// Without a terminal a line is printed this often.
const LINE_EVERY_NS: u64 = 2_000_000_000;
/// On a terminal it is rewritten this often.
const REWRITE_EVERY_NS: u64 = 400_000_000;

/// Keeps what the next line needs of the last one.
pub(super) struct Display {
    env: Env,
    silent: bool,
    terminal: bool,
    /// Said on every line that shows numbers of made-up ticks.
    label: &'static str,
    last_ns: u64,
    last_ticks: u64,
    shown_signals: u64,
}

impl Display {
    pub(super) fn new(env: &Env, silent: bool, synthetic: bool) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let label = if synthetic { " (synthetic)" } else { "" };
        Self {
            env: env.clone(),
            silent,
            terminal,
            label,
            last_ns: env.clock.mono_ns(),
            last_ticks: 0,
            shown_signals: 0,
        }
    }

    pub(super) async fn show(
        &mut self,
        out: &mut dyn Write,
        server: &Server,
        clients: &[Client],
    ) -> Result<(), Failure> {
        let now = self.env.clock.mono_ns();
        let every = if self.terminal { REWRITE_EVERY_NS } else { LINE_EVERY_NS };
        let passed = now.saturating_sub(self.last_ns);
        if self.silent || passed < every {
            return Ok(());
        }
        let ticks: u64 = clients.iter().map(|c| c.status().acknowledged).sum();
        let rate = ticks.saturating_sub(self.last_ticks) as f64 * 1e9 / passed as f64;
        (self.last_ns, self.last_ticks) = (now, ticks);
        let p99 = clients.iter().map(|c| c.status().latency_us.tick_to_ack.p99).fold(0.0, f64::max);
        let connected = clients.iter().filter(|c| c.status().connected).count();
        let executed: u64 = clients.iter().map(|c| c.status().signals.executed).sum();
        let received: u64 = clients.iter().map(|c| c.status().signals.received).sum();
        let health = if server.health.snapshot().ready { "healthy" } else { "NOT HEALTHY" };
        let files = server.database.parts().into_iter().find(|p| p.name == "tick-files").map(|p| p.detail);
        let line = format!(
            "{connected}/{} terminals | {ticks} ticks durable, {rate:.0}/s, p99 {:.1} ms | {executed} of {received} signals executed | {} | {health}{}",
            clients.len(),
            p99 / 1_000.0,
            files.unwrap_or_default(),
            self.label,
        );
        self.signals(out, clients, received)?;
        if self.terminal {
            write!(out, "\r\x1b[2K{line}").and_then(|()| out.flush()).map_err(|e| closed(&e))
        } else {
            print(out, format_args!("{line}"))
        }
    }

    /// The newest signal, once.
    fn signals(&mut self, out: &mut dyn Write, clients: &[Client], received: u64) -> Result<(), Failure> {
        if received == self.shown_signals {
            return Ok(());
        }
        self.shown_signals = received;
        let start = if self.terminal { "\r\x1b[2K" } else { "" };
        for client in clients {
            if let Some(signal) = client.status().last_signals.first() {
                let why = if signal.reason.is_empty() { String::new() } else { format!(" ({})", signal.reason) };
                let id: String = signal.id.chars().take(8).collect();
                print(
                    out,
                    format_args!(
                        "{start}  {} signal {id} on {}{}: {}{why}",
                        client.name, signal.symbol, self.label, signal.state
                    ),
                )?;
            }
        }
        Ok(())
    }
}

fn closed(error: &std::io::Error) -> Failure {
    Failure::new(crate::exit::Exit::Io, format!("cannot write to the output: {error}"))
}
