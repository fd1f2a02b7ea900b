//! How the schema comes to be, and schemas that are not ours to change.

use super::{code, open, settings};
use crate::world::{World, block_on};
use aitrading_database_link::{BackendHealth, LinkState, Secrets, ServerSettings};
use aitrading_database_service::{Databases, PostgresStores, SchemaState, SchemaStatus, Servers, Settings};
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
            let newer = matches!(refused, StoreError::SchemaNewer { found: 999, known, .. } if known == newest);
            assert!(newer || matches!(refused, StoreError::SchemaBroken { .. }), "{refused:?}");
            let said = refused.to_string();
            assert!(said.contains("the PostgreSQL database") && !said.contains("directory"), "{said}");
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

/// The rows as `aitrading db health` sees them.
async fn look(world: &World, settings: &ServerSettings) -> BackendHealth {
    let servers = Servers { relational: Some(settings.clone()), ..Servers::default() };
    let (env, dir) = (&world.env, world.dir.path());
    let looked = Databases::examine(env, Settings::default(), &servers, &Secrets::default(), dir).await.unwrap();
    looked.into_iter().next().unwrap()
}

async fn check_down(world: &World, settings: &ServerSettings, told: &str) {
    let found = look(world, settings).await;
    assert_eq!(found.state, LinkState::Down, "{told}: {found:?}");
    assert!(found.note.as_ref().is_some_and(|note| note.contains(told)), "{told}: {found:?}");
}

/// A server that answers and cannot be used is not called well by who asks how it is.
#[test]
fn a_look_finds_what_a_start_would_be_refused_with() {
    let Some(server) = Postgres::start() else { return };
    let settings = settings(&server, server.address());
    let app = ServerSettings { user: "app".to_owned(), ..settings.clone() };
    let word = server.password();
    let role = format!("create role app login password '{word}'; revoke create on schema public from public");
    drop(server.sql(&role));
    let world = World::new();
    block_on(async {
        assert_eq!(look(&world, &settings).await.state, LinkState::Up, "an empty one will be made ready");
        check_down(&world, &app, "db migrate").await;
        open(&settings).await.unwrap().close().await;
        check_down(&world, &app, "STORE_UNAUTHORISED").await;
        drop(server.sql("grant select, insert, update, delete on all tables in schema public to app"));
        assert_eq!(look(&world, &app).await.state, LinkState::Up);
        for (change, undo, told) in [
            ("revoke insert on orders from app", "grant insert on orders to app", "the role may not use orders"),
            (
                "alter role app set default_transaction_read_only = on",
                "alter role app reset default_transaction_read_only",
                "STORE_READ_ONLY",
            ),
            (
                "insert into _sqlx_migrations values (99, 'later', now(), true, '', 0)",
                "delete from _sqlx_migrations where version = 99",
                "STORE_SCHEMA_NEWER",
            ),
            (
                "update _sqlx_migrations set success = false where version = 2",
                "update _sqlx_migrations set success = true",
                "begun and not finished",
            ),
        ] {
            drop(server.sql(change));
            check_down(&world, &app, told).await;
            drop(server.sql(undo));
            assert_eq!(look(&world, &app).await.state, LinkState::Up, "after: {undo}");
        }
    });
}

/// What a running server tells of a database that is taken from it.
#[test]
fn a_running_server_is_not_ready_without_its_rights() {
    let Some(server) = Postgres::start() else { return };
    let settings = settings(&server, server.address());
    let app = ServerSettings { user: "app".to_owned(), ..settings.clone() };
    let word = server.password();
    block_on(async {
        open(&settings).await.unwrap().close().await;
        let role = format!("create role app login password '{word}'");
        drop(server.sql(&format!("{role}; grant all on all tables in schema public to app")));
        let postgres = open(&app).await.unwrap();
        assert_eq!(postgres.probe().await.unwrap().state, LinkState::Up);
        drop(server.sql("revoke insert on signals from app"));
        assert_eq!(code(postgres.probe().await), "STORE_UNAUTHORISED");
        drop(server.sql("grant insert on signals to app"));
        assert_eq!(postgres.probe().await.unwrap().state, LinkState::Up);
        postgres.close().await;
    });
}
