//! What is answered from this process's memory is there after every start: patterns from rows of their own, the graph from chains.

use crate::{
    servers::nobody,
    world::{World, block_on},
};
use aitrading_database_service::{Database, Servers, Settings};
use aitrading_error::Coded;
use aitrading_model::{TenantId, Timestamp};
use aitrading_store::{
    ChainDefinition, ChainEdge, ChainId, ChainNode, ChainStatus, Direction, GraphEdge, GraphName, Match, Near, Pattern,
    PatternKind, PlatformStores, StoreError, Version,
};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::pin::pin;

const ONE: TenantId = TenantId(1);
const DIMENSIONS: u16 = 5;

/// Never twice the same direction; the last tenant's number has its highest bit set.
fn pattern(tenant: TenantId, n: u16) -> Pattern {
    let mut id = [7; 16];
    id[..2].copy_from_slice(&n.to_be_bytes());
    let number = |d| f32::from(n + 1).mul_add(0.37, f32::from(d) * 1.9).sin();
    Pattern {
        tenant,
        id,
        kind: if n.is_multiple_of(3) { PatternKind::Threat } else { PatternKind::Error },
        vector: (0..DIMENSIONS).map(number).collect(),
        text: format!("pattern {n}\0\u{1F4C8}"),
        at: Timestamp(i64::from(n) - 300),
    }
}

fn all_of(tenant: TenantId) -> Near {
    let vector = (0..DIMENSIONS).map(|d| f32::from(d) - 1.5).collect();
    Near { tenant, kind: None, vector, since: None, distance_max: 2.0, limit: 1_000 }
}

const TENANTS: [TenantId; 3] = [ONE, TenantId(2), TenantId(u64::MAX)];

/// More than are read at once; some replaced, some removed, some of other dimensions.
async fn remember(stores: &PlatformStores) -> Result<(), StoreError> {
    for tenant in TENANTS {
        stores.patterns.put((0..300).map(|n| pattern(tenant, n)).collect()).await?;
        let again = Pattern { text: "again".to_owned(), ..pattern(tenant, 9) };
        let other = Pattern { vector: vec![1.0, -2.0], ..pattern(tenant, 10) };
        stores.patterns.put(vec![pattern(tenant, 9), other, again]).await?;
        assert!(stores.patterns.remove(tenant, pattern(tenant, 11).id).await?);
        assert!(!stores.patterns.remove(tenant, pattern(tenant, 11).id).await?);
    }
    Ok(())
}

/// Everything that is near to anything, with its distance to the last bit.
async fn answers(stores: &PlatformStores) -> Result<Vec<(Vec<Match>, u64)>, StoreError> {
    let mut found = Vec::new();
    for tenant in TENANTS {
        let two = Near { vector: vec![1.0, 1.0], ..all_of(tenant) };
        let near = [stores.patterns.near(&all_of(tenant)).await?, stores.patterns.near(&two).await?].concat();
        found.push((near, stores.patterns.count(tenant).await?));
    }
    Ok(found)
}

/// A directory as a kill leaves it: what the system has of the files while the database is open.
fn killed(world: &World) -> World {
    let left = World::new();
    for name in ["main.db", "main.db-wal"] {
        let bytes = world.env.fs.read(&world.dir.path().join(name), 1 << 30).unwrap();
        left.env.fs.write_atomic(&left.dir.path().join(name), &bytes).unwrap();
    }
    left
}

async fn open(world: &World) -> Database {
    world.open(Settings::default()).await.unwrap()
}

#[test]
fn patterns_that_were_taken_are_near_after_every_start() {
    let world = World::new();
    block_on(async {
        let database = open(&world).await;
        remember(&database.platform()).await.unwrap();
        let expected = answers(&database.platform()).await.unwrap();
        for (near, count) in &expected {
            assert_eq!((near.len(), *count), (299, 299));
            assert!(near.iter().any(|one| one.pattern.text == "again"));
        }
        let left = killed(&world);
        database.close().await.unwrap();
        for world in [left, world] {
            for start in 0..2 {
                let database = open(&world).await;
                assert_eq!(answers(&database.platform()).await.unwrap(), expected, "start {start}");
                database.close().await.unwrap();
            }
        }
    });
}

#[test]
fn patterns_that_cannot_be_written_are_not_answered_either() {
    let world = World::new();
    block_on(async {
        let database = open(&world).await;
        let patterns = database.platform().patterns;
        patterns.put(vec![pattern(ONE, 1)]).await.unwrap();
        let options = SqliteConnectOptions::new().filename(world.dir.path().join("main.db"));
        let mut other = SqliteConnection::connect_with(&options).await.unwrap();
        let full =
            "CREATE TRIGGER full BEFORE INSERT ON patterns WHEN NEW.text <> 'good' BEGIN SELECT RAISE(ABORT, 'x'); END";
        sqlx::query(full).execute(&mut other).await.unwrap();
        let good = Pattern { text: "good".to_owned(), ..pattern(ONE, 2) };
        let replaced = Pattern { at: Timestamp(5), ..pattern(ONE, 1) };
        patterns.put(vec![good.clone(), pattern(ONE, 3)]).await.unwrap_err();
        patterns.put(vec![replaced]).await.unwrap_err();
        let near = patterns.near(&all_of(ONE)).await.unwrap();
        assert_eq!(near.into_iter().map(|one| one.pattern).collect::<Vec<_>>(), [pattern(ONE, 1)]);
        patterns.put(vec![good]).await.unwrap();
        assert_eq!(patterns.count(ONE).await.unwrap(), 2);
        let crooked = Pattern { vector: vec![f32::NAN], ..pattern(ONE, 4) };
        assert_eq!(patterns.put(vec![crooked]).await.unwrap_err().dna().code, "STORE_INVALID");
        other.close().await.unwrap();
    });
}

/// On one thread tasks begin in the order in which they were spawned.
#[test]
fn a_put_whose_caller_is_gone_is_in_the_rows_and_in_the_answers() {
    let world = World::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let database = open(&world).await;
        let patterns = database.platform().patterns;
        {
            let mut put = pin!(patterns.put(vec![pattern(ONE, 1)]));
            assert!(futures_util::poll!(put.as_mut()).is_pending());
        }
        patterns.put(vec![pattern(ONE, 2)]).await.unwrap();
        assert_eq!(patterns.count(ONE).await.unwrap(), 2);
        database.close().await.unwrap();
        assert_eq!(open(&world).await.platform().patterns.count(ONE).await.unwrap(), 2);
    });
}

#[test]
fn a_damaged_pattern_is_named_at_the_start() {
    for damage in [
        "UPDATE patterns SET vector = x'000000'",
        "UPDATE patterns SET vector = x'0000c07f'",
        "UPDATE patterns SET kind = 7",
        "UPDATE patterns SET id = x'00'",
    ] {
        let world = World::new();
        block_on(async {
            let database = open(&world).await;
            database.platform().patterns.put(vec![pattern(ONE, 1)]).await.unwrap();
            database.close().await.unwrap();
            let options = SqliteConnectOptions::new().filename(world.dir.path().join("main.db"));
            let mut conn = SqliteConnection::connect_with(&options).await.unwrap();
            sqlx::query(damage).execute(&mut conn).await.unwrap();
            conn.close().await.unwrap();
            let refused = world.open(Settings::default()).await.unwrap_err();
            assert_eq!(refused.dna().code, "STORE_CORRUPT", "{damage}: {refused:?}");
            assert!(refused.to_string().contains("a pattern"), "{refused}");
        });
    }
}

#[test]
fn patterns_stay_here_while_a_server_for_them_is_named() {
    let world = World::new();
    block_on(async {
        let database = open(&world).await;
        database.platform().patterns.put(vec![pattern(ONE, 1)]).await.unwrap();
        database.close().await.unwrap();
        let servers = Servers { patterns: Some(nobody()), ..Servers::default() };
        let elsewhere = world.open_all(Settings::default(), &servers).await.unwrap();
        let refused = elsewhere.platform().patterns.count(ONE).await.unwrap_err();
        assert_eq!(refused.dna().code, "STORE_UNAVAILABLE", "{refused:?}");
        elsewhere.close().await.unwrap();
        let again = world.open_all(Settings::default(), &Servers::default()).await.unwrap();
        assert_eq!(again.platform().patterns.count(ONE).await.unwrap(), 1);
        again.close().await.unwrap();
    });
}

fn name(text: &str) -> GraphName {
    GraphName::new(text).unwrap()
}

/// A line of three stations; chains of consecutive numbers share one.
fn chain(tenant: TenantId, n: u16) -> ChainDefinition {
    let stations = [n, n + 1, n + 1_000].map(|station| name(&format!("s{station}")));
    let step = |pair: &[GraphName]| ChainEdge {
        edge: GraphEdge { source: pair[0].clone(), target: pair[1].clone(), kind: name("call") },
        condition: None,
        latency_sla_ms: None,
        retry_policy: None,
    };
    let chain = ChainDefinition {
        tenant,
        id: ChainId::new(format!("A{n}")).unwrap(),
        name: String::new(),
        category: String::new(),
        description: String::new(),
        status: ChainStatus::Unknown,
        metadata: "{}".to_owned(),
        nodes: stations.iter().map(|name| ChainNode { name: name.clone(), kind: name.clone() }).collect(),
        edges: stations.windows(2).map(step).collect(),
        dependencies: Vec::new(),
        created_by: String::new(),
        created_at: Timestamp(1),
        changed_at: Timestamp(1),
    };
    chain.in_order()
}

/// More chains than are read at once, of tenants whose numbers meet in the middle of what is read.
pub(crate) async fn declare(stores: &PlatformStores) -> Result<(), StoreError> {
    for tenant in TENANTS {
        for n in 0..25 {
            stores.chains.put(chain(tenant, n), Version::NONE).await?;
        }
        stores.chains.remove(tenant, &chain(tenant, 3).id, Version(1)).await?;
    }
    Ok(())
}

pub(crate) async fn check_graph(stores: &PlatformStores) -> Result<(), StoreError> {
    for tenant in TENANTS {
        for n in 0..25 {
            let expected = (n != 3).then(|| chain(tenant, n).shape());
            assert_eq!(stores.graph.shape(tenant, chain(tenant, n).id.name()).await?, expected, "{tenant} {n}");
        }
        assert_eq!(stores.graph.chains_through(tenant, &name("s5")).await?, [name("A4"), name("A5")]);
        let reached = stores.graph.reach(tenant, &name("s23"), Direction::Downstream, 1).await?;
        let reached: Vec<_> = reached.into_iter().map(|one| (one.depth, one.node)).collect();
        assert_eq!(reached, [(1, name("s1022")), (1, name("s24"))]);
    }
    Ok(())
}

#[test]
fn the_graph_knows_the_chains_after_every_start() {
    let world = World::new();
    block_on(async {
        let database = open(&world).await;
        declare(&database.platform()).await.unwrap();
        let left = killed(&world);
        database.close().await.unwrap();
        for world in [left, world] {
            let databases = world.open_all(Settings::default(), &Servers::default()).await.unwrap();
            check_graph(&databases.platform()).await.unwrap();
            databases.close().await.unwrap();
            check_graph(&open(&world).await.platform()).await.unwrap();
        }
    });
}
