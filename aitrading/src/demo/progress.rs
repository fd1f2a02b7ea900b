//! What is shown while the demo runs: rates, latencies, signals, store sizes, health. A screen that is redrawn on a terminal,
//! plain lines now and then elsewhere.

use super::{
    children::{Client, LastSignal, Status},
    latest::Latest,
    sizes::{self, Sizes},
    words::{grouped, micros},
};
use crate::{compose::Server, exit::Failure, layout::Layout, print};
use aitrading_env::Env;
use aitrading_metatrader_connector::latency::Percentiles;
use aitrading_model::TenantId;
use std::io::{IsTerminal, Write};

const SECOND_NS: u64 = 1_000_000_000;
/// Plain lines: the first ones come soon after the first tick, so that something is seen of a short demo.
const FIRST_LINES_NS: u64 = 2 * SECOND_NS;
/// The others, so that a long demo does not fill a log.
const LINES_EVERY_NS: u64 = 5 * SECOND_NS;
/// On a terminal the screen is redrawn this often.
const REDRAW_EVERY_NS: u64 = SECOND_NS;
/// Newest signals that are shown.
const SIGNALS: usize = 3;
/// Longest reason or health problem that is shown.
const SHORT: usize = 40;
/// Of the part that is not healthy; fits a line with the words before it.
const REASON: usize = 80;

/// What is shown, and where.
pub(super) struct Scene<'a> {
    pub(super) env: &'a Env,
    pub(super) layout: &'a Layout,
    pub(super) tenant: TenantId,
    pub(super) symbol: String,
    pub(super) synthetic: bool,
    /// Plain lines even on a terminal.
    pub(super) plain: bool,
}

/// Keeps what the next look needs of the last one.
pub(super) struct Display<'a> {
    scene: Scene<'a>,
    redraw: bool,
    started_ns: u64,
    next_ns: u64,
    /// When so many ticks were durable: rates count from there.
    counted: Option<(u64, u64)>,
    /// Lines on the screen that the next ones replace.
    drawn: usize,
    latest: Latest,
}

/// Everything that the lines are made of.
struct View<'a> {
    clients: &'a [Status],
    names: &'a [String],
    seconds: u64,
    ticks: u64,
    rate: f64,
    health: String,
    sizes: Sizes,
}

impl<'a> Display<'a> {
    pub(super) fn new(scene: Scene<'a>) -> Self {
        let redraw = !scene.plain && std::io::stdout().is_terminal();
        let now = scene.env.clock.mono_ns();
        let next_ns = now.saturating_add(if redraw { REDRAW_EVERY_NS } else { LINES_EVERY_NS });
        let latest = Latest::new(scene.env, scene.tenant);
        Self { scene, redraw, started_ns: now, next_ns, counted: None, drawn: 0, latest }
    }

    /// Shows how things stand if it is time to.
    pub(super) async fn show(
        &mut self,
        out: &mut dyn Write,
        server: &Server,
        clients: &[Client],
    ) -> Result<(), Failure> {
        let now = self.scene.env.clock.mono_ns();
        let ticks = clients.iter().map(|c| c.status().acknowledged).sum();
        if ticks > 0 && self.counted.is_none() {
            // What is durable from earlier runs is no rate.
            self.counted = Some((now, ticks));
            self.next_ns = now.saturating_add(if self.redraw { REDRAW_EVERY_NS } else { FIRST_LINES_NS });
        }
        if now < self.next_ns {
            return Ok(());
        }
        self.next_ns = now.saturating_add(if self.redraw { REDRAW_EVERY_NS } else { LINES_EVERY_NS });
        self.latest.read(&server.databases.stores()).await;
        let (statuses, names): (Vec<_>, Vec<_>) = clients.iter().map(|c| (c.status(), c.name.clone())).unzip();
        let (since, before) = self.counted.unwrap_or((now, ticks));
        let passed = now.saturating_sub(since).max(1);
        let rate = u64::saturating_sub(ticks, before) as f64 * 1e9 / passed as f64;
        self.counted = self.counted.map(|_| (now, ticks));
        let view = View {
            clients: &statuses,
            names: &names,
            seconds: now.saturating_sub(self.started_ns).checked_div(SECOND_NS).unwrap_or(0),
            ticks,
            rate,
            health: health(server),
            sizes: Sizes::of(self.scene.env.fs.as_ref(), self.scene.layout),
        };
        let lines = self.lines(&view);
        self.draw(out, &lines)
    }

    fn lines(&self, view: &View<'_>) -> Vec<String> {
        let connected = view.clients.iter().filter(|s| s.connected).count();
        let label = if self.scene.synthetic { " (synthetic)" } else { "" };
        let slowest = view.clients.iter().map(|s| s.latency_us.tick_to_ack).max_by_key(|p| p.p99).unwrap_or_default();
        let which = if view.clients.len() > 1 { " (slowest terminal)" } else { "" };
        let received: u64 = view.clients.iter().map(|s| s.signals.received).sum();
        let executed: u64 = view.clients.iter().map(|s| s.signals.executed).sum();
        let mut lines = vec![
            format!(
                "[{} s] {}{label}: {connected} of {} terminals connected, {}",
                view.seconds,
                self.scene.symbol,
                view.clients.len(),
                view.health
            ),
            format!(
                "  ticks    {} durable, {}/s, to acknowledgement {}{which}",
                grouped(view.ticks),
                grouped(view.rate as u64),
                latency(slowest.count, slowest.p50, slowest.p99)
            ),
            format!(
                "  signals  {} of {} executed, decision to OrderSend {}",
                grouped(executed),
                grouped(received),
                of(self.latest.to_order_send())
            ),
            format!("  stores   {}", sizes::line(&view.sizes)),
        ];
        let last = last(view);
        let last = if last.is_empty() { "none yet".to_owned() } else { last.join("; ") };
        lines.push(format!("  last     {last}"));
        lines
    }

    fn draw(&mut self, out: &mut dyn Write, lines: &[String]) -> Result<(), Failure> {
        if !self.redraw {
            return lines.iter().try_for_each(|line| print(out, format_args!("{line}")));
        }
        // Up to where the last ones began. A line that is too long is cut: wrapped, it would be two on the screen.
        let up = if self.drawn > 0 { format!("\x1b[{}A\r", self.drawn) } else { String::new() };
        self.drawn = lines.len();
        let text = lines.join("\n");
        writeln!(out, "{up}\x1b[J\x1b[?7l{text}\x1b[?7h").and_then(|()| out.flush()).map_err(|e| closed(&e))
    }
}

fn of(p: Percentiles) -> String {
    latency(p.count, p.p50, p.p99)
}

fn latency(count: u64, p50: u64, p99: u64) -> String {
    if count == 0 { "none yet".to_owned() } else { format!("p50 {}, p99 {}", micros(p50 as f64), micros(p99 as f64)) }
}

/// The newest signals, one of each terminal before the second one of any.
fn last(view: &View<'_>) -> Vec<String> {
    let several = view.clients.len() > 1;
    let nth = |at: usize| {
        let signals = view.clients.iter().zip(view.names);
        signals.filter_map(move |(status, name)| Some((status.last_signals.get(at)?, name)))
    };
    let newest = (0..SIGNALS).flat_map(nth).take(SIGNALS);
    newest.map(|(signal, name)| told(signal, several.then_some(name.as_str()))).collect()
}

fn told(signal: &LastSignal, terminal: Option<&str>) -> String {
    let id: String = signal.id.chars().take(8).collect();
    let at = terminal.map_or_else(String::new, |name| format!("{name} "));
    let why: String = signal.reason.chars().take(SHORT).collect();
    let why = if why.is_empty() { why } else { format!(" ({why})") };
    format!("{at}{id} {}{why}", signal.state)
}

/// `healthy`, or the first part that is not.
fn health(server: &Server) -> String {
    let snapshot = server.health.snapshot();
    if snapshot.ready {
        return "healthy".to_owned();
    }
    let parts = snapshot.components.iter().flat_map(|c| c.parts.iter().map(move |part| (c, part)));
    let down: Vec<_> = parts.filter(|(_, part)| part.status == aitrading_hub::Status::Down).collect();
    // A log or a journal that is down is a cause; trading that is down may be its consequence.
    let down = down.iter().find(|(_, part)| part.name != "trading").or(down.first());
    let why = down.map_or_else(String::new, |(c, part)| format!(": {} {} {}", c.name, part.name, part.detail));
    format!("NOT HEALTHY{}", why.chars().take(REASON).collect::<String>())
}

fn closed(error: &std::io::Error) -> Failure {
    Failure::new(crate::exit::Exit::Io, format!("cannot write to the output: {error}"))
}
