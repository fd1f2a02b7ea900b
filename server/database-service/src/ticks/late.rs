//! Ticks that came late go between those that are stored: the files of their day from the first one on that has a later tick,
//! and what waits of the day, are written anew with them.

use super::{
    SqlTicks,
    catalogue::{self, Listed},
    plan::ToFiles,
    rows::Rows,
};
use aitrading_model::Source;
use aitrading_store::{LATE_EPOCH, SourceCommit, StoreError};
use sqlx::SqliteConnection;
use std::collections::BTreeMap;

/// One day of one source that gets late ticks.
#[derive(Debug)]
pub(super) struct Day {
    source: Source,
    day: i64,
    digits: u8,
    late: Rows,
    /// The day's files that come behind the first late tick, at least in part.
    files: Vec<Listed>,
    /// What waits.
    tail: Rows,
}

/// Takes the late ticks out of the parts, with what is listed of their days. A part has new ticks or late ones.
pub(super) async fn days(conn: &mut SqliteConnection, parts: &mut [SourceCommit]) -> Result<Vec<Day>, StoreError> {
    let mut days = Vec::new();
    for part in parts.iter_mut().filter(|part| !part.late.is_empty()) {
        if !part.ticks.is_empty() {
            return Err(StoreError::Invalid { what: "late ticks and new ones of a source in one commit" });
        }
        let mut by_day: BTreeMap<i64, Rows> = BTreeMap::new();
        for (seq, tick) in (part.late_seq..).zip(std::mem::take(&mut part.late)) {
            by_day.entry(tick.time.day()).or_default().push(tick, LATE_EPOCH.0, seq);
        }
        let known = catalogue::find(conn, &part.source).await?;
        for (day, late) in by_day {
            let first = late.ticks.first().map_or(i64::MAX, |tick| tick.time.0);
            let (mut files, mut tail) = (Vec::new(), Rows::default());
            if let Some(known) = known {
                files = catalogue::files_of_day(conn, known.id, day).await?;
                let before = files.iter().take_while(|listed| listed.file.max_ms <= first).count();
                files.drain(..before);
                tail = catalogue::tail(conn, known.id, day).await?;
            }
            days.push(Day { source: part.source, day, digits: part.digits, late, files, tail });
        }
    }
    Ok(days)
}

impl SqlTicks {
    /// Reads what has to be written anew, and puts the late ticks into their places.
    pub(super) async fn with_late(&self, day: Day) -> Result<ToFiles, StoreError> {
        let Day { source, day, digits, late, files, tail } = day;
        let mut rows = self.read_files(source, files.clone()).await?;
        rows.append(tail);
        rows.append(late);
        rows.sort();
        Ok(ToFiles { source, day, digits, rows, replaced: files })
    }
}
