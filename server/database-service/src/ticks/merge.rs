//! Many small files of one day become few large ones: written first, swapped in one transaction, the old ones removed after.

use super::{
    SqlTicks,
    catalogue::{self, Known, Listed, WRITING},
};
use crate::sqlite::Doing;
use aitrading_model::Source;
use aitrading_store::StoreError;

impl SqlTicks {
    /// Merges the days that are over, and running days with too many files. A failure costs space, never ticks: it is
    /// logged, shown by health, and tried again with the next file of that day or at the next flush.
    pub(super) async fn tidy(&self, days: &[(Source, i64)]) {
        let mut well = true;
        for (source, day) in days {
            if let Err(error) = self.tidy_day(source, *day).await {
                tracing::warn!(symbol = source.symbol.as_str(), day, %error, "merging tick files failed");
                well = false;
            }
        }
        self.stats.merged(well);
    }

    async fn tidy_day(&self, source: &Source, day: i64) -> Result<(), StoreError> {
        let (known, files, newest) = {
            let mut tx = self.db.read(WRITING).await?;
            let Some(known) = catalogue::find(&mut tx, source).await? else { return Ok(()) };
            let newest = "SELECT MAX(COALESCE((SELECT MAX(day) FROM tick_files WHERE source = ?1), ?2),
                 COALESCE((SELECT MAX(day) FROM tick_tails WHERE source = ?1), ?2))";
            let newest = sqlx::query_scalar::<_, i64>(newest).bind(known.id).bind(day);
            let newest = newest.fetch_one(&mut *tx).await.doing(WRITING)?;
            (known, catalogue::files_of_day(&mut tx, known.id, day).await?, newest)
        };
        let limit = if day < newest { 1 } else { self.settings.day_files_max as usize };
        if files.len() > limit { self.merge(source, known, files).await } else { Ok(()) }
    }

    /// Merges every day of every source that has more than one file. A day with a damaged one stays as it is, and no other day
    /// has to do with that.
    pub(super) async fn tidy_all(&self) -> Result<(), StoreError> {
        let rows = {
            let mut tx = self.db.read(WRITING).await?;
            let statement = "SELECT s.tenant, s.account, s.symbol, f.day FROM tick_files f
                 JOIN sources s ON s.id = f.source GROUP BY f.source, f.day HAVING COUNT(*) > 1";
            let query = sqlx::query_as::<_, (i64, i64, String, i64)>(statement);
            query.fetch_all(&mut *tx).await.doing(WRITING)?
        };
        let mut well = true;
        for (tenant, account, symbol, day) in rows {
            let source = catalogue::source((tenant, account, symbol))?;
            let (known, files) = {
                let mut tx = self.db.read(WRITING).await?;
                let Some(known) = catalogue::find(&mut tx, &source).await? else { continue };
                (known, catalogue::files_of_day(&mut tx, known.id, day).await?)
            };
            match self.merge(&source, known, files).await {
                Err(error @ StoreError::Corrupt { .. }) => {
                    tracing::warn!(symbol = source.symbol.as_str(), day, %error, "merging tick files failed");
                    well = false;
                }
                merged => merged?,
            }
        }
        self.stats.merged(well);
        Ok(())
    }

    async fn merge(&self, source: &Source, known: Known, files: Vec<Listed>) -> Result<(), StoreError> {
        for group in groups(files, u64::from(self.settings.file_ticks_max)) {
            self.merge_group(source, known, group).await?;
        }
        Ok(())
    }

    async fn merge_group(&self, source: &Source, known: Known, group: Vec<Listed>) -> Result<(), StoreError> {
        let Some((day, ordinal)) = group.first().map(|first| (first.day, first.ordinal)) else { return Ok(()) };
        let owner = *source;
        let rows = self.read_files(owner, group.clone()).await?;
        let file = self.shelf.blocking(move |shelf| shelf.write(&owner, day, known.digits, &rows)).await?;
        let mut tx = self.db.write(WRITING).await?;
        for listed in &group {
            catalogue::remove_file(tx.conn(), listed).await?;
        }
        catalogue::add_file(tx.conn(), known.id, day, Some(ordinal), &file).await?;
        tx.commit().await?;
        let names: Vec<_> = group.into_iter().map(|listed| listed.file.name).collect();
        self.shelf
            .blocking(move |shelf| {
                shelf.retire(&owner, &names);
                Ok(())
            })
            .await
    }
}

/// Neighbours that fit into one file together; files that stay alone are left out.
fn groups(files: Vec<Listed>, most: u64) -> Vec<Vec<Listed>> {
    let mut groups: Vec<Vec<Listed>> = Vec::new();
    let mut ticks: u64 = 0;
    for listed in files {
        ticks = ticks.saturating_add(listed.file.ticks);
        match groups.last_mut() {
            Some(group) if ticks <= most => group.push(listed),
            _ => {
                ticks = listed.file.ticks;
                groups.push(vec![listed]);
            }
        }
    }
    groups.retain(|group| group.len() > 1);
    groups
}
