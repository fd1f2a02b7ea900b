//! One symbol's feed: subscribe, forward, and start again where it broke off.

use super::{Frame, Pump};
use crate::{
    ea_link::{FeedEvent, TickFrom},
    line::put,
    port::Feed,
};
use aitrading_env::RngExt;
use aitrading_model::{Cursor, MarketTime, Source, Symbol, Tick, TickBatch, TraceId};
use aitrading_wire::{
    ea::FeedMode,
    link::{Control, History, KIND_DEFAULT, encode_ticks, stream},
};
use std::time::Duration;

/// Pause before a feed that could not be had is asked for again.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Why forwarding ended.
enum Ended {
    /// Everything was sent and the server knows that nothing follows.
    Told,
    /// The feed broke off: go on behind the last tick sent.
    Broken,
    /// The line is gone.
    NoLine,
}

/// Where the terminal is to go on.
#[derive(Debug, Clone, Copy)]
struct Place(TickFrom);

impl Place {
    fn pass(&mut self, tick: &Tick) {
        if tick.time == self.0.time {
            self.0.count = self.0.count.saturating_add(1);
        } else {
            self.0 = TickFrom { time: tick.time, count: 1 };
        }
    }
}

impl Pump {
    pub(super) async fn run_feed(
        &self,
        line: u64,
        symbol: Symbol,
        cursor: Cursor,
        opening: Option<Cursor>,
        mode: FeedMode,
    ) {
        if let Some(from) = opening {
            let epoch = self.with(symbol, |track| track.epoch);
            if self.control(line, &Control::EpochStart { symbol, epoch, from }).await.is_none() {
                return;
            }
        }
        let mut place = Place(cursor.into());
        loop {
            let ended = match self.parts.terminal.subscribe(symbol, place.0, mode).await {
                Ok(mut feed) => self.forward(line, symbol, &mut place, feed.as_mut()).await,
                Err(_) => Ended::Broken,
            };
            match ended {
                Ended::Told | Ended::NoLine => return,
                Ended::Broken => self.parts.env.clock.sleep(RETRY_PAUSE).await,
            }
        }
    }

    async fn forward(&self, line: u64, symbol: Symbol, place: &mut Place, feed: &mut dyn Feed) -> Ended {
        while let Some(event) = feed.next().await {
            match event {
                FeedEvent::Ticks { ticks, stands } => {
                    if self.send(line, symbol, place, ticks, stands).await.is_none() {
                        return Ended::NoLine;
                    }
                }
                FeedEvent::End { total } => return self.tell_end(line, symbol, total).await,
                FeedEvent::Rewritten { time, found, .. } => {
                    let message =
                        format!("{symbol}: the terminal's history was rewritten at {time}; going on behind it");
                    tracing::warn!(code = "HISTORY_REWRITTEN", %symbol, "{message}");
                    self.parts.board.problem("HISTORY_REWRITTEN", &message);
                    if self.tell_rewritten(line, symbol, time).await.is_none() {
                        return Ended::NoLine;
                    }
                    place.0 = TickFrom { time, count: found };
                    return Ended::Broken;
                }
                FeedEvent::Refused { text } => {
                    tracing::warn!(code = "FEED_REFUSED", %symbol, "the terminal refused the tick feed");
                    self.parts.board.problem("FEED_REFUSED", &format!("{symbol}: {text}"));
                    return Ended::Broken;
                }
            }
        }
        Ended::Broken
    }

    /// Sends ticks in frames of the permitted size. `None`: the line is gone.
    async fn send(&self, line: u64, symbol: Symbol, place: &mut Place, ticks: Vec<Tick>, stands: bool) -> Option<()> {
        let arrived = self.parts.env.clock.mono_ns();
        if let Some(last) = ticks.iter().rev().find(|tick| !tick.is_no_quote()) {
            self.parts.quotes.set(symbol, last.bid, last.ask);
        }
        if ticks.len() <= self.parts.batch {
            return self.send_frame(line, symbol, place, ticks, (arrived, stands)).await;
        }
        let frames = ticks.len().div_ceil(self.parts.batch);
        for (index, part) in ticks.chunks(self.parts.batch).enumerate() {
            let stands = stands && index.saturating_add(1) == frames;
            self.send_frame(line, symbol, place, part.to_vec(), (arrived, stands)).await?;
        }
        Some(())
    }

    async fn send_frame(
        &self,
        line: u64,
        symbol: Symbol,
        place: &mut Place,
        ticks: Vec<Tick>,
        (arrived, stands): (u64, bool),
    ) -> Option<()> {
        let count = ticks.len() as u64;
        let (epoch, first_seq) = self.with(symbol, |track| (track.epoch, track.next_seq()));
        let last_seq = first_seq.saturating_add(count).saturating_sub(1);
        if stands {
            self.with(symbol, |track| track.standing(last_seq));
        }
        let source = Source { tenant: self.parts.owner.tenant, account: self.parts.owner.account, symbol };
        let trace = TraceId(self.parts.env.rng.bytes());
        let batch = TickBatch { trace, source, epoch, first_seq, ticks };
        let mut lines = self.parts.lines.clone();
        let body = encode_ticks(&batch).into();
        let number = put(&mut lines, line, stream::TICKS, KIND_DEFAULT, &body).await?;
        // Sent before acknowledged, also where the acknowledgement was faster than this line.
        self.with(symbol, |track| track.sent(last_seq));
        batch.ticks.iter().for_each(|tick| place.pass(tick));
        let frame = Frame { symbol, epoch, last_seq, ticks: count, arrived };
        if let Some(frame) = self.flight.sent(line, number, frame) {
            self.frame_acked(frame, self.parts.env.clock.mono_ns());
        }
        Some(())
    }

    /// The server asks for what it may miss of the time before.
    async fn tell_rewritten(&self, line: u64, symbol: Symbol, time: MarketTime) -> Option<u64> {
        let message = History::Rewritten { symbol, time };
        let mut lines = self.parts.lines.clone();
        put(&mut lines, line, stream::HISTORY, message.kind(), &message.encode().into()).await
    }

    /// The end is told when everything before it is durable at the server.
    async fn tell_end(&self, line: u64, symbol: Symbol, total: u64) -> Ended {
        let news = self.with(symbol, |track| track.end(total).then(|| track.record()));
        if let Some(record) = news {
            self.progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner).set(symbol, record);
            if let Err(error) = self.save_progress().await {
                // Only the count of a later run suffers, and the next end corrects it.
                self.parts.board.error(&error);
            }
        }
        let mut acked = self.acked.subscribe();
        while !self.with(symbol, |track| track.is_acked()) {
            if acked.changed().await.is_err() {
                return Ended::NoLine;
            }
        }
        if self.control(line, &Control::FeedEnd { symbol, total }).await.is_none() {
            return Ended::NoLine;
        }
        self.with(symbol, super::Track::told_end);
        Ended::Told
    }
}
