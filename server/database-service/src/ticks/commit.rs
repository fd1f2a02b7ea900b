//! One commit: files first, then one transaction that makes them, and everything else, count.

use super::{
    SqlTicks,
    catalogue::{self, Listed, WRITING},
    imports, late,
    plan::{Plan, ToFiles, pieces, plan},
    rows::Rows,
    shelf::{FileRow, Shelf},
};
use crate::sqlite::{self, Doing};
use aitrading_model::{GapKind, Source};
use aitrading_store::{ImportKey, ImportProgress, JournalMark, SourceCommit, StoreError, TickCommit};
use sqlx::SqliteConnection;

/// Files that were written and do not count yet.
#[derive(Debug)]
struct Written {
    source: Source,
    day: i64,
    files: Vec<FileRow>,
    /// Listed files whose ticks are in them.
    replaced: Vec<Listed>,
}

/// What else the transaction moves: it says whether the commit went through.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// The journal is taken up to here.
    Journal(JournalMark),
    /// The import is so far.
    Import(ImportKey, ImportProgress),
}

impl SqlTicks {
    /// Returns the days that got files: they may have to be merged.
    pub(super) async fn take(&self, commit: TickCommit) -> Result<Vec<(Source, i64)>, StoreError> {
        let TickCommit { mark, sources } = commit;
        sources.iter().try_for_each(SourceCommit::check)?;
        {
            let mut tx = self.db.read(WRITING).await?;
            let stored = sqlite::mark(&mut tx, super::FEED).await?;
            if mark <= stored {
                return Err(StoreError::AlreadyDone { stored });
            }
        }
        self.store_all(Step::Journal(mark), sources).await
    }

    /// Stores checked parts: files first, then the transaction.
    pub(super) async fn store_all(
        &self,
        step: Step,
        mut sources: Vec<SourceCommit>,
    ) -> Result<Vec<(Source, i64)>, StoreError> {
        let (Plan { mut files, tails }, days) = {
            let mut tx = self.db.read(WRITING).await?;
            let late = late::days(&mut tx, &mut sources).await?;
            (plan(&mut tx, pieces(&mut sources), u64::from(self.settings.file_ticks)).await?, late)
        };
        for day in days {
            files.push(self.with_late(day).await?);
        }
        if !files.is_empty() {
            self.begin_files().await?;
        }
        let most = self.settings.file_ticks_max as usize;
        let written = self.shelf.blocking(move |shelf| write_all(shelf, files, most)).await?;
        let outcome = self.record(step, &sources, &written, &tails).await;
        match outcome {
            Ok(()) => {
                self.retire(&written).await;
                Ok(written.into_iter().map(|written| (written.source, written.day)).collect())
            }
            Err(error) => {
                self.forget(written, step).await;
                Err(error)
            }
        }
    }

    async fn record(
        &self,
        step: Step,
        sources: &[SourceCommit],
        written: &[Written],
        tails: &[super::plan::ToTail],
    ) -> Result<(), StoreError> {
        let mut tx = self.db.write(WRITING).await?;
        if let Step::Journal(mark) = step {
            sqlite::advance(tx.conn(), super::FEED, mark).await?;
        }
        for part in sources {
            take_source(tx.conn(), part).await?;
        }
        if let Step::Import(key, progress) = &step {
            imports::advance(tx.conn(), *key, progress).await?;
        }
        for Written { source, day, files, replaced } in written {
            let id = id_of(tx.conn(), source).await?;
            catalogue::clear_tail(tx.conn(), id, *day).await?;
            for listed in replaced {
                catalogue::remove_file(tx.conn(), listed).await?;
            }
            // What was replaced were the day's last files: the new ones come behind the others.
            for file in files {
                catalogue::add_file(tx.conn(), id, *day, None, file).await?;
            }
        }
        for tail in tails {
            let id = id_of(tx.conn(), &tail.source).await?;
            catalogue::add_tail(tx.conn(), id, tail.day, &tail.rows).await?;
        }
        tx.commit().await
    }

    /// Removes the files that the commit replaced, as soon as nobody reads them.
    async fn retire(&self, written: &[Written]) {
        let name = |listed: &Listed| listed.file.name.clone();
        let old = written.iter().filter(|written| !written.replaced.is_empty());
        let old: Vec<(Source, Vec<String>)> =
            old.map(|written| (written.source, written.replaced.iter().map(name).collect())).collect();
        let retire = move |shelf: &Shelf| {
            old.iter().for_each(|(source, names)| shelf.retire(source, names));
            Ok(())
        };
        if let Err(error) = self.shelf.blocking(retire).await {
            tracing::warn!(%error, "replaced tick files stay until the next start sets them aside");
        }
    }

    /// Removes what a failed commit wrote, unless its transaction went through after all. What stays is set aside at start.
    async fn forget(&self, written: Vec<Written>, step: Step) {
        // What cannot be told counts as gone through: a file that is not removed does no harm.
        if self.went_through(step).await.unwrap_or(true) {
            return;
        }
        let discard = move |shelf: &Shelf| {
            for Written { source, files, .. } in written {
                let names: Vec<_> = files.into_iter().map(|file| file.name).collect();
                shelf.discard(&source, &names);
            }
            Ok(())
        };
        if let Err(error) = self.shelf.blocking(discard).await {
            tracing::warn!(%error, "tick files of a failed commit stay until the next start");
        }
    }

    async fn went_through(&self, step: Step) -> Result<bool, StoreError> {
        let mut tx = self.db.read(WRITING).await?;
        match step {
            Step::Journal(mark) => Ok(sqlite::mark(&mut tx, super::FEED).await? >= mark),
            Step::Import(key, to) => {
                let stored = imports::progress(&mut tx, to.source.tenant, key).await?;
                Ok(stored.is_some_and(|stored| stored.parts >= to.parts))
            }
        }
    }
}

/// Writes every planned file, or none.
fn write_all(shelf: &Shelf, plan: Vec<ToFiles>, most: usize) -> Result<Vec<Written>, StoreError> {
    let mut done: Vec<Written> = Vec::with_capacity(plan.len());
    for ToFiles { source, day, digits, mut rows, replaced } in plan {
        let mut files = Vec::new();
        while !rows.is_empty() {
            let rest = if rows.len() > most { rows.split_off(most) } else { Rows::default() };
            match shelf.write(&source, day, digits, &rows) {
                Ok(file) => files.push(file),
                Err(error) => {
                    done.push(Written { source, day, files, replaced });
                    for Written { source, files, .. } in &done {
                        let names: Vec<_> = files.iter().map(|file| file.name.clone()).collect();
                        shelf.discard(source, &names);
                    }
                    return Err(error);
                }
            }
            rows = rest;
        }
        done.push(Written { source, day, files, replaced });
    }
    Ok(done)
}

async fn id_of(conn: &mut SqliteConnection, source: &Source) -> Result<i64, StoreError> {
    let known = catalogue::find(conn, source).await?;
    known.map(|known| known.id).ok_or_else(|| StoreError::corrupt("a source that was just written"))
}

async fn take_source(conn: &mut SqliteConnection, part: &SourceCommit) -> Result<(), StoreError> {
    let statement =
        "INSERT INTO sources (tenant, account, symbol, digits, epoch, seq, time_ms, count_at_time, duplicates)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (tenant, account, symbol) DO UPDATE SET digits = excluded.digits, epoch = excluded.epoch,
             seq = excluded.seq, time_ms = excluded.time_ms, count_at_time = excluded.count_at_time,
             duplicates = sources.duplicates + excluded.duplicates
         RETURNING id";
    let query = sqlx::query_scalar::<_, i64>(statement)
        .bind(part.source.tenant.0.cast_signed())
        .bind(part.source.account.0.cast_signed())
        .bind(part.source.symbol.as_str())
        .bind(i64::from(part.digits))
        .bind(part.cursor.epoch.0.cast_signed())
        .bind(part.cursor.seq.cast_signed())
        .bind(part.cursor.time.0)
        .bind(i64::from(part.cursor.count_at_time))
        .bind(part.duplicates.cast_signed());
    let id = query.fetch_one(&mut *conn).await.doing(WRITING)?;
    for (code, ticks) in &part.rejected {
        let statement = "INSERT INTO rejects (source, code, ticks) VALUES (?, ?, ?)
             ON CONFLICT (source, code) DO UPDATE SET ticks = rejects.ticks + excluded.ticks";
        let query = sqlx::query(statement).bind(id).bind(*code as i64).bind(ticks.cast_signed());
        query.execute(&mut *conn).await.doing(WRITING)?;
    }
    for gap in &part.gaps {
        let statement = "INSERT INTO gaps (source, from_ms, to_ms, kind) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
        let query = sqlx::query(statement).bind(id).bind(gap.from.0).bind(gap.to.0).bind(gap_number(gap.kind));
        query.execute(&mut *conn).await.doing(WRITING)?;
    }
    for change in &part.changes {
        let statement =
            "INSERT INTO gaps (source, from_ms, to_ms, kind, state, attempts, added) VALUES (?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (source, from_ms, to_ms, kind) DO UPDATE SET state = excluded.state,
                 attempts = excluded.attempts, added = gaps.added + excluded.added";
        let (gap, (state, attempts)) = (&change.gap, change.state.numbers());
        let query = sqlx::query(statement).bind(id).bind(gap.from.0).bind(gap.to.0).bind(gap_number(gap.kind));
        let query = query.bind(i64::from(state)).bind(i64::from(attempts)).bind(change.added.cast_signed());
        query.execute(&mut *conn).await.doing(WRITING)?;
    }
    for day in &part.days {
        let statement = "INSERT OR REPLACE INTO day_checks (source, day, terminal, stored, refused, hours, at)
             VALUES (?, ?, ?, ?, ?, ?, ?)";
        let query = sqlx::query(statement).bind(id).bind(day.day).bind(day.terminal.cast_signed());
        let query = query.bind(day.stored.cast_signed()).bind(day.refused.cast_signed()).bind(i64::from(day.hours));
        query.bind(day.at.0).execute(&mut *conn).await.doing(WRITING)?;
    }
    take_bars(conn, id, part).await
}

/// The stored number of a gap's kind.
pub(super) fn gap_number(kind: GapKind) -> i64 {
    match kind {
        GapKind::Silence => 0,
        GapKind::Discontinuity => 1,
        GapKind::Difference => 2,
    }
}

async fn take_bars(conn: &mut SqliteConnection, id: i64, part: &SourceCommit) -> Result<(), StoreError> {
    for bar in &part.bars {
        let statement = "INSERT INTO bars (source, frame_ms, start_ms, open, high, low, close, ticks, spread_min)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (source, frame_ms, start_ms) DO UPDATE SET open = excluded.open, high = excluded.high,
                 low = excluded.low, close = excluded.close, ticks = excluded.ticks, spread_min = excluded.spread_min";
        let query = sqlx::query(statement)
            .bind(id)
            .bind(bar.timeframe.millis())
            .bind(bar.start.0)
            .bind(bar.open.raw())
            .bind(bar.high.raw())
            .bind(bar.low.raw())
            .bind(bar.close.raw())
            .bind(i64::from(bar.ticks))
            .bind(bar.spread_min.raw());
        query.execute(&mut *conn).await.doing(WRITING)?;
    }
    Ok(())
}
