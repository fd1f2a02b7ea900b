//! Stored ticks of a span, a page at a time.

use crate::exit::{Exit, Failure};
use aitrading_model::{MarketTime, Source, Tick};
use aitrading_store::TickStore;
use std::{collections::VecDeque, sync::Arc};

/// Ticks that are asked for at once.
const PAGE: usize = 65_536;
/// Most of them, should so many share one millisecond.
const PAGE_MAX: usize = 1 << 24;

/// Shows ticks of a source in order. Memory is a page, however long the span.
pub(crate) struct Stored {
    store: Arc<dyn TickStore>,
    source: Source,
    next: MarketTime,
    to: MarketTime,
    over: bool,
    page: VecDeque<Tick>,
}

impl Stored {
    pub(crate) fn new(store: &Arc<dyn TickStore>, source: Source, from: MarketTime, to: MarketTime) -> Self {
        Self { store: Arc::clone(store), source, next: from, to, over: false, page: VecDeque::new() }
    }

    /// The next tick, not taken yet; `None` behind the last.
    pub(crate) async fn peek(&mut self) -> Result<Option<&Tick>, Failure> {
        while self.page.is_empty() && !self.over {
            self.turn().await?;
        }
        Ok(self.page.front())
    }

    /// Takes the next tick.
    pub(crate) async fn next(&mut self) -> Result<Option<Tick>, Failure> {
        self.peek().await?;
        Ok(self.page.pop_front())
    }

    /// A page ends between two times, so that the next one begins with a time and nothing is shown twice.
    async fn turn(&mut self) -> Result<(), Failure> {
        let mut wanted = PAGE;
        loop {
            let mut ticks = self.store.range(self.source, self.next, self.to, wanted).await?;
            if ticks.len() < wanted {
                self.over = true;
            } else if let Some(last) = ticks.last().map(|tick| tick.time) {
                let whole = ticks.partition_point(|tick| tick.time < last);
                if whole == 0 {
                    wanted = wanted.saturating_mul(4);
                    if wanted > PAGE_MAX {
                        return Err(Failure::new(
                            Exit::Io,
                            format!("more than {PAGE_MAX} ticks share the time {last}"),
                        ));
                    }
                    continue;
                }
                ticks.truncate(whole);
                self.next = last;
            }
            self.page = ticks.into();
            return Ok(());
        }
    }
}
