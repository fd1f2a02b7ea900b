//! scratch
use crate::{layout::quotes, world::{MONDAY, Store, World, source}};
use aitrading_env::Env;
use aitrading_error::Coded;
use aitrading_model::{TenantId, TraceId};
use aitrading_sql_engine::{Format, SqlEngine, SqlLimits, SqlSession};
use std::{sync::Arc, time::Duration};

fn rss(what: &str) -> u64 {
    let s = std::fs::read_to_string("/proc/self/status").unwrap();
    s.lines().find(|l| l.starts_with(what)).unwrap().split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scratch() {
    let Ok(path) = std::env::var("SQLX") else { return };
    let sql = std::fs::read_to_string(path).unwrap();
    let world = World::new();
    world.add_file(source(1, 7, "EURUSD"), &quotes(MONDAY, 100, 1_000, 22), 1);
    let env = Env { fs: Arc::new(world.fs.clone()), ..Env::real() };
    let limits = SqlLimits { queries: 1, wall: Duration::from_secs(3), ..SqlLimits::default() };
    let engine = SqlEngine::new(env.clone(), limits, Arc::<Store>::clone(&world.store));
    let session = SqlSession::new(TenantId(1), TraceId::default());
    let before = rss("VmHWM");
    let t = std::time::Instant::now();
    let r = async {
        let mut c = engine.execute(&sql, &session).await?.chunks(Format::Csv);
        let mut n = 0;
        while let Some(x) = c.next_chunk().await? { n += x.len(); }
        Ok::<_, aitrading_sql_engine::SqlError>(n)
    }.await;
    let told = t.elapsed();
    loop {
        match engine.execute("SELECT 1", &session).await {
            Err(e) if e.dna().code == "SQL_BUSY" => tokio::time::sleep(Duration::from_millis(20)).await,
            _ => break,
        }
    }
    println!("RES {:?} told {:.2}s freed {:.2}s rss {}->{} MB", r.map_err(|e| (e.dna().code, e.public_message())), told.as_secs_f64(), t.elapsed().as_secs_f64(), before, rss("VmHWM"));
}

#[test]
fn scratch_parse() {
    use datafusion::sql::{parser::DFParserBuilder, sqlparser::dialect::GenericDialect};
    let p = |what: &str, sql: String| {
        let t = std::time::Instant::now();
        let d = GenericDialect {};
        let r = DFParserBuilder::new(sql.as_str()).with_dialect(&d).build().and_then(|mut p| p.parse_statements()).map(|_| ()).map_err(|e| e.to_string().chars().take(60).collect::<String>());
        println!("{what}: {:?} {:.3}s", r, t.elapsed().as_secs_f64());
    };
    let nest = |f: &dyn Fn(&str) -> String, x: &str, n: usize| (0..n).fold(x.to_owned(), |x, _| f(&x));
    for n in [21, 22, 23, 24] {
        p(&format!("fromparen{n}"), format!("SELECT * FROM {}ticks{}", "(".repeat(n), ")".repeat(n)));
        p(&format!("fromparensel{n}"), format!("SELECT * FROM {}SELECT 1{}", "(".repeat(n), ")".repeat(n)));
        p(&format!("exprparen{n}"), format!("SELECT {}1{}", "(".repeat(n), ")".repeat(n)));
        p(&format!("exprparenplus{n}"), format!("SELECT {}", nest(&|x| format!("({x}+1)"), "1", n)));
        p(&format!("not{n}"), format!("SELECT * FROM t WHERE {}", nest(&|x| format!("(NOT ({x} AND bid > 1) OR (seq=2 AND ask > 2))"), "seq>1", n)));
        p(&format!("notp{n}"), format!("SELECT * FROM t WHERE {}", nest(&|x| format!("NOT ({x})"), "seq>1", n)));
        p(&format!("func{n}"), format!("SELECT {}", nest(&|x| format!("abs({x})"), "1", n)));
        p(&format!("case{n}"), format!("SELECT {}", nest(&|x| format!("CASE WHEN {x} THEN 1 END"), "1", n)));
        p(&format!("array{n}"), format!("SELECT {}1{}", "[".repeat(n), "]".repeat(n)));
        p(&format!("brace{n}"), format!("SELECT {}1{}", "{a:".repeat(n), "}".repeat(n)));
        p(&format!("in{n}"), format!("SELECT {}", nest(&|x| format!("a IN ({x})"), "1", n)));
        p(&format!("exists{n}"), format!("SELECT {}", nest(&|x| format!("EXISTS (SELECT {x})"), "1", n)));
        p(&format!("selparen{n}"), format!("{}SELECT 1{}", "(".repeat(n), ")".repeat(n)));
        p(&format!("unionparen{n}"), nest(&|x| format!("({x} UNION SELECT 1)"), "SELECT 1", n));
        p(&format!("cast{n}"), format!("SELECT {}", nest(&|x| format!("CAST({x} AS INT)"), "1", n)));
        p(&format!("interval{n}"), format!("SELECT {}1", "INTERVAL ".repeat(n)));
        p(&format!("tuple{n}"), format!("SELECT {}", nest(&|x| format!("({x}, 1)"), "1", n)));
        p(&format!("type{n}"), format!("SELECT CAST(1 AS {}INT{})", "ARRAY<".repeat(n), ">".repeat(n)));
        p(&format!("nestjoin{n}"), format!("SELECT * FROM {}", nest(&|x| format!("({x} JOIN t ON 1=1)"), "t", n)));
        p(&format!("explain{n}"), format!("{}SELECT 1", "EXPLAIN ".repeat(n)));
        p(&format!("between{n}"), format!("SELECT {}", nest(&|x| format!("1 BETWEEN {x} AND 2"), "1", n)));
        p(&format!("struct{n}"), format!("SELECT {}", nest(&|x| format!("STRUCT({x})"), "1", n)));
        p(&format!("sub{n}"), format!("SELECT a{}", nest(&|x| format!("[a{x}]"), "", n)));
        p(&format!("minus{n}"), format!("SELECT {}1", "- ".repeat(n)));
        p(&format!("filter{n}"), format!("SELECT {}", nest(&|x| format!("sum(1) FILTER (WHERE {x})"), "true", n)));
        p(&format!("over{n}"), format!("SELECT {}", nest(&|x| format!("sum(1) OVER (ORDER BY {x})"), "1", n)));
        p(&format!("trim{n}"), format!("SELECT {}", nest(&|x| format!("trim({x})"), "'a'", n)));
        p(&format!("extract{n}"), format!("SELECT {}", nest(&|x| format!("extract(year from {x})"), "a", n)));
        p(&format!("substr{n}"), format!("SELECT {}", nest(&|x| format!("substring({x} from 1)"), "a", n)));
        p(&format!("position{n}"), format!("SELECT {}", nest(&|x| format!("position({x} in a)"), "a", n)));
        p(&format!("any{n}"), format!("SELECT {}", nest(&|x| format!("1 = ANY ({x})"), "a", n)));
        p(&format!("ceil{n}"), format!("SELECT {}", nest(&|x| format!("ceil({x})"), "a", n)));
        p(&format!("lambda{n}"), format!("SELECT {}", nest(&|x| format!("f(x -> {x})"), "a", n)));
        p(&format!("groupby{n}"), format!("SELECT 1 FROM t GROUP BY {}1{}", "(".repeat(n), ")".repeat(n)));
        p(&format!("values{n}"), format!("SELECT * FROM {}VALUES (1){}", "(".repeat(n), ")".repeat(n)));
        p(&format!("with{n}"), nest(&|x| format!("WITH a AS ({x}) SELECT 1"), "SELECT 1", n));
        p(&format!("map{n}"), format!("SELECT {}", nest(&|x| format!("MAP {{'a': {x}}}"), "1", n)));
        p(&format!("time{n}"), format!("SELECT {}", nest(&|x| format!("a AT TIME ZONE ({x})"), "'a'", n)));
    }
}
