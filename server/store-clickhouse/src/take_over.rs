//! Taking over the whole history of another store: one commit of any size, of which nothing counts before its end.

use crate::{
    commit,
    door::{Door, Insert},
    imports,
    marks::Visible,
    rows::ImportRow,
    store::ClickHouseTicks,
    writer::{Leave, Pen},
};
use aitrading_model::Source;
use aitrading_store::{ImportKey, ImportProgress, JournalMark, SourceCommit, StoreError};
use tokio::sync::MutexGuard;

const TAKING: &str = "taking over another store's ticks";

/// A history on its way in. Dropped before [`TakeOver::finish`], it leaves nothing that counts.
#[derive(Debug)]
pub struct TakeOver<'a> {
    store: &'a ClickHouseTicks,
    door: &'a Door,
    // Nothing else is written meanwhile.
    pen: MutexGuard<'a, Pen>,
    leave: Leave,
    /// The source of the last part, and the place of its next tick.
    at: Option<(Source, u32)>,
}

impl ClickHouseTicks {
    /// Begins to take over a history. The store has to be empty.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if anything is stored already; otherwise as the server says.
    pub async fn take_over(&self) -> Result<TakeOver<'_>, StoreError> {
        let door = self.door().await?;
        let mut pen = self.pen.lock().await;
        pen.take_up(door, &self.env).await?;
        if !Visible::read(door).await?.is_empty() {
            return Err(StoreError::Conflict { what: "the server's tick tables hold a history already" });
        }
        let (leave, _) = pen.begin_beside()?;
        Ok(TakeOver { store: self, door, pen, leave, at: None })
    }
}

impl TakeOver<'_> {
    /// Stores a part of a source. Sources come in their order, the parts of one in order of time; the last one's cursor
    /// stands.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a part that breaks the port's rules or goes back to an earlier source; otherwise as the
    /// server says.
    pub async fn add(&mut self, part: &SourceCommit) -> Result<(), StoreError> {
        commit::check_parts(std::slice::from_ref(part))?;
        let first = match self.at {
            Some((source, _)) if source > part.source => {
                return Err(StoreError::Invalid { what: "the sources of a history come in their order" });
            }
            Some((source, next)) if source == part.source => next,
            _ => 0,
        };
        let longest = part.ticks.len().max(part.bars.len()).max(part.gaps.len()).max(1);
        let next = u32::try_from(longest).ok().and_then(|longest| first.checked_add(longest));
        let next = next.ok_or(StoreError::Invalid { what: "a source with more than 4,294,967,295 ticks" })?;
        commit::store_from(self.door, std::slice::from_ref(part), self.leave.stamp, first, Insert::AtOnce).await?;
        self.at = Some((part.source, next));
        Ok(())
    }

    /// Stores how far an import has come.
    ///
    /// # Errors
    /// As the server says.
    pub async fn add_import(&mut self, key: ImportKey, progress: &ImportProgress) -> Result<(), StoreError> {
        let row = imports::row(key, progress, self.leave.stamp);
        self.door.insert::<ImportRow, _>(TAKING, "imports", Insert::AtOnce, std::iter::once(row)).await
    }

    /// Makes all of it count, with the journal taken up to `mark`.
    ///
    /// # Errors
    /// As the server says. If the answer is lost ([`StoreError::TooSlow`]) all of it counts or nothing.
    pub async fn finish(mut self, mark: JournalMark) -> Result<(), StoreError> {
        self.pen.finish(self.door, self.leave, mark).await?;
        self.store.tidy_after(self.door, self.leave).await;
        Ok(())
    }
}
