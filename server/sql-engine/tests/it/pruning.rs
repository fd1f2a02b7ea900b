//! Files that cannot hold a wanted row are not opened: counted where files are opened.

use crate::{
    layout::quotes,
    world::{DAY, MONDAY, World, source},
};
use aitrading_model::{AccountId, MarketTime};

/// Two accounts, two symbols, five days: twenty files of 2,000 ticks.
fn twenty_files() -> World {
    let world = World::new();
    for account in [7, 8] {
        for symbol in ["EURUSD", "GBPJPY"] {
            for day in 0..5 {
                let ticks = quotes(MONDAY + day * DAY, 2_000, 40_000, 11 + day.cast_unsigned());
                assert!(ticks.iter().all(|tick| tick.time.day() == (MONDAY + day * DAY) / DAY));
                world.add_file(source(1, account, symbol), &ticks, 1 + day.cast_unsigned() * 2_000);
            }
        }
    }
    world
}

#[tokio::test]
async fn only_files_that_may_match_are_opened() {
    let world = twenty_files();
    let cases = [
        ("SELECT sum(bid) FROM ticks", 20),
        ("SELECT sum(bid) FROM ticks WHERE symbol = 'EURUSD'", 10),
        ("SELECT sum(bid) FROM ticks WHERE symbol LIKE 'GBP%' AND account IN (7)", 5),
        ("SELECT sum(bid) FROM ticks WHERE symbol = 'USDCHF'", 0),
        ("SELECT sum(bid) FROM ticks WHERE time >= '2024-01-03' AND time < '2024-01-04'", 4),
        ("SELECT sum(bid) FROM ticks WHERE time BETWEEN '2024-01-02T10:00:00Z' AND '2024-01-02T11:00:00Z'", 4),
        ("SELECT sum(bid) FROM ticks WHERE account = 8 AND symbol = 'EURUSD' AND time > '2024-01-05'", 1),
        ("SELECT sum(bid) FROM ticks WHERE symbol = 'EURUSD' OR time < '2024-01-02'", 12),
        ("SELECT sum(bid) FROM ticks WHERE time < '2020-01-01'", 0),
        // The list itself has the answer.
        ("SELECT count(*) FROM ticks", 0),
        ("SELECT count(*), min(time), max(time) FROM ticks WHERE symbol = 'GBPJPY'", 0),
    ];
    for (sql, files) in cases {
        world.opened();
        world.rows(sql).await;
        assert_eq!(world.opened(), files, "{sql}");
    }
}

#[tokio::test]
async fn rows_on_the_edges_of_a_range_are_neither_lost_nor_added() {
    let world = twenty_files();
    let at = "2024-01-02T12:00:00Z";
    let count = async |filter: &str| -> u64 {
        let rows = world.rows(&format!("SELECT count(bid) FROM ticks WHERE {filter}")).await;
        rows[0].parse().unwrap()
    };
    let (before, after) = (count(&format!("time < '{at}'")).await, count(&format!("time >= '{at}'")).await);
    assert_eq!(before + after, 40_000);
    assert!(before > 8_000, "the day itself is cut: {before}");
    assert_eq!(count(&format!("NOT (time < '{at}')")).await, after);
    assert_eq!(count(&format!("date_part('day', time) = 2 AND time < '{at}'")).await, before - 8_000);
}

#[tokio::test]
async fn a_limit_stops_reading() {
    let world = twenty_files();
    world.opened();
    assert_eq!(world.rows("SELECT bid FROM ticks LIMIT 10").await.len(), 10);
    assert!(world.opened() <= 2, "one file per thread is enough");
}

#[tokio::test]
async fn the_store_is_told_what_is_wanted() {
    let world = twenty_files();
    let sql = "SELECT sum(bid) FROM ticks WHERE account = 8 AND symbol = 'EURUSD'
         AND time >= '2024-01-02' AND '2024-01-03T00:00:00.5Z' > time";
    world.rows(sql).await;
    let wish = world.store.wishes.lock().unwrap().pop().unwrap();
    assert_eq!(wish.account, Some(AccountId(8)));
    assert_eq!(wish.symbol, Some("EURUSD".parse().unwrap()));
    assert_eq!(wish.from, Some(MarketTime(MONDAY + DAY)));
    assert_eq!(wish.to, Some(MarketTime(MONDAY + 2 * DAY + 500)));
}
