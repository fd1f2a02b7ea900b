//! Rows from SQLite to PostgreSQL.

use super::{code, to};
use crate::{
    identity_rows,
    platform_rows::{TENANT, fill},
    postgres::{open as open_postgres, settings},
    world::{World, block_on},
};
use aitrading_database_link::{Role, Secrets};
use aitrading_database_service::{Database, PostgresStores, Servers, Settings, take_back};
use aitrading_env::Env;
use aitrading_error::Coded;
use aitrading_model::{AccountId, DeviceId, ReportState, StrategyId, Timestamp, TraceId};
use aitrading_store::{
    DenialRow, Device, Entitlement, LoginName, PaymentState, Place, SignalChange, Subscription, SubscriptionStatus,
    SymbolScope, UserId,
    conformance::{
        accounts, devices,
        sample::{issued, mark, report, symbol},
    },
    memory,
};
use aitrading_testkit::servers::Postgres;
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{collections::BTreeSet, path::Path};

/// Tables of the file that stay where they are: the tick store's, and that of the patterns, which are another part.
const STAY: [&str; 9] =
    ["sources", "rejects", "tick_files", "tick_tails", "bars", "gaps", "day_checks", "imports", "patterns"];
const WORDS: &str = "quotes ' \" \\ \u{1F4C8} \u{7}\n and a tab\t";

fn rows_on(server: &Postgres) -> Servers {
    Servers { relational: Some(settings(server, server.address())), ..Servers::default() }
}

fn denial(at: i64) -> SignalChange {
    SignalChange::Denied(DenialRow {
        tenant: TENANT,
        account: AccountId(7),
        strategy: StrategyId(1),
        symbol: symbol("GBPJPY"),
        trace: TraceId([9; 16]),
        code: "TICK_AGE".to_owned(),
        at: Timestamp(at),
        verdict: None,
    })
}

/// At least one row in every table.
async fn fill_all(from: &Database) {
    let (stores, platform) = (from.stores(), from.platform());
    fill(&platform).await.unwrap();
    accounts::an_older_snapshot_does_not_replace_a_newer_one(stores.clone()).await.unwrap();
    accounts::specifications_are_kept_by_symbol(stores.clone()).await.unwrap();
    devices::revocation_is_final(stores.clone()).await.unwrap();
    let renewing = Device {
        noise_key: Some([1; 32]),
        certificate: Some([2; 32]),
        next_certificate: Some([3; 32]),
        enrolled_at: Some(Timestamp(4)),
        last_seen_at: Some(Timestamp(i64::MAX)),
        fingerprint: Some([5; 32]),
        user: Some(UserId([6; 16])),
        ..Device::new(TENANT, AccountId(u64::MAX), DeviceId([7; 16]), [8; 32])
    };
    stores.devices.put(renewing).await.unwrap();
    let subscription = Subscription {
        tenant: TENANT,
        // The highest numbers are stored as negative ones.
        account: AccountId(u64::MAX),
        status: SubscriptionStatus::Active,
        expires_at: Timestamp(i64::MAX),
        symbols: SymbolScope::Only(vec![symbol("GBPJPY"), symbol("a \" , b")]),
        auto_trading: true,
        entitlement: Entitlement {
            user: Some(UserId([0xff; 16])),
            tier: "gold".to_owned(),
            features: ["charts", "signals"].map(str::to_owned).into(),
            region: "eu".to_owned(),
            payment: PaymentState::Grace,
        },
    };
    stores.subscriptions.put(subscription).await.unwrap();
    let reported = SignalChange::Reported(report(1, 1, 1, ReportState::Executed, &[41, 42]));
    stores.signals.apply(mark(5), vec![issued(1, 1), reported, denial(4)]).await.unwrap();
    stores.meta.put("words", WORDS.as_bytes()).await.unwrap();
    let anna = platform.users.by_login(TENANT, &LoginName::new("anna").unwrap()).await.unwrap().unwrap();
    let mut user = anna.value;
    user.note = WORDS.to_owned();
    platform.users.put(user, anna.version).await.unwrap();
}

/// Changes what is on the server, past everything of ours.
fn changed(server: &Postgres, statements: &str) {
    drop(server.sql(statements));
}

/// The names of all tables in the file.
async fn tables(dir: &Path) -> BTreeSet<String> {
    let options = SqliteConnectOptions::new().filename(dir.join("main.db")).read_only(true);
    let mut conn = SqliteConnection::connect_with(&options).await.unwrap();
    let statement = "SELECT name FROM sqlite_master WHERE type = 'table'";
    let names: Vec<String> = sqlx::query_scalar(statement).fetch_all(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    names.into_iter().filter(|name| !name.starts_with("sqlite_") && name != "_sqlx_migrations").collect()
}

#[test]
fn every_row_of_every_table_arrives_and_the_server_goes_on_from_there() {
    let Some(server) = Postgres::start() else { return };
    let world = World::new();
    block_on(async {
        let from = world.open(Settings::default()).await.unwrap();
        fill_all(&from).await;
        let servers = rows_on(&server);
        let done = to(&from, Role::Relational, &servers).await.unwrap();
        assert!(!done.already && done.compared.iter().all(|table| table.records > 0), "{done:#?}");
        let moved: BTreeSet<String> = done.compared.iter().map(|table| table.name.clone()).collect();
        let stay = STAY.iter().map(|name| (*name).to_owned());
        let expected: BTreeSet<String> = tables(world.dir.path()).await.difference(&stay.collect()).cloned().collect();
        assert_eq!(moved, expected, "a table that no move knows would be left behind");

        let there = open_postgres(servers.relational.as_ref().unwrap()).await.unwrap();
        let (here, stores) = (from.stores(), there.stores());
        assert_eq!(stores.meta.get("words").await.unwrap().as_deref(), Some(WORDS.as_bytes()));
        assert_eq!(stores.signals.mark().await.unwrap(), mark(5));
        assert_eq!(stores.signals.latest(TENANT, 9).await.unwrap(), here.signals.latest(TENANT, 9).await.unwrap());
        assert_eq!(stores.subscriptions.all(9).await.unwrap(), here.subscriptions.all(9).await.unwrap());
        let changes = stores.subscriptions.since(TENANT, Place::START, 9).await.unwrap();
        assert_eq!(changes, here.subscriptions.since(TENANT, Place::START, 9).await.unwrap());
        // Who has asked here goes on there.
        stores.subscriptions.put(changes[0].value.clone()).await.unwrap();
        assert_eq!(stores.subscriptions.since(TENANT, changes[0].place, 9).await.unwrap().len(), 1);
        identity_rows::check_filled(&there.platform().within(memory::platform_stores(|| 0))).await.unwrap();
        assert_eq!(
            stores.devices.of_tenant(TENANT, 9).await.unwrap(),
            here.devices.of_tenant(TENANT, 9).await.unwrap()
        );
        let anna = LoginName::new("anna").unwrap();
        let user = there.platform().users.by_login(TENANT, &anna).await.unwrap().unwrap();
        assert_eq!(user.value.note, WORDS);
        assert_eq!(Some(user), from.platform().users.by_login(TENANT, &anna).await.unwrap());
        // What is numbered by the database goes on behind what came.
        let more = vec![issued(1, 2), denial(6)];
        stores.signals.apply(mark(9), more).await.unwrap();
        let denials = stores.signals.denials(TENANT, 0, 9).await.unwrap();
        assert_eq!(denials.len(), 2, "{denials:?}");

        there.close().await;
        from.close().await.unwrap();
    });
}

#[test]
fn a_second_run_writes_nothing_and_other_data_is_left_alone() {
    let Some(server) = Postgres::start() else { return };
    let world = World::new();
    block_on(async {
        let from = world.open(Settings::default()).await.unwrap();
        fill_all(&from).await;
        let servers = rows_on(&server);
        let first = to(&from, Role::Relational, &servers).await.unwrap();
        let again = to(&from, Role::Relational, &servers).await.unwrap();
        assert!(again.already);
        assert_eq!(again.compared, first.compared);
        for (change, back) in [
            ("UPDATE users SET note = note || 'x'", "UPDATE users SET note = left(note, -1)"),
            ("UPDATE deals SET price = price + 1", "UPDATE deals SET price = price - 1"),
            ("INSERT INTO meta VALUES ('k', 'v')", "DELETE FROM meta WHERE key = 'k'"),
            ("UPDATE marks SET position = position + 1", "UPDATE marks SET position = position - 1"),
            ("DELETE FROM log_costs", "SELECT 1"),
        ] {
            assert!(to(&from, Role::Relational, &servers).await.unwrap().already, "before: {change}");
            changed(&server, change);
            let refused = to(&from, Role::Relational, &servers).await.unwrap_err();
            assert_eq!(refused.dna().code, "TRANSFER_NOT_EMPTY", "{change}: {refused}");
            changed(&server, back);
        }
        assert_eq!(server.sql("SELECT count(*) FROM log_costs").trim(), "0", "what is there is not overwritten");
        from.close().await.unwrap();
    });
}

#[test]
fn a_database_with_anything_in_it_is_refused_and_nothing_is_added() {
    let Some(server) = Postgres::start() else { return };
    let world = World::new();
    block_on(async {
        let from = world.open(Settings::default()).await.unwrap();
        fill_all(&from).await;
        let servers = rows_on(&server);
        let other = open_postgres(servers.relational.as_ref().unwrap()).await.unwrap();
        other.stores().meta.put("deployment", b"another").await.unwrap();
        other.close().await;
        assert_eq!(code(to(&from, Role::Relational, &servers).await), "TRANSFER_NOT_EMPTY");
        assert_eq!(server.sql("SELECT count(*) FROM signals").trim(), "0");
        from.close().await.unwrap();
    });
}

/// A row that the server changes on its way in (here: by a trigger) is found before anything counts.
#[test]
fn what_comes_back_different_is_not_committed() {
    let Some(server) = Postgres::start() else { return };
    let world = World::new();
    block_on(async {
        let from = world.open(Settings::default()).await.unwrap();
        fill_all(&from).await;
        let servers = rows_on(&server);
        PostgresStores::migrate(&Env::real(), servers.relational.as_ref().unwrap(), &Secrets::default()).await.unwrap();
        changed(
            &server,
            "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN NEW.seq := NEW.seq + 1; RETURN NEW; END $$;
             CREATE TRIGGER spoil BEFORE INSERT ON signals FOR EACH ROW EXECUTE FUNCTION spoil();",
        );
        let refused = to(&from, Role::Relational, &servers).await.unwrap_err();
        assert_eq!(refused.dna().code, "TRANSFER_DIFFERS", "{refused}");
        assert!(refused.to_string().contains("signals"), "{refused}");
        assert_eq!(server.sql("SELECT count(*) FROM meta").trim(), "0", "all or nothing");
        // Nothing was moved, so the embedded rows go on to count.
        from.close().await.unwrap();
        world.open_all(Settings::default(), &Servers::default()).await.unwrap().close().await.unwrap();
    });
}

/// Whatever lies here is either moved or left behind on purpose, also what came before the first start of a server.
#[test]
fn a_server_without_what_is_enrolled_here_is_refused() {
    let Some(server) = Postgres::start() else { return };
    let world = World::new();
    block_on(async {
        let servers = rows_on(&server);
        // Nothing is here: the server may begin.
        world.open_all(Settings::default(), &servers).await.unwrap().close().await.unwrap();
        let from = world.open(Settings::default()).await.unwrap();
        devices::revocation_is_final(from.stores()).await.unwrap();
        assert_eq!(from.stores().meta.get("deployment").await.unwrap(), None, "no server has started yet");
        from.close().await.unwrap();

        let refused = world.open_all(Settings::default(), &servers).await.unwrap_err();
        assert_eq!(refused.dna().code, "DATABASE_NOT_MOVED", "{refused}");
        let from = world.open(Settings::default()).await.unwrap();
        to(&from, Role::Relational, &servers).await.unwrap();
        let enrolled = from.stores().devices.of_tenant(TENANT, 9).await.unwrap();
        from.close().await.unwrap();
        let there = world.open_all(Settings::default(), &servers).await.unwrap();
        assert!(!enrolled.is_empty(), "something was to be moved");
        assert_eq!(there.stores().devices.of_tenant(TENANT, 9).await.unwrap(), enrolled);
        there.close().await.unwrap();
    });
}

/// Once moved, the old rows do not come back by accident: fences and numbers would be given out twice.
#[test]
fn moved_rows_are_not_used_any_more_unless_asked_for() {
    let Some(server) = Postgres::start() else { return };
    let world = World::new();
    block_on(async {
        let from = world.open(Settings::default()).await.unwrap();
        fill_all(&from).await;
        assert_eq!(take_back(&from).await.unwrap(), [], "nothing was moved yet");
        let servers = rows_on(&server);
        to(&from, Role::Relational, &servers).await.unwrap();
        from.close().await.unwrap();

        let refused = world.open_all(Settings::default(), &Servers::default()).await.unwrap_err();
        assert_eq!(refused.dna().code, "DATABASE_MOVED", "{refused}");
        assert!(refused.to_string().contains("127.0.0.1"), "{refused}");
        let there = world.open_all(Settings::default(), &servers).await.unwrap();
        assert_eq!(there.stores().signals.mark().await.unwrap(), mark(5));
        there.close().await.unwrap();

        let from = world.open(Settings::default()).await.unwrap();
        assert_eq!(take_back(&from).await.unwrap(), [Role::Relational]);
        from.close().await.unwrap();
        world.open_all(Settings::default(), &Servers::default()).await.unwrap().close().await.unwrap();
    });
}
