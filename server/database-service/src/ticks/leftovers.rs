//! What is to be thought of tick files that the catalogue does not list.
//!
//! A catalogue that lists something has left them behind in a crash. One that is empty has either lost everything, or a crash came
//! between its first files and the transaction that lists them. So before the first files are written the database says that they
//! are coming: in `PRAGMA user_version`, which is part of the file, changes with a transaction, and is nobody else's.

use super::{
    SqlTicks,
    catalogue::{self, READING, WRITING},
    shelf::Shelf,
};
use crate::sqlite::Doing;
use aitrading_env::Env;
use aitrading_store::StoreError;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};

/// Refuses the folder if tick files lie there: for a database that is new.
pub(crate) async fn refuse_lost(env: &Env, root: PathBuf) -> Result<(), StoreError> {
    let dir = root.clone();
    let lying = Arc::new(Shelf::new(env, root)).blocking(Shelf::lying).await?;
    if lying > 0 { Err(StoreError::CatalogueLost { files: lying, dir }) } else { Ok(()) }
}

impl SqlTicks {
    /// An empty catalogue over a folder with files is not theirs.
    pub(super) async fn refuse_lost(&self) -> Result<(), StoreError> {
        let mut tx = self.db.read(READING).await?;
        let known = sqlx::query_scalar::<_, i64>("SELECT EXISTS (SELECT 1 FROM sources)");
        let known = known.fetch_one(&mut *tx).await.doing(READING)?;
        let coming = sqlx::query_scalar::<_, i64>("PRAGMA user_version").fetch_one(&mut *tx).await.doing(READING)?;
        drop(tx);
        if known == 0 && coming == 0 {
            return refuse_lost(self.shelf.env(), self.shelf.root().to_owned()).await;
        }
        self.begun.store(true, Ordering::Release);
        Ok(())
    }

    /// Files are about to be written: a crash may leave them without a catalogue that knows of anything.
    pub(super) async fn begin_files(&self) -> Result<(), StoreError> {
        if self.begun.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut tx = self.db.write(WRITING).await?;
        sqlx::query("PRAGMA user_version = 1").execute(tx.conn()).await.doing(WRITING)?;
        tx.commit().await?;
        self.begun.store(true, Ordering::Release);
        Ok(())
    }

    /// Moves files that the catalogue does not list to `aside`, and says how many those were.
    pub(crate) async fn set_leftovers_aside(&self, aside: &Path) -> Result<u64, StoreError> {
        // Nothing may be written meanwhile that is listed a moment later.
        let _one = self.gate.lock().await;
        let listed = {
            let mut tx = self.db.read(READING).await?;
            catalogue::all_names(&mut tx).await?
        };
        let aside = aside.to_owned();
        self.shelf.blocking(move |shelf| shelf.set_leftovers_aside(&listed, &aside)).await
    }
}
