//! What the role that we log in as may do on the server.

use super::{conn::Conn, error::Doing};
use crate::transfer::table_names;
use aitrading_store::StoreError;

const LOOKING: &str = "looking at the rights of our role";
/// Those of the named tables that are there and cannot be read or added to. Of a schema that is closed to us none is seen.
const CLOSED: &str = "SELECT 'the schema public' WHERE NOT has_schema_privilege('public', 'USAGE')
     UNION ALL
     (SELECT name FROM unnest($1) AS name WHERE to_regclass(name) IS NOT NULL
         AND NOT (has_table_privilege(to_regclass(name), 'SELECT') AND has_table_privilege(to_regclass(name), 'INSERT'))
         ORDER BY name LIMIT 3)";
const MAY_CHANGE: &str = "SELECT has_schema_privilege('public', 'CREATE')";

/// May we read our tables and add to them? Those that are not there yet are the schema's affair.
pub(super) async fn check(conn: &mut Conn) -> Result<(), StoreError> {
    let names: Vec<&str> = table_names().collect();
    let closed: Vec<String> = sqlx::query_scalar(CLOSED).bind(names).fetch_all(conn).await.doing(LOOKING)?;
    if closed.is_empty() {
        return Ok(());
    }
    Err(StoreError::Unauthorised { doing: LOOKING, source: Refused::Tables(closed.join(", ")).into() })
}

/// May we make tables?
pub(super) async fn check_change(conn: &mut Conn) -> Result<(), StoreError> {
    if sqlx::query_scalar(MAY_CHANGE).fetch_one(conn).await.doing(LOOKING)? {
        return Ok(());
    }
    Err(StoreError::Unauthorised { doing: LOOKING, source: Refused::Schema.into() })
}

#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("the role may not use {0}; grant it the schema, and SELECT, INSERT, UPDATE and DELETE on all tables in it")]
    Tables(String),
    #[error("the schema has pending steps, and the role may not take them; run `aitrading db migrate` as one that may")]
    Schema,
}
