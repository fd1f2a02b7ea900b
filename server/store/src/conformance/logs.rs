//! What every [`LogStore`] promises.

use super::race::{Racer, check_refused, join_all};
use crate::{
    LogBatch, LogLevel, LogLine, LogPartition, LogPlace, LogQuery, LogStore, PAGE_MAX, StoreError, StoredLogLine,
};
use aitrading_model::{TenantId, Timestamp, TraceId};
use std::sync::Arc;

type Store = Arc<dyn LogStore>;
type Checked = Result<(), StoreError>;

const ONE: TenantId = TenantId(1);
/// A day in 2023.
const DAY: i64 = 19_676;
const DAY_NS: i64 = 86_400_000_000_000;
const START: i64 = DAY * DAY_NS;

fn line(level: LogLevel, at: i64, message: &str) -> LogLine {
    LogLine {
        level,
        at: Timestamp(at),
        service: "gateway".to_owned(),
        trace: None,
        message: message.to_owned(),
        fields: String::new(),
    }
}

fn batch(tenant: u64, n: u8, lines: Vec<LogLine>) -> LogBatch {
    LogBatch { tenant: TenantId(tenant), id: [n; 16], lines }
}

fn everything(tenant: u64) -> LogQuery {
    LogQuery {
        tenant: TenantId(tenant),
        level_min: LogLevel::Debug,
        from: Timestamp(0),
        to: Timestamp(i64::MAX),
        trace: None,
        before: None,
        limit: PAGE_MAX,
    }
}

fn messages(found: &[StoredLogLine]) -> Vec<&str> {
    found.iter().map(|stored| stored.line.message.as_str()).collect()
}

async fn check_found(store: &Store, query: &LogQuery, expected: &[&str]) -> Checked {
    assert_eq!(messages(&store.query(query).await?), expected, "{query:?}");
    Ok(())
}

/// Nothing is made up.
pub async fn a_new_store_is_empty(store: Store) -> Checked {
    check_found(&store, &everything(1), &[]).await?;
    assert_eq!(store.partitions(ONE).await?, []);
    assert_eq!(store.delete(ONE, LogLevel::Debug, DAY).await?, 0);
    Ok(())
}

/// Every field of a line comes back with its place: every level, odd texts, nanoseconds.
pub async fn every_field_of_a_line_survives(store: Store) -> Checked {
    let odd = "a \"b\" ' \\ {x} %s é 🦀\r\n\t";
    let mut lines: Vec<LogLine> = (0_i64..).zip(LogLevel::ALL).map(|(n, level)| line(*level, START + n, odd)).collect();
    lines[1].trace = Some(TraceId([0xff; 16]));
    lines[2].trace = Some(TraceId([0; 16]));
    lines[3].service = "s-1._".repeat(12) + "wxyz";
    lines[3].fields = "{ \"b\": 1, \"a\": [null, \"\\u00e9\"], \"b\": 2.50 }".to_owned();
    lines[4].message = "é".repeat(LogLine::TEXT_MAX / 2);
    assert!(store.append(batch(u64::MAX, 255, lines.clone())).await?);
    let placed = |(index, line): (u32, LogLine)| {
        let place = LogPlace { at: line.at, batch: [255; 16], index };
        StoredLogLine { place, line }
    };
    let mut newest_first: Vec<_> = (0_u32..).zip(lines).map(placed).collect();
    newest_first.reverse();
    assert_eq!(store.query(&everything(u64::MAX)).await?, newest_first);
    Ok(())
}

/// A batch that is written again changes nothing, also when it is written at once by many.
pub async fn a_batch_counts_once(store: Store) -> Checked {
    let one = batch(1, 1, vec![line(LogLevel::Info, START, "one")]);
    assert!(store.append(one.clone()).await?);
    assert!(!store.append(one.clone()).await?);
    assert!(!store.append(batch(1, 1, vec![line(LogLevel::Info, START, "other")])).await?);
    assert!(store.append(LogBatch { tenant: TenantId(11), ..one }).await?, "another tenant's is another batch");
    check_found(&store, &everything(1), &["one"]).await?;
    let racers = (0..12).map(|_| {
        let store = Arc::clone(&store);
        let racer: Racer<'_, _> =
            Box::pin(async move { store.append(batch(1, 2, vec![line(LogLevel::Info, START + 1, "two")])).await });
        racer
    });
    let new = join_all(racers).await.into_iter().collect::<Result<Vec<bool>, _>>()?;
    assert_eq!(new.into_iter().filter(|new| *new).count(), 1);
    check_found(&store, &everything(1), &["two", "one"]).await?;
    for n in 3..=u8::try_from(LogBatch::REMEMBERED).unwrap_or(u8::MAX) {
        store.append(batch(1, n, vec![line(LogLevel::Info, START + i64::from(n), "more")])).await?;
    }
    assert!(!store.append(batch(1, 1, vec![line(LogLevel::Info, START, "late")])).await?, "the 100th last is known");
    Ok(())
}

/// Level, time (half open), trace and tenant choose, each alone and together.
pub async fn questions_choose(store: Store) -> Checked {
    let mut lines = vec![
        line(LogLevel::Critical, START + 10, "c"),
        line(LogLevel::Debug, START + 20, "d"),
        line(LogLevel::Error, START + 30, "e"),
        line(LogLevel::Info, START + DAY_NS, "i"),
        line(LogLevel::Warning, START + DAY_NS + 1, "w"),
    ];
    for n in [0, 1, 4] {
        lines[n].trace = Some(TraceId([7; 16]));
    }
    store.append(batch(1, 1, lines)).await?;
    store.append(batch(11, 2, vec![line(LogLevel::Critical, START + 10, "foreign")])).await?;
    let all = everything(1);
    check_found(&store, &all, &["w", "i", "e", "d", "c"]).await?;
    check_found(&store, &LogQuery { level_min: LogLevel::Warning, ..all.clone() }, &["w", "e", "c"]).await?;
    check_found(&store, &LogQuery { level_min: LogLevel::Critical, ..all.clone() }, &["c"]).await?;
    let (from, to) = (Timestamp(START + 20), Timestamp(START + DAY_NS));
    check_found(&store, &LogQuery { from, to, ..all.clone() }, &["e", "d"]).await?;
    check_found(&store, &LogQuery { from: to, to: from, ..all.clone() }, &[]).await?;
    let traced = LogQuery { trace: Some(TraceId([7; 16])), ..all.clone() };
    check_found(&store, &traced, &["w", "d", "c"]).await?;
    check_found(&store, &LogQuery { level_min: LogLevel::Info, from, ..traced }, &["w"]).await?;
    check_found(&store, &LogQuery { trace: Some(TraceId([8; 16])), ..all }, &[]).await?;
    check_found(&store, &everything(2), &[]).await
}

/// Answers come page by page without a hole or a repetition, also where many lines have one time.
pub async fn lines_are_paged(store: Store) -> Checked {
    for n in 0..4_u8 {
        let lines = (0_i64..25).map(|i| line(LogLevel::Info, START + i / 10, &format!("{n}/{i}"))).collect();
        store.append(batch(1, n, lines)).await?;
    }
    let all = store.query(&everything(1)).await?;
    assert_eq!(all.len(), 100);
    assert!(all.windows(2).all(|pair| pair[0].place > pair[1].place), "newest first, no place twice");
    for limit in [1, 7, 99] {
        let mut seen: Vec<StoredLogLine> = Vec::new();
        loop {
            let before = seen.last().map(|stored| stored.place);
            let page = store.query(&LogQuery { before, limit, ..everything(1) }).await?;
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            seen.extend(page);
        }
        assert_eq!(seen, all, "pages of {limit}");
    }
    Ok(())
}

/// A level's day is counted and deleted as a whole, and nothing beside it.
pub async fn whole_days_are_deleted(store: Store) -> Checked {
    let lines = vec![
        line(LogLevel::Info, START - 1, "day before"),
        line(LogLevel::Info, START, "first"),
        line(LogLevel::Info, START + DAY_NS - 1, "last"),
        line(LogLevel::Error, START + 5, "error"),
        line(LogLevel::Info, START + DAY_NS, "day after"),
    ];
    store.append(batch(1, 1, lines.clone())).await?;
    store.append(batch(11, 1, lines)).await?;
    let listed = |partitions: Vec<LogPartition>| -> Vec<(i64, LogLevel, u64)> {
        partitions.into_iter().map(|partition| (partition.day, partition.level, partition.lines)).collect()
    };
    let (before, after) = ((DAY - 1, LogLevel::Info, 1), (DAY + 1, LogLevel::Info, 1));
    let (info, error) = ((DAY, LogLevel::Info, 2), (DAY, LogLevel::Error, 1));
    assert_eq!(listed(store.partitions(ONE).await?), [before, info, error, after]);
    assert_eq!(store.delete(ONE, LogLevel::Info, DAY).await?, 2);
    assert_eq!(store.delete(ONE, LogLevel::Info, DAY).await?, 0);
    check_found(&store, &everything(1), &["day after", "error", "day before"]).await?;
    assert_eq!(listed(store.partitions(ONE).await?), [before, error, after]);
    assert_eq!(listed(store.partitions(TenantId(11)).await?), [before, info, error, after]);
    store.append(batch(1, 2, vec![line(LogLevel::Info, START, "late")])).await?;
    check_found(&store, &LogQuery { to: Timestamp(START + 5), ..everything(1) }, &["late", "day before"]).await
}

/// The largest batch is taken; what breaks a rule is refused, all of it.
pub async fn limits_are_kept(store: Store) -> Checked {
    let good = line(LogLevel::Info, START, "good");
    let texts = ["x".repeat(LogLine::TEXT_MAX + 1), "a\0b".to_owned()];
    let mut bad: Vec<LogLine> = texts.iter().map(|text| LogLine { message: text.clone(), ..good.clone() }).collect();
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(LogLine::TEXT_MAX));
    for fields in ["{", "[]", "1", "{\"a\":1}x", "{a:1}", "{\"a\":\"\\u0000\"}", &long] {
        bad.push(LogLine { fields: fields.to_owned(), ..good.clone() });
    }
    for service in ["", "A", "a b", &"s".repeat(LogLine::SERVICE_MAX + 1)] {
        bad.push(LogLine { service: service.to_owned(), ..good.clone() });
    }
    for bad in bad {
        check_refused(store.append(batch(1, 1, vec![good.clone(), bad])).await);
    }
    check_refused(store.append(batch(1, 1, vec![])).await);
    check_refused(store.append(batch(1, 1, vec![good.clone(); LogBatch::LINES_MAX + 1])).await);
    check_found(&store, &everything(1), &[]).await?;
    for limit in [0, PAGE_MAX + 1] {
        check_refused(store.query(&LogQuery { limit, ..everything(1) }).await);
    }
    assert!(store.append(batch(1, 1, vec![good; LogBatch::LINES_MAX])).await?, "a refused batch is not a known one");
    assert_eq!(store.delete(ONE, LogLevel::Info, DAY).await?, LogBatch::LINES_MAX as u64);
    Ok(())
}
