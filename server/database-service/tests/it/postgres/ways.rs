//! How the sessions are set up: what is acknowledged is on the disk, and nobody holds a turn for ever.

use super::{open, settings};
use crate::world::block_on;
use aitrading_testkit::servers::Postgres;

/// Settings as a session of ours has them while it writes, in the order of `names`.
fn seen_by_a_writer(before: &str, names: &[&str]) -> Option<Vec<String>> {
    let server = Postgres::start()?;
    let settings = settings(&server, server.address());
    drop(server.sql(before));
    block_on(async {
        let postgres = open(&settings).await.unwrap();
        let asked = names.iter().map(|name| format!("current_setting('{name}')")).collect::<Vec<_>>().join(", ");
        let trigger = format!(
            "create table seen (line text);
             create function look() returns trigger language plpgsql as
             $$ begin insert into seen values (concat_ws('|', {asked})); return new; end $$;
             create trigger look before insert on meta for each row execute function look()"
        );
        drop(server.sql(&trigger));
        postgres.stores().meta.put("a", b"1").await.unwrap();
    });
    Some(server.sql("select line from seen").trim().split('|').map(str::to_owned).collect())
}

#[test]
fn a_role_that_would_not_wait_for_the_disk_waits_all_the_same() {
    let hasty = "alter role aitrading set synchronous_commit = off";
    let Some(seen) = seen_by_a_writer(hasty, &["synchronous_commit", "transaction_isolation"]) else { return };
    assert_eq!(seen, ["on", "read committed"]);
}

#[test]
fn stronger_settings_are_left_alone_and_sessions_are_bounded() {
    let strong =
        "alter role aitrading set synchronous_commit = remote_apply; alter role aitrading set statement_timeout = 0;
         alter role aitrading set default_transaction_isolation = serializable";
    let names = [
        "synchronous_commit",
        "transaction_isolation",
        "statement_timeout",
        "idle_in_transaction_session_timeout",
        "search_path",
    ];
    let Some(seen) = seen_by_a_writer(strong, &names) else { return };
    assert_eq!(seen, ["remote_apply", "read committed", "1min", "2min", "public"]);
}
