//! The note in the embedded store that a part of it was moved, and where to.

use crate::{Database, sqlite::Doing};
use aitrading_database_link::Role;
use aitrading_store::StoreError;

const DOING: &str = "noting where a part of the store was moved";

/// Such notes are of the embedded store alone, and do not travel (`tables.rs`).
fn key(role: Role) -> String {
    format!("moved.{role}")
}

pub(super) async fn write(from: &Database, role: Role, to: &str) -> Result<(), StoreError> {
    from.stores().meta.put(&key(role), to.as_bytes()).await
}

/// Where a part was moved.
pub(super) async fn moved(from: &Database, role: Role) -> Result<Option<String>, StoreError> {
    let note = from.stores().meta.get(&key(role)).await?;
    Ok(note.map(|to| String::from_utf8_lossy(&to).into_owned()))
}

/// Was there one?
pub(super) async fn erase(from: &Database, role: Role) -> Result<bool, StoreError> {
    let mut tx = from.rows().write(DOING).await?;
    let done = sqlx::query("DELETE FROM meta WHERE key = $1").bind(key(role)).execute(tx.conn()).await.doing(DOING)?;
    tx.commit().await?;
    Ok(done.rows_affected() > 0)
}
