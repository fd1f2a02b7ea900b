//! Upkeep takes away what nobody needs, and nothing else.
#![cfg(unix)]

use super::tidy;
use crate::{ClickHouseSettings, ClickHouseTicks, commit};
use aitrading_database_link::{Link, Role, Secrets, ServerSettings, Transport};
use aitrading_env::Env;
use aitrading_store::{
    TickStore,
    conformance::sample::{commit as stretch, part, source, ticks},
};
use aitrading_testkit::servers::{ClickHouse, Door};
use std::time::{Duration, Instant};

async fn rows(store: &ClickHouseTicks, sql: &str) -> u64 {
    store.door.fetch::<u64>("counting", |client| client.query(sql)).await.unwrap()[0]
}

/// The server removes rows when it likes.
#[expect(clippy::disallowed_methods, reason = "a test waits for a real server")]
async fn becomes(store: &ClickHouseTicks, sql: &str, wanted: u64) {
    let begun = Instant::now();
    loop {
        let found = rows(store, sql).await;
        if found == wanted {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{sql}: {found}, not {wanted}");
    }
}

#[tokio::test]
async fn old_claims_old_cursors_and_abandoned_rows_go_and_nothing_else() {
    let Some(server) = ClickHouse::start(Door::Open) else { return };
    let env = Env::real();
    let settings = ServerSettings::new("127.0.0.1", server.port(), Transport::Plaintext);
    let link = Link::open(&env, Role::Ticks, ClickHouseTicks::BACKEND, &settings, &Secrets::default()).unwrap();
    let store = ClickHouseTicks::new(&env, link, ClickHouseSettings::default());
    let (a, b) = (source(1, "A"), source(1, "B"));
    let at = |i: i64| ticks(i * 10_000, 4);
    for (i, seq) in (1_i64..=20).zip((1..).step_by(4)) {
        let one = if i == 3 { part(b, 1, at(i)) } else { part(a, seq, at(i)) };
        store.commit(stretch(i.unsigned_abs(), one)).await.unwrap();
    }
    // An attempt that was abandoned before its claim.
    let abandoned = {
        let mut pen = store.pen.lock().await;
        let lost = stretch(21, part(a, 81, at(21)));
        let leave = pen.begin(lost.mark).unwrap();
        commit::store(&store.door, &lost, leave.stamp).await.unwrap();
        lost
    };
    let (before, cursors) = (store.counts(a.tenant).await.unwrap(), store.cursors().await.unwrap());
    assert_eq!((before.stored, rows(&store, "SELECT count() AS n FROM ticks").await), (80, 84));

    store.commit(abandoned).await.unwrap();
    becomes(&store, "SELECT count() AS n FROM ticks", 84).await;
    assert_eq!(store.counts(a.tenant).await.unwrap().stored, 84);

    tidy(&store.door).await;
    becomes(&store, "SELECT count() AS n FROM marks WHERE contested = 0", 0).await;
    becomes(&store, "SELECT count() AS n FROM cursors WHERE number < 20", 1).await;
    assert_eq!(store.counts(a.tenant).await.unwrap().stored, 84);
    let kept = store.cursors().await.unwrap();
    assert_eq!(kept.len(), cursors.len());
    assert!(kept.contains(&cursors[1]), "the quiet source's cursor");
    store.commit(stretch(22, part(a, 85, at(22)))).await.unwrap();
    assert_eq!(store.counts(a.tenant).await.unwrap().stored, 88);
}
