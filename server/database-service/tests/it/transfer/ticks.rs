//! Ticks from files to ClickHouse.

use super::{code, to};
use crate::world::{World, block_on, small};
use aitrading_database_link::{Role, ServerSettings, TlsFiles, Transport};
use aitrading_database_service::{Database, Servers, Settings};
use aitrading_env::Env;
use aitrading_error::Coded;
use aitrading_model::{
    Bar, DayCheck, Gap, GapKind, GapState, HistoryFault, MarketTime, OpenBars, Source, TenantId, Tick, TickReject,
    Timeframe, Timestamp,
};
use aitrading_store::{
    GapChange, ImportCommit, ImportKey, JournalMark, TickCommit, TickStore,
    conformance::sample::{MONDAY, mark, part, source, ticks},
};
use aitrading_testkit::servers::{ClickHouse, Door, Proxy, USER};
use std::{net::SocketAddr, sync::Arc, time::Duration};

const KEY: ImportKey = ImportKey([7; 32]);
const ONE: TenantId = TenantId(1);
const DAY_MS: i64 = 86_400_000;

fn ticks_on(server: &ClickHouse, address: SocketAddr) -> Servers {
    let word = server.folder().join("client-password");
    Env::real().fs.write_atomic(&word, server.password().as_bytes()).unwrap();
    let tls = TlsFiles { ca: server.ca_file().to_owned(), client: None };
    let mut settings = ServerSettings::new("localhost", address.port(), Transport::Tls(tls));
    settings.user = USER.to_owned();
    settings.password = Some(format!("file:{}", word.display()).parse().unwrap());
    settings.limits.deadline = Duration::from_secs(60);
    Servers { ticks: Some(settings), ..Servers::default() }
}

/// Two sources and an imported one, over several days and files, with everything that a store keeps of them.
async fn fill(from: &Database) -> [Source; 3] {
    let [a, b, nobody] = [source(1, "GBPJPY"), source(2, "a \" , b"), source(1, "EURUSD.pro/x")];
    let store = from.stores().ticks;
    let all = ticks(DAY_MS - 20_000, 400);
    for (n, chunk) in all.chunks(90).enumerate() {
        let (first, mut of_a) = (n as u64 * 90 + 1, part(a, n as u64 * 90 + 1, chunk.to_vec()));
        let mut open = OpenBars::default();
        chunk.iter().for_each(|tick| open.push(tick, &mut of_a.bars));
        of_a.rejected = vec![(TickReject::TimeBackwards, 2), (TickReject::Crossed, n as u64)];
        of_a.duplicates = 3;
        let from = MarketTime(MONDAY.0 + n as i64);
        of_a.gaps = vec![Gap { source: a, from, to: MarketTime(from.0 + 90_000), kind: GapKind::Silence }];
        let hole = Gap {
            source: a,
            from: MarketTime(from.0 + 200_000),
            to: MarketTime(from.0 + 300_000),
            kind: GapKind::Difference,
        };
        of_a.changes = vec![
            GapChange { gap: of_a.gaps[0], added: 2, state: GapState::Settled },
            GapChange {
                gap: hole,
                added: 0,
                state: GapState::GivenUp { attempts: 3, fault: HistoryFault::Incomplete },
            },
        ];
        of_a.days =
            vec![DayCheck { day: 15_000 + n as i64, terminal: 9, stored: 8, refused: 1, hours: 5, at: Timestamp(7) }];
        // Of one time, in the order in which they came.
        let mut of_b = part(b, first, vec![chunk[0]; 3]);
        of_b.ticks[1].bid = of_b.ticks[0].ask;
        store.commit(TickCommit { mark: mark(first), sources: vec![of_a, of_b] }).await.unwrap();
    }
    // Ticks that came late stand among those that were there.
    let mut late = part(a, 401, vec![]);
    late.cursor.time = all[399].time;
    (late.late, late.late_seq) = (vec![all[3], all[200]], 1);
    store.commit(TickCommit { mark: mark(362), sources: vec![late] }).await.unwrap();
    let imported = ticks(0, 50);
    let whole =
        ImportCommit { key: KEY, part: 0, source: nobody, digits: 5, ticks: imported, bars: vec![], last: true };
    store.import(whole).await.unwrap();
    [a, b, nobody]
}

async fn everything(store: &Arc<dyn TickStore>, source: Source) -> Vec<Tick> {
    let mut all = Vec::new();
    store.scan(source, &mut |batch| all.extend_from_slice(batch)).await.unwrap();
    all
}

#[test]
fn every_tick_arrives_and_the_journal_goes_on_there() {
    let Some(server) = ClickHouse::start(Door::Tls) else { return };
    let world = World::new();
    block_on(async {
        let from = world.open(small()).await.unwrap();
        let sources = fill(&from).await;
        let here = from.stores().ticks;
        let servers = ticks_on(&server, server.address());
        let done = to(&from, Role::Ticks, &servers).await.unwrap();
        assert!(!done.already && done.records() > 930, "{done:#?}");
        let again = to(&from, Role::Ticks, &servers).await.unwrap();
        assert!(again.already);
        assert_eq!(again.compared, done.compared);

        let mut expected = Vec::new();
        for source in sources {
            expected.push((source, everything(&here, source).await, here.gaps(source).await.unwrap()));
        }
        let (counts, bars) = (here.counts(ONE).await.unwrap(), minutes(&here, sources[0]).await);
        assert!(counts.rejected.len() == 2 && counts.imported == 50 && !bars.is_empty(), "{counts:?} {bars:?}");
        from.close().await.unwrap();
        let refused = world.open_all(small(), &Servers::default()).await.unwrap_err();
        assert_eq!(refused.dna().code, "DATABASE_MOVED", "{refused}");

        let databases = world.open_all(small(), &servers).await.unwrap();
        let there = databases.stores().ticks;
        for (source, ticks, gaps) in &expected {
            assert_eq!(&everything(&there, *source).await, ticks);
            assert_eq!(&there.gaps(*source).await.unwrap(), gaps);
        }
        let found = there.counts(ONE).await.unwrap();
        assert_eq!(
            (found.stored, found.imported, found.duplicates),
            (counts.stored, counts.imported, counts.duplicates)
        );
        assert_eq!((found.rejected, minutes(&there, sources[0]).await), (counts.rejected, bars));
        assert!(there.imported(ONE, KEY).await.unwrap().unwrap().done);
        let before = there.mark().await.unwrap();
        assert_eq!(before, mark(362));
        let more = ticks(3 * DAY_MS, 5);
        there.commit(TickCommit { mark: mark(400), sources: vec![part(sources[0], 401, more.clone())] }).await.unwrap();
        let all = everything(&there, sources[0]).await;
        assert_eq!(all[all.len() - 5..], more);
        databases.close().await.unwrap();
    });
}

async fn minutes(store: &Arc<dyn TickStore>, source: Source) -> Vec<Bar> {
    store.bars(source, Timeframe::M1, MarketTime(i64::MIN), MarketTime(i64::MAX), 999).await.unwrap()
}

/// Whatever moment the connection ends at, nothing counts, or all of it; the next run completes it.
#[test]
fn a_move_that_breaks_off_leaves_nothing_that_counts() {
    let Some(server) = ClickHouse::start(Door::Tls) else { return };
    let proxy = Proxy::start(server.address());
    let world = World::new();
    block_on(async {
        let from = world.open(small()).await.unwrap();
        fill(&from).await;
        let mut through = ticks_on(&server, proxy.address());
        if let Some(settings) = &mut through.ticks {
            settings.limits.deadline = Duration::from_secs(5);
            settings.limits.retries = 0;
            settings.limits.breaker.failures = 1_000;
        }
        let direct = ticks_on(&server, server.address());
        let mut broken = 0;
        for requests in [12, 18, 24] {
            // From so many progress reports on, nothing goes through.
            let mut told = 0;
            let mut hear = |_: &str, _: u64| {
                told += 1;
                if told == requests / 6 {
                    proxy.cut();
                }
            };
            let secrets = aitrading_database_link::Secrets::default();
            let env = Env::real();
            let cut =
                aitrading_database_service::transfer(&env, &from, Role::Ticks, &through, &secrets, &mut hear).await;
            broken += usize::from(cut.is_err());
            proxy.restore();
            let look = World::new();
            let databases = look.open_all(Settings::default(), &direct).await.unwrap();
            let there = databases.stores().ticks;
            assert_eq!(there.cursors().await.unwrap(), [], "half a history counts");
            assert_eq!(there.mark().await.unwrap(), JournalMark::START);
            databases.close().await.unwrap();
        }
        assert_eq!(broken, 3, "no run was broken off");
        let done = to(&from, Role::Ticks, &direct).await.unwrap();
        assert!(!done.already);
        from.close().await.unwrap();
    });
}

#[test]
fn a_server_with_another_history_is_refused() {
    let Some(server) = ClickHouse::start(Door::Tls) else { return };
    let (world, other) = (World::new(), World::new());
    block_on(async {
        let servers = ticks_on(&server, server.address());
        let databases = other.open_all(small(), &servers).await.unwrap();
        let there = databases.stores().ticks;
        there
            .commit(TickCommit { mark: mark(3), sources: vec![part(source(1, "GBPJPY"), 1, ticks(0, 3))] })
            .await
            .unwrap();
        databases.close().await.unwrap();
        let from = world.open(small()).await.unwrap();
        fill(&from).await;
        assert_eq!(code(to(&from, Role::Ticks, &servers).await), "TRANSFER_NOT_EMPTY");
        from.close().await.unwrap();
        world.open_all(small(), &Servers::default()).await.unwrap().close().await.unwrap();
    });
}
