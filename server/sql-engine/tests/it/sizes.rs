//! Short statements that become large plans are refused before they cost; what people ask is not.

use crate::{
    layout::quotes,
    world::{MONDAY, World, source},
};
use aitrading_env::{Env, OpenMode};
use aitrading_error::Coded;
use aitrading_sql_engine::{Format, SqlLimits};
use std::{path::Path, time::Duration};

/// Without optimisation and beside other tests; without the bound, each takes minutes or all memory.
const SOON_NS: u64 = 20_000_000_000;
/// What the process may have used in the end, the engine itself included.
const PEAK_MIB: u64 = 300;

/// A statement that does `step` to itself so many times.
fn doubled(first: &str, step: &str, times: usize, last: &str) -> String {
    let at = |n: usize| format!("t{n}");
    let steps = (1..=times).map(|n| format!(", {} AS ({})", at(n), step.replace("{t}", &at(n - 1))));
    format!("WITH t0 AS ({first}){} {}", steps.collect::<String>(), last.replace("{t}", &at(times)))
}

fn many(times: usize, between: &str, of: impl Fn(usize) -> String) -> String {
    (0..times).map(of).collect::<Vec<_>>().join(between)
}

/// The most memory that this process ever had.
fn peak_mib() -> u64 {
    // Its length is told as zero, so it is read like a stream.
    let status = Env::real().fs.open(Path::new("/proc/self/status"), OpenMode::Read).unwrap();
    let mut bytes = vec![0; 64 << 10];
    let length = status.read_at(&mut bytes, 0).unwrap();
    let status = String::from_utf8_lossy(bytes.get(..length).unwrap());
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() >> 10
}

fn too_large() -> Vec<(&'static str, String)> {
    let (bids, seqs) = ("SELECT bid FROM ticks", "SELECT seq AS a FROM ticks");
    let union = "SELECT * FROM {t} UNION ALL SELECT * FROM {t}";
    let join = "SELECT a.seq FROM {t} a JOIN {t} b ON a.seq = b.seq";
    let case = "SELECT CASE WHEN a > 1 THEN a ELSE a END AS a FROM {t}";
    let (count, heavy) = ("SELECT count(*) FROM {t}", "SELECT * FROM {t} WHERE a > 1");
    let unions = doubled(bids, union, 25, count);
    vec![
        ("a doubling union explained", format!("EXPLAIN {unions}")),
        ("a doubling union", unions),
        ("a doubling union, just too large", doubled(bids, union, 7, count)),
        ("a doubling union below another name", doubled(bids, union, 25, "SELECT * FROM (SELECT * FROM {t} x) y")),
        ("a doubling join", doubled("SELECT seq FROM ticks", join, 22, count)),
        ("a doubling cross join", doubled(bids, "SELECT a.bid FROM {t} a, {t} b", 22, count)),
        ("doubling columns", doubled("SELECT * FROM ticks", "SELECT a.*, b.* FROM {t} a, {t} b", 22, count)),
        ("a doubling subquery", doubled(bids, "SELECT bid FROM {t} WHERE bid > (SELECT max(bid) FROM {t})", 22, count)),
        ("a doubling IN", doubled(bids, "SELECT bid FROM {t} WHERE bid IN (SELECT bid FROM {t})", 22, count)),
        ("a doubling CASE", doubled(seqs, case, 22, heavy)),
        ("a doubling sum", doubled(seqs, "SELECT a + a AS a FROM {t}", 30, heavy)),
        ("a doubling sum by its own name", doubled(seqs, "SELECT a + a FROM {t} AS x(a)", 30, "SELECT * FROM {t}")),
        ("an alias in between", doubled(seqs, "SELECT b + b AS a FROM (SELECT a AS b FROM {t}) x", 20, heavy)),
        ("renamed columns", doubled(seqs, "SELECT c + c FROM {t} AS x(c)", 20, "SELECT * FROM {t}")),
        ("a doubling BETWEEN", doubled(seqs, "SELECT CASE WHEN a BETWEEN a AND a THEN a END AS a FROM {t}", 20, heavy)),
        ("a doubling IN list", doubled(seqs, "SELECT CASE WHEN a IN (a, a) THEN a END AS a FROM {t}", 20, heavy)),
        (
            "a quoted name with a point",
            "WITH \"public.t\" AS (SELECT 1 AS a UNION ALL SELECT 2) SELECT * FROM ".to_owned()
                + &many(40, ", ", |n| format!("public.t x{n}")),
        ),
        ("a cube", format!("SELECT count(*) FROM ticks GROUP BY CUBE({})", many(30, ",", |n| format!("seq+{n}")))),
        (
            "cubes that multiply",
            "SELECT count(*) FROM ticks GROUP BY CUBE(seq, bid, ask), CUBE(time, flags), ROLLUP(epoch, spread)"
                .to_owned(),
        ),
        (
            "a filter below each part of a union",
            format!(
                "SELECT * FROM ({}) x WHERE {}",
                many(45, " UNION ALL ", |_| "SELECT * FROM ticks".to_owned()),
                many(70, " OR ", |n| format!("seq = {n} AND bid > {n}")),
            ),
        ),
        (
            "an alias in each ORDER BY",
            format!(
                "SELECT {} AS s FROM ticks ORDER BY {}",
                many(200, "+", |_| "seq".to_owned()),
                many(140, ",", |n| format!("s + {n}")),
            ),
        ),
        (
            "a number in each GROUP BY",
            format!(
                "SELECT {} AS s FROM ticks GROUP BY {}",
                many(200, "+", |_| "seq".to_owned()),
                many(140, ",", |_| "1".to_owned()),
            ),
        ),
        (
            "a window that is copied",
            format!(
                "SELECT {} FROM ticks WINDOW w AS (ORDER BY {})",
                many(50, ",", |n| format!("rank() OVER w AS r{n}")),
                many(220, "+", |_| "seq".to_owned()),
            ),
        ),
        (
            "wide tables side by side",
            format!(
                "WITH t AS (SELECT {} FROM ticks) SELECT * FROM {}",
                many(100, ",", |n| format!("seq AS a{n}")),
                many(40, ",", |n| format!("t x{n}")),
            ),
        ),
        ("many tables side by side", format!("SELECT count(*) FROM {}", many(60, ",", |n| format!("ticks x{n}")))),
        ("many subqueries", format!("SELECT {}", many(65, ",", |n| format!("(SELECT max(bid) FROM ticks) AS s{n}")))),
        ("a long chain", doubled(bids, "SELECT * FROM {t}", 60, count)),
    ]
}

#[tokio::test]
async fn statements_that_grow_are_refused_before_they_are_planned() {
    let world = World::new();
    world.add_file(source(1, 7, "EURUSD"), &quotes(MONDAY, 100, 1_000, 51), 1);
    let clock = Env::real().clock;
    for (what, sql) in too_large() {
        let began = clock.mono_ns();
        let (code, message) = world.code(&sql).await;
        assert_eq!(code, "SQL_TOO_LARGE", "{what}: {message}");
        assert!(message.contains("fewer times, or ask in steps"), "{what}: {message}");
        assert!(clock.mono_ns() - began < 1_000_000_000, "{what}: the refusal itself takes long");
    }
    assert!(world.store.wishes.lock().unwrap().is_empty(), "nothing was planned");
    assert!(peak_mib() < PEAK_MIB, "{} MiB", peak_mib());
}

fn largest() -> Vec<(&'static str, String)> {
    let case = "SELECT CASE WHEN a > 1 THEN a ELSE a END AS a FROM {t}";
    let union = "SELECT * FROM {t} UNION ALL SELECT * FROM {t}";
    let seqs = "SELECT seq AS a FROM ticks";
    let wide = "SELECT * FROM ticks";
    vec![
        ("CASE", doubled(seqs, case, 5, "SELECT * FROM {t} WHERE a > 1")),
        ("a sum", doubled(seqs, "SELECT a + a AS a FROM {t}", 10, "SELECT * FROM {t} WHERE a > 1")),
        ("a union", doubled(wide, union, 6, "SELECT * FROM {t} WHERE bid > 1 ORDER BY seq")),
        ("a union explained", format!("EXPLAIN VERBOSE {}", doubled(wide, union, 6, "SELECT * FROM {t}"))),
        ("a join", doubled(wide, "SELECT a.* FROM {t} a JOIN {t} b ON a.seq = b.seq", 5, "SELECT * FROM {t}")),
        ("a cube", "SELECT count(*) FROM ticks GROUP BY CUBE(symbol, time, bid, ask, spread, seq)".to_owned()),
    ]
}

#[tokio::test]
async fn the_largest_that_are_planned_stay_within_memory_and_stop_soon_after_their_time() {
    for (what, sql) in largest() {
        let world = World::with(SqlLimits { queries: 1, ..SqlLimits::default() });
        world.add_file(source(1, 7, "EURUSD"), &quotes(MONDAY, 100, 1_000, 52), 1);
        let wait = async {
            tokio::task::yield_now().await;
            world.clock.advance(Duration::from_secs(31));
        };
        // A small plan may be done before the clock moves on.
        let (ended, ()) = tokio::join!(world.bytes(&sql, Format::Csv), wait);
        if let Err(error) = ended {
            assert_eq!(error.dna().code, "SQL_TIMED_OUT", "{what}: {error}");
        }
        let clock = Env::real().clock;
        let began = clock.mono_ns();
        while world.bytes("SELECT 1", Format::Csv).await.is_err_and(|error| error.dna().code == "SQL_BUSY") {
            assert!(clock.mono_ns() - began < SOON_NS, "{what}: the worker goes on");
            clock.sleep(Duration::from_millis(5)).await;
        }
    }
    assert!(peak_mib() < PEAK_MIB, "{} MiB", peak_mib());
}

#[tokio::test]
async fn questions_in_many_steps_are_answered() {
    let world = World::new();
    world.add_file(source(1, 7, "EURUSD"), &quotes(MONDAY, 500, 1_000, 53), 1);
    let rsi = "
        WITH m AS (SELECT date_trunc('minute', time) AS t, last_value(bid ORDER BY seq) AS c FROM ticks GROUP BY 1),
             d AS (SELECT t, c, c - lag(c) OVER (ORDER BY t) AS d FROM m),
             g AS (SELECT t, c, CASE WHEN d > 0 THEN d ELSE 0 END AS g, CASE WHEN d < 0 THEN -d ELSE 0 END AS l FROM d),
             a AS (SELECT t, c, avg(g) OVER w AS g, avg(l) OVER w AS l FROM g
                   WINDOW w AS (ORDER BY t ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)),
             r AS (SELECT t, c, 100 - 100 / (1 + g / NULLIF(l, 0)) AS rsi FROM a)
        SELECT CASE WHEN rsi > 70 THEN 'high' WHEN rsi < 30 THEN 'low' ELSE 'between' END AS s, count(*), max(c) FROM r
        GROUP BY s ORDER BY s";
    let dozen = "
        WITH w AS (SELECT symbol, time, bid, ask, seq, (bid + ask) / 2 AS mid FROM ticks WHERE seq > 0),
             h AS (SELECT *, date_trunc('hour', time) AS hour FROM w),
             m AS (SELECT *, date_trunc('minute', time) AS minute FROM h),
             o AS (SELECT symbol, minute, min(mid) AS low, max(mid) AS high, count(*) AS n FROM m GROUP BY symbol, minute),
             c AS (SELECT o.*, high - low AS width, lag(high) OVER (PARTITION BY symbol ORDER BY minute) AS before FROM o),
             r AS (SELECT *, CASE WHEN before IS NULL THEN width WHEN high > before THEN high - before ELSE width END AS tr
                   FROM c),
             a AS (SELECT *, avg(tr) OVER (PARTITION BY symbol ORDER BY minute ROWS 13 PRECEDING) AS atr FROM r),
             s AS (SELECT symbol, avg(atr) AS usual, stddev(atr) AS spread FROM a GROUP BY symbol),
             z AS (SELECT a.*, s.usual, (a.atr - s.usual) / NULLIF(s.spread, 0) AS score FROM a JOIN s USING (symbol)),
             b AS (SELECT symbol, date_trunc('minute', start) AS minute, last_value(close ORDER BY start) AS close
                   FROM bars GROUP BY 1, 2),
             j AS (SELECT z.*, b.close FROM z LEFT JOIN b ON z.symbol = b.symbol AND z.minute = b.minute),
             q AS (SELECT *, rank() OVER (ORDER BY coalesce(score, 0) DESC, minute) AS place,
                          round(100 * (high - low) / NULLIF(CASE WHEN low > 0 THEN low ELSE NULL END, 0), 2) AS percent FROM j)
        SELECT date_trunc('hour', minute) AS hour, symbol, count(*), max(percent), min(score),
               sum(CASE WHEN close > usual THEN 1 ELSE 0 END) AS above
        FROM q WHERE place <= 100 GROUP BY 1, 2 HAVING count(*) > 0 ORDER BY 1, 2";
    let union = many(20, " UNION ALL ", |n| format!("SELECT * FROM ticks WHERE seq = {n}"));
    let join = many(11, " ", |n| format!("JOIN ticks t{} ON t{}.seq = t{n}.seq", n + 1, n + 1));
    for sql in [
        rsi.to_owned(),
        dozen.to_owned(),
        format!("SELECT count(*), max(bid) FROM ({union}) x WHERE bid > 0"),
        format!("SELECT count(*) FROM ticks t0 {join}"),
        "SELECT symbol, flags, count(*) FROM ticks GROUP BY ROLLUP(symbol, flags, epoch)".to_owned(),
        format!("SELECT count(*) FROM ticks WHERE seq IN ({})", many(400, ",", |n| n.to_string())),
    ] {
        assert!(!world.rows(&sql).await.is_empty(), "{sql}");
    }
}
