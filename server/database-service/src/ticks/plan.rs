//! What a commit does to the days of its sources: which ticks wait in the tail, and which become files.

use super::{
    catalogue::{self, Known, Listed},
    rows::{Rows, numbers},
};
use aitrading_model::Source;
use aitrading_store::{SourceCommit, StoreError};
use sqlx::SqliteConnection;
use std::collections::BTreeMap;

/// New ticks by source, then by day. The days of one source are in order of time.
pub(crate) type Pieces = BTreeMap<Source, Piece>;

#[derive(Debug, Default)]
pub(crate) struct Piece {
    pub(crate) digits: u8,
    pub(crate) days: BTreeMap<i64, Rows>,
}

/// One day of one source that gets files.
#[derive(Debug)]
pub(crate) struct ToFiles {
    pub(crate) source: Source,
    pub(crate) day: i64,
    pub(crate) digits: u8,
    /// What waited in the tail, then what is new.
    pub(crate) rows: Rows,
    /// Listed files of the day whose ticks are in `rows`, too.
    pub(crate) replaced: Vec<Listed>,
}

/// One day of one source whose new ticks wait.
#[derive(Debug)]
pub(crate) struct ToTail {
    pub(crate) source: Source,
    pub(crate) day: i64,
    pub(crate) rows: Rows,
}

#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) files: Vec<ToFiles>,
    pub(crate) tails: Vec<ToTail>,
}

/// Cuts the commit's ticks at midnight UTC.
pub(crate) fn pieces(parts: &mut [SourceCommit]) -> Pieces {
    let mut pieces = Pieces::new();
    for part in parts.iter_mut().filter(|part| !part.ticks.is_empty()) {
        let ticks = std::mem::take(&mut part.ticks);
        let piece = pieces.entry(part.source).or_default();
        piece.digits = part.digits;
        let mut numbers = numbers(&part.runs);
        for stretch in ticks.chunk_by(|a, b| a.time.day() == b.time.day()) {
            let Some(first) = stretch.first() else { continue };
            piece.days.entry(first.time.day()).or_default().extend(stretch, &mut numbers);
        }
    }
    pieces
}

/// A day becomes a file when enough ticks have come together, or when it is over.
pub(crate) async fn plan(conn: &mut SqliteConnection, pieces: Pieces, file_ticks: u64) -> Result<Plan, StoreError> {
    let mut plan = Plan::default();
    for (source, mut piece) in pieces {
        let known = catalogue::find(conn, &source).await?;
        let waiting = match &known {
            Some(Known { id, .. }) => catalogue::waiting(conn, *id).await?,
            None => Vec::new(),
        };
        for (day, _) in &waiting {
            piece.days.entry(*day).or_default();
        }
        let last = piece.days.keys().next_back().copied();
        for (day, new) in piece.days {
            let waits = waiting.iter().find(|(d, _)| *d == day).map_or(0, |(_, ticks)| *ticks);
            let over = Some(day) != last;
            if !over && waits.saturating_add(new.len() as u64) < file_ticks {
                if !new.is_empty() {
                    plan.tails.push(ToTail { source, day, rows: new });
                }
                continue;
            }
            let mut rows = match &known {
                Some(known) if waits > 0 => catalogue::tail(conn, known.id, day).await?,
                _ => Rows::default(),
            };
            rows.append(new);
            plan.files.push(ToFiles { source, day, digits: piece.digits, rows, replaced: Vec::new() });
        }
    }
    Ok(plan)
}
