//! When to end: a signal, the time, or the word of whoever started this process.

use crate::{AppError, Common};
use aitrading_env::Env;
use aitrading_hub::Signals;
use std::io::BufRead;
use tokio::sync::oneshot;

/// Longest line of standard input that is looked at.
const LINE_MAX: usize = 1024;

/// Why the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The operating system says so.
    Signal,
    /// `--for` is over.
    Time,
    /// Standard input ended or said so.
    Input,
}

/// Waits for the first reason to end.
pub(crate) async fn wait(env: &Env, common: &Common, signals: Signals) -> Result<Stop, AppError> {
    let time = async {
        match common.duration {
            Some(duration) => env.clock.sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    let input = async {
        if common.stdin_control {
            input_ends(env).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        signal = signals.given() => signal.map(|_| Stop::Signal).map_err(AppError::Signals),
        () = time => Ok(Stop::Time),
        () = input => Ok(Stop::Input),
    }
}

/// Reads on a thread of its own: standard input cannot be waited for in any other way everywhere. The thread ends with the process.
async fn input_ends(env: &Env) {
    let (ended, end) = oneshot::channel();
    let read = move || {
        let mut lines = std::io::stdin().lock();
        until_stop(&mut lines);
        // The program may be ending for another reason.
        ended.send(()).unwrap_or(());
    };
    if env.spawn.thread("stdin", Box::new(read)).is_ok() {
        // An error means that the reader is gone, and with it what it waited for.
        end.await.unwrap_or(());
    }
}

/// Returns when the input ends, breaks, or says `stop` on a line.
pub(crate) fn until_stop(input: &mut dyn BufRead) {
    let mut line = Vec::new();
    loop {
        line.clear();
        let limited = &mut std::io::Read::take(&mut *input, LINE_MAX as u64);
        match limited.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if line.trim_ascii() == b"stop" => return,
            Ok(_) => {}
        }
    }
}
