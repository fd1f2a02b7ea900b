//! Removes rows that no question needs any more. Nothing depends on it but space and speed, so a failure is only logged.

#[cfg(test)]
mod tests;

use crate::{
    door::Door,
    marks::{Visible, visible},
    rows::Stamp,
};
use aitrading_store::StoreError;
use clickhouse::Client;

const TIDYING: &str = "removing rows that are not needed any more";
/// Commits between two rounds.
pub(crate) const EVERY: u64 = 4_096;

/// Claims of whole, uncontested commits before the newest.
const MARKS: &str = "ALTER TABLE marks DELETE WHERE contested = 0 AND number < {newest:UInt64}";
/// All but each source's newest cursor that counts.
const CURSORS: &str = visible!(
    "ALTER TABLE cursors DELETE WHERE number < {newest:UInt64} AND (tenant, account, symbol, number) NOT IN
    (SELECT tenant, account, symbol, max(number) FROM cursors WHERE",
    "GROUP BY tenant, account, symbol)"
);
const LEFT: &str = "SELECT count() AS n FROM ticks WHERE number = {number:UInt64} AND rank != {rank:UInt64}";
const DELETE_LEFT: &str = "ALTER TABLE ticks DELETE WHERE number = {number:UInt64} AND rank != {rank:UInt64}";

/// Old claims and old cursors.
pub(crate) async fn tidy(door: &Door) {
    told(tidied(door).await);
}

async fn tidied(door: &Door) -> Result<(), StoreError> {
    let visible = Visible::read(door).await?;
    door.execute(TIDYING, |client| client.query(MARKS).param("newest", visible.newest.number)).await?;
    door.execute(TIDYING, |client| visible.bind(client.query(CURSORS))).await
}

/// What abandoned attempts left under the number of a commit that counts. They stay invisible without this too.
pub(crate) async fn sweep(door: &Door, kept: Stamp) {
    told(swept(door, kept).await);
}

async fn swept(door: &Door, kept: Stamp) -> Result<(), StoreError> {
    let ask = |client: &Client, sql| client.query(sql).param("number", kept.number).param("rank", kept.rank);
    let left = door.fetch::<u64>(TIDYING, |client| ask(client, LEFT)).await?;
    if left.first().is_none_or(|left| *left == 0) {
        return Ok(());
    }
    door.execute(TIDYING, |client| ask(client, DELETE_LEFT)).await
}

fn told(outcome: Result<(), StoreError>) {
    if let Err(error) = outcome {
        tracing::warn!(error = %aitrading_error::chain(&error), "rows that are not needed any more stay for now");
    }
}
