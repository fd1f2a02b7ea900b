//! Each server: up with its door guarded, the same data after a stop and after a kill, nothing left when dropped.

use aitrading_testkit::servers::{Certificates, ClickHouse, Door, Nats, Postgres, Redis, Server, USER};
use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Sends lines, and reads until the answer ends with `end`.
fn talk(mut stream: &TcpStream, lines: &str, end: &str) -> String {
    stream.write_all(lines.replace('\n', "\r\n").as_bytes()).unwrap();
    let mut said = String::new();
    let mut reader = BufReader::new(stream);
    while !said.ends_with(end) {
        assert!(reader.read_line(&mut said).unwrap() > 0, "the server hung up after: {said}");
    }
    said
}

/// What openssl thinks of the server's certificate, if only `ca` is trusted.
fn verified(server: &Server, ca: &Path, more: &[&str]) -> bool {
    let target = server.address().to_string();
    let done = Command::new("openssl")
        .args(["s_client", "-connect", &target, "-verify_hostname", "localhost", "-verify_return_error", "-CAfile"])
        .arg(ca)
        .args(more)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&done.stdout).contains("Verify return code: 0 (ok)") && done.status.success()
}

fn check_tls(server: &Server, more: &[&str]) {
    assert!(verified(server, server.ca_file(), more), "its own authority vouches for it");
    let strangers = tempfile::tempdir().unwrap();
    let stranger = Certificates::issue(strangers.path());
    assert!(!verified(server, &stranger.ca, more), "no other authority does");
}

/// Set for the process that [`holds_a_server_until_it_is_killed`] runs in, and nowhere else.
const HOLD: &str = "AITRADING_TESTKIT_HOLD";

fn check_nothing_is_left(server: impl std::ops::Deref<Target = Server>) {
    let (folder, address) = (server.folder().to_owned(), server.address());
    drop(server);
    assert!(!folder.exists(), "{} is left", folder.display());
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

/// One question over HTTP, on a connection of its own: status and content.
fn ask_clickhouse(server: &ClickHouse, password: &str, sql: &str) -> (u16, String) {
    let mut stream = connect(server);
    let length = sql.len();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: test\r\nX-ClickHouse-User: {USER}\r\nX-ClickHouse-Key: {password}\r\n\
         Connection: close\r\nContent-Length: {length}\r\n\r\n{sql}"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    let (head, body) = said.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.trim().to_owned())
}

#[test]
fn postgres_lets_in_tls_with_a_password_alone_and_keeps_its_rows() {
    let Some(server) = Postgres::start() else { return };
    check_tls(&server, &["-starttls", "postgres"]);
    assert_eq!(server.sql("show password_encryption").trim(), "scram-sha-256");
    assert_eq!(server.sql("select ssl from pg_stat_ssl where pid = pg_backend_pid()").trim(), "t");
    drop(server.sql("create table kept (n int); insert into kept values (7)"));
    server.kill();
    assert!(!server.is_running());
    server.restart();
    assert_eq!(server.sql("select n from kept").trim(), "7");
    server.restart();
    assert_eq!(server.sql("select n from kept").trim(), "7");
    check_nothing_is_left(server);
}

#[test]
fn postgres_has_no_door_without_tls() {
    let Some(server) = Postgres::start() else { return };
    let mut stream = connect(&server);
    // A startup message of protocol 3.0 without the request for TLS before it.
    let body = format!("user\0{USER}\0database\0postgres\0\0");
    let length = u32::try_from(body.len() + 8).unwrap();
    stream.write_all(&[&length.to_be_bytes()[..], &196_608_u32.to_be_bytes(), body.as_bytes()].concat()).unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap();
    assert!(String::from_utf8_lossy(&said).contains("no encryption"), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn redis_asks_for_its_password_and_keeps_its_keys_over_a_kill() {
    let Some(server) = Redis::start(Door::Password) else { return };
    assert!(talk(&connect(&server), "PING\n", "\r\n").starts_with("-NOAUTH"));
    let login = format!("AUTH {USER} {}\nSET kept 7\n", server.password());
    assert_eq!(talk(&connect(&server), &login, "+OK\r\n+OK\r\n"), "+OK\r\n+OK\r\n");
    server.kill();
    server.restart();
    let ask = format!("AUTH {}\nGET kept\n", server.password());
    assert_eq!(talk(&connect(&server), &ask, "7\r\n"), "+OK\r\n$1\r\n7\r\n");
    check_nothing_is_left(server);
}

#[test]
fn a_frozen_server_answers_only_after_it_goes_on() {
    let Some(server) = Redis::start(Door::Open) else { return };
    let stream = connect(&server);
    server.pause();
    (&stream).write_all(b"PING\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let silent = (&stream).read(&mut [0; 16]).unwrap_err().kind();
    assert!([ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&silent), "{silent:?}");
    server.resume();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(talk(&stream, "", "\r\n"), "+PONG\r\n");
    // A frozen one can be dropped as well.
    server.pause();
    check_nothing_is_left(server);
}

#[test]
fn redis_and_clickhouse_show_certificates_of_their_own_authority() {
    let Some(redis) = Redis::start(Door::Tls) else { return };
    check_tls(&redis, &[]);
    let Some(clickhouse) = ClickHouse::start(Door::Tls) else { return };
    check_tls(&clickhouse, &[]);
}

#[test]
fn nats_says_what_it_wants_and_has_jetstream() {
    let Some(server) = Nats::start(Door::Tls) else { return };
    let greeting = talk(&connect(&server), "", "\r\n");
    for part in ["\"auth_required\":true", "\"tls_required\":true", "\"jetstream\":true"] {
        assert!(greeting.contains(part), "{part} in {greeting}");
    }
    server.restart();
    assert!(talk(&connect(&server), "", "\r\n").starts_with("INFO "));
    check_nothing_is_left(server);
}

#[test]
fn clickhouse_refuses_a_wrong_password_and_keeps_its_rows() {
    let Some(server) = ClickHouse::start(Door::Password) else { return };
    let password = server.password().to_owned();
    let ask = |sql: &str| ask_clickhouse(&server, &password, sql);
    let (status, said) = ask_clickhouse(&server, "wrong", "SELECT 1");
    assert!(status == 403 && said.contains("AUTHENTICATION_FAILED"), "{status} {said}");
    assert_eq!(ask("CREATE DATABASE own").0, 200);
    assert_eq!(ask("CREATE TABLE own.kept (n Int32) ENGINE = MergeTree ORDER BY n").0, 200);
    assert_eq!(ask("INSERT INTO own.kept VALUES (7)").0, 200);
    let (status, said) = ask("SELECT nothing FROM own.kept");
    assert!(status == 400 && said.contains("UNKNOWN_IDENTIFIER"), "{status} {said}");
    server.restart();
    assert_eq!(ask("SELECT n FROM own.kept"), (200, "7".to_owned()));
    server.kill();
    server.restart();
    assert_eq!(ask("SELECT n FROM own.kept"), (200, "7".to_owned()));
}

#[test]
fn holds_a_server_until_it_is_killed() {
    if std::env::var(HOLD).is_err() {
        return;
    }
    let Some(server) = Redis::start(Door::Open) else { return };
    println!("\nholds {} {}", server.address(), server.folder().display());
    drop(std::io::stdin().read_to_end(&mut Vec::new()));
}

#[test]
fn a_server_does_not_outlive_a_test_that_was_killed() {
    let mut test = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "servers::holds_a_server_until_it_is_killed", "--nocapture"])
        .env(HOLD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(test.stdout.take().unwrap()).lines().map_while(Result::ok);
    let held: Option<String> = lines.filter_map(|line| line.strip_prefix("holds ").map(str::to_owned)).next();
    // Without a server there is nothing to outlive.
    let Some(held) = held else { return drop(test.wait()) };
    let (address, folder) = held.split_once(' ').unwrap();
    let mut open = TcpStream::connect(address).unwrap();
    open.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    test.kill().unwrap();
    test.wait().unwrap();
    let end = open.read(&mut [0; 16]);
    assert!(matches!(end, Ok(0)) || end.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    assert!(folder.contains("aitrading-redis-"), "{folder}");
}
