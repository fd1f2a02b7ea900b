//! How far the journal of a feed has been taken.

use super::db::{Conn, Doing};
use aitrading_store::{JournalMark, StoreError};

/// How far a feed's journal has been taken.
pub(crate) async fn mark(conn: &mut Conn, feed: &'static str) -> Result<JournalMark, StoreError> {
    let query = sqlx::query_as::<_, (i64, i64)>("SELECT segment, position FROM marks WHERE feed = $1");
    let row = query.bind(feed).fetch_optional(conn).await.doing("reading the journal's mark")?;
    let mark = |(segment, position): (i64, i64)| JournalMark {
        segment: segment.cast_unsigned(),
        offset: position.cast_unsigned(),
    };
    Ok(row.map_or(JournalMark::START, mark))
}

/// Moves a feed's mark on, or refuses if it is there already.
pub(crate) async fn advance(conn: &mut Conn, feed: &'static str, to: JournalMark) -> Result<(), StoreError> {
    let stored = mark(conn, feed).await?;
    if to <= stored {
        return Err(StoreError::AlreadyDone { stored });
    }
    let statement = "INSERT INTO marks (feed, segment, position) VALUES ($1, $2, $3)
         ON CONFLICT (feed) DO UPDATE SET segment = excluded.segment, position = excluded.position";
    let query = sqlx::query(statement).bind(feed).bind(to.segment.cast_signed()).bind(to.offset.cast_signed());
    query.execute(conn).await.doing("moving the journal's mark").map(drop)
}
