//! Answers the server's questions about the terminal's past, one after the other: ticks of an hour, or the sums of a day.
//!
//! Nothing is kept here. An answer that is cut off by a lost line is asked for anew; what arrived of it does no harm.

use crate::{
    line::{Lines, put},
    port::Terminal,
    status::Board,
};
use aitrading_env::Env;
use aitrading_model::{DayHours, HOURS, HistoryFault, MarketTime, Symbol, TickSum};
use aitrading_wire::{
    limits::{HISTORY_SPAN_MS_MAX, HISTORY_TICKS_MAX, TICKS_PER_BATCH_MAX},
    link::{History, Wanted, stream},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// Questions that may wait.
pub(crate) const QUESTIONS_MAX: usize = 8;
/// For an answer of the terminal to one hour: its first one may wait for a download.
const HOUR_TIMEOUT: Duration = Duration::from_secs(60);
/// No question waits longer for its answer, whatever the server says.
const EXPIRES_MAX: Duration = Duration::from_mins(10);

/// A question, and the line that it came on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    pub(crate) line: u64,
    pub(crate) id: u64,
    pub(crate) symbol: Symbol,
    pub(crate) wanted: Wanted,
    pub(crate) span: (MarketTime, MarketTime),
    pub(crate) expires_ms: u32,
}

/// Answers questions.
#[derive(Debug)]
pub(crate) struct Archive {
    pub(crate) env: Env,
    pub(crate) terminal: Arc<dyn Terminal>,
    pub(crate) board: Arc<Board>,
    pub(crate) lines: Lines,
}

impl Archive {
    /// Works until the questions' sender is gone.
    pub(crate) async fn run(mut self, mut questions: mpsc::Receiver<Question>) {
        while let Some(question) = questions.recv().await {
            let limit = Duration::from_millis(u64::from(question.expires_ms)).min(EXPIRES_MAX);
            let env = self.env.clone();
            // In time or not: nobody waits any longer.
            env.timeout(limit, self.answer(question)).await.unwrap_or(());
        }
    }

    async fn answer(&mut self, question: Question) {
        let (line, id) = (question.line, question.id);
        let answered = match question.wanted {
            Wanted::Ticks => self.ticks(question).await,
            Wanted::Sums => self.sums(question).await,
        };
        let Err(fault) = answered else { return };
        tracing::warn!(code = fault.code(), symbol = %question.symbol, from = %question.span.0, "no answer from the history");
        self.board.problem(fault.code(), &format!("{}: the terminal's history could not be read", question.symbol));
        self.say(line, &History::Failed { id, fault }).await;
    }

    async fn ticks(&mut self, question: Question) -> Result<(), HistoryFault> {
        let Question { line, id, symbol, span: (from, to), .. } = question;
        let length = to.since_ms(from);
        if !(1..=HISTORY_SPAN_MS_MAX).contains(&length) {
            return Err(HistoryFault::TooLong);
        }
        let ticks = self.terminal.history(symbol, (from, before(to)), HOUR_TIMEOUT).await?;
        if ticks.len() > HISTORY_TICKS_MAX {
            return Err(HistoryFault::TooMany);
        }
        for part in ticks.chunks(TICKS_PER_BATCH_MAX) {
            // Without the line nobody waits.
            if self.say(line, &History::Ticks { id, ticks: part.to_vec() }).await.is_none() {
                return Ok(());
            }
        }
        self.say(line, &History::End { id, total: ticks.len() as u64 }).await;
        Ok(())
    }

    async fn sums(&mut self, question: Question) -> Result<(), HistoryFault> {
        let Question { line, id, symbol, span: (start, end), .. } = question;
        let mut hours = Box::new(DayHours::default());
        let mut from = start;
        if end.since_ms(start) != HISTORY_SPAN_MS_MAX.saturating_mul(i64::try_from(HOURS).unwrap_or(i64::MAX)) {
            return Err(HistoryFault::TooLong);
        }
        for hour in hours.iter_mut() {
            let to = MarketTime(from.0.saturating_add(HISTORY_SPAN_MS_MAX));
            *hour = TickSum::of(&self.terminal.history(symbol, (from, before(to)), HOUR_TIMEOUT).await?);
            from = to;
        }
        self.say(line, &History::Sums { id, hours }).await;
        Ok(())
    }

    async fn say(&mut self, line: u64, message: &History) -> Option<u64> {
        put(&mut self.lines, line, stream::HISTORY, message.kind(), &message.encode().into()).await
    }
}

/// The terminal includes both ends of a span.
const fn before(time: MarketTime) -> MarketTime {
    MarketTime(time.0.saturating_sub(1))
}
