//! How far a long command is, on standard error: a line that is redrawn on a terminal, a plain line now and then elsewhere.

use aitrading_env::Env;
use std::io::{IsTerminal, Write};

const REDRAW_EVERY_NS: u64 = 200_000_000;
const LINE_EVERY_NS: u64 = 5_000_000_000;
/// Characters of the bar.
const WIDTH: u64 = 30;

/// Tells.
pub(crate) struct Progress {
    env: Env,
    name: String,
    total: u64,
    redraw: bool,
    drawn: bool,
    next_ns: u64,
}

impl Progress {
    /// Of something with `total` bytes.
    pub(crate) fn new(env: &Env, name: impl Into<String>, total: u64) -> Self {
        let redraw = std::io::stderr().is_terminal();
        Self {
            env: env.clone(),
            name: name.into(),
            total: total.max(1),
            redraw,
            drawn: false,
            next_ns: after(env, redraw),
        }
    }

    /// So many bytes are done.
    pub(crate) fn tell(&mut self, done: u64) {
        let now = self.env.clock.mono_ns();
        if now < self.next_ns {
            return;
        }
        self.next_ns = after(&self.env, self.redraw);
        let part = |of: u64| done.min(self.total).saturating_mul(of).checked_div(self.total).unwrap_or(0);
        let percent = part(100);
        let mut err = std::io::stderr();
        let told = if self.redraw {
            let full = part(WIDTH);
            let bar: String = (0..WIDTH).map(|place| if place < full { '#' } else { '.' }).collect();
            self.drawn = true;
            write!(err, "\r\x1b[K{} [{bar}] {percent} %", self.name).and_then(|()| err.flush())
        } else {
            writeln!(err, "{}: {percent} %", self.name)
        };
        // Who closed standard error does not want to know.
        told.unwrap_or(());
    }
}

/// Tells of work whose end is not known: what is being done, and how many records of it are.
pub(crate) struct Heartbeat {
    env: Env,
    redraw: bool,
    drawn: bool,
    next_ns: u64,
}

impl Heartbeat {
    /// Nothing is told before a while has passed.
    pub(crate) fn new(env: &Env) -> Self {
        let redraw = std::io::stderr().is_terminal();
        Self { env: env.clone(), redraw, drawn: false, next_ns: after(env, redraw) }
    }

    /// So many records of it are done.
    pub(crate) fn tell(&mut self, what: &str, records: u64) {
        if self.env.clock.mono_ns() < self.next_ns {
            return;
        }
        self.next_ns = after(&self.env, self.redraw);
        let mut err = std::io::stderr();
        let told = if self.redraw {
            self.drawn = true;
            write!(err, "\r\x1b[K{what}: {records}").and_then(|()| err.flush())
        } else {
            writeln!(err, "{what}: {records}")
        };
        told.unwrap_or(());
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        if self.drawn {
            write!(std::io::stderr(), "\r\x1b[K").unwrap_or(());
        }
    }
}

/// When something may be told again.
fn after(env: &Env, redraw: bool) -> u64 {
    env.clock.mono_ns().saturating_add(if redraw { REDRAW_EVERY_NS } else { LINE_EVERY_NS })
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn {
            write!(std::io::stderr(), "\r\x1b[K").unwrap_or(());
        }
    }
}
