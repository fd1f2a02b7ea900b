//! A client's answer, checked as it comes and cut into pieces that can each be compared with the store alone.

use aitrading_model::{HistoryFault, MarketTime, Tick};
use aitrading_wire::limits::{HISTORY_TICKS_MAX, TICKS_PER_BATCH_MAX};
use std::collections::VecDeque;

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// The client broke the rules of answers.
    Broken(&'static str),
    /// It cannot be taken.
    Fault(HistoryFault),
}

/// Every tick that the terminal has in a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) span: (MarketTime, MarketTime),
    pub(crate) ticks: Vec<Tick>,
    /// Frames that are whole with it: acknowledged when it is durable.
    pub(crate) frames: Vec<u64>,
}

/// An answer under way.
#[derive(Debug)]
pub(crate) struct Answer {
    span: (MarketTime, MarketTime),
    waiting: Vec<Tick>,
    /// Frames with ticks in `waiting`, and how many.
    frames: VecDeque<(u64, usize)>,
    last: MarketTime,
    total: usize,
}

impl Answer {
    /// To a question for `from <= time < to`.
    pub(crate) const fn new(from: MarketTime, to: MarketTime) -> Self {
        Self { span: (from, to), waiting: Vec::new(), frames: VecDeque::new(), last: from, total: 0 }
    }

    /// Takes a frame of ticks; returns what is complete. Pieces end between two milliseconds, never within one: equal ticks
    /// of one millisecond can only be counted together.
    pub(crate) fn push(&mut self, frame: u64, ticks: Vec<Tick>) -> Result<Vec<Piece>, Wrong> {
        for tick in &ticks {
            if tick.time < self.span.0 || tick.time >= self.span.1 {
                return Err(Wrong::Broken("a tick outside the span that was asked for"));
            }
            if tick.time < self.last {
                return Err(Wrong::Broken("an answer whose ticks are not in order"));
            }
            self.last = tick.time;
        }
        self.total = self.total.saturating_add(ticks.len());
        if self.total > HISTORY_TICKS_MAX {
            return Err(Wrong::Broken("an answer with more ticks than one may hold"));
        }
        self.frames.push_back((frame, ticks.len()));
        self.waiting.extend(ticks);
        let mut pieces = Vec::new();
        while let Some(next) = self.waiting.get(TICKS_PER_BATCH_MAX) {
            let end = next.time;
            let count = self.waiting.partition_point(|tick| tick.time < end);
            if count == 0 {
                return Err(Wrong::Fault(HistoryFault::TooMany));
            }
            pieces.push(self.cut(count, end));
        }
        Ok(pieces)
    }

    /// The end, with the client's own count; the rest of the span.
    pub(crate) fn end(mut self, frame: u64, total: u64) -> Result<Piece, Wrong> {
        if u64::try_from(self.total).ok() != Some(total) {
            return Err(Wrong::Broken("an answer with another number of ticks than it says"));
        }
        let mut piece = self.cut(self.waiting.len(), self.span.1);
        piece.frames.push(frame);
        Ok(piece)
    }

    fn cut(&mut self, count: usize, end: MarketTime) -> Piece {
        let span = (self.span.0, end);
        self.span.0 = end;
        let (mut left, mut frames) = (count, Vec::new());
        while let Some((frame, ticks)) = self.frames.front_mut() {
            if *ticks > left {
                *ticks -= left;
                break;
            }
            left -= *ticks;
            frames.push(*frame);
            self.frames.pop_front();
        }
        Piece { span, ticks: self.waiting.drain(..count).collect(), frames }
    }
}
