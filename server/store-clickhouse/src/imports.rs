//! Imports: a part is a commit of its own that leaves the journal's mark where it is, with a row that says how far its file
//! has come. That row counts when the commit does.

use crate::{
    commit,
    door::{Door, Insert},
    marks::{Visible, visible},
    query,
    rows::{ImportRow, Stamp, StoredImport},
    store::ClickHouseTicks,
};
use aitrading_model::{AccountId, Source, TenantId};
use aitrading_store::{ImportCommit, ImportKey, ImportProgress, StoreError, TickCommit};

const READING: &str = "reading how far an import has come";
const PROGRESS: &str = visible!(
    "SELECT account, symbol, parts, ticks, bars, done FROM imports
    WHERE tenant = {tenant:UInt64} AND key = {key:String} AND",
    "ORDER BY number DESC LIMIT 1"
);

pub(crate) async fn progress(
    door: &Door,
    tenant: TenantId,
    key: ImportKey,
) -> Result<Option<ImportProgress>, StoreError> {
    let visible = Visible::read(door).await?;
    if visible.is_empty() {
        return Ok(None);
    }
    let name = key.to_string();
    let rows = door.fetch::<StoredImport>(READING, |client| {
        visible.bind(client.query(PROGRESS)).param("tenant", tenant.0).param("key", &name)
    });
    let Some(row) = rows.await?.pop() else { return Ok(None) };
    let symbol = row.symbol.parse().map_err(|_| StoreError::corrupt("a symbol on the server"))?;
    let source = Source { tenant, account: AccountId(row.account), symbol };
    Ok(Some(ImportProgress { source, parts: row.parts, ticks: row.ticks, bars: row.bars, done: row.done != 0 }))
}

impl ClickHouseTicks {
    /// The source's cursor and the import's progress are read after everything earlier is settled, while the pen is held.
    pub(crate) async fn take_import(&self, door: &Door, import: ImportCommit) -> Result<(), StoreError> {
        let mut pen = self.pen.lock().await;
        pen.take_up(door, &self.env).await?;
        let (key, source) = (import.key, import.source);
        let stored = progress(door, source.tenant, key).await?;
        let cursors = query::cursors(door).await?;
        let cursor = cursors.into_iter().find(|(known, _)| *known == source).map(|(_, cursor)| cursor);
        let (part, to) = import.plan(stored, cursor.unwrap_or_default())?;
        let (leave, mark) = pen.begin_beside()?;
        let commit = TickCommit { mark, sources: vec![part] };
        commit::check(&commit)?;
        commit::store(door, &commit, leave.stamp).await?;
        let row = row(key, &to, leave.stamp);
        door.insert::<ImportRow, _>("storing an import's progress", "imports", Insert::AtOnce, std::iter::once(row))
            .await?;
        pen.finish(door, leave, mark).await?;
        self.tidy_after(door, leave).await;
        Ok(())
    }
}

pub(crate) fn row(key: ImportKey, to: &ImportProgress, stamp: Stamp) -> ImportRow {
    ImportRow {
        tenant: to.source.tenant.0,
        key: key.to_string(),
        account: to.source.account.0,
        symbol: to.source.symbol,
        parts: to.parts,
        ticks: to.ticks,
        bars: to.bars,
        done: to.done.into(),
        number: stamp.number,
        rank: stamp.rank,
    }
}
