//! `aitrading sql`: the same answers from a running server and from the directory alone; refusals, limits and rights of both.

use crate::{
    tick_files::{self, ROWS, SYMBOL},
    tls,
    world::{DATABASE, Outcome, World},
};
use std::path::PathBuf;

const COUNT: &str = "SELECT symbol, count(*) AS ticks, count(DISTINCT seq) AS numbers FROM ticks GROUP BY symbol";

impl World {
    async fn sql(&self, arguments: &[&str]) -> Outcome {
        let all: Vec<&str> = ["sql", "--data-dir", "server"].iter().chain(arguments).copied().collect();
        self.run(&all).await
    }

    /// Streams the usual file into a server, which still runs then.
    async fn filled(&self) -> crate::world::Server {
        self.init().await;
        self.write("ticks.csv", &tick_files::time_msc(ROWS));
        let server = self.up().await;
        let mut client = self.client(&["--symbol", SYMBOL, "--ticks", "ticks.csv", "--speed", "1000000"]);
        client.until_feed_ends(self).await;
        client.stop(self).await;
        server
    }

    /// The store's tick files, in order.
    fn parquet(&self) -> Vec<PathBuf> {
        let (mut files, mut dirs) = (Vec::new(), vec![self.path("server/store/ticks")]);
        while let Some(dir) = dirs.pop() {
            for entry in self.env.fs.list(&dir).unwrap() {
                let into = if entry.is_dir { &mut dirs } else { &mut files };
                into.push(dir.join(entry.name));
            }
        }
        files.sort();
        files
    }
}

fn stored() -> u64 {
    let (crossed, unpriced) = tick_files::refused(ROWS);
    ROWS - crossed - unpriced
}

#[tokio::test]
async fn a_running_server_and_its_directory_give_the_same_answers() {
    let world = World::new();
    let server = world.filled().await;
    let whole = [
        (vec![COUNT, "--json"], format!("[{{\"symbol\":\"{SYMBOL}\",\"ticks\":{0},\"numbers\":{0}}}]\n", stored())),
        (vec![COUNT, "--format", "csv"], format!("symbol,ticks,numbers\r\n{SYMBOL},{0},{0}\r\n", stored())),
        (vec!["SELECT count(*) AS n FROM logs", "--format", "jsonl"], "{\"n\":0}\n".to_owned()),
    ];
    let expected = async |when: &str| {
        for (arguments, expected) in &whole {
            assert_eq!(&world.sql(arguments).await.succeeded().out, expected, "{when}: {arguments:?}");
        }
    };
    let questions = [
        "SELECT * FROM ticks WHERE seq < 40 ORDER BY seq",
        "SELECT * FROM bars ORDER BY timeframe, start LIMIT 50",
        "SELECT table_name FROM information_schema.tables ORDER BY table_name",
        "DESCRIBE ticks",
    ];
    let all = async || {
        let mut answers = Vec::new();
        for sql in questions {
            answers.push(world.sql(&[sql]).await.succeeded().out.clone());
        }
        answers.push(world.sql(&["--tables"]).await.succeeded().out.clone());
        answers
    };
    expected("running").await;
    let running = all().await;
    assert!(running[1].lines().count() > 10, "bars: {}", running[1]);
    for word in ["ticks", "bars", "logs", "spread_min", "Decimal128(19, 8)"] {
        assert!(running[4].contains(word), "{word}: {}", running[4]);
    }
    server.stop(&world).await;
    expected("stopped").await;
    assert_eq!(all().await, running);
    // The directory is free again.
    world.up().await.stop(&world).await;
}

#[tokio::test]
async fn statements_come_from_files_and_answers_go_into_them() {
    let world = World::new();
    world.init().await;
    world.write("question.sql", "SELECT 1 AS one\n-- and nothing else\n");
    let plain = "one\r\n1\r\n";
    assert_eq!(world.sql(&["--file", "question.sql", "--format", "csv"]).await.succeeded().out, plain);
    for input in [&["-"][..], &["--file", "-"][..]] {
        let all: Vec<&str> = ["sql", "--data-dir", "server", "--format", "csv"].iter().chain(input).copied().collect();
        let mut command = world.command(&all);
        command.stdin(std::fs::File::from(tempfile_with(&world, "SELECT 1 AS one")));
        assert_eq!(world.end(command).await.succeeded().out, plain, "{input:?}");
    }
    world.sql(&["SELECT 1 AS one", "--format", "csv", "--output", "one.csv"]).await.succeeded();
    assert_eq!(world.read("one.csv"), plain);
    let arrow = world.sql(&["SELECT 1 AS one", "--format", "arrow", "--output", "one.arrow"]).await;
    arrow.succeeded();
    assert!(world.env.fs.read(&world.path("one.arrow"), 1 << 20).unwrap().starts_with(&[0xff; 4]));
    world.sql(&["SELECT nothing", "--output", "none.csv"]).await.refused(65, &["SQL_INVALID"]);
    for name in ["none.csv", "none.csv.partial"] {
        assert!(world.env.fs.metadata(&world.path(name)).unwrap().is_none(), "{name}");
    }
    world.sql(&["SELECT 1", "--output", "no/where.csv"]).await.refused(73, &["choose a file"]);
    world.sql(&["--file", "missing.sql"]).await.refused(66, &["missing.sql"]);
}

/// An open file with this text, as a standard input.
#[expect(clippy::disallowed_methods, reason = "a child takes a file handle of the system")]
fn tempfile_with(world: &World, text: &str) -> std::os::fd::OwnedFd {
    let path = world.write("input.sql", text);
    std::fs::File::open(path).unwrap().into()
}

#[tokio::test]
async fn refusals_and_limits_are_the_same_both_ways() {
    let world = World::new();
    let server = world.filled().await;
    let endless = "SELECT count(*) FROM ticks a, ticks b, ticks c WHERE a.bid + b.bid < c.bid";
    let cases: [(&[&str], i32, &[&str]); 9] = [
        (&["INSERT INTO ticks SELECT * FROM ticks"], 65, &["SQL_NOT_ALLOWED", "INSERT", "allowed is one SELECT"]),
        (&["DROP TABLE ticks"], 65, &["SQL_NOT_ALLOWED"]),
        (&["COPY ticks TO 'stolen.csv'"], 65, &["SQL_NOT_ALLOWED"]),
        (&["SELECT * FROM read_csv('/etc/passwd')"], 65, &["SQL_NOT_ALLOWED", "table function"]),
        (&["SELECT * FROM orders"], 65, &["SQL_INVALID", "orders", "the tables are ticks, bars and logs"]),
        (&["SELECT price FROM ticks"], 65, &["SQL_INVALID", "price"]),
        (&["SELECT * FROM ticks", "--max-rows", "10"], 74, &["SQL_TOO_MANY_ROWS", "10 rows", "add a LIMIT"]),
        (&[endless, "--timeout", "1"], 74, &["SQL_TIMED_OUT", "1s", "narrow"]),
        (&["SELECT seq / 0 FROM ticks"], 65, &["SQL_BAD_VALUE"]),
    ];
    let check = async || {
        for (arguments, code, words) in cases {
            let refused = world.sql(arguments).await;
            refused.refused(code, words);
            assert_eq!(refused.out, "", "{arguments:?}");
        }
    };
    check().await;
    server.stop(&world).await;
    check().await;
    world.sql(&[]).await.refused(2, &["--tables"]);
    world.sql(&["SELECT 1", "--format", "xml"]).await.refused(2, &["xml", "arrow"]);
    let elsewhere = world.run(&["sql", "--data-dir", "nowhere", "SELECT 1"]).await;
    elsewhere.refused(78, &["nowhere", "aitrading init"]);
}

#[tokio::test]
async fn who_has_no_right_is_refused_at_the_door() {
    let world = World::new();
    world.init().await;
    world.run(&["init", "--data-dir", "server", "--auditor", "auditor"]).await.succeeded();
    let server = world.up().await;
    let ask = async |config| {
        let body = r#"{"sql": "SELECT 1 AS one", "format": "csv"}"#;
        let request = format!(
            "POST /v1/sql HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = tls::dial(&world, DATABASE, config).await.unwrap();
        let answer = tls::say(&world, &mut stream, request.as_bytes()).await;
        answer.map(|answer| String::from_utf8_lossy(&answer).into_owned())
    };
    let device = ask(tls::demo_client(&world)).await.unwrap();
    assert!(device.starts_with("HTTP/1.1 403 ") && device.contains("SQL_ROLE_REFUSED"), "{device}");
    let nobody = ask(tls::nobody(&world)).await;
    assert!(nobody.is_err(), "{nobody:?}");
    let auditor = ask(tls::with_certificate(&world, "auditor")).await.unwrap();
    assert!(
        auditor.starts_with("HTTP/1.1 200 OK\r\n") && auditor.contains("one\r\n") && auditor.contains("\r\n1\r\n"),
        "{auditor}"
    );
    // The operator's certificate is made anew when it is gone.
    world.env.fs.remove_file(&world.path("server/keys/operator.pem.sealed")).unwrap();
    world.sql(&["SELECT 1 AS one"]).await.succeeded();
    assert!(world.env.fs.metadata(&world.path("server/keys/operator.pem.sealed")).unwrap().is_some());
    server.stop(&world).await;
}

#[tokio::test]
async fn who_holds_the_directory_without_serving_is_told_of() {
    let world = World::new();
    world.init().await;
    let held = world.env.fs.try_lock(&world.path("server/lock")).unwrap().unwrap();
    world.sql(&["SELECT 1"]).await.refused(69, &["server", "no server answers", "--port-offset"]);
    drop(held);
    world.sql(&["SELECT 1"]).await.succeeded();
}

#[tokio::test]
async fn a_damaged_file_is_named_and_the_rest_is_served() {
    let world = World::new();
    let server = world.filled().await;
    server.stop(&world).await;
    let files = world.parquet();
    let file = files.first().expect("a tick file");
    let mut bytes = world.env.fs.read(file, 1 << 20).unwrap();
    let footer = bytes.len() - 20;
    bytes[footer] ^= 0xff;
    world.env.fs.write_atomic(file, &bytes).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    let sum = "SELECT count(bid) AS n FROM ticks";
    let unlisted = file.with_file_name("2012-12-03-left-by-a-crash.parquet");
    world.env.fs.write_atomic(&unlisted, &bytes).unwrap();
    for _ in 0..2 {
        let rest = world.sql(&[sum, "--format", "csv"]).await;
        assert_eq!(rest.succeeded().out, "n\r\n0\r\n", "it is the only file");
        assert!(rest.err.contains("warning: damaged tick files") && rest.err.contains(&name), "{rest:#?}");
    }
    world.sql(&["SELECT count(*) AS n FROM bars"]).await.succeeded();
    assert!(world.parquet().contains(&unlisted), "a look moves nothing");

    let server = world.up().await;
    assert!(!world.parquet().contains(&unlisted), "the server sets it aside");
    world.sql(&[sum]).await.refused(74, &["SQL_DAMAGED_FILE", &name]);
    let named = async || {
        let health = world.run(&["health", "--data-dir", "server", "--json"]).await;
        let health = health.succeeded().json();
        health.to_string().contains("left out of answers in SQL").then_some(health)
    };
    let limit = std::time::Duration::from_secs(90);
    let health = world.until("the damaged file in health", limit, named).await;
    assert!(health.to_string().contains(&name), "{health}");
    let rest = world.sql(&[sum, "--format", "csv"]).await;
    assert_eq!(rest.succeeded().out, "n\r\n0\r\n", "it is the only file");
    assert!(rest.err.contains("warning") && rest.err.contains(&name), "{rest:#?}");
    bytes[footer] ^= 0xff;
    world.env.fs.write_atomic(file, &bytes).unwrap();
    let restored = world.sql(&[sum, "--format", "csv"]).await;
    assert_eq!((restored.out.as_str(), restored.err.as_str()), (format!("n\r\n{}\r\n", stored()).as_str(), ""));
    server.stop(&world).await;
}
