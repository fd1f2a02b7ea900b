//! How the schema comes to be, and schemas that are not ours to change.

use super::{code, open, settings};
use crate::world::block_on;
use aitrading_database_link::{Secrets, ServerSettings};
use aitrading_database_service::{PostgresStores, SchemaState, SchemaStatus};
use aitrading_env::Env;
use aitrading_store::{StoreError, conformance::race};
use aitrading_testkit::servers::Postgres;
use std::path::Path;

async fn status(settings: &ServerSettings) -> SchemaStatus {
    PostgresStores::schema_status(&Env::real(), settings, &Secrets::default()).await.unwrap()
}

/// The steps that this release knows, by the files in the repository.
fn steps() -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres");
    Env::real().fs.list(&folder).unwrap().len()
}

#[test]
fn instances_that_start_at_once_change_the_schema_once() {
    let Some(server) = Postgres::start() else { return };
    let settings = settings(&server, server.address());
    block_on(async {
        assert_eq!(status(&settings).await.pending(), steps(), "an empty database");
        let starts = (0..4).map(|_| -> race::Racer<'_, _> { Box::pin(open(&settings)) });
        for opened in race::join_all(starts).await {
            opened.unwrap().stores().meta.put("a", b"1").await.unwrap();
        }
        let status = status(&settings).await;
        assert!(status.steps.iter().all(|step| step.state == SchemaState::Applied), "{status:?}");
        assert!(status.steps.iter().all(|step| step.applied_at.is_some_and(|at| at.0 > 0)), "{status:?}");
        assert_eq!((status.backend, status.pending(), status.steps.len()), ("postgresql", 0, steps()));
        let again = PostgresStores::migrate(&Env::real(), &settings, &Secrets::default()).await.unwrap();
        assert_eq!(again, status);
    });
    assert_eq!(server.sql("select count(*) from _sqlx_migrations").trim(), steps().to_string());
}

#[test]
fn a_newer_schema_is_refused_and_a_half_done_one_named() {
    let Some(server) = Postgres::start() else { return };
    let settings = settings(&server, server.address());
    block_on(async {
        open(&settings).await.unwrap().close().await;
        let newest = status(&settings).await.known();
        for (change, undo, told) in [
            (
                "insert into _sqlx_migrations values (999, 'later', now(), true, '', 0)",
                "delete from _sqlx_migrations where version = 999",
                "999",
            ),
            (
                "update _sqlx_migrations set success = false where version = 2",
                "update _sqlx_migrations set success = true",
                "begun and not finished",
            ),
            (
                "update _sqlx_migrations set checksum = 'x' where version = 1",
                "delete from _sqlx_migrations",
                "not the one",
            ),
        ] {
            drop(server.sql(change));
            let refused = open(&settings).await.map(drop).unwrap_err();
            assert!(refused.to_string().contains(told), "{change}: {refused}");
            let newer = matches!(refused, StoreError::SchemaNewer { found: 999, known } if known == newest);
            assert!(newer || matches!(refused, StoreError::Corrupt { .. }), "{refused:?}");
            drop(server.sql(undo));
        }
        // A history that was lost: the tables are there already, and nothing is changed half.
        assert_ne!(code(open(&settings).await), "done");
        assert_eq!(server.sql("select count(*) from _sqlx_migrations").trim(), "0");
    });
}

#[test]
fn who_runs_the_server_needs_no_right_to_change_the_schema() {
    let Some(server) = Postgres::start() else { return };
    let settings = settings(&server, server.address());
    let app = ServerSettings { user: "app".to_owned(), ..settings.clone() };
    let word = server.password();
    let role = format!("create role app login password '{word}'; revoke create on schema public from public");
    drop(server.sql(&role));
    block_on(async {
        assert_eq!(code(open(&app).await), "STORE_UNAUTHORISED", "somebody has to make the schema");
        open(&settings).await.unwrap().close().await;
        drop(server.sql("grant select, insert, update, delete on all tables in schema public to app"));
        let postgres = open(&app).await.unwrap();
        postgres.stores().meta.put("a", b"1").await.unwrap();
        drop(server.sql("revoke all on meta from app"));
        assert_eq!(code(postgres.stores().meta.get("a").await), "STORE_UNAUTHORISED");
    });
}

/// As migrations/README.md wants it: what the release before wrote is read by this one.
#[test]
fn subscriptions_of_before_are_given_places() {
    let Some(server) = Postgres::start() else { return };
    let steps = [
        include_str!("../../../migrations/postgres/0001_first.sql"),
        "INSERT INTO subscriptions VALUES (1, 7, 0, 99, TRUE, TRUE), (1, -1, 0, 99, TRUE, TRUE), (2, 7, 0, 9, TRUE, FALSE);
         INSERT INTO devices VALUES (1, 7, '\\x01', '\\x02', FALSE);",
        include_str!("../../../migrations/postgres/0006_identity.sql"),
    ];
    drop(server.sql(&steps.concat()));
    let shown = server.sql(
        "SELECT tenant, account, tier, features, region, payment, place FROM subscriptions ORDER BY tenant, place;
         SELECT tenant, feed, last FROM places ORDER BY tenant;
         SELECT revoked, certificate IS NULL FROM devices",
    );
    assert_eq!(shown.trim(), "1|-1||||0|1\n1|7||||0|2\n2|7||||0|1\n1|subscriptions|2\n2|subscriptions|1\nf|t");
}
